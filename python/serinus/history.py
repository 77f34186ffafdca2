"""What became of each rollout."""

from __future__ import annotations

import dataclasses
import json
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, overload

from . import _html, _serinus, _tables
from ._calls import Calls
from ._value import Value, phase_name, seconds
from .journal import Journal
from .outcome import RollbackTiming, Status

__all__ = ["History", "RolloutHistory", "history"]


@dataclass(frozen=True, kw_only=True)
class RolloutHistory(Value):
    """What became of a rollout, also while it goes on.

    Attributes
    ----------
    rollout : str
        Its name.
    current, target : str
        The version that it began from, and the one that it was to lead to.
    serving : str
        The version that has the traffic. A process that begins anew begins with it; while a canary has a share, that is the
        old one.
    began_at, last_entry_at : float
        When its plan and its latest entry were written, in seconds since the epoch.
    ended_at : float or None
        When it ended; ``None`` while it goes on, and of one whose process died and that was not recovered.
    phase : str
        Where it stood at its latest entry.
    status : Status or None
        How it ended.
    reason : str or None
        Why it ended so, or why it goes back or waits for a person.
    stages_passed, stages : int
        Stages that the canary has passed, and those of the plan.
    rollback : RollbackTiming or None
        How long the rollback took, if there was one.
    recoveries : int
        How many times another process went on with it.
    warnings : tuple of str
        What did not go as planned and is left to look at.
    """

    rollout: str
    current: str
    target: str
    serving: str
    began_at: float
    last_entry_at: float
    ended_at: float | None
    phase: str
    status: Status | None
    reason: str | None
    stages_passed: int
    stages: int
    rollback: RollbackTiming | None
    recoveries: int
    warnings: tuple[str, ...]

    @classmethod
    def _of(cls, data: dict[str, Any]) -> RolloutHistory:
        status, rollback, ended_at = data["status"], data["rollback"], data["ended_at"]
        changed = {
            "began_at": seconds(data["began_at"]),
            "last_entry_at": seconds(data["last_entry_at"]),
            "ended_at": None if ended_at is None else seconds(ended_at),
            "phase": phase_name(data["phase"]),
            "status": Status(status) if status else None,
            "rollback": RollbackTiming(**rollback) if rollback else None,
            "warnings": tuple(data["warnings"]),
        }
        return cls(**{**data, **changed})


class History(Sequence[RolloutHistory]):
    """Rollouts, in the order in which they began: a sequence, and a table in a notebook. Made by :func:`history`."""

    def __init__(self, rollouts: Sequence[RolloutHistory]) -> None:
        self._rollouts = tuple(rollouts)

    @overload
    def __getitem__(self, index: int) -> RolloutHistory: ...

    @overload
    def __getitem__(self, index: slice) -> tuple[RolloutHistory, ...]: ...

    def __getitem__(self, index: int | slice) -> RolloutHistory | tuple[RolloutHistory, ...]:
        return self._rollouts[index]

    def __len__(self) -> int:
        return len(self._rollouts)

    def __iter__(self) -> Iterator[RolloutHistory]:
        return iter(self._rollouts)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, History) and self._rollouts == other._rollouts

    def __hash__(self) -> int:
        return hash(self._rollouts)

    def __repr__(self) -> str:
        return f"History({list(self._rollouts)!r})"

    def to_frame(self) -> Any:
        """A row for each rollout, as a :class:`pandas.DataFrame`. Needs ``pip install serinus[pandas]``."""
        return _tables.rows_as_frame(self._rows())

    def to_arrow(self) -> Any:
        """A row for each rollout, as a :class:`pyarrow.Table`. Needs ``pip install serinus[arrow]``."""
        return _tables.rows_as_arrow(self._rows())

    def _rows(self) -> list[dict[str, Any]]:
        rows = []
        for rollout in self._rollouts:
            row = {field.name: getattr(rollout, field.name) for field in dataclasses.fields(rollout)}
            timing = row.pop("rollback")
            row["status"] = rollout.status and rollout.status.value
            row["warnings"] = "; ".join(rollout.warnings)
            row["rollback_ms"] = timing and timing.total_ms
            rows.append(row)
        return rows

    def _repr_html_(self) -> str:
        return _html.history(self._rollouts)


def history(journal: Journal | str | os.PathLike[str]) -> History:
    """What became of each rollout. A file is looked at and not changed, also while another process writes to it.

    Raises
    ------
    JournalError
        If there is no such file, or it is no journal.

    Examples
    --------
    >>> import serinus as sr
    >>> sr.history("no/such/file")
    Traceback (most recent call last):
        ...
    serinus.errors.JournalError: no/such/file cannot be read: No such file or directory (os error 2)
    """
    return History([RolloutHistory._of(data) for data in json.loads(_serinus.history_json(journal, Calls()))])
