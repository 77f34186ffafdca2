"""Following an update as it goes."""

from __future__ import annotations

import asyncio
import enum
import json
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from typing import Any

from . import _serinus
from ._value import Value, phase_name, seconds
from .evaluation import Evaluation
from .outcome import Rollback, RolloutOutcome

__all__ = ["Event", "EventKind", "Events"]

# How often a thread that waits looks whether it should stop, and how often a coroutine looks for news.
_PATIENCE_SECONDS = 0.2
_POLL_SECONDS = 0.05


class EventKind(enum.StrEnum):
    """What an event tells of."""

    PHASE = "phase"
    """Another phase began."""
    RECOVERED = "recovered"
    """Another driver goes on with it, after the one before had died in this phase."""
    WEIGHT = "weight"
    """The canary's share changed."""
    HOLDING = "holding"
    """The canary was judged, and stays at its stage."""
    SHADOWING = "shadowing"
    """The canary was judged, and stays in the shadow."""
    RETRYING = "retrying"
    """A call to the host failed and is made again."""
    PAUSED = "paused"
    """It stays where it is until a person says otherwise."""
    RESUMED = "resumed"
    """A person let it go on."""
    WARNING = "warning"
    """Something did not go as planned; the rollout goes on."""
    JUDGED = "judged"
    """The canary was judged."""
    ROLLED_BACK = "rolled_back"
    """The canary was rolled back."""
    FINISHED = "finished"
    """The rollout ended."""


@dataclass(frozen=True, kw_only=True)
class Event(Value):
    """Something that happened in a rollout. What its kind does not tell of is ``None``.

    Attributes
    ----------
    rollout : str
        The rollout.
    at : float
        When, in seconds since the epoch.
    kind : EventKind
        What happened.
    text : str
        The same in words: the phase, what is missing, the warning, why it is rolled back, how it ended.
    stage : int or None
        Index of the stage.
    weight : float or None
        The canary's new share.
    held_seconds : float or None
        How long the stage, or the shadow, has been held.
    requests, pairs : int or None
        Canary requests judged in this stage; prompts compared in the shadow.
    evaluation : Evaluation or None
        What the evaluator said.
    rollback : Rollback or None
        The way back.
    outcome : RolloutOutcome or None
        The end.
    """

    rollout: str
    at: float
    kind: EventKind
    text: str = ""
    stage: int | None = None
    weight: float | None = None
    held_seconds: float | None = None
    requests: int | None = None
    pairs: int | None = None
    evaluation: Evaluation | None = None
    rollback: Rollback | None = None
    outcome: RolloutOutcome | None = None

    def __str__(self) -> str:
        share = "" if self.weight is None else f"{self.weight:.1%}"
        return " ".join(part for part in (self.kind.value.replace("_", " "), share, self.text) if part)


def _event(text: str, report: _serinus.Report | None) -> Event:
    data = json.loads(text)
    what = data["what"]
    fields: dict[str, Any]
    if report is not None:
        fields = {"kind": EventKind.JUDGED, "text": report.verdict, "evaluation": Evaluation(report)}
    elif "progress" in what:
        fields = _progress(what["progress"])
    elif "rolled_back" in what:
        rollback = Rollback._of(what["rolled_back"])
        fields = {"kind": EventKind.ROLLED_BACK, "text": rollback.reason, "rollback": rollback}
    else:
        outcome = RolloutOutcome._of(what["finished"])
        ended = outcome.status.value.replace("_", " ")
        fields = {"kind": EventKind.FINISHED, "text": ended, "outcome": outcome}
    return Event(rollout=data["rollout"], at=seconds(data["at"]), **fields)


def _progress(told: Any) -> dict[str, Any]:
    if isinstance(told, str):
        return {"kind": EventKind(told)}
    (name, value), *_ = told.items()
    kind = EventKind(name)
    match kind:
        case EventKind.PHASE | EventKind.RECOVERED:
            stage = value["stage"] if isinstance(value, dict) else None
            return {"kind": kind, "text": phase_name(value), "stage": stage}
        case EventKind.WEIGHT:
            return {"kind": kind, "weight": value}
        case EventKind.HOLDING | EventKind.SHADOWING:
            return {"kind": kind, "text": value.pop("missing"), **value}
        case EventKind.RETRYING:
            return {"kind": kind, "text": f"{value['what']}: {value['error']}"}
    return {"kind": kind, "text": value}


class Events:
    """What happens in a deployment from here on, to its end: for ``for`` and for ``async for``.

    A reader that falls behind by more than 4,096 events loses the oldest: see :attr:`missed`.
    """

    def __init__(self, source: _serinus.Events) -> None:
        self._source = source

    @property
    def missed(self) -> int:
        """Events that were dropped because they were not read in time."""
        return self._source.missed

    @property
    def is_over(self) -> bool:
        """Whether the deployment has ended and all its events were read."""
        return self._source.is_over()

    def next(self, timeout_seconds: float) -> Event | None:
        """The next event, if it comes within this time; ``None`` as well once the deployment has ended."""
        told = self._source.next(timeout_seconds)
        return None if told is None else _event(*told)

    def __iter__(self) -> Iterator[Event]:
        return self

    def __next__(self) -> Event:
        while (event := self.next(_PATIENCE_SECONDS)) is None:
            if self.is_over:
                raise StopIteration
        return event

    def __aiter__(self) -> AsyncIterator[Event]:
        return self

    async def __anext__(self) -> Event:
        while (event := self.next(0.0)) is None:
            if self.is_over:
                raise StopAsyncIteration
            await asyncio.sleep(_POLL_SECONDS)
        return event
