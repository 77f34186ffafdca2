"""What a rollout has decided, written down before it is done."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeVar

from ._value import Value
from .errors import JournalError

__all__ = ["Journal", "JournalEntry", "JournalSnapshot"]

_Line = TypeVar("_Line", "JournalEntry", "JournalSnapshot")


@dataclass(frozen=True, kw_only=True)
class JournalEntry(Value):
    """One line of a journal.

    Attributes
    ----------
    rollout : str
        The rollout that it belongs to.
    sequence : int
        Its number within the rollout, from 0.
    at_ns : int
        When it was written, in nanoseconds since the epoch.
    what : dict
        What it says, in the library's JSON form: ``begun`` with the plan, ``decided`` with the rollout's state and what it asks
        for, ``rolled_back`` with the record, or ``finished`` with the outcome. No secret, no prompt and no response.
    """

    rollout: str
    sequence: int
    at_ns: int = field(metadata={"name": "at"})
    what: dict[str, Any]

    @classmethod
    def from_json(cls, text: str) -> JournalEntry:
        """An entry from its JSON form, as :meth:`to_json` gives it.

        Raises
        ------
        JournalError
            If it is none.
        """
        return _read(cls, text)


@dataclass(frozen=True, kw_only=True)
class JournalSnapshot(Value):
    """How far a rollout has come between two decisions: the time that a stage has been held, and the evidence.

    Attributes
    ----------
    rollout : str
        The rollout that it belongs to.
    entries : int
        The entries that were written before it.
    at_ns : int
        When it was taken, in nanoseconds since the epoch.
    state, evidence : Any
        What the rollout and its evaluator remember, in the library's JSON form.
    """

    rollout: str
    entries: int
    at_ns: int = field(metadata={"name": "at"})
    state: Any
    evidence: Any = None

    @classmethod
    def from_json(cls, text: str) -> JournalSnapshot:
        """A snapshot from its JSON form, as :meth:`to_json` gives it.

        Raises
        ------
        JournalError
            If it is none.
        """
        return _read(cls, text)


def _read(cls: type[_Line], text: str) -> _Line:
    try:
        data = json.loads(text)
        return cls(**{("at_ns" if name == "at" else name): value for name, value in data.items()})
    except (AttributeError, TypeError, ValueError) as error:
        raise JournalError(f"not a {cls.__name__}: {error}", expected="what to_json gave", got=text[:80]) from error


class Journal(Protocol):
    """Where a rollout writes its decisions before it carries them out. Any object with these methods is one. They may
    block, and are called on threads of their own.

    When `append` returns, the entry survives the process; it raises if that is not certain. A journal that fails stops the next
    step of a rollout, which then goes back to the old version; it never stops a rollback. It does not call its deployment.

    With two more methods, ``keep(snapshot)`` and ``snapshot(rollout)``, it also keeps the latest :class:`JournalSnapshot` of each
    rollout, about once a minute: a stage that was under way in a crash then goes on with the time that it was really held.
    """

    def append(self, entry: JournalEntry) -> Any:
        """Keeps an entry."""

    def rollouts(self) -> Sequence[str]:
        """The names of all rollouts, in the order in which they began."""
        ...

    def entries(self, rollout: str) -> Sequence[JournalEntry]:
        """The entries of a rollout, in order; none if it is not known."""
        ...
