"""Versions, fleets, and the plans of updates."""

from __future__ import annotations

import dataclasses
import enum
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from . import _html, _serinus
from ._value import Value, _plain

__all__ = [
    "Adapter",
    "Fleet",
    "GpuBudget",
    "Margins",
    "ModelVersion",
    "Risk",
    "Shadow",
    "Stage",
    "Strategy",
    "UpdatePlan",
]


class Risk(enum.StrEnum):
    """How much can go wrong with an update."""

    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"
    CRITICAL = "critical"


class Strategy(enum.StrEnum):
    """How an update is carried out."""

    ROLLING = "rolling"
    CANARY = "canary"
    BLUE_GREEN = "blue_green"


@dataclass(frozen=True, kw_only=True)
class Adapter(Value):
    """A LoRA adapter.

    Parameters
    ----------
    name : str
        The name under which the engine knows it. Another set of weights has another name.
    base_weight_hash, weight_hash : str
        The base weights that it was trained on, and its own.
    rank : int
        Its rank.
    size_gb, reserved_gb : float, optional
        Its size, and what the engine reserves beside it for further adapters, in gigabytes.
    """

    name: str
    base_weight_hash: str
    weight_hash: str
    rank: int
    size_gb: float | None = None
    reserved_gb: float | None = None


@dataclass(frozen=True, kw_only=True)
class ModelVersion(Value):
    """One version of a model: what is to be loaded, and how one knows that it was.

    Parameters
    ----------
    model_id, version : str
        The model's name, the same for all its versions, and this version's.
    base_model : str
        The base model's name.
    weight_hash, config_hash : str
        Hashes of the (base) weights and of the configuration.
    gpu_memory_gb : float
        GPU memory of one replica, without an adapter's.
    load_time_seconds : float
        How long it takes to load one replica.
    warmup_tokens : int
        Tokens that a replica runs before it serves.

    Raises
    ------
    PlanError
        If a value makes no sense.

    Examples
    --------
    >>> import serinus as sr
    >>> v1 = sr.ModelVersion(model_id="chat", version="v1", base_model="llama-8b", weight_hash="aa", gpu_memory_gb=16.0)
    >>> v1.replace(version="v2", weight_hash="bb").version
    'v2'
    """

    model_id: str
    version: str
    base_model: str
    weight_hash: str
    gpu_memory_gb: float
    config_hash: str = ""
    load_time_seconds: float = 0.0
    warmup_tokens: int = 0
    created_at: float | None = None
    tokenizer: str | None = None
    chat_template: str | None = None
    quantization: str | None = None
    context_length: int | None = None
    metadata: Mapping[str, str] = field(default_factory=dict)
    adapter: Adapter | None = None

    def __post_init__(self) -> None:
        _serinus.check_model_version(self.to_json())

    def replace(self, **changes: Any) -> ModelVersion:
        """The same version with other values in some fields."""
        return dataclasses.replace(self, **changes)

    @classmethod
    def from_json(cls, text: str) -> ModelVersion:
        """A version from its JSON form.

        Raises
        ------
        PlanError
            If a value makes no sense.
        """
        return cls._of(json.loads(text))

    @classmethod
    def _of(cls, data: dict[str, Any]) -> ModelVersion:
        adapter = data.get("adapter")
        return cls(**{**data, "adapter": Adapter(**adapter) if adapter else None})


@dataclass(frozen=True, kw_only=True)
class Fleet(Value):
    """The GPUs that models are served on, as replicas.

    Parameters
    ----------
    replicas : int
        Replicas that serve today.
    gpu_memory_gb : float
        GPU memory of each.
    spare_replicas : int
        Replicas more that an update may use.
    peak_utilization : float
        The share of their capacity that the replicas need at the peak, in (0, 1].
    loaded : mapping of str to int
        Replicas by version, where known.
    """

    replicas: int
    gpu_memory_gb: float
    spare_replicas: int = field(default=0, metadata={"always": True})
    peak_utilization: float = 0.8
    loaded: Mapping[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        _serinus.check_fleet(self.to_json())


@dataclass(frozen=True, kw_only=True)
class Margins(Value):
    """The increases that trigger a rollback, relative but for the last: 0.2 is +20%."""

    p99_latency_increase: float = 0.20
    error_rate_increase: float = 0.50
    failure_rate_increase: float | None = None
    quality_decrease: float = 0.05


@dataclass(frozen=True, kw_only=True)
class GpuBudget(Value):
    """What an update takes in GPU memory, over the whole fleet, in gigabytes."""

    stable_memory_gb: float
    peak_memory_gb: float
    available_memory_gb: float
    overhead_fraction: float
    overlap_required: bool


@dataclass(frozen=True, kw_only=True)
class Shadow(Value):
    """The time before the first stage in which the new version answers prompts and no user meets it."""

    hold_seconds: float = 0.0
    max_hold_seconds: float = 86_400.0
    min_pairs: int = 500


@dataclass(frozen=True, kw_only=True)
class Stage(Value):
    """One stage of a canary: its share of the traffic, for how long, on which replicas."""

    weight: float
    hold_seconds: float
    max_hold_seconds: float
    min_requests: int
    canary_replicas: int
    stable_replicas: int
    purpose: str = ""


@dataclass(frozen=True)
class UpdatePlan:
    """The plan of an update. It is what is carried out; nothing of it is advice.

    Made by a planner, kept as TOML or JSON.
    """

    _json: str = field(repr=False)

    @property
    def _data(self) -> dict[str, Any]:
        data: dict[str, Any] = json.loads(self._json)
        return data

    @property
    def current(self) -> ModelVersion:
        """The version that is served."""
        return ModelVersion._of(self._data["current"])

    @property
    def target(self) -> ModelVersion:
        """The version that is to be served."""
        return ModelVersion._of(self._data["target"])

    @property
    def risk(self) -> Risk:
        """How much can go wrong."""
        return Risk(self._data["risk"])

    @property
    def strategy(self) -> Strategy:
        """How it is carried out."""
        return Strategy(self._data["strategy"])

    @property
    def canary_fraction(self) -> float:
        """The canary's first share of the traffic, in [0, 1]; 0 without a canary."""
        return float(self._data["canary_fraction"])

    @property
    def evaluation_seconds(self) -> float:
        """How long the first stage is held."""
        return float(self._data["evaluation_seconds"])

    @property
    def bake_seconds(self) -> float:
        """How long the old version is kept as the way back once the new one has all the traffic."""
        return float(self._data["bake_seconds"])

    @property
    def margins(self) -> Margins:
        """The increases that trigger a rollback."""
        return Margins(**self._data["margins"])

    @property
    def fleet(self) -> Fleet:
        """The fleet that the plan is for."""
        return Fleet(**self._data["fleet"])

    @property
    def gpu(self) -> GpuBudget:
        """What it takes in GPU memory."""
        return GpuBudget(**self._data["gpu"])

    @property
    def shadow(self) -> Shadow | None:
        """How the new version is tried on real prompts before it has any traffic."""
        shadow = self._data.get("shadow")
        return Shadow(**shadow) if shadow else None

    @property
    def stages(self) -> tuple[Stage, ...]:
        """The stages below 100%, in order."""
        return tuple(Stage(**stage) for stage in self._data["stages"])

    def replace(self, **changes: Any) -> UpdatePlan:
        """The same plan with other values in some fields, those of :meth:`to_dict`.

        Raises
        ------
        PlanError
            With what does not fit.

        Examples
        --------
        >>> import dataclasses
        >>> import serinus as sr
        >>> v1 = sr.ModelVersion(model_id="chat", version="v1", base_model="llama-8b", weight_hash="aa", gpu_memory_gb=16.0)
        >>> fleet = sr.Fleet(replicas=10, gpu_memory_gb=40.0)
        >>> plan = sr.RiskPlanner().plan(v1, v1.replace(version="v2", weight_hash="bb"), fleet=fleet)
        >>> slow = [dataclasses.replace(stage, hold_seconds=7_200.0) for stage in plan.stages]
        >>> [stage.hold_seconds for stage in plan.replace(stages=slow).stages]
        [7200.0, 7200.0, 7200.0]
        """
        plain = {name: _plain(value) for name, value in changes.items()}
        return UpdatePlan.from_json(json.dumps({**self._data, **plain}))

    def explain(self) -> str:
        """The plan in words and numbers, for a person to agree to."""
        return _serinus.explain(self._json)

    def to_dict(self) -> dict[str, Any]:
        """The plan as plain data."""
        return self._data

    def to_json(self) -> str:
        """The plan as JSON."""
        return self._json

    def to_toml(self) -> str:
        """The plan as TOML."""
        return _serinus.plan_to_toml(self._json)

    @classmethod
    def from_json(cls, text: str) -> UpdatePlan:
        """A plan from JSON.

        Raises
        ------
        PlanError
            With the place and what is wrong there.
        """
        return cls(_serinus.plan_from_json(text))

    @classmethod
    def from_toml(cls, text: str) -> UpdatePlan:
        """A plan from TOML; as :meth:`from_json`."""
        return cls(_serinus.plan_from_toml(text))

    def _repr_html_(self) -> str:
        return _html.plan(self)

    def __repr__(self) -> str:
        data = self._data
        current, target = data["current"]["version"], data["target"]["version"]
        return f"UpdatePlan({current!r} -> {target!r}, risk={data['risk']!r}, strategy={data['strategy']!r})"
