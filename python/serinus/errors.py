"""What goes wrong, by kind. All of them are picklable."""

from __future__ import annotations

import enum

__all__ = [
    "FeedbackError",
    "FeedbackErrorKind",
    "HostError",
    "JournalError",
    "JudgeConfigError",
    "JudgeError",
    "JudgeErrorKind",
    "PlanError",
    "RolloutConfigError",
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


class PlanError(SerinusError, ValueError):
    """An update that cannot be planned so, or a value of a plan that makes no sense."""


class RoutingError(SerinusError, ValueError):
    """A change of the routing table that was refused, or a call that does not fit; all stands as it was."""


class FeedbackErrorKind(enum.StrEnum):
    """Why feedback was not attached to a request."""

    INVALID = "invalid"
    UNKNOWN = "unknown"
    LATE = "late"


class FeedbackError(SerinusError, ValueError):
    """Feedback that could not be attached to a request.

    Attributes
    ----------
    kind : FeedbackErrorKind
        ``INVALID``: it is no score in [0, 1]. ``UNKNOWN``: the request was not part of a rollout, has been forgotten, or
        its user has said something already. ``LATE``: its window has passed.
    """

    def __init__(self, what: str, *, kind: FeedbackErrorKind | str = FeedbackErrorKind.UNKNOWN) -> None:
        super().__init__(what)
        self.kind = FeedbackErrorKind(kind)


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


class JournalError(SerinusError):
    """A journal that cannot be read or written."""


class JudgeErrorKind(enum.StrEnum):
    """Why there is no judgement."""

    UNAVAILABLE = "unavailable"
    UNPARSABLE = "unparsable"
    OUT_OF_BUDGET = "out_of_budget"
    NOT_APPLICABLE = "not_applicable"
    REFUSED = "refused"


class JudgeError(SerinusError):
    """A judge that gave no judgement. To be raised by judges, too.

    Attributes
    ----------
    kind : JudgeErrorKind
        ``UNAVAILABLE``: it cannot be reached, is overloaded or took too long, and may work again later. ``UNPARSABLE``:
        what it said could not be understood. ``OUT_OF_BUDGET``: a budget is used up. ``NOT_APPLICABLE``: this request
        lacks what a judgement would rest on. ``REFUSED``: it refuses, and will again.
    """

    def __init__(
        self,
        what: str,
        *,
        kind: JudgeErrorKind | str = JudgeErrorKind.UNAVAILABLE,
        expected: str | None = None,
        got: str | None = None,
    ) -> None:
        super().__init__(what, expected=expected, got=got)
        self.kind = JudgeErrorKind(kind)


class JudgeConfigError(JudgeError, ValueError):
    """A judge, checks, a reviewer or a text of theirs that makes no sense, or is used where it cannot be."""

    def __init__(self, what: str, *, expected: str | None = None, got: str | None = None) -> None:
        super().__init__(what, kind=JudgeErrorKind.REFUSED, expected=expected, got=got)


class SimulationError(SerinusError, ValueError):
    """A scenario that makes no sense."""


class StatisticsError(SerinusError, ValueError):
    """An argument of a statistical function that makes no sense."""


class RolloutError(SerinusError):
    """A word to a rollout that does not fit."""


class RolloutConfigError(RolloutError, ValueError):
    """An option of a deployment that makes no sense."""
