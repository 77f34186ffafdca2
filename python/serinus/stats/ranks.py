"""Tests and effect sizes of ranks. Win rates, deltas and shifts are of ``b`` over ``a``."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from .. import _serinus
from ._effect import Effect
from ._result import Alternative, Floats, Interval, Method, Result

__all__ = [
    "BrunnerMunzel",
    "CliffsDelta",
    "HodgesLehmann",
    "KolmogorovSmirnov",
    "MannWhitneyU",
    "SignTest",
    "Wilcoxon",
    "WinRate",
    "brunner_munzel",
    "cliffs_delta",
    "hodges_lehmann",
    "kolmogorov_smirnov",
    "mann_whitney_u",
    "sign_test",
    "wilcoxon_signed_rank",
    "win_rate",
]


@dataclass(frozen=True, kw_only=True)
class MannWhitneyU(Result):
    """The result of :func:`mann_whitney_u`.

    Attributes
    ----------
    statistic : float
        U of the first sample: the pairs in which ``a`` is greater, ties counted half.
    p_value : float
        The probability of a U at least this extreme if neither sample tends to be greater.
    method : {"exact", "asymptotic"}
        How the p-value was found.
    win_rate : float
        P(b > a) + ½ P(b = a), in [0, 1].
    cliffs_delta : float
        P(b > a) − P(b < a), in [−1, 1].
    all_tied : bool
        Whether all values are equal. They then say nothing, and the p-value is 1.
    """

    statistic: float
    p_value: float
    method: Method
    win_rate: float
    cliffs_delta: float
    all_tied: bool


@dataclass(frozen=True, kw_only=True)
class BrunnerMunzel(Result):
    """The result of :func:`brunner_munzel`.

    Attributes
    ----------
    statistic : float
        The win rate less ½, in standard errors. Infinite if the samples are apart.
    p_value : float
        The probability of a statistic at least this extreme if neither sample tends to be greater.
    degrees_of_freedom : float or None
        Of the t distribution; None if the samples are apart or all values equal.
    win_rate : float
        P(b > a) + ½ P(b = a).
    interval : Interval
        Of the win rate, inside [0, 1]. One-sided tests leave an end open.
    apart : bool
        Whether every value of one sample is greater than all of the other; the p-value is then that of the exact
        Mann-Whitney test.
    """

    statistic: float
    p_value: float
    degrees_of_freedom: float | None
    win_rate: float
    interval: Interval
    apart: bool


@dataclass(frozen=True, kw_only=True)
class Wilcoxon(Result):
    """The result of :func:`wilcoxon_signed_rank`.

    Attributes
    ----------
    statistic : float
        The sum of the ranks of positive differences; two-sided, the lesser of that and the negative ones'.
    p_value : float
        The probability of a statistic at least this extreme if differences are symmetric about 0.
    method : {"exact", "asymptotic"}
        How the p-value was found.
    rank_biserial : float
        The share of the rank sum of positive differences less that of negative ones, in [−1, 1].
    centre : float
        Hodges and Lehmann's: the median of the means of all pairs of differences.
    interval : Interval
        Of the centre of a symmetric distribution.
    all_zero : bool
        Whether all differences are 0. They then say nothing, and the p-value is 1.
    """

    statistic: float
    p_value: float
    method: Method
    rank_biserial: float
    centre: float
    interval: Interval
    all_zero: bool


@dataclass(frozen=True, kw_only=True)
class SignTest(Result):
    """The result of :func:`sign_test`: the wins, the p-value, wins/(wins + losses) and its interval."""

    statistic: float
    p_value: float
    win_share: float
    interval: Interval


@dataclass(frozen=True, kw_only=True)
class KolmogorovSmirnov(Result):
    """The result of :func:`kolmogorov_smirnov`.

    Attributes
    ----------
    statistic : float
        The greatest distance between the shares of both samples up to a value, in [0, 1].
    p_value : float
        The probability of so great a distance between samples of one continuous distribution.
    method : {"exact", "asymptotic"}
        How the p-value was found.
    location : float
        The value up to which the shares are farthest apart.
    a_below : bool
        Whether more of ``a`` than of ``b`` lies up to there.
    """

    statistic: float
    p_value: float
    method: Method
    location: float
    a_below: bool


@dataclass(frozen=True, kw_only=True)
class HodgesLehmann(Result):
    """The median of all differences b − a, and the interval of the shift."""

    estimate: float
    interval: Interval


class WinRate(Effect):
    """P(b > a) + ½ P(b = a) of the samples, with its ``interval``, inside [0, 1]."""

    __slots__ = ()


class CliffsDelta(Effect):
    """P(b > a) − P(b < a) of the samples, with its ``interval``, inside [−1, 1]."""

    __slots__ = ()


def mann_whitney_u(
    a: Floats,
    b: Floats,
    *,
    alternative: Alternative = "two-sided",
    method: Method = "auto",
    continuity: bool = True,
) -> MannWhitneyU:
    """Mann and Whitney's test of whether one of two samples tends to be greater.

    H. B. Mann and D. R. Whitney, Annals of Mathematical Statistics 18, 1947, https://doi.org/10.1214/aoms/1177730491.
    With ties, "exact" takes the distribution over all ways to deal the observed values, where SciPy's leaves ties out
    of account.

    Parameters
    ----------
    a, b : sequence of float
        The samples.
    alternative : {"two-sided", "less", "greater"}
        What is looked for, stated of ``a`` as in SciPy.
    method : {"auto", "exact", "asymptotic"}
        "auto" is exact if a sample has at most 8 values and there are no ties.
    continuity : bool
        Whether the normal approximation is corrected by ½.

    Raises
    ------
    StatisticsError
        If a sample is empty or has a value that is not finite, or an exact p-value would take too long (from some 150
        values a sample on, or some 90 with ties).

    Examples
    --------
    >>> from serinus import stats
    >>> test = stats.mann_whitney_u([0.81, 0.79, 0.90, 0.85], [0.70, 0.66, 0.74, 0.78])
    >>> test.statistic, round(test.p_value, 4), test.method, test.win_rate
    (16.0, 0.0286, 'exact', 0.0)
    """
    return MannWhitneyU._of(_serinus.mann_whitney_u(a, b, alternative, method, continuity))


def brunner_munzel(
    a: Floats, b: Floats, *, alternative: Alternative = "two-sided", confidence: float = 0.95
) -> BrunnerMunzel:
    """Brunner and Munzel's test: Mann and Whitney's question, without supposing that the distributions have one shape.

    E. Brunner and U. Munzel, Biometrical Journal 42, 2000. The statistic is held against Student's t distribution.

    Parameters
    ----------
    a, b : sequence of float
        The samples, of at least two values each.
    alternative : {"two-sided", "less", "greater"}
        What is looked for, stated of ``a`` as in SciPy.
    confidence : float
        Of the interval of the win rate, in (0, 1).

    Raises
    ------
    StatisticsError
        If a sample has fewer than two values or one that is not finite, or the confidence is not in (0, 1).
    """
    return BrunnerMunzel._of(_serinus.brunner_munzel(a, b, alternative, confidence))


def wilcoxon_signed_rank(
    differences: Floats,
    *,
    alternative: Alternative = "two-sided",
    method: Method = "auto",
    zero_method: Literal["wilcox", "pratt", "zsplit"] = "wilcox",
    continuity: bool = False,
    confidence: float = 0.95,
) -> Wilcoxon:
    """Wilcoxon's signed-rank test of whether paired differences are symmetric about 0.

    F. Wilcoxon, Biometrics Bulletin 1, 1945, https://doi.org/10.2307/3001968.

    Parameters
    ----------
    differences : sequence of float
        One for each pair.
    alternative : {"two-sided", "less", "greater"}
        "greater": differences tend to be above 0.
    method : {"auto", "exact", "asymptotic"}
        "auto" is exact for up to 50 differences, or 13 if some are tied or 0. "exact" takes the distribution over
        all signs of the observed ranks, ties included.
    zero_method : {"wilcox", "pratt", "zsplit"}
        Differences of 0 are left out; ranked and then left out; or ranked and counted half for either sign.
    continuity : bool
        Whether the normal approximation is corrected by ½.
    confidence : float
        Of the interval of the centre, in (0, 1).

    Raises
    ------
    StatisticsError
        If there is no difference or one that is not finite, the confidence is not in (0, 1), or an exact p-value would
        take too long (from some 800 differences on).

    Examples
    --------
    >>> from serinus import stats
    >>> test = stats.wilcoxon_signed_rank([6, 8, 14, 16, 23, 24, 28, 29, 41, -48, 49, 56, 60, -67, 75])
    >>> test.statistic, round(test.p_value, 4), test.centre
    (24.0, 0.0413, 25.0)
    """
    return Wilcoxon._of(
        _serinus.wilcoxon_signed_rank(differences, alternative, method, zero_method, continuity, confidence)
    )


def sign_test(wins: int, losses: int, *, alternative: Alternative = "two-sided", confidence: float = 0.95) -> SignTest:
    """The sign test: of pairs that one side wins or loses, ties left out, whether it wins more often. Exact.

    Raises
    ------
    StatisticsError
        If a count is negative, they sum to more than 10¹², or the confidence is not in (0, 1).

    Examples
    --------
    >>> from serinus import stats
    >>> round(stats.sign_test(9, 1).p_value, 6)
    0.021484
    """
    return SignTest._of(_serinus.sign_test(wins, losses, alternative, confidence))


def kolmogorov_smirnov(
    a: Floats, b: Floats, *, alternative: Alternative = "two-sided", method: Method = "auto"
) -> KolmogorovSmirnov:
    """Kolmogorov and Smirnov's test of whether two samples are of one distribution, whatever the difference.

    N. Smirnov, Annals of Mathematical Statistics 19, 1948, https://doi.org/10.1214/aoms/1177730256.

    Parameters
    ----------
    a, b : sequence of float
        The samples.
    alternative : {"two-sided", "less", "greater"}
        As in SciPy it is stated of the distribution *functions*: "greater" looks for a place where more of ``a`` than
        of ``b`` lies below, as it does where ``a`` tends to be smaller.
    method : {"auto", "exact", "asymptotic"}
        "auto" is exact for samples of up to 10,000 values.

    Raises
    ------
    StatisticsError
        If a sample is empty or has a value that is not finite.
    """
    return KolmogorovSmirnov._of(_serinus.kolmogorov_smirnov(a, b, alternative, method))


def hodges_lehmann(a: Floats, b: Floats, *, confidence: float = 0.95) -> HodgesLehmann:
    """Hodges and Lehmann's shift: the median of all differences b − a, which no outlier can sway.

    The interval holds the shifts that Mann and Whitney's test does not reject. J. L. Hodges and E. L. Lehmann, Annals
    of Mathematical Statistics 34, 1963, https://doi.org/10.1214/aoms/1177704172.

    Raises
    ------
    StatisticsError
        If a sample is empty or has a value that is not finite, or the confidence is not in (0, 1).

    Examples
    --------
    >>> from serinus import stats
    >>> stats.hodges_lehmann([10, 12, 11, 14, 13], [17, 15, 19, 16, 90]).estimate
    5.0
    """
    return HodgesLehmann._of(_serinus.hodges_lehmann(a, b, confidence))


def win_rate(a: Floats, b: Floats, *, confidence: float = 0.95) -> WinRate:
    """The win rate P(b > a) + ½ P(b = a): the probability that a value of ``b`` is greater than one of ``a``.

    The interval is Newcombe's fifth: it stays inside [0, 1]. R. G. Newcombe, Statistics in Medicine 25, 2006,
    https://doi.org/10.1002/sim.2324.

    Raises
    ------
    StatisticsError
        If a sample is empty or has a value that is not finite, or the confidence is not in (0, 1).

    Examples
    --------
    >>> from serinus import stats
    >>> rate = stats.win_rate([1, 2, 3], [2, 3, 4])
    >>> rate == 7 / 9, rate in rate.interval
    (True, True)
    """
    return WinRate._of(_serinus.win_rate(a, b, confidence))


def cliffs_delta(a: Floats, b: Floats, *, confidence: float = 0.95) -> CliffsDelta:
    """Cliff's delta: P(b > a) − P(b < a), twice the :func:`win_rate` less one.

    N. Cliff, Psychological Bulletin 114, 1993, https://doi.org/10.1037/0033-2909.114.3.494.
    """
    return CliffsDelta._of(_serinus.cliffs_delta(a, b, confidence))
