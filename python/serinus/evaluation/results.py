"""What an evaluator says."""

from __future__ import annotations

import enum
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple, NoReturn

from .. import _html, _tables
from .._serinus import Report
from .._value import Value, seconds

__all__ = [
    "CorrectedRate",
    "ErrorComparison",
    "Evaluation",
    "GuardrailReport",
    "Interval",
    "LatencyComparison",
    "Ledger",
    "LedgerShare",
    "Measured",
    "QualityComparison",
    "Verdict",
]


class Verdict(enum.StrEnum):
    """What the evidence says of a canary, or of one guardrail of it. Only ``degraded`` rolls back."""

    INSUFFICIENT = "insufficient"
    UNDECIDED = "undecided"
    HEALTHY = "healthy"
    DEGRADED = "degraded"


class Interval(NamedTuple):
    """A range of values that the data do not contradict, its ends included."""

    low: float
    high: float


@dataclass(frozen=True, kw_only=True)
class LatencyComparison(Value):
    """Latencies of both versions' latest requests, in milliseconds; increases are relative (0.2 is +20%)."""

    stable_p50_ms: float | None = None
    stable_p99_ms: float | None = None
    canary_p50_ms: float | None = None
    canary_p99_ms: float | None = None
    p50_increase: float | None = None
    p99_increase: float | None = None
    stable_ttft_p50_ms: float | None = None
    canary_ttft_p50_ms: float | None = None


@dataclass(frozen=True, kw_only=True)
class ErrorComparison(Value):
    """Shares of failed requests among the latest, in [0, 1], and the relative increase (0.5 is +50%)."""

    stable_rate: float | None = None
    canary_rate: float | None = None
    increase: float | None = None


@dataclass(frozen=True, kw_only=True)
class CorrectedRate(Value):
    """A rate of failures corrected for the judge's own errors, with a 95% interval, in [0, 1]."""

    rate: float
    interval: Interval


@dataclass(frozen=True, kw_only=True)
class QualityComparison(Value):
    """Scores, judgements and lengths of the latest answers.

    Attributes
    ----------
    stable_mean, canary_mean : float or None
        Mean scores, in [0, 1].
    decrease : float or None
        By how much the canary's quality is lower, absolutely: of the mean scores, or, where there are none, of the share of
        judged answers that passed.
    stable_failure_rate, canary_failure_rate : float or None
        Shares of judged answers that failed.
    stable_corrected, canary_corrected : CorrectedRate or None
        These, corrected for the judge's errors, where there is a calibration.
    stable_tokens, canary_tokens, length_change : float or None
        Mean lengths in tokens, and their relative change.
    """

    stable_mean: float | None = None
    canary_mean: float | None = None
    decrease: float | None = None
    stable_failure_rate: float | None = None
    canary_failure_rate: float | None = None
    stable_corrected: CorrectedRate | None = None
    canary_corrected: CorrectedRate | None = None
    stable_tokens: float | None = None
    canary_tokens: float | None = None
    length_change: float | None = None


@dataclass(frozen=True, kw_only=True)
class Measured(Value):
    """What is known of one version: of how many requests, and a share, a time in ms, a score or a length in tokens."""

    requests: int
    value: float | None = None


@dataclass(frozen=True, kw_only=True)
class GuardrailReport(Value):
    """What one guardrail's evidence says.

    Attributes
    ----------
    verdict : Verdict
        What its own evidence says.
    alerts_only : bool
        Whether it rolls nothing back.
    e_value, threshold : float
        Evidence that the canary is worse, and that at which it rolls back: under a true null hypothesis it ever gets that far
        with a probability of at most ``1 / threshold``. `log_e_value` is its natural logarithm.
    safe_e_value, safe_threshold : float
        Evidence that the canary is within the margin, and that at which it is healthy.
    stable, canary : Measured
        Both versions over the whole rollout.
    quantile : float or None
        The quantile that these are, where they are times.
    estimate : float or None
        The estimated relative increase over this stage (0.5 is +50%).
    interval : Interval or None
        The difference, canary less stable, of rates, mean scores, or mean lengths; of times, how much more often the canary
        exceeds, with the margin, the stable version's quantile. Valid at all times together.
    within_margin : bool
        Whether this stage's estimates lie inside the margin.
    limit : float or None
        What the promoted version is held against.
    """

    verdict: Verdict
    alerts_only: bool
    e_value: float
    log_e_value: float
    threshold: float
    safe_e_value: float
    safe_threshold: float
    stable: Measured
    canary: Measured
    quantile: float | None = None
    estimate: float | None = None
    within_margin: bool
    limit: float | None = None
    interval: Interval | None = None


@dataclass(frozen=True, kw_only=True)
class LedgerShare(Value):
    """A guardrail's share of the budget: its weight, its part of the budget, and its evidence against what it needs."""

    weight: float
    alpha: float
    threshold: float
    e_value: float


@dataclass(frozen=True, kw_only=True)
class Ledger(Value):
    """How the budget of false rollbacks is spent."""

    false_rollback_budget: float
    shares: Mapping[str, LedgerShare]
    joint_e_value: float
    joint_threshold: float
    after_promotion: float


@dataclass(frozen=True, kw_only=True)
class _Parts:
    """What an evaluation holds, read when it is first asked for."""

    latency: LatencyComparison
    errors: ErrorComparison
    quality: QualityComparison
    guardrails: Mapping[str, GuardrailReport]
    alerts: Mapping[str, str]
    ledger: Ledger | None
    stable_requests: int
    canary_requests: int
    pairs: int
    awaits: str | None
    at: float
    plain: dict[str, Any] = field(repr=False)


class Evaluation:
    """What an evaluator has to say at one time: the verdict, why, and the numbers of both versions.

    A frozen value; it is made by an evaluator. The comparisons describe each version's latest requests; the verdict rests on
    the guardrails, which compare concurrent requests over the whole rollout.
    """

    __slots__ = ("_parts", "_report")

    _parts: _Parts | None
    _report: Report

    def __init__(self, report: Report) -> None:
        object.__setattr__(self, "_report", report)
        object.__setattr__(self, "_parts", None)

    @property
    def verdict(self) -> Verdict:
        """What the evidence says."""
        return Verdict(self._report.verdict)

    @property
    def rollback(self) -> bool:
        """Whether to roll back: exactly if the verdict is degraded."""
        return self._report.rollback

    @property
    def reasons(self) -> list[str]:
        """Why, in sentences with their numbers, the deciding one first."""
        return self._report.reasons

    @property
    def latency(self) -> LatencyComparison:
        """Latencies of the latest requests."""
        return self._read().latency

    @property
    def errors(self) -> ErrorComparison:
        """Errors among the latest requests."""
        return self._read().errors

    @property
    def quality(self) -> QualityComparison:
        """Judgements and lengths of the latest answers."""
        return self._read().quality

    @property
    def guardrails(self) -> Mapping[str, GuardrailReport]:
        """Each guardrail's evidence, by name; empty where an evaluator has none."""
        return self._read().guardrails

    @property
    def stable_requests(self) -> int:
        """Requests to the stable version that have been judged, over the whole rollout."""
        return self._read().stable_requests

    @property
    def canary_requests(self) -> int:
        """Requests to the canary that have been judged, over the whole rollout."""
        return self._read().canary_requests

    @property
    def pairs(self) -> int:
        """Prompts to which both versions' answers have been compared."""
        return self._read().pairs

    @property
    def alerts(self) -> Mapping[str, str]:
        """What a person should look at and that rolls nothing back, by what it is about."""
        return self._read().alerts

    @property
    def awaits(self) -> str | None:
        """What must come before the canary may go on, whatever else is proven."""
        return self._read().awaits

    @property
    def ledger(self) -> Ledger | None:
        """How the budget of false rollbacks is spent; None where an evaluator has none to keep."""
        return self._read().ledger

    @property
    def at(self) -> float:
        """The time of the evaluation, in seconds since the epoch."""
        return self._read().at

    def to_dict(self) -> dict[str, Any]:
        """The evaluation as plain dictionaries, lists, strings and numbers."""
        return json.loads(json.dumps(self._read().plain))  # type: ignore[no-any-return]

    def to_json(self) -> str:
        """The evaluation as JSON."""
        return self._report.to_json()

    @classmethod
    def from_json(cls, text: str) -> Evaluation:
        """An evaluation from JSON.

        Raises
        ------
        StatisticsError
            If it is none.
        """
        return cls(Report.from_json(text))

    def to_frame(self) -> Any:
        """The guardrails as a :class:`pandas.DataFrame`, a row for each. Needs ``pip install serinus[pandas]``."""
        return _tables.frame(self.guardrails)

    def to_arrow(self) -> Any:
        """The guardrails as a :class:`pyarrow.Table`, a row for each. Needs ``pip install serinus[arrow]``."""
        return _tables.arrow(self.guardrails)

    def _read(self) -> _Parts:
        parts = self._parts
        if parts is None:
            parts = _parts(json.loads(self._report.to_json()))
            object.__setattr__(self, "_parts", parts)
        return parts

    def _repr_html_(self) -> str:
        return _html.evaluation(self)

    def __repr__(self) -> str:
        reasons = self.reasons
        why = f", {reasons[0]!r}" if reasons else ""
        return f"Evaluation({self.verdict.value!r}{why})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Evaluation) and self._report == other._report

    def __hash__(self) -> int:
        return hash((self.verdict, tuple(self.reasons)))

    def __reduce__(self) -> tuple[object, ...]:
        return (Evaluation.from_json, (self.to_json(),))

    def __setattr__(self, name: str, value: object) -> NoReturn:
        raise AttributeError(f"an evaluation does not change: cannot set {name!r}")

    def __delattr__(self, name: str) -> NoReturn:
        raise AttributeError(f"an evaluation does not change: cannot delete {name!r}")


def _parts(plain: dict[str, Any]) -> _Parts:
    intervals = plain.pop("intervals")
    plain["at"] = seconds(plain["at"])
    for name, guardrail in plain["guardrails"].items():
        guardrail["interval"] = intervals.get(name)
    guardrails = {name: _guardrail(guardrail) for name, guardrail in plain["guardrails"].items()}
    corrected = {name: _corrected(plain["quality"][name]) for name in ("stable_corrected", "canary_corrected")}
    return _Parts(
        latency=LatencyComparison(**plain["latency"]),
        errors=ErrorComparison(**plain["errors"]),
        quality=QualityComparison(**{**plain["quality"], **corrected}),
        guardrails=guardrails,
        alerts=plain["alerts"],
        ledger=_ledger(plain["ledger"]),
        stable_requests=plain["stable_requests"],
        canary_requests=plain["canary_requests"],
        pairs=plain["pairs"],
        awaits=plain["awaits"],
        at=plain["at"],
        plain=plain,
    )


def _guardrail(plain: dict[str, Any]) -> GuardrailReport:
    interval = plain["interval"]
    return GuardrailReport(
        **{
            **plain,
            "verdict": Verdict(plain["verdict"]),
            "stable": Measured(**plain["stable"]),
            "canary": Measured(**plain["canary"]),
            "interval": _interval(*interval) if interval else None,
        }
    )


def _interval(low: float | None, high: float | None) -> Interval:
    return Interval(-math.inf if low is None else low, math.inf if high is None else high)


def _corrected(plain: dict[str, Any] | None) -> CorrectedRate | None:
    if plain is None:
        return None
    return CorrectedRate(rate=plain["rate"], interval=Interval(**plain["interval"]))


def _ledger(plain: dict[str, Any] | None) -> Ledger | None:
    if plain is None:
        return None
    return Ledger(**{**plain, "shares": {name: LedgerShare(**share) for name, share in plain["shares"].items()}})
