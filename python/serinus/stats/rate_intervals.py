"""Intervals of rates, and of differences of two. A count is given as ``x`` of ``n``; differences are *b minus a*.

All of them refuse, with a ``StatisticsError``, a count that exceeds its trials, no trials, and a confidence outside (0,
1).
"""

from __future__ import annotations

from dataclasses import dataclass

from .. import _serinus
from ._result import Interval, Result

__all__ = [
    "CorrectedRate",
    "clopper_pearson_interval",
    "miettinen_nurminen_interval",
    "newcombe_interval",
    "rogan_gladen",
    "wilson_interval",
]


@dataclass(frozen=True, kw_only=True)
class CorrectedRate(Result):
    """A rate in [0, 1], corrected for the errors of whoever counted it, and its interval."""

    rate: float
    interval: Interval


def clopper_pearson_interval(x: int, n: int, *, confidence: float = 0.95) -> Interval:
    """Clopper and Pearson's exact interval of a rate: it covers it with at least the promised probability.

    Biometrika 26, 1934, https://doi.org/10.1093/biomet/26.4.404.
    """
    return Interval(*_serinus.clopper_pearson_interval(x, n, confidence))


def wilson_interval(x: int, n: int, *, confidence: float = 0.95) -> Interval:
    """Wilson's score interval of a rate: about the promised coverage even with few trials.

    Journal of the American Statistical Association 22, 1927, https://doi.org/10.1080/01621459.1927.10502953.
    """
    return Interval(*_serinus.wilson_interval(x, n, confidence))


def newcombe_interval(x1: int, n1: int, x2: int, n2: int, *, confidence: float = 0.95) -> Interval:
    """Newcombe's hybrid score interval of the difference of two rates, b − a.

    R. G. Newcombe, Statistics in Medicine 17, 1998, method 10.
    """
    return Interval(*_serinus.newcombe_interval(x1, n1, x2, n2, confidence))


def miettinen_nurminen_interval(x1: int, n1: int, x2: int, n2: int, *, confidence: float = 0.95) -> Interval:
    """The differences of two rates, b − a, that :func:`miettinen_nurminen_test` does not reject."""
    return Interval(*_serinus.miettinen_nurminen_interval(x1, n1, x2, n2, confidence))


def rogan_gladen(
    judged: tuple[int, int],
    *,
    sensitivity: tuple[int, int],
    specificity: tuple[int, int],
    confidence: float = 0.95,
) -> CorrectedRate | None:
    """The true rate of failures behind a judge that overlooks some and sees others where there are none.

    W. J. Rogan and B. Gladen, American Journal of Epidemiology 107, 1978; the interval is that of Z. Lang and J.
    Reiczigel, Preventive Veterinary Medicine 113, 2014, of a coverage close to the confidence.

    Parameters
    ----------
    judged : (int, int)
        Answers that the judge called failures, of all that it judged.
    sensitivity : (int, int)
        Answers that it called failures, of answers known to be bad.
    specificity : (int, int)
        Answers that it let pass, of answers known to be good.
    confidence : float
        Of the interval, in (0, 1).

    Returns
    -------
    CorrectedRate or None
        None if the judge is no better than chance: nothing can be learnt through it.

    Raises
    ------
    StatisticsError
        If a count exceeds its trials, there are no trials, or the confidence is not in (0, 1).

    Examples
    --------
    >>> from serinus import stats
    >>> round(stats.rogan_gladen((150, 1000), sensitivity=(90, 100), specificity=(190, 200)).rate, 4)
    0.1176
    """
    fields = _serinus.rogan_gladen(judged, sensitivity, specificity, confidence)
    return None if fields is None else CorrectedRate._of(fields)
