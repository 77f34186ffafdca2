"""Judging a canary against the version that it is to replace."""

from .evaluators import CanaryEvaluator, Observation, ThresholdEvaluator
from .guardrails import Check, Guardrail, Outcome, StandardGuardrail
from .results import (
    CorrectedRate,
    ErrorComparison,
    Evaluation,
    GuardrailReport,
    Interval,
    LatencyComparison,
    Ledger,
    LedgerShare,
    Measured,
    QualityComparison,
    Verdict,
)

__all__ = [
    "CanaryEvaluator",
    "Check",
    "CorrectedRate",
    "ErrorComparison",
    "Evaluation",
    "Guardrail",
    "GuardrailReport",
    "Interval",
    "LatencyComparison",
    "Ledger",
    "LedgerShare",
    "Measured",
    "Observation",
    "Outcome",
    "QualityComparison",
    "StandardGuardrail",
    "ThresholdEvaluator",
    "Verdict",
]
