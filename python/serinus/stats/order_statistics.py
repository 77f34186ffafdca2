"""Quantiles of samples, and what they say of the population's."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

from .. import _serinus
from ._result import Floats, Interval, Result

__all__ = ["QuantileInterval", "harrell_davis", "quantile", "quantile_interval", "quantiles"]

QuantileMethod: TypeAlias = Literal[
    "inverted_cdf",
    "averaged_inverted_cdf",
    "closest_observation",
    "interpolated_inverted_cdf",
    "hazen",
    "weibull",
    "linear",
    "median_unbiased",
    "normal_unbiased",
]


@dataclass(frozen=True, kw_only=True)
class QuantileInterval(Result):
    """An interval of the population's quantile, and the probability with which it covers it.

    Its ends are values of the sample, or infinite where that is too small for one. The coverage is that for a
    continuous distribution, never below the confidence asked for.
    """

    interval: Interval
    coverage: float


def quantile(values: Floats, q: float, *, method: QuantileMethod = "linear") -> float:
    """A quantile of a sample, in time linear in its size; the methods are NumPy's.

    R. J. Hyndman, Y. Fan, The American Statistician 50, 1996, https://doi.org/10.1080/00031305.1996.10473566.

    Raises
    ------
    StatisticsError
        If there is no value or one that is not finite, or ``q`` is not in [0, 1].

    Examples
    --------
    >>> from serinus import stats
    >>> stats.quantile([1.0, 2.0, 3.0, 4.0], 0.5)
    2.5
    """
    return _serinus.quantile(values, q, method)


def quantiles(values: Floats, qs: Floats, *, method: QuantileMethod = "linear") -> list[float]:
    """Several quantiles of a sample, in the order of ``qs``, by sorting it once; as :func:`quantile`."""
    return _serinus.quantiles_of(values, qs, method)


def harrell_davis(values: Floats, q: float) -> float:
    """Harrell and Davis's quantile: a mean of all values, weighted by how probable each is to be the quantile.

    Biometrika 69, 1982, https://doi.org/10.1093/biomet/69.3.635.
    """
    return _serinus.harrell_davis(values, q)


def quantile_interval(values: Floats, q: float, *, confidence: float = 0.95) -> QuantileInterval:
    """The interval of the population's quantile at ``q``, whatever the distribution.

    W. J. Conover, *Practical Nonparametric Statistics*, 3rd edition, 1999, section 3.2.

    Raises
    ------
    StatisticsError
        If there is no value or one that is not finite, or ``q`` or the confidence is not in (0, 1).

    Examples
    --------
    >>> from serinus import stats
    >>> stats.quantile_interval(range(100), 0.5).interval
    Interval(low=39.0, high=60.0)
    """
    return QuantileInterval._of(_serinus.quantile_interval(values, q, confidence))
