"""What each stage of an update has seen, from its events."""

from __future__ import annotations

import threading

from .evaluation import Evaluation
from .events import Event, EventKind, Events
from .outcome import StageRecord


class Recorder:
    """Follows an update on a thread of its own, and keeps the last evaluation of each stage."""

    def __init__(self, events: Events) -> None:
        self._events = events
        self._stages: list[StageRecord] = []
        self._weight = 0.0
        self._began: Event | None = None
        self._began_weight = 0.0
        self._evaluation: Evaluation | None = None
        self._thread = threading.Thread(target=self._follow, name="serinus-record", daemon=True)
        self._thread.start()

    def stages(self) -> tuple[StageRecord, ...]:
        """All stages, once the update has ended."""
        self._thread.join(10.0)
        return tuple(self._stages)

    def _follow(self) -> None:
        for event in self._events:
            match event.kind:
                case EventKind.JUDGED:
                    self._evaluation = event.evaluation
                case EventKind.WEIGHT:
                    self._weight = event.weight or 0.0
                case EventKind.PHASE:
                    self._end(event.at)
                    # A stage's share is told before the stage.
                    self._began_weight, self._evaluation = self._weight, None
                    self._began = event if event.stage is not None else None
                case EventKind.FINISHED:
                    self._end(event.at)

    def _end(self, at: float) -> None:
        if self._began is None or self._began.stage is None:
            return
        record = StageRecord(
            stage=self._began.stage,
            weight=self._began_weight,
            began_at=self._began.at,
            ended_at=at,
            evaluation=self._evaluation,
        )
        self._stages.append(record)
        self._began = None
