"""What came of simulated rollouts."""

from __future__ import annotations

import enum
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from . import _html, _tables
from ._value import Value
from .stats import Interval, clopper_pearson_interval

__all__ = ["Distribution", "Ending", "SimulatedRun", "SimulationReport", "Trajectory"]


class Ending(enum.StrEnum):
    """How a simulated rollout ended."""

    PROMOTED = "promoted"
    """The canary serves alone."""
    ROLLED_BACK = "rolled_back"
    """It was rolled back."""
    WAITING = "waiting"
    """The rollout waits for a person."""
    FAILED = "failed"
    """The old version could not be brought back to full strength."""
    UNFINISHED = "unfinished"
    """The time was up."""


@dataclass(frozen=True, kw_only=True)
class Trajectory(Value):
    """How a rollout went on the way: one entry for each of the driver's ticks.

    Attributes
    ----------
    seconds : tuple of float
        Seconds since the rollout began.
    phases : tuple of str
        Where it stood: "loading", "stage 0", "baking" and so on.
    canary_weights : tuple of float
        The canary's share of the traffic, in [0, 1].
    stable_requests, canary_requests : tuple of int
        Requests of each version that count as evidence so far.
    e_values : mapping of str to tuple of float
        By guardrail, the evidence that the canary is worse. It begins at 1.
    thresholds : mapping of str to float
        By guardrail, the evidence at which it rolls back.
    """

    seconds: tuple[float, ...]
    phases: tuple[str, ...]
    canary_weights: tuple[float, ...]
    stable_requests: tuple[int, ...]
    canary_requests: tuple[int, ...]
    e_values: Mapping[str, tuple[float, ...]]
    thresholds: Mapping[str, float]

    def __repr__(self) -> str:
        return f"Trajectory({len(self.seconds)} ticks, guardrails={sorted(self.e_values)})"


@dataclass(frozen=True, kw_only=True)
class SimulatedRun(Value):
    """One simulated rollout.

    Attributes
    ----------
    seed : int
        Its seed: :meth:`Simulation.run_one` with it is this rollout again.
    ending : Ending
        How it ended.
    reason : str
        Why, in the library's words.
    guardrail : str or None
        The guardrail that rolled it back, if one did.
    canary_requests, judged, pairs : int
        When it was decided: the canary's requests that were evidence, those whose answers had been judged, and prompts
        to which both versions' answers had been compared.
    seconds : float
        From the canary's first traffic until it was rolled back or had all the traffic.
    share : float
        The canary's share of the traffic when it was rolled back, in [0, 1].
    exposed, bad : int
        Requests that the canary served until it was decided, and those of them that were errors or failures.
    requests, misrouted, retried, died_in_crashes : int
        All requests of the run, those sent to a version without a replica, those cancelled and answered elsewhere, and
        those that died with the controller's process.
    trajectory : Trajectory or None
        How it went on the way, where asked for. It takes no part in comparisons.
    """

    seed: int
    ending: Ending
    reason: str
    guardrail: str | None
    canary_requests: int
    judged: int
    pairs: int
    seconds: float
    share: float
    exposed: int
    bad: int
    requests: int
    misrouted: int
    retried: int
    died_in_crashes: int
    trajectory: Trajectory | None = field(default=None, compare=False, repr=False)

    @classmethod
    def _of(cls, data: dict[str, Any], trajectory: Trajectory | None = None) -> SimulatedRun:
        return cls(**{**data, "ending": Ending(data["ending"])}, trajectory=trajectory)


@dataclass(frozen=True, kw_only=True)
class Distribution(Value):
    """One number of many rollouts.

    Attributes
    ----------
    values : tuple of float
        The numbers, in rising order.

    Examples
    --------
    >>> import serinus as sr
    >>> hours = sr.Distribution(values=(1.0, 2.0, 4.0))
    >>> hours.median, hours.p90, hours.total
    (2.0, 4.0, 7.0)
    """

    values: tuple[float, ...]

    def quantile(self, q: float) -> float:
        """The value that a share `q` does not exceed, by the nearest rank; not a number if there are no values."""
        if not 0.0 <= q <= 1.0:
            raise ValueError(f"expected q in [0, 1], got {q}")
        return self.values[math.floor(q * (len(self.values) - 1) + 0.5)] if self.values else math.nan

    @property
    def count(self) -> int:
        """How many there are."""
        return len(self.values)

    @property
    def total(self) -> float:
        """Their sum."""
        return math.fsum(self.values)

    @property
    def mean(self) -> float:
        """Their mean; not a number if there are none."""
        return self.total / len(self.values) if self.values else math.nan

    @property
    def minimum(self) -> float:
        """The least."""
        return self.quantile(0.0)

    @property
    def p10(self) -> float:
        """The value that one in ten does not exceed."""
        return self.quantile(0.1)

    @property
    def median(self) -> float:
        """The value in the middle."""
        return self.quantile(0.5)

    @property
    def p90(self) -> float:
        """The value that nine in ten do not exceed."""
        return self.quantile(0.9)

    @property
    def p99(self) -> float:
        """The value that 99 in 100 do not exceed."""
        return self.quantile(0.99)

    @property
    def maximum(self) -> float:
        """The greatest."""
        return self.quantile(1.0)

    def __repr__(self) -> str:
        shown = f"median={self.median:g}, p90={self.p90:g}, mean={self.mean:g}"
        return f"Distribution(count={self.count}, {shown})" if self.values else "Distribution(count=0)"


@dataclass(frozen=True, kw_only=True)
class SimulationReport(Value):
    """Many simulated rollouts.

    Attributes
    ----------
    runs : tuple of SimulatedRun
        All of them, by seed.
    canary_is_no_worse : bool
        Whether it is known that the canary was no worse than the stable version: see :attr:`false_rollback_rate`.
    """

    runs: tuple[SimulatedRun, ...]
    canary_is_no_worse: bool

    def count(self, ending: Ending | str) -> int:
        """How many ended so."""
        ending = Ending(ending)
        return sum(run.ending is ending for run in self.runs)

    def rate(self, ending: Ending | str) -> float:
        """The share that ended so, in [0, 1]."""
        return self.count(ending) / len(self.runs)

    def interval(self, ending: Ending | str, *, confidence: float = 0.99) -> Interval:
        """An exact interval of the probability to end so: :func:`serinus.stats.clopper_pearson_interval`."""
        return clopper_pearson_interval(self.count(ending), len(self.runs), confidence=confidence)

    def distribution(self, number: str, *, ending: Ending | str | None = None) -> Distribution:
        """A number of a :class:`SimulatedRun`, by its name, over all runs or those that ended so."""
        only = None if ending is None else Ending(ending)
        values = [getattr(run, number) for run in self.runs if only is None or run.ending is only]
        if not all(isinstance(value, (int, float)) for value in values):
            raise TypeError(f"expected the name of a number of a run, got {number!r}")
        return Distribution(values=tuple(sorted(values)))

    @property
    def rollback_rate(self) -> float:
        """The share of rollouts that were rolled back, rightly or not."""
        return self.rate(Ending.ROLLED_BACK)

    @property
    def false_rollback_rate(self) -> float:
        """The share of rollouts in which a guardrail rolled back a canary that was no worse.

        Not a number where it cannot be told whether a rollback was false: the canary errs or fails more or takes longer
        than the stable version in something, however little, they are not to be compared (rates of different shapes),
        or limits of the GPUs or the prompts treat it differently. :attr:`rollback_rate` is always there.
        """
        if not self.canary_is_no_worse:
            return math.nan
        rolled_back = (run for run in self.runs if run.ending is Ending.ROLLED_BACK)
        return sum(run.guardrail is not None for run in rolled_back) / len(self.runs)

    @property
    def promoted_rate(self) -> float:
        """The share of rollouts whose canary serves alone in the end."""
        return self.rate(Ending.PROMOTED)

    @cached_property
    def canary_requests(self) -> Distribution:
        """The canary's requests that were evidence when it was decided, over all rollouts."""
        return self.distribution("canary_requests")

    @cached_property
    def detection_seconds(self) -> Distribution:
        """Of those rolled back, the seconds from the canary's first traffic until then."""
        return self.distribution("seconds", ending=Ending.ROLLED_BACK)

    @cached_property
    def promotion_seconds(self) -> Distribution:
        """Of those promoted, the seconds from the canary's first traffic until it had all of it."""
        return self.distribution("seconds", ending=Ending.PROMOTED)

    @cached_property
    def exposed_requests(self) -> Distribution:
        """Requests that the canary served until it was decided, over all rollouts."""
        return self.distribution("exposed")

    @cached_property
    def bad_requests(self) -> Distribution:
        """Those of them that were errors or failures."""
        return self.distribution("bad")

    @property
    def bad_requests_served(self) -> float:
        """Errors and failures that a rollout's users met at the canary until it was decided, on the mean."""
        return self.bad_requests.mean

    @property
    def guardrails(self) -> dict[str, int]:
        """How many rollouts each guardrail rolled back."""
        names = [run.guardrail for run in self.runs if run.guardrail and run.ending is Ending.ROLLED_BACK]
        return {name: names.count(name) for name in sorted(set(names))}

    def to_frame(self) -> Any:
        """The runs as a :class:`pandas.DataFrame`, by seed. Needs ``pip install serinus[pandas]``."""
        rows = [{**vars(run), "ending": run.ending.value} for run in self.runs]
        return _tables.rows_as_frame(rows).drop(columns="trajectory").set_index("seed")

    def _rows(self) -> list[tuple[str, str]]:
        def share(ending: Ending) -> str:
            low, high = self.interval(ending)
            return f"{self.count(ending)} ({self.rate(ending):.1%}; 99%: {low:.1%} to {high:.1%})"

        rows = [("runs", f"{len(self.runs)}"), ("rolled back", share(Ending.ROLLED_BACK))]
        if self.canary_is_no_worse:
            rows.append(("rolled back falsely", f"{self.false_rollback_rate:.1%}"))
        rows.append(("promoted", share(Ending.PROMOTED)))
        others = (Ending.WAITING, Ending.FAILED, Ending.UNFINISHED)
        rows.extend((ending.value, f"{self.count(ending)}") for ending in others if self.count(ending))
        requests, seconds = self.canary_requests, self.detection_seconds
        rows.append(("canary requests", f"median {requests.median:,.0f}, p90 {requests.p90:,.0f}"))
        if seconds.values:
            rows.append(("minutes to detection", f"median {seconds.median / 60:,.1f}, p90 {seconds.p90 / 60:,.1f}"))
        rows.append(("bad requests served", f"mean {self.bad_requests_served:,.1f}"))
        return rows

    def __repr__(self) -> str:
        return f"SimulationReport({', '.join(f'{name}: {value}' for name, value in self._rows())})"

    def _repr_html_(self) -> str:
        return _html.facts(self._rows())
