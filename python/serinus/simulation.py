"""Whole rollouts in virtual time."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Literal

from . import _serinus
from ._value import Value
from .errors import SimulationError
from .planning import Margins, UpdatePlan
from .scenario import (
    Behaviour,
    Faults,
    NoisyJudge,
    Part,
    Rate,
    SimulatedGpus,
    Traffic,
    finite,
)
from .simulation_report import SimulatedRun, SimulationReport, Trajectory

__all__ = ["SequentialRule", "Simulation", "ThresholdRule"]

MOST_RUNS = 1_000_000
MOST_SEED = 2**64 - 1


@dataclass(frozen=True, kw_only=True)
class SequentialRule(Part):
    """The :class:`CanaryEvaluator` that a deployment has; what is not given here is the plan's.

    Parameters
    ----------
    false_rollback_budget, false_promotion_budget : float, optional
        The probabilities of a false rollback and of a false promotion that are allowed, in (0, 1).
    margins : Margins, optional
        What counts as a regression.
    min_requests : int, optional
        Requests that each version must have had before anything is said.
    user_cap : int, "once" or None
        Requests of one user that are evidence in an hour (1 to 255); only the first one of each user; no cap.
    cold_start_requests, cold_start_seconds : int, float
        The canary's times count when both have passed in a stage.
    """

    false_rollback_budget: float | None = None
    false_promotion_budget: float | None = None
    margins: Margins | None = None
    min_requests: int | None = None
    user_cap: int | Literal["once"] | None = 10
    cold_start_requests: int = 0
    cold_start_seconds: float = 0.0

    def _data(self) -> dict[str, Any]:
        words: dict[int | str | None, str] = {None: "none", "once": "once"}
        return {
            "rule": "sequential",
            **self.to_dict(),
            "user_cap": words.get(self.user_cap, {"per_hour": self.user_cap}),
        }


@dataclass(frozen=True, kw_only=True)
class ThresholdRule(Part):
    """The :class:`ThresholdEvaluator`: the rule to compare with, not one to decide by.

    Parameters
    ----------
    margins : Margins
        The thresholds.
    min_requests : int
        Requests that each window must hold before anything is said.
    """

    margins: Margins = Margins()
    min_requests: int = 50

    def _data(self) -> dict[str, Any]:
        return {"rule": "threshold", **self.to_dict()}


@dataclass(frozen=True)
class Simulation(Value):
    """A rollout to be simulated: around the library's own splitter, evaluator and driver stand synthetic users, models,
    GPUs and faults.

    Hours of a rollout take milliseconds. The same seed is the same rollout, bit for bit, however many cores there are.

    Parameters
    ----------
    plan : UpdatePlan
        The plan that is carried out.
    traffic : Traffic
        How much is asked, and by whom.
    stable, canary : Behaviour
        What the two versions do with a request.
    seed : int
        The first run's seed, in [0, 2**64). Those of the others follow one by one.
    gpus : SimulatedGpus
        How long the host's GPUs take, and how much they can do.
    faults : Faults
        What goes wrong in every run.
    judge : NoisyJudge, optional
        Has answers judged by samples, as a deployment's reviewer does, and not at the end of each request.
    rule : SequentialRule or ThresholdRule
        Who evaluates.
    tick_seconds : float, optional
        How often the driver looks, from 0.001 to 3,600. Unless set: every 20 s from 50,000 requests an hour on, every
        30 s from 5,000 on, and every minute below.
    max_hours : float
        A rollout that takes longer is left unfinished; up to a year.

    Raises
    ------
    SimulationError
        If something in it makes no sense.

    Examples
    --------
    >>> import serinus as sr
    >>> v1 = sr.ModelVersion(model_id="chat", version="v1", base_model="llama-8b", weight_hash="aa", gpu_memory_gb=16.0)
    >>> plan = sr.RiskPlanner().plan(v1, v1.replace(version="v2", weight_hash="bb"),
    ...                              fleet=sr.Fleet(replicas=10, gpu_memory_gb=40.0))
    >>> good = sr.Behaviour(error_rate=0.01, fail_rate=0.03)
    >>> sim = sr.Simulation(plan, traffic=sr.Traffic(requests_per_hour=1000, users=5000), stable=good,
    ...                     canary=good.replace(fail_rate=0.14), seed=1)
    >>> report = sim.run(runs=20)
    >>> report.rollback_rate, report.guardrails
    (1.0, {'failure_rate': 20})
    """

    plan: UpdatePlan
    traffic: Traffic = field(kw_only=True)
    stable: Behaviour = field(kw_only=True)
    canary: Behaviour = field(kw_only=True)
    seed: int = field(default=0, kw_only=True)
    gpus: SimulatedGpus = field(default=SimulatedGpus(), kw_only=True)
    faults: Faults = field(default=Faults(), kw_only=True)
    judge: NoisyJudge | None = field(default=None, kw_only=True)
    rule: SequentialRule | ThresholdRule = field(default=SequentialRule(), kw_only=True)
    tick_seconds: float | None = field(default=None, kw_only=True)
    max_hours: float = field(default=720.0, kw_only=True)

    def __post_init__(self) -> None:
        for name, kind in _KINDS.items():
            if not isinstance(value := getattr(self, name), kind):
                raise TypeError(f"Simulation({name}=): expected {_named(kind)}, got {type(value).__name__}")
        _whole("seed", self.seed, 0, MOST_SEED)
        object.__setattr__(self, "tick_seconds", finite("Simulation(tick_seconds=)", self.tick_seconds))
        object.__setattr__(self, "max_hours", finite("Simulation(max_hours=)", self.max_hours))
        _serinus.check_simulation(self.plan.to_json(), self._scenario())

    def replace(self, **changes: Any) -> Simulation:
        """The same simulation with other values in some fields."""
        return dataclasses.replace(self, **changes)

    def to_dict(self) -> dict[str, Any]:
        """The simulation as plain data."""
        return {**super().to_dict(), "plan": self.plan.to_dict()}

    def run(self, runs: int = 1_000, *, progress: Callable[[int, int], object] | None = None) -> SimulationReport:
        """Many rollouts, on all cores, with the interpreter released.

        Parameters
        ----------
        runs : int
            How many, up to a million.
        progress : callable, optional
            Called on this thread some ten times a second with how many are done and how many there are, and in the end.
            What it raises ends the simulation, as Ctrl-C does.

        Raises
        ------
        SimulationError
            If there is nothing to run, or the library does not begin such a rollout.
        """
        _whole("runs", runs, 1, MOST_RUNS)
        text = _serinus.simulate(self.plan.to_json(), self._scenario(), self.seed, runs, progress)
        all_runs = tuple(SimulatedRun._of(run) for run in json.loads(text))
        return SimulationReport(runs=all_runs, canary_is_no_worse=self.canary_is_no_worse)

    def run_one(self, seed: int | None = None) -> SimulatedRun:
        """One rollout, with its :class:`Trajectory`. Without a seed it is the simulation's own.

        Raises
        ------
        SimulationError
            As :meth:`run`.
        """
        seed = self.seed if seed is None else seed
        _whole("seed", seed, 0, MOST_SEED)
        text, columns = _serinus.trace_simulation(self.plan.to_json(), self._scenario(), seed)
        evidence = {name: tuple(values) for name, values in columns.pop("e_values").items()}
        thresholds = columns.pop("thresholds")
        numbers = {name: tuple(values) for name, values in columns.items()}
        trajectory = Trajectory(**numbers, e_values=evidence, thresholds=thresholds)
        return SimulatedRun._of(json.loads(text)[0], trajectory)

    @property
    def canary_is_no_worse(self) -> bool:
        """Whether it is known that the canary is no worse, so that a guardrail that rolls it back errs.

        It is known where no rate and no time of it is above the stable version's, its scores are the same, nothing
        limits its replicas, and it is asked the same kinds of prompts.
        """
        stable, canary = self.stable, self.canary
        capacity = self.gpus.canary
        unlimited = capacity.concurrent is None and capacity.in_all is None
        same_prompts = all(kind.share == kind.canary_share for kind in self.traffic.kinds)
        rates = ("error_rate", "fail_rate", "slower", "abandoned", "hangs")
        no_higher = all(_no_higher(getattr(canary, name), getattr(stable, name)) for name in rates)
        times = all(_no_slower(getattr(canary, name), getattr(stable, name)) for name in ("latency", "ttft"))
        tails = canary.tail in (None, stable.tail)
        scores = canary.score == stable.score
        return unlimited and same_prompts and no_higher and times and tails and scores

    def _scenario(self) -> str:
        parts = self.to_dict()
        del parts["plan"], parts["seed"]
        return json.dumps({**parts, "rule": self.rule._data()})


_KINDS: dict[str, tuple[type, ...]] = {
    "plan": (UpdatePlan,),
    "traffic": (Traffic,),
    "stable": (Behaviour,),
    "canary": (Behaviour,),
    "gpus": (SimulatedGpus,),
    "faults": (Faults,),
    "judge": (NoisyJudge, type(None)),
    "rule": (SequentialRule, ThresholdRule),
}


def _named(kinds: tuple[type, ...]) -> str:
    return " or ".join("None" if kind is type(None) else kind.__name__ for kind in kinds)


def _whole(name: str, value: int, least: int, most: int) -> None:
    if not isinstance(value, int) or isinstance(value, bool):
        raise TypeError(f"{name}: expected a whole number, got {type(value).__name__}")
    if not least <= value <= most:
        expected = f"a whole number in [{least}, {most}]"
        raise SimulationError(f"{name}: expected {expected}, got {value}", expected=expected, got=str(value))


def _no_higher(canary: Any, stable: Any) -> bool:
    if canary == stable:
        return True
    numbers = all(isinstance(rate, (int, float)) for rate in (canary, stable))
    return numbers and not isinstance(canary, Rate) and canary <= stable


def _no_slower(canary: Any, stable: Any) -> bool:
    if canary is None or stable is None:
        return canary is stable
    return bool(canary.sigma == stable.sigma and canary.median_ms <= stable.median_ms)
