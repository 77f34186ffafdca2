"""Safe live model updates for LLM inference servers."""

from .errors import (
    HostError,
    JournalError,
    JudgeError,
    PlanError,
    RolloutError,
    RoutingError,
    SerinusError,
    StatisticsError,
)
from .planning import (
    Adapter,
    Fleet,
    GpuBudget,
    Margins,
    ModelVersion,
    Risk,
    RiskPlanner,
    Shadow,
    Stage,
    Strategy,
    UpdatePlan,
)
from .routing import Lease, Splitter, VersionStats

__all__ = [
    "Adapter",
    "Fleet",
    "GpuBudget",
    "HostError",
    "JournalError",
    "JudgeError",
    "Lease",
    "Margins",
    "ModelVersion",
    "PlanError",
    "Risk",
    "RiskPlanner",
    "RolloutError",
    "RoutingError",
    "SerinusError",
    "Shadow",
    "Splitter",
    "Stage",
    "StatisticsError",
    "Strategy",
    "UpdatePlan",
    "VersionStats",
]
