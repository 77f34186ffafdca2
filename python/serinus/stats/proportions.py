"""Tests of rates. A count is given as ``x`` of ``n``; differences are *b minus a*."""

from __future__ import annotations

from dataclasses import dataclass

from .. import _serinus
from ._result import Alternative, Counts, Floats, Interval, Result, Table

__all__ = [
    "BoschlooExact",
    "FisherExact",
    "McNemar",
    "MiettinenNurminen",
    "SampleRatio",
    "TwoProportionZ",
    "boschloo_exact",
    "chi_square_srm",
    "fisher_exact",
    "mcnemar",
    "miettinen_nurminen_test",
    "two_proportion_z",
]


@dataclass(frozen=True, kw_only=True)
class TwoProportionZ(Result):
    """The result of :func:`two_proportion_z`.

    Attributes
    ----------
    statistic : float
        The rate of ``a`` less that of ``b``, in standard errors.
    p_value : float
        The probability of a statistic at least as extreme if both rates are the same.
    difference : float
        The rate of ``b`` less that of ``a``, in [−1, 1].
    interval : Interval
        Newcombe's, of the difference. One-sided alternatives leave one end at −1 or 1.
    all_alike : bool
        Whether all trials came out alike, which tells nothing of a difference: the p-value is 1.
    """

    statistic: float
    p_value: float
    difference: float
    interval: Interval
    all_alike: bool


@dataclass(frozen=True, kw_only=True)
class MiettinenNurminen(Result):
    """The result of :func:`miettinen_nurminen_test`.

    Attributes
    ----------
    statistic : float
        The rate of ``a`` less that of ``b``, plus the margin, in standard errors.
    p_value : float
        The probability of a statistic at least as extreme if the difference is the margin.
    difference : float
        The rate of ``b`` less that of ``a``, in [−1, 1].
    interval : Interval
        The margins that the test does not reject.
    """

    statistic: float
    p_value: float
    difference: float
    interval: Interval


@dataclass(frozen=True, kw_only=True)
class FisherExact(Result):
    """The result of :func:`fisher_exact`.

    Attributes
    ----------
    statistic : float
        The sample odds ratio ad/(bc), in [0, ∞]; 1 if a row or column sums to 0.
    p_value : float
        The probability, given the sums of rows and columns, of a table at least as extreme.
    empty_margin : bool
        Whether a row or a column sums to 0, which tells nothing: the p-value is 1.
    """

    statistic: float
    p_value: float
    empty_margin: bool


@dataclass(frozen=True, kw_only=True)
class BoschlooExact(Result):
    """The result of :func:`boschloo_exact`.

    Attributes
    ----------
    statistic : float
        Fisher's one-sided p-value; two-sided, that of the side with the smaller p-value.
    p_value : float
        The probability of a statistic this small, at the common rate that makes it greatest.
    empty_column : bool
        Whether a column sums to 0, which tells nothing: statistic and p-value are 1.
    """

    statistic: float
    p_value: float
    empty_column: bool


@dataclass(frozen=True, kw_only=True)
class McNemar(Result):
    """The result of :func:`mcnemar`.

    Attributes
    ----------
    statistic : float
        The lesser of ``b`` and ``c``; χ² where the test is not exact.
    p_value : float
        The probability of numbers at least as uneven if each discordant pair may go either way.
    share : float
        b/(b + c), in [0, 1]; ½ if both are 0.
    interval : Interval
        Clopper and Pearson's, of the share.
    """

    statistic: float
    p_value: float
    share: float
    interval: Interval


@dataclass(frozen=True, kw_only=True)
class SampleRatio(Result):
    """The result of :func:`chi_square_srm`.

    Attributes
    ----------
    statistic : float
        χ², in [0, ∞].
    p_value : float
        The probability of a statistic at least as great if the traffic is split by the weights.
    degrees_of_freedom : int
        The categories with a weight above 0, less one.
    impossible : bool
        Whether a category with a weight of 0 has been counted: no split by these weights does that.
    """

    statistic: float
    p_value: float
    degrees_of_freedom: int
    impossible: bool


def two_proportion_z(
    x1: int,
    n1: int,
    x2: int,
    n2: int,
    *,
    alternative: Alternative = "two-sided",
    pooled: bool = True,
    confidence: float = 0.95,
) -> TwoProportionZ:
    """The z-test of whether two rates differ, ``x1`` of ``n1`` (a) and ``x2`` of ``n2`` (b).

    An approximation for many trials; with fewer than about five on one side, prefer :func:`boschloo_exact`. J. L.
    Fleiss, B. Levin and M. C. Paik, *Statistical Methods for Rates and Proportions*, 3rd edition, 2003, section 3.2.

    Parameters
    ----------
    x1, n1, x2, n2 : int
        Counts and trials.
    alternative : {"two-sided", "less", "greater"}
        What is looked for, stated of the first rate.
    pooled : bool
        Whether the variance is that of one common rate, or of two.
    confidence : float
        Of the interval of the difference, in (0, 1).

    Raises
    ------
    StatisticsError
        If a count exceeds its trials, there are no trials, or the confidence is not in (0, 1).

    Examples
    --------
    >>> from serinus import stats
    >>> test = stats.two_proportion_z(20, 1000, 35, 1000)
    >>> round(test.statistic, 3), round(test.p_value, 4), round(test.difference, 3)
    (-2.051, 0.0403, 0.015)
    """
    return TwoProportionZ._of(_serinus.two_proportion_z(x1, n1, x2, n2, alternative, pooled, confidence))


def miettinen_nurminen_test(
    x1: int,
    n1: int,
    x2: int,
    n2: int,
    *,
    margin: float = 0.0,
    alternative: Alternative = "two-sided",
    confidence: float = 0.95,
) -> MiettinenNurminen:
    """The score test of whether the difference of two rates, b − a, is ``margin``.

    With "greater" and a margin above 0 it is a test of non-inferiority: a small p-value says that ``b`` exceeds ``a``
    by less than the margin. O. Miettinen and M. Nurminen, Statistics in Medicine 4, 1985,
    https://doi.org/10.1002/sim.4780040211.

    Raises
    ------
    StatisticsError
        If a count exceeds its trials, there are no trials, or margin or confidence is out of range.
    """
    fields = _serinus.miettinen_nurminen_test(x1, n1, x2, n2, margin, alternative, confidence)
    return MiettinenNurminen._of(fields)


def fisher_exact(table: Table, *, alternative: Alternative = "two-sided") -> FisherExact:
    """Fisher's exact test of whether rows and columns of a table [[a, b], [c, d]] are independent.

    R. A. Fisher, Journal of the Royal Statistical Society 98, 1935, https://doi.org/10.2307/2342435.

    Parameters
    ----------
    table : sequence of two sequences of two int
        Counts, which may be an array.
    alternative : {"two-sided", "less", "greater"}
        "greater" is an odds ratio above 1.

    Raises
    ------
    StatisticsError
        If the table is not 2×2, or sums to more than 10¹².

    Examples
    --------
    >>> from serinus import stats
    >>> test = stats.fisher_exact([[8, 2], [1, 5]])
    >>> test.statistic, round(test.p_value, 4)
    (20.0, 0.035)
    """
    return FisherExact._of(_serinus.fisher_exact(table, alternative))


def boschloo_exact(table: Table, *, alternative: Alternative = "two-sided") -> BoschlooExact:
    """Boschloo's exact test of whether the two columns of a 2×2 table have the same rate in the first row.

    Never rejects too often, and is more powerful than Fisher's. "greater" is a higher rate in the first column; the
    two-sided p-value is twice the smaller one-sided. R. D. Boschloo, Statistica Neerlandica 24, 1970,
    https://doi.org/10.1111/j.1467-9574.1970.tb00104.x.

    Raises
    ------
    StatisticsError
        If the table is not 2×2, or sums to more than 10,000.
    """
    return BoschlooExact._of(_serinus.boschloo_exact(table, alternative))


def mcnemar(
    b: int,
    c: int,
    *,
    exact: bool = True,
    continuity: bool = False,
    mid_p: bool = False,
    alternative: Alternative = "two-sided",
    confidence: float = 0.95,
) -> McNemar:
    """McNemar's test of pairs that are judged twice: ``b`` failed the first time alone, ``c`` the second time alone.

    Q. McNemar, Psychometrika 12, 1947, https://doi.org/10.1007/BF02295996.

    Parameters
    ----------
    b, c : int
        The discordant pairs.
    exact : bool
        The binomial test, or χ² with one degree of freedom.
    continuity : bool
        Whether χ² is corrected, by Edwards. Without meaning where the test is exact.
    mid_p : bool
        Whether the observed outcome counts half in the exact test: more powerful, and seldom rejects too often.
    alternative : {"two-sided", "less", "greater"}
        "greater": ``b`` outweighs ``c``.
    confidence : float
        Of the interval of b/(b + c), in (0, 1).

    Raises
    ------
    StatisticsError
        If a count is negative, they sum to more than 10¹², or the confidence is not in (0, 1).

    Examples
    --------
    >>> from serinus import stats
    >>> round(stats.mcnemar(9, 1).p_value, 6), round(stats.mcnemar(9, 1, exact=False).statistic, 1)
    (0.021484, 6.4)
    """
    method = ("mid-p" if mid_p else "exact") if exact else ("corrected" if continuity else "chi-squared")
    return McNemar._of(_serinus.mcnemar(b, c, method, alternative, confidence))


def chi_square_srm(counts: Counts, weights: Floats) -> SampleRatio:
    """The χ² test of whether counts are split as ``weights`` say: of a mismatch of the sample ratio.

    A mismatch says that requests were lost or misrouted, and that comparisons are not to be trusted; a usual level is
    0.001. For a single look: :meth:`SequentialTest.sample_ratio` may be looked at all the time. A. Fabijan et al., KDD
    2019, https://doi.org/10.1145/3292500.3330722.

    Raises
    ------
    StatisticsError
        If there are not as many weights as counts, or a weight is negative or not finite.

    Examples
    --------
    >>> from serinus import stats
    >>> round(stats.chi_square_srm([9500, 600], [0.95, 0.05]).p_value, 6)
    1.4e-05
    """
    return SampleRatio._of(_serinus.chi_square_srm(counts, weights))
