"""How an update ended."""

from __future__ import annotations

import dataclasses
import enum
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from . import _html, _tables
from ._value import Value, seconds
from .evaluation import Evaluation

__all__ = ["HostFailure", "Rollback", "RollbackStep", "RollbackTiming", "RolloutOutcome", "StageRecord", "Status"]


class Status(enum.StrEnum):
    """How an update ended."""

    COMPLETED = "completed"
    """The new version serves alone."""
    ROLLED_BACK = "rolled_back"
    """The update was found wanting; the old version serves alone."""
    ABORTED = "aborted"
    """A person called it off; the old version serves alone."""
    FAILED = "failed"
    """The old version serves, but not at full strength: a person must act."""


@dataclass(frozen=True, kw_only=True)
class RollbackTiming(Value):
    """How long the parts of a rollback took, in milliseconds.

    Attributes
    ----------
    traffic_shift_ms : float
        From the decision until the routing table had changed.
    drain_ms : float
        Until no request was in flight, cancelling included.
    unload_ms : float
        Until the GPUs were free.
    total_ms : float
        All of it, the replicas of the version that stays included.
    """

    traffic_shift_ms: float
    drain_ms: float
    unload_ms: float
    total_ms: float


@dataclass(frozen=True, kw_only=True)
class RollbackStep(Value):
    """A step of a rollback: what was done, how long it took in milliseconds, and what went wrong, if something did."""

    step: str
    took_ms: float
    problem: str | None = None


@dataclass(frozen=True, kw_only=True)
class Rollback(Value):
    """The way back.

    Attributes
    ----------
    at : float
        When it was decided, in seconds since the epoch.
    stable, canary : str
        The version that stays and the one that left.
    reason : str
        Why, in words and numbers.
    evaluation : Evaluation or None
        What the evaluator saw.
    steps : tuple of RollbackStep
        The steps, each with its time and what went wrong.
    timing : RollbackTiming
        How long the parts took.
    """

    at: float
    stable: str
    canary: str
    reason: str
    evaluation: Evaluation | None
    steps: tuple[RollbackStep, ...]
    timing: RollbackTiming

    @classmethod
    def _of(cls, data: dict[str, Any]) -> Rollback:
        evaluation = data["evaluation"]
        return cls(
            at=seconds(data["at"]),
            stable=data["stable"],
            canary=data["canary"],
            reason=data["reason"],
            evaluation=Evaluation.from_json(json.dumps(evaluation)) if evaluation else None,
            steps=tuple(_step(step) for step in data["steps"]),
            timing=RollbackTiming(**data["timing"]),
        )


def _step(taken: dict[str, Any]) -> RollbackStep:
    step, took = taken["step"], taken["took"]
    name = step if isinstance(step, str) else next(iter(step))
    return RollbackStep(step=name, took_ms=took["secs"] * 1e3 + took["nanos"] / 1e6, problem=taken["problem"])


@dataclass(frozen=True, kw_only=True)
class HostFailure(Value):
    """A call to the host that failed, whether or not it went well later.

    Attributes
    ----------
    method : str
        What was called.
    message : str
        What went wrong.
    traceback : str
        Where, if the host raised.
    exception : BaseException or None
        What the host raised. It is not pickled, and not compared.
    """

    method: str
    message: str
    traceback: str = ""
    exception: BaseException | None = field(default=None, compare=False, repr=False)

    def to_dict(self) -> dict[str, Any]:
        """The failure as plain data, without the exception."""
        return {"method": self.method, "message": self.message, "traceback": self.traceback}

    def __reduce__(self) -> tuple[Any, ...]:
        return (_restore_failure, (self.to_dict(),))


def _restore_failure(data: dict[str, Any]) -> HostFailure:
    return HostFailure(**data)


@dataclass(frozen=True, kw_only=True)
class StageRecord(Value):
    """What one stage has seen. A stage that was interrupted to load replicas has a record for each part.

    Attributes
    ----------
    stage : int
        Its index.
    weight : float
        The canary's share.
    began_at, ended_at : float
        In seconds since the epoch.
    evaluation : Evaluation or None
        What the evaluator said last.
    """

    stage: int
    weight: float
    began_at: float
    ended_at: float
    evaluation: Evaluation | None


@dataclass(frozen=True, kw_only=True)
class RolloutOutcome(Value):
    """How an update ended, and why.

    Attributes
    ----------
    status : Status
        How it ended.
    reason : str
        Why, in words and numbers.
    serving : str
        The version that has the traffic.
    stages_passed : int
        Stages that the canary passed.
    rollback : Rollback or None
        The way back, if it was taken.
    warnings : tuple of str
        What did not go as planned on the way and is left to look at.
    started_at, finished_at : float
        When it began and ended, in seconds since the epoch.
    weights : tuple of (float, float)
        The canary's share over time: seconds since the epoch, and the share from then on.
    stages : tuple of StageRecord
        What each stage has seen.
    host_failures : tuple of HostFailure
        The calls to the host that failed, with their tracebacks.
    """

    status: Status
    reason: str
    serving: str
    stages_passed: int
    rollback: Rollback | None
    warnings: tuple[str, ...]
    started_at: float
    finished_at: float
    weights: tuple[tuple[float, float], ...] = ()
    stages: tuple[StageRecord, ...] = ()
    host_failures: tuple[HostFailure, ...] = ()

    @classmethod
    def _of(cls, data: dict[str, Any]) -> RolloutOutcome:
        rollback = data["rollback"]
        return cls(
            status=Status(data["status"]),
            reason=data["reason"],
            serving=data["serving"],
            stages_passed=data["stages_passed"],
            rollback=Rollback._of(rollback) if rollback else None,
            warnings=tuple(data["warnings"]),
            started_at=seconds(data["started_at"]),
            finished_at=seconds(data["finished_at"]),
        )

    def _repr_html_(self) -> str:
        return _html.outcome(self)

    def to_frame(self) -> Any:
        """What each stage has seen, as a :class:`pandas.DataFrame`: a row for each stage and guardrail.

        Needs ``pip install serinus[pandas]``.
        """
        return _tables.rows_as_frame(self._evidence())

    def to_arrow(self) -> Any:
        """As :meth:`to_frame`, as a :class:`pyarrow.Table`. Needs ``pip install serinus[arrow]``."""
        return _tables.rows_as_arrow(self._evidence())

    def _evidence(self) -> list[dict[str, Any]]:
        return [
            {"stage": stage.stage, "weight": stage.weight, "ended_at": stage.ended_at, **row}
            for stage in self.stages
            if stage.evaluation
            for row in _tables.rows(stage.evaluation.guardrails)
        ]

    def _with(
        self,
        *,
        weights: Sequence[tuple[int, float]],
        stages: Sequence[StageRecord],
        failures: Sequence[HostFailure],
    ) -> RolloutOutcome:
        shares = tuple((seconds(at), share) for at, share in weights)
        return dataclasses.replace(self, weights=shares, stages=tuple(stages), host_failures=tuple(failures))
