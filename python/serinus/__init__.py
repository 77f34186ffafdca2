"""Safe live model updates for LLM inference servers."""

from .alerts import Alert, AlertSink, Severity
from .deployment import Deployment
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
from .events import Event, EventKind, Events
from .host import ModelHost
from .journal import Journal, JournalEntry
from .outcome import HostFailure, Outcome, Rollback, RollbackStep, RollbackTiming, Status
from .planning import (
    Adapter,
    Fleet,
    GpuBudget,
    Margins,
    ModelVersion,
    Planner,
    Risk,
    RiskPlanner,
    Shadow,
    Stage,
    Strategy,
    UpdatePlan,
)
from .policy import Action, Decision, RolloutPolicy, StageView
from .progress import Progress
from .routing import Lease, Splitter, VersionStats

__all__ = [
    "Action",
    "Adapter",
    "Alert",
    "AlertSink",
    "Decision",
    "Deployment",
    "Event",
    "EventKind",
    "Events",
    "Fleet",
    "GpuBudget",
    "HostError",
    "HostFailure",
    "Journal",
    "JournalEntry",
    "JournalError",
    "JudgeError",
    "Lease",
    "Margins",
    "ModelHost",
    "ModelVersion",
    "Outcome",
    "PlanError",
    "Planner",
    "Progress",
    "Risk",
    "RiskPlanner",
    "Rollback",
    "RollbackStep",
    "RollbackTiming",
    "RolloutError",
    "RolloutPolicy",
    "RoutingError",
    "SerinusError",
    "Severity",
    "Shadow",
    "Splitter",
    "Stage",
    "StageView",
    "StatisticsError",
    "Status",
    "Strategy",
    "UpdatePlan",
    "VersionStats",
]
