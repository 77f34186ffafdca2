"""What goes wrong, by kind. All of them are picklable."""

from __future__ import annotations

__all__ = [
    "HostError",
    "JournalError",
    "JudgeError",
    "PlanError",
    "RolloutError",
    "RoutingError",
    "SerinusError",
    "SimulationError",
    "StatisticsError",
]


class SerinusError(Exception):
    """Anything that Serinus refuses or that fails.

    Attributes
    ----------
    what : str
        What was wrong, and what to do.
    expected, got : str or None
        What was allowed and what was given, where that is known.
    """

    def __init__(self, what: str, *, expected: str | None = None, got: str | None = None) -> None:
        super().__init__(what)
        self.what = what
        self.expected = expected
        self.got = got

    def __reduce__(self) -> tuple[object, ...]:
        return (_restore, (type(self), self.what, self.expected, self.got))


def _restore(kind: type[SerinusError], what: str, expected: str | None, got: str | None) -> SerinusError:
    return kind(what, expected=expected, got=got)


class PlanError(SerinusError, ValueError):
    """An update that cannot be planned so, or a value of a plan that makes no sense."""


class RoutingError(SerinusError, ValueError):
    """A change of the routing table that was refused; the table stands as it was."""


class HostError(SerinusError):
    """A host that did not do what it was asked.

    Parameters
    ----------
    what : str
        What went wrong.
    transient : bool
        Whether the same call may succeed later. It is then made again, with growing pauses, until the plan's deadline. Any
        other exception of a host is permanent, but for :class:`ConnectionError` and :class:`TimeoutError`.
    """

    def __init__(
        self, what: str, *, transient: bool = False, expected: str | None = None, got: str | None = None
    ) -> None:
        super().__init__(what, expected=expected, got=got)
        self.transient = transient

    def __reduce__(self) -> tuple[object, ...]:
        return (_restore_host_error, (self.what, self.transient, self.expected, self.got))


def _restore_host_error(what: str, transient: bool, expected: str | None, got: str | None) -> HostError:
    return HostError(what, transient=transient, expected=expected, got=got)


class JournalError(SerinusError):
    """A journal that cannot be read or written."""


class JudgeError(SerinusError):
    """A judge that gave no judgement."""


class SimulationError(SerinusError, ValueError):
    """A scenario that makes no sense."""


class StatisticsError(SerinusError, ValueError):
    """An argument of a statistical function that makes no sense."""


class RolloutError(SerinusError):
    """A word to a rollout that does not fit."""
