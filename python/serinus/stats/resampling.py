"""Intervals and tests by resampling, for any statistic."""

from __future__ import annotations

from array import array
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, TypeAlias

from .. import _serinus
from ._result import Alternative, Floats, Interval, Result

__all__ = ["Bootstrap", "PermutationTest", "bootstrap_bca", "bootstrap_difference", "permutation_test"]

Statistic: TypeAlias = (
    Literal["mean", "median", "variance", "standard_deviation", "quantile"] | Callable[["array[float]"], float]
)


@dataclass(frozen=True, kw_only=True)
class Bootstrap(Result):
    """What a bootstrap finds.

    Attributes
    ----------
    estimate : float
        The statistic of the sample, or that of ``b`` less that of ``a``.
    interval : Interval
        Of the statistic of the population.
    standard_error : float
        The resamples' standard deviation.
    bias : float
        The resamples' mean less the estimate.
    bias_correction, acceleration : float
        Efron's ẑ₀ and â.
    degenerate : bool
        Whether all resamples are equal: the interval then says nothing of the population.
    """

    estimate: float
    interval: Interval
    standard_error: float
    bias: float
    bias_correction: float
    acceleration: float
    degenerate: bool


@dataclass(frozen=True, kw_only=True)
class PermutationTest(Result):
    """What a permutation test finds.

    Attributes
    ----------
    statistic : float
        Of the samples as they are.
    p_value : float
        The share of deals with a statistic at least as extreme, the samples as they are among them: never 0. Two-sided,
        twice the smaller tail.
    exact : bool
        Whether every way to deal the values was taken.
    deals : int
        Deals that were taken.
    """

    statistic: float
    p_value: float
    exact: bool
    deals: int


def bootstrap_bca(
    a: Floats,
    *,
    statistic: Statistic = "mean",
    q: float | None = None,
    confidence: float = 0.95,
    resamples: int = 9999,
    seed: int = 1,
    method: Literal["bca", "percentile"] = "bca",
) -> Bootstrap:
    """The bootstrap of one sample: an interval for any statistic, bias-corrected and accelerated.

    B. Efron, Journal of the American Statistical Association 82, 1987, https://doi.org/10.1080/01621459.1987.10478410.

    Parameters
    ----------
    a : sequence of float
        The sample, of at least two values.
    statistic : str or function
        "mean", "median", "variance", "standard_deviation", "quantile" (with ``q``), or a function of an
        ``array.array`` of values in any order.
    q : float, optional
        The quantile, in [0, 1].
    confidence : float
        Of the interval, in (0, 1).
    resamples : int
        From 1 to 10,000,000.
    seed : int
        Of the generator: the same seed gives the same result everywhere.
    method : {"bca", "percentile"}
        How the interval is read off the resamples.

    Raises
    ------
    StatisticsError
        If there are fewer than two values or one that is not finite, an option is out of range, or the statistic of a
        resample is not finite. What a function raises comes through as it is.

    Examples
    --------
    >>> from serinus import stats
    >>> found = stats.bootstrap_bca([0.71, 0.83, 0.79, 0.91, 0.88, 0.64, 0.95, 0.80], statistic="median")
    >>> found.estimate in found.interval
    True
    """
    return Bootstrap._of(_serinus.bootstrap(a, statistic, q, (method, confidence, resamples, seed)))


def bootstrap_difference(
    a: Floats,
    b: Floats,
    *,
    statistic: Statistic = "mean",
    q: float | None = None,
    confidence: float = 0.95,
    resamples: int = 9999,
    seed: int = 1,
    method: Literal["bca", "percentile"] = "bca",
) -> Bootstrap:
    """The bootstrap of a difference: the statistic of ``b`` less that of ``a``; as :func:`bootstrap_bca`."""
    return Bootstrap._of(_serinus.bootstrap_difference(a, b, statistic, q, (method, confidence, resamples, seed)))


def permutation_test(
    a: Floats,
    b: Floats,
    *,
    statistic: Literal["mean_difference"] | Callable[[array[float], array[float]], float] = "mean_difference",
    alternative: Alternative = "two-sided",
    resamples: int = 9999,
    seed: int = 1,
) -> PermutationTest:
    """A permutation test of whether two samples are of one distribution, by any statistic.

    B. Phipson and G. K. Smyth, Statistical Applications in Genetics and Molecular Biology 9, 2010,
    https://doi.org/10.2202/1544-6115.1585.

    Parameters
    ----------
    a, b : sequence of float
        The samples.
    statistic : str or function
        "mean_difference", the mean of ``a`` less that of ``b``, or a function of both samples as ``array.array``.
    alternative : {"two-sided", "less", "greater"}
        "greater": a great statistic.
    resamples : int
        Random deals, from 1 to 10,000,000. If there are no more ways to deal the values, each of them is taken once.
    seed : int
        Of the generator.

    Raises
    ------
    StatisticsError
        If a sample is empty or has a value that is not finite, resamples are out of range, or a statistic is not
        finite. What a function raises comes through as it is.

    Examples
    --------
    >>> from serinus import stats
    >>> test = stats.permutation_test([12, 15, 11, 18], [21, 25, 19, 30])
    >>> test.exact, test.deals, round(test.p_value, 4)
    (True, 70, 0.0286)
    """
    return PermutationTest._of(_serinus.permutation_test(a, b, statistic, alternative, resamples, seed))
