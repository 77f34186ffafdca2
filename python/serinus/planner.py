"""How an update is planned."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

from . import _serinus
from .planning import Fleet, Margins, ModelVersion, Risk, Shadow, Strategy, UpdatePlan

__all__ = ["Planner", "RiskPlanner"]


class Planner(Protocol):
    """Plans an update. Any object with this method is one: a rule of the house that takes another planner's plan and replaces
    what it wants otherwise, say.
    """

    def plan(self, current: ModelVersion, target: ModelVersion, *, fleet: Fleet) -> UpdatePlan:
        """The plan of an update from `current` to `target`."""
        ...


@dataclass(frozen=True, kw_only=True)
class RiskPlanner:
    """Plans by risk: what an update changes decides its strategy, its first share and how long that is held.

    Parameters
    ----------
    margins : Margins
        What counts as a regression.
    strategies : mapping of Risk to Strategy
        Another strategy for updates of a risk.
    bake_seconds, drain_timeout_seconds : float, optional
        How long the old version is kept at 100%, and how long requests may take to end by themselves.
    shadow : Shadow, optional
        A shadow before the first stage of each canary.

    Examples
    --------
    >>> import serinus as sr
    >>> v1 = sr.ModelVersion(model_id="chat", version="v1", base_model="llama-8b", weight_hash="aa", gpu_memory_gb=16.0)
    >>> plan = sr.RiskPlanner().plan(v1, v1.replace(version="v2", weight_hash="bb"),
    ...                              fleet=sr.Fleet(replicas=10, gpu_memory_gb=40.0))
    >>> plan.risk, plan.strategy, [stage.weight for stage in plan.stages]
    (<Risk.MEDIUM: 'medium'>, <Strategy.CANARY: 'canary'>, [0.1, 0.25, 0.5])
    """

    margins: Margins = Margins()
    strategies: Mapping[Risk, Strategy] = field(default_factory=dict)
    bake_seconds: float | None = None
    drain_timeout_seconds: float | None = None
    shadow: Shadow | None = None

    def plan(self, current: ModelVersion, target: ModelVersion, *, fleet: Fleet) -> UpdatePlan:
        """The plan of an update from `current` to `target`.

        Raises
        ------
        PlanError
            If the fleet cannot carry it.
        """
        options = {
            "margins": self.margins.to_dict(),
            "strategies": {risk.value: strategy.value for risk, strategy in self.strategies.items()},
            "bake_seconds": self.bake_seconds,
            "drain_timeout_seconds": self.drain_timeout_seconds,
            "shadow": self.shadow.to_dict() if self.shadow else None,
        }
        return UpdatePlan(_serinus.plan(current.to_json(), target.to_json(), fleet.to_json(), json.dumps(options)))
