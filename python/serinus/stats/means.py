"""Tests and effect sizes of means. Differences and effects are *b minus a*: positive where ``b`` is higher."""

from __future__ import annotations

from dataclasses import dataclass

from .. import _serinus
from ._effect import Effect
from ._result import Alternative, Floats, Interval, Result

__all__ = [
    "Cuped",
    "CupedWelchT",
    "EffectSize",
    "Moments",
    "WelchT",
    "cohens_d",
    "cuped",
    "cuped_theta",
    "cuped_welch_t",
    "hedges_g",
    "moments",
    "welch_t",
    "welch_t_from_moments",
]


@dataclass(frozen=True, kw_only=True)
class WelchT(Result):
    """The result of :func:`welch_t`.

    Attributes
    ----------
    statistic : float
        The mean of ``a`` less that of ``b``, in standard errors. Infinite if neither sample varies but the means
        differ.
    p_value : float
        The probability of a statistic at least this extreme if the means are equal.
    degrees_of_freedom : float
        Welch and Satterthwaite's.
    difference : float
        The mean of ``b`` less that of ``a``.
    interval : Interval
        Of ``difference``. One-sided tests leave an end open.
    cohens_d : float or None
        ``difference`` in pooled standard deviations; None if neither sample varies.
    constant : bool
        Whether neither sample varies. The p-value then is 1 if the means are equal, else what it tends to.
    """

    statistic: float
    p_value: float
    degrees_of_freedom: float
    difference: float
    interval: Interval
    cohens_d: float | None
    constant: bool


@dataclass(frozen=True, kw_only=True)
class CupedWelchT(Result):
    """The result of :func:`cuped_welch_t`.

    Attributes
    ----------
    theta : float
        By how much the metric moves with the covariate, in both arms pooled.
    test : WelchT
        Welch's test of the adjusted values.
    """

    theta: float
    test: WelchT


class EffectSize(Effect):
    """A standardised difference of two means, in pooled standard deviations; positive where ``b`` is higher.

    The number itself, with its ``interval``.
    """

    __slots__ = ()


@dataclass(frozen=True, kw_only=True)
class Cuped(Result):
    """The result of :func:`cuped`.

    Attributes
    ----------
    adjusted : tuple of float
        The metric without what the covariate explains, in the given order; its mean is that of the metric.
    theta : float
        By how much the metric moves with the covariate.
    variance_reduction : float
        The share of the metric's variance that the covariate explains, in [0, 1]: the squared correlation.
    """

    adjusted: tuple[float, ...]
    theta: float
    variance_reduction: float


class Moments(_serinus.Moments):
    """Count, mean and spread of a stream of numbers, in four words: all that Welch's test needs.

    Moments of parts merge into the moments of the whole. Small differences between great numbers keep their digits. May
    be used from several threads.

    Parameters
    ----------
    values : sequence of float, optional
        Values to begin with.

    Raises
    ------
    StatisticsError
        If a value is not finite.

    Examples
    --------
    >>> from serinus import stats
    >>> here, there = stats.Moments([1.0, 2.0]), stats.Moments([3.0])
    >>> here.merge(there)
    >>> here.count, here.mean, round(here.variance, 12)
    (3, 2.0, 1.0)
    """

    __slots__ = ()

    def __repr__(self) -> str:
        return f"Moments(count={self.count}, mean={self.mean})"


def moments(values: Floats) -> Moments:
    """The moments of these values, by two passes over them."""
    return Moments(values)


def welch_t(a: Floats, b: Floats, *, alternative: Alternative = "two-sided", confidence: float = 0.95) -> WelchT:
    """Welch's t-test of two means, which does not suppose that the variances are equal.

    B. L. Welch, Biometrika 34, 1947, https://doi.org/10.1093/biomet/34.1-2.28.

    Parameters
    ----------
    a, b : sequence of float
        The samples, of at least two values each.
    alternative : {"two-sided", "less", "greater"}
        What is looked for, stated of ``a`` as in SciPy: "less", the mean of ``a`` is less than that of ``b``.
    confidence : float
        Of the interval of the difference, in (0, 1).

    Raises
    ------
    StatisticsError
        If a sample has fewer than two values or one that is not finite, or the confidence is not in (0, 1).

    Examples
    --------
    >>> from serinus import stats
    >>> test = stats.welch_t([1.0, 2.0, 3.0, 4.0], [2.0, 4.0, 6.0, 8.0])
    >>> round(test.statistic, 4), round(test.p_value, 4), test.difference
    (-1.7321, 0.1516, 2.5)
    """
    return WelchT._of(_serinus.welch_t(a, b, alternative, confidence))


def welch_t_from_moments(
    a: Moments, b: Moments, *, alternative: Alternative = "two-sided", confidence: float = 0.95
) -> WelchT:
    """:func:`welch_t` of samples of which only the moments are left."""
    return WelchT._of(_serinus.welch_t_from_moments(a, b, alternative, confidence))


def cohens_d(a: Floats, b: Floats, *, confidence: float = 0.95) -> EffectSize | None:
    """Cohen's d: the mean of ``b`` less that of ``a``, in pooled standard deviations; None if neither sample varies.

    J. Cohen, *Statistical Power Analysis for the Behavioral Sciences*, 2nd edition, 1988, section 2.5.

    Raises
    ------
    StatisticsError
        As for :func:`welch_t`.

    Examples
    --------
    >>> from serinus import stats
    >>> d = stats.cohens_d([1.0, 2.0, 3.0], [2.0, 3.0, 5.0])
    >>> round(d, 3), 1.0 in d.interval
    (1.033, True)
    """
    return _effect(_serinus.cohens_d(a, b, confidence))


def hedges_g(a: Floats, b: Floats, *, confidence: float = 0.95) -> EffectSize | None:
    """Hedges' g: :func:`cohens_d` without its bias.

    L. V. Hedges, Journal of Educational Statistics 6, 1981, https://doi.org/10.3102/10769986006002107.
    """
    return _effect(_serinus.hedges_g(a, b, confidence))


def _effect(fields: tuple[float, tuple[float, float]] | None) -> EffectSize | None:
    return None if fields is None else EffectSize._of(fields)


def cuped(y: Floats, x: Floats) -> Cuped:
    """One arm's metric ``y`` without what the covariate ``x`` explains: y − θ (x − x̄).

    The covariate must be one that the experiment cannot change, such as the metric of the weeks before. θ here is this
    arm's own: to compare two arms use :func:`cuped_welch_t`. A. Deng, Y. Xu, R. Kohavi, T. Walker, *Improving the
    sensitivity of online controlled experiments by utilizing pre-experiment data*, WSDM 2013,
    https://doi.org/10.1145/2433396.2433413.

    Raises
    ------
    StatisticsError
        If a sample has fewer than two values or one that is not finite, or they differ in length.

    Examples
    --------
    >>> from serinus import stats
    >>> found = stats.cuped([2.0, 4.0, 6.5], [1.0, 2.0, 3.0])
    >>> found.theta, round(found.variance_reduction, 3)
    (2.25, 0.996)
    """
    return Cuped._of(_serinus.cuped(y, x))


def cuped_theta(y_a: Floats, x_a: Floats, y_b: Floats, x_b: Floats) -> float:
    """By how much a metric moves with a covariate in both arms pooled; an effect on the metric does not change it."""
    return _serinus.cuped_theta(y_a, x_a, y_b, x_b)


def cuped_welch_t(
    y_a: Floats,
    x_a: Floats,
    y_b: Floats,
    x_b: Floats,
    *,
    alternative: Alternative = "two-sided",
    confidence: float = 0.95,
) -> CupedWelchT:
    """Welch's test of a metric without what a covariate explains, with θ from both arms pooled.

    It takes θ as known, which is sound from some hundred values an arm on.

    Parameters
    ----------
    y_a, x_a, y_b, x_b : sequence of float
        Metric and covariate of the arms, of one length in each.
    alternative, confidence
        As for :func:`welch_t`.

    Raises
    ------
    StatisticsError
        As for :func:`welch_t`, and if an arm's metric and covariate differ in length.
    """
    theta, test = _serinus.cuped_welch_t(y_a, x_a, y_b, x_b, alternative, confidence)
    return CupedWelchT._of((theta, WelchT._of(test)))
