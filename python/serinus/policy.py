"""When to hold, advance, pause or roll back while a canary is tried."""

from __future__ import annotations

import enum
import json
from collections.abc import Awaitable
from dataclasses import dataclass
from typing import Protocol

from . import _serinus
from ._value import Value
from .evaluation import Evaluation
from .planning import Shadow, Stage, UpdatePlan

__all__ = ["Action", "Decision", "RolloutPolicy", "StageView"]


class Action(enum.StrEnum):
    """What a policy can say."""

    HOLD = "hold"
    ADVANCE = "advance"
    PAUSE = "pause"
    ROLL_BACK = "roll_back"


@dataclass(frozen=True)
class Decision(Value):
    """What a policy says.

    Attributes
    ----------
    action : Action
        What is to happen.
    reason : str
        Why; of a hold, what is missing.

    Examples
    --------
    >>> import serinus as sr
    >>> sr.Decision.hold("the office is closed").action
    <Action.HOLD: 'hold'>
    """

    action: Action
    reason: str = ""

    @classmethod
    def hold(cls, missing: str) -> Decision:
        """Not yet."""
        return cls(Action.HOLD, missing)

    @classmethod
    def advance(cls) -> Decision:
        """On to the next stage."""
        return cls(Action.ADVANCE)

    @classmethod
    def pause(cls, reason: str) -> Decision:
        """A person must look at it."""
        return cls(Action.PAUSE, reason)

    @classmethod
    def roll_back(cls, reason: str) -> Decision:
        """Back to the old version."""
        return cls(Action.ROLL_BACK, reason)


@dataclass(frozen=True, kw_only=True)
class StageView(Value):
    """What a policy sees.

    Attributes
    ----------
    plan : UpdatePlan
        The plan being carried out.
    stage : Stage or None
        The stage that the canary is in; ``None`` in the shadow.
    shadow : Shadow or None
        What the plan says of the shadow, while the canary is in it.
    is_last : bool
        Whether 100% comes next.
    held_seconds : float
        How long it has been held, pauses not counted.
    requests : int
        Canary requests that were judged in this stage; in the shadow, compared prompts.
    evaluation : Evaluation
        What the evaluator says.
    default : Decision
        What Serinus would do by itself.
    """

    plan: UpdatePlan
    stage: Stage | None
    shadow: Shadow | None
    is_last: bool
    held_seconds: float
    requests: int
    evaluation: Evaluation
    default: Decision

    @classmethod
    def _of(cls, text: str, report: _serinus.Report) -> StageView:
        data = json.loads(text)
        stage, shadow, default = data.get("stage"), data.get("shadow"), data["default"]
        return cls(
            plan=UpdatePlan(json.dumps(data["plan"])),
            stage=Stage(**stage) if stage else None,
            shadow=Shadow(**shadow) if shadow else None,
            is_last=data["is_last"],
            held_seconds=data["held_seconds"],
            requests=data["requests"],
            evaluation=Evaluation(report),
            default=Decision(Action(default["action"]), default["reason"]),
        )


class RolloutPolicy(Protocol):
    """When a stage has done its work. Any object with this method is one.

    A pure function of the view: asked at every tick, it keeps no state, and does not call its deployment. It cannot weaken what
    a rollout enforces by itself: what is proven degraded is rolled back in every phase, and 100% needs proof where the plan asks
    for it. A policy that raises pauses the rollout for a person to look at. With a second method, ``decide_shadow(view)``, it
    also decides how long the canary stays in the shadow.

    Examples
    --------
    Never goes past a stage outside office hours:

    >>> import datetime
    >>> import serinus as sr
    >>> class OfficeHours:
    ...     def decide(self, view: sr.StageView) -> sr.Decision:
    ...         closed = not 8 <= datetime.datetime.now().hour < 17
    ...         if view.default == sr.Decision.advance() and closed:
    ...             return sr.Decision.hold("the office is closed")
    ...         return view.default
    """

    def decide(self, view: StageView) -> Awaitable[Decision] | Decision:
        """What is to happen."""
        ...
