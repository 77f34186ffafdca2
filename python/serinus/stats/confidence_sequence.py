"""The mean of values in [0, 1], at all times at once."""

from __future__ import annotations

from typing import Self

from .. import _serinus
from ._result import Interval

__all__ = ["ConfidenceSequence"]


class ConfidenceSequence(_serinus.ConfidenceSequence):
    """An interval after every value, such that with probability 1 − α *none* of them ever misses the mean.

    For values in [0, 1]; what is covered is the running average of the values' expectations. S. Howard, A. Ramdas, J.
    McAuliffe and J. Sekhon, Annals of Statistics 49, 2021, theorem 4, https://doi.org/10.1214/20-AOS1991. Sequences of
    different values, two routers' say, merge into one. May be used from several threads.

    Parameters
    ----------
    alpha : float
        The probability, in (0, 1), that any interval ever misses.

    Raises
    ------
    StatisticsError
        If ``alpha`` is not in (0, 1); from ``update`` and ``update_many``, if a value is not in [0, 1], and nothing is
        then taken in.

    Examples
    --------
    >>> from serinus import stats
    >>> scores = stats.ConfidenceSequence.mean(alpha=0.05)
    >>> scores.update_many([0.8, 0.9, 0.7, 0.85] * 100)
    >>> scores.update(0.8)
    >>> scores.count, 0.8125 in scores.interval, scores.interval.width < 0.08
    (401, True, True)
    """

    __slots__ = ()

    @classmethod
    def mean(cls, *, alpha: float = 0.05) -> Self:
        """A sequence for the mean of values in [0, 1]."""
        return cls(alpha)

    @property
    def interval(self) -> Interval:
        """The interval now; all of [0, 1] without values."""
        return Interval(*self.ends())

    def __repr__(self) -> str:
        return f"ConfidenceSequence(alpha={self.alpha}, count={self.count}, estimate={self.estimate})"
