"""Many tests at once.

Twenty metrics tested at 5% give a false alarm on average even if nothing has changed. Adjusted p-values come in the
given order: reject where the adjusted one is at most the level wanted.
"""

from __future__ import annotations

from .. import _serinus
from ._result import Floats

__all__ = ["benjamini_hochberg", "e_benjamini_hochberg", "hochberg", "holm"]


def holm(p_values: Floats) -> list[float]:
    """Holm's adjustment: keeps the probability of any false alarm at the level, however the tests depend on each other.

    S. Holm, Scandinavian Journal of Statistics 6, 1979.

    Raises
    ------
    StatisticsError
        If a p-value is not in [0, 1].

    Examples
    --------
    >>> from serinus import stats
    >>> stats.holm([0.25, 0.01, 0.5])
    [0.5, 0.03, 0.5]
    """
    return _serinus.holm(p_values)


def hochberg(p_values: Floats) -> list[float]:
    """Hochberg's adjustment: as :func:`holm` and never above it, for independent or positively dependent tests.

    Y. Hochberg, Biometrika 75, 1988, https://doi.org/10.1093/biomet/75.4.800.
    """
    return _serinus.hochberg(p_values)


def benjamini_hochberg(p_values: Floats) -> list[float]:
    """Benjamini and Hochberg's adjustment: keeps the expected share of false alarms among the alarms at the level.

    Y. Benjamini, Y. Hochberg, Journal of the Royal Statistical Society B 57, 1995,
    https://doi.org/10.1111/j.2517-6161.1995.tb02031.x. For independent or positively dependent tests.
    """
    return _serinus.benjamini_hochberg(p_values)


def e_benjamini_hochberg(e_values: Floats, *, alpha: float = 0.05) -> list[bool]:
    """Which of many null hypotheses to reject, by e-values.

    Of those rejected, at most a share ``alpha`` are true on average. Holds whatever the e-values have to do with each
    other, and at any time at which one stops. R. Wang and A. Ramdas, JRSS B 84, 2022,
    https://doi.org/10.1111/rssb.12489.

    Raises
    ------
    StatisticsError
        If an e-value is negative or not a number, or ``alpha`` is not in (0, 1).

    Examples
    --------
    >>> from serinus import stats
    >>> stats.e_benjamini_hochberg([100.0, 1.0, 45.0], alpha=0.05)
    [True, False, True]
    """
    return _serinus.e_benjamini_hochberg(e_values, alpha)
