"""What each stage of an update has seen, from its events."""

from __future__ import annotations

import json
import threading
from typing import Any

from . import _serinus
from ._value import seconds
from .evaluation import Evaluation
from .outcome import StageRecord


class Recorder:
    """Follows an update on a thread of its own, and keeps the last evaluation of each stage."""

    def __init__(self, events: _serinus.Events) -> None:
        self._events = events
        self._stages: list[StageRecord] = []
        self._stage: int | None = None
        self._weight = 0.0
        self._held = 0.0
        self._began = 0.0
        self._judged: str | None = None
        self._thread = threading.Thread(target=self._follow, name="serinus-record", daemon=True)
        self._thread.start()

    def stages(self) -> tuple[StageRecord, ...]:
        """All stages, once the update has ended."""
        self._thread.join(10.0)
        return tuple(self._stages)

    def _follow(self) -> None:
        while not self._events.is_over():
            text = self._events.next_json(0.2)
            if text is None:
                continue
            # It comes at every tick, and only the last one is read.
            if '"what":{"judged":' in text:
                self._judged = text
                continue
            event = json.loads(text)
            progress = event["what"].get("progress")
            if isinstance(progress, dict):
                self._take(seconds(event["at"]), progress)
            elif "finished" in event["what"]:
                self._end(seconds(event["at"]))

    def _take(self, at: float, progress: dict[str, Any]) -> None:
        if "weight" in progress:
            self._weight = progress["weight"]
        if "phase" in progress:
            phase = progress["phase"]
            self._end(at)
            self._stage = phase["stage"] if isinstance(phase, dict) else None
            # A stage's share is told before the stage.
            self._began, self._held, self._judged = at, self._weight, None

    def _end(self, at: float) -> None:
        if self._stage is None:
            return
        judged = json.loads(self._judged)["what"]["judged"] if self._judged else None
        evaluation = Evaluation.from_json(json.dumps(judged)) if judged else None
        stage = StageRecord(
            stage=self._stage, weight=self._held, began_at=self._began, ended_at=at, evaluation=evaluation
        )
        self._stages.append(stage)
        self._stage = None
