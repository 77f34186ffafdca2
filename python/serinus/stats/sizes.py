"""How many observations a comparison needs, and what it finds with those that it has."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

from .. import _serinus
from ._result import Alternative, Result

__all__ = ["SampleSize", "minimum_detectable_effect", "power", "sample_size", "time_needed"]

Design: TypeAlias = Literal["paired", "two-sample", "mann-whitney", "mann-whitney-bound", "win-rate", "two-proportions"]


@dataclass(frozen=True, kw_only=True)
class SampleSize(Result):
    """How many observations a comparison needs.

    Attributes
    ----------
    per_group : int
        In the smaller arm: what :func:`power` and :func:`minimum_detectable_effect` call ``n``.
    a, b, total : int
        In each arm, and in both. A paired design needs ``per_group`` requests and ``total`` answers.
    """

    per_group: int
    a: int
    b: int
    total: int


def sample_size(
    effect: float,
    *,
    alpha: float = 0.05,
    power: float = 0.80,
    design: Design = "two-sample",
    alternative: Alternative = "two-sided",
    margin: float = 0.0,
    canary_share: float = 0.5,
    baseline: float | None = None,
) -> SampleSize:
    """The fewest observations with which a test finds this effect with the power asked for.

    By the normal approximation. Effects are *b minus a*.

    Parameters
    ----------
    effect : float
        "paired": the mean difference in standard deviations of the differences. "two-sample", "mann-whitney" (normal
        data) and "mann-whitney-bound" (any continuous data): the shift in standard deviations. "win-rate": the win rate
        less ½. "two-proportions": the difference of the rates.
    alpha : float
        The probability, in (0, 1), of finding a difference that is not there.
    power : float
        The probability, above ``alpha`` and below 1, of finding this one.
    design : str
        What is compared, as above.
    alternative : {"two-sided", "less", "greater"}
        What is looked for, stated of ``a``: "less" is an effect above the margin.
    margin : float
        The difference that a one-sided test is to disprove, in the effect's units.
    canary_share : float
        The share of the observations in ``b``, in (0, 1); paired designs have ½.
    baseline : float, optional
        For "two-proportions": the rate of ``a``, in (0, 1).

    Raises
    ------
    StatisticsError
        If an argument is out of range, or the effect lies where the test does not look for it.

    Examples
    --------
    >>> from serinus import stats
    >>> stats.sample_size(0.05, design="paired").per_group, stats.sample_size(0.05).per_group
    (3140, 6280)
    >>> stats.sample_size(0.05, canary_share=0.1)
    SampleSize(per_group=3489, a=31401, b=3489, total=34890)
    """
    question = (design, alpha, power, alternative, margin, canary_share, baseline)
    return SampleSize._of(_serinus.sample_size(effect, question))


def power(
    effect: float,
    n: int,
    *,
    alpha: float = 0.05,
    design: Design = "two-sample",
    alternative: Alternative = "two-sided",
    margin: float = 0.0,
    canary_share: float = 0.5,
    baseline: float | None = None,
) -> float:
    """The probability that a test with ``n`` observations in its smaller arm finds this effect; as :func:`sample_size`.

    Examples
    --------
    >>> from serinus import stats
    >>> round(stats.power(effect=0.05, n=6280), 3)
    0.8
    """
    question = (design, alpha, 0.80, alternative, margin, canary_share, baseline)
    return _serinus.power_of(effect, n, question)


def minimum_detectable_effect(
    n: int,
    *,
    alpha: float = 0.05,
    power: float = 0.80,
    design: Design = "two-sample",
    alternative: Alternative = "two-sided",
    margin: float = 0.0,
    canary_share: float = 0.5,
    baseline: float | None = None,
) -> float:
    """The effect nearest to the margin that ``n`` observations in the smaller arm find; as :func:`sample_size`.

    Two-sided, it is the least increase in ``b``.

    Examples
    --------
    >>> from serinus import stats
    >>> round(stats.minimum_detectable_effect(n=6280), 4)
    0.05
    """
    question = (design, alpha, power, alternative, margin, canary_share, baseline)
    return _serinus.minimum_detectable_effect(n, question)


def time_needed(size: SampleSize, *, requests_per_hour: float, canary_share: float = 0.5) -> float:
    """Seconds until both arms have enough, if this share of the requests goes to ``b`` and the rest to ``a``.

    Raises
    ------
    StatisticsError
        If the requests are not finite and above 0, or the share is not in (0, 1).

    Examples
    --------
    >>> from serinus import stats
    >>> stats.time_needed(stats.sample_size(0.05), requests_per_hour=1000.0) / 3600
    12.56
    """
    return _serinus.time_needed(size.a, size.b, requests_per_hour, canary_share)
