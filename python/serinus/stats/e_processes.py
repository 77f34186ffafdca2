"""Tests of a canary against a stable version that may be looked at all the time, by the kind of their data."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from typing import Any, Self

from .. import _serinus
from ._result import Counts, Floats, Interval, Result

__all__ = [
    "Decision",
    "EProcess",
    "ExceedanceTest",
    "LatencyTest",
    "PairedTest",
    "QuantileEvidence",
    "QuantileTest",
    "RateTest",
    "SampleRatioTest",
    "ValueTest",
    "WinsorizedMeanTest",
]


class Decision(enum.StrEnum):
    """What the evidence so far says."""

    CONTINUE = "continue"
    """It does not suffice: go on, or stop without a result."""
    REJECT = "reject"
    """The null hypothesis is rejected, now and for good."""


class EProcess:
    """Evidence against one null hypothesis that grows with the data and may be looked at as often as one likes.

    What all of :class:`SequentialTest`'s tests are. May be used from several threads, pickled, and compared.
    """

    __slots__ = ("_test",)

    _test: _serinus.SequentialTest

    def __init__(self) -> None:
        raise TypeError("a test is made by one of SequentialTest's functions, such as two_proportions()")

    @classmethod
    def _with(cls, test: _serinus.SequentialTest) -> Self:
        made = object.__new__(cls)
        made._test = test
        return made

    @property
    def alpha(self) -> float:
        """The probability with which a null hypothesis that holds is ever rejected, at most."""
        return self._test.alpha

    @property
    def e_value(self) -> float:
        """The evidence against the null hypothesis, at least 0; at most the greatest float."""
        return self._test.e_value

    @property
    def log_e_value(self) -> float:
        """Its natural logarithm; −∞ for an e-value of 0."""
        return self._test.log_e_value

    @property
    def p_value(self) -> float:
        """1/e, at most 1: a p-value that holds at any time."""
        return self._test.p_value

    @property
    def threshold(self) -> float:
        """The evidence that is needed: 1/α."""
        return 1.0 / self.alpha

    @property
    def decision(self) -> Decision:
        """Whether the evidence suffices."""
        return Decision.REJECT if self._test.rejects else Decision.CONTINUE

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, EProcess) or type(self) is not type(other):
            return NotImplemented
        return self._test == other._test

    __hash__ = None  # type: ignore[assignment]

    def __reduce__(self) -> tuple[Any, ...]:
        return (_restore, (type(self), self._test.to_json()))

    def __repr__(self) -> str:
        name, decision = type(self).__name__, self.decision.value
        return f"{name}(alpha={self.alpha}, e_value={self.e_value:.3g}, decision={decision!r})"


def _restore(kind: type[EProcess], state: str) -> EProcess:
    return kind._with(_serinus.SequentialTest.from_json(state))


class _Estimating(EProcess):
    """A test with one estimate."""

    __slots__ = ()

    @property
    def estimate(self) -> float | None:
        """What is tested, so far; None without data of both.

        The canary's rate, mean or share less the stable version's; the win rate itself; the quantile's increase as a
        share; of pairs the mean loss.
        """
        return self._test.estimate

    @property
    def interval(self) -> Interval:
        """An interval for what ``estimate`` estimates, valid at all times together with probability 1 − α."""
        return Interval(*self._test.ends)


class RateTest(_Estimating):
    """A test of failure rates, by counts: :meth:`SequentialTest.two_proportions`."""

    __slots__ = ()

    def update(
        self,
        *,
        canary_failed: int,
        canary_total: int,
        stable_failed: int,
        stable_total: int,
        stratum: int = 0,
    ) -> None:
        """Takes in a complete block: requests that ended, and how many of them failed.

        Requests that are alike, such as those with long prompts, may be a stratum of their own, from 0 to 255; each has
        a baseline of its own.

        Raises
        ------
        StatisticsError
            If more failed than there were, or a count is negative; nothing is then taken in.
        """
        self._test.update_rates(canary_failed, canary_total, stable_failed, stable_total, stratum)

    @property
    def traffic_e_value(self) -> float | None:
        """The evidence that requests are not split by ``weight``, a mismatch from 1,000 on; None without a weight."""
        return self._test.traffic_e_value


class ValueTest(_Estimating):
    """A test of values, by blocks."""

    __slots__ = ()

    def update(self, stable: Floats, canary: Floats) -> None:
        """Takes in a complete block: the values of both versions over the same stretch of time.

        Raises
        ------
        StatisticsError
            If a value is not finite or out of range; nothing is then taken in.
        """
        self._test.update_values(stable, canary)


class WinsorizedMeanTest(ValueTest):
    """A test of means without an upper limit: :meth:`SequentialTest.winsorized_mean`."""

    __slots__ = ()

    @property
    def cap(self) -> float | None:
        """What greater values count as; None until 200 stable values are known."""
        return self._test.cap


class ExceedanceTest(ValueTest):
    """A test of how often a recent quantile is exceeded: :meth:`SequentialTest.exceedance`."""

    __slots__ = ()

    @property
    def recent_quantile(self) -> float | None:
        """The stable version's, at which the next block is tested; None while too few values are known."""
        return self._test.threshold


class QuantileTest(ValueTest):
    """A test of one quantile: :meth:`SequentialTest.quantile`."""

    __slots__ = ()

    def merge(self, other: QuantileTest) -> None:
        """Takes in what another accumulator of the same test saw of other requests."""
        self._test.merge(other._test)


@dataclass(frozen=True, kw_only=True)
class QuantileEvidence(Result):
    """What one quantile contributes to a :class:`LatencyTest`.

    Attributes
    ----------
    q : float
        The quantile, in (0, 1).
    threshold : float or None
        The stable version's recent value of it; None while too few values are known.
    e_value : float
        The evidence of its exceedances alone.
    estimate : float or None
        How much more often the canary, less the margin, exceeds it; None without evidence.
    """

    q: float
    threshold: float | None
    e_value: float
    estimate: float | None


class LatencyTest(ValueTest):
    """A test of latencies at five quantiles: :meth:`SequentialTest.latency`. Its estimate is of the strongest."""

    __slots__ = ()

    @property
    def quantiles(self) -> tuple[QuantileEvidence, ...]:
        """What each quantile contributes, from the lowest to the highest."""
        return tuple(QuantileEvidence._of(fields) for fields in self._test.quantiles)


class PairedTest(_Estimating):
    """A test of scores of the same prompts: :meth:`SequentialTest.paired`. Its estimate is the mean loss."""

    __slots__ = ()

    def update(self, stable: float, canary: float) -> None:
        """Takes in the scores of one prompt, in [0, 1]."""
        self._test.update_values((stable,), (canary,))

    def update_many(self, stable: Floats, canary: Floats) -> None:
        """Takes in the scores of many prompts.

        Raises
        ------
        StatisticsError
            If they differ in length or a score is not in [0, 1]; nothing is then taken in.
        """
        self._test.update_values(stable, canary)


class SampleRatioTest(EProcess):
    """A test of the split of traffic: :meth:`SequentialTest.sample_ratio`."""

    __slots__ = ()

    def update(self, counts: Counts) -> None:
        """Takes in how many went to each version since the last time."""
        self._test.update_counts(counts)

    def set_shares(self, weights: Floats) -> None:
        """Changes the shares from here on. The evidence so far is kept."""
        self._test.set_shares(weights)

    def merge(self, other: SampleRatioTest) -> None:
        """Takes in what another accumulator saw of other requests under the same shares."""
        self._test.merge(other._test)

    @property
    def estimates(self) -> tuple[float, ...]:
        """Each version's share since the shares were last set; empty without counts."""
        return tuple(share for share, _ in self._test.shares if share is not None)

    @property
    def intervals(self) -> tuple[Interval, ...]:
        """An interval for each version's share, valid at all times together with probability 1 − α."""
        return tuple(Interval(*ends) for _, ends in self._test.shares)
