"""Results as HTML for notebooks: plain markup and inline SVG that read on light and on dark pages."""

from __future__ import annotations

import html
import math
import re
from collections.abc import Iterable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .evaluation.results import Evaluation, GuardrailReport
    from .history import RolloutHistory
    from .outcome import RolloutOutcome
    from .planning import UpdatePlan

_WIDTH = 640
_LEFT = 150
_RIGHT = 16
_ROW = 24
# Legible on white and on black alike.
_COLORS = {"degraded": "#e5484d", "healthy": "#30a46c", "undecided": "#8d8d8d", "insufficient": "#8d8d8d"}
_TEXT = 'font-family="sans-serif" font-size="12" fill="currentColor"'


def evaluation(shown: Evaluation) -> str:
    """The verdict, its reasons, and each guardrail's evidence against what it needs."""
    color = _COLORS[shown.verdict]
    reasons = "".join(f"<li>{_escaped(reason)}</li>" for reason in shown.reasons)
    chart = _evidence(shown.guardrails.items()) if shown.guardrails else ""
    return (
        f'<div><p><strong style="color:{color}">{shown.verdict.value}</strong> '
        f"({shown.canary_requests:,} canary and {shown.stable_requests:,} stable requests)</p>"
        f"<ul>{reasons}</ul>{chart}</div>"
    )


def plan(shown: UpdatePlan) -> str:
    """Versions and risk, the canary's share over time, and the stages."""
    stages = shown.stages
    title = (
        f"{_escaped(shown.current.version)} → {_escaped(shown.target.version)}: "
        f"{shown.strategy.value.replace('_', '-')}, {shown.risk.value} risk"
    )
    rows = "".join(
        f"<tr><td>{number}</td><td>{stage.weight:.1%}</td><td>{_duration(stage.hold_seconds)}</td>"
        f"<td>{stage.min_requests:,}</td><td>{stage.canary_replicas}</td><td>{_escaped(stage.purpose)}</td></tr>"
        for number, stage in enumerate(stages, 1)
    )
    heads = "".join(f"<th>{head}</th>" for head in ("", "share", "held for", "requests", "replicas", "purpose"))
    table = f"<table><thead><tr>{heads}</tr></thead><tbody>{rows}</tbody></table>" if rows else ""
    steps = [(stage.weight, stage.hold_seconds) for stage in stages]
    chart = _shares(
        [*steps, (1.0, shown.bake_seconds)],
        "The new version's share of the traffic over time, if nothing holds it up.",
    )
    return f"<div><p><strong>{title}</strong></p>{chart}{table}</div>"


def outcome(shown: RolloutOutcome) -> str:
    """How it ended and why, the canary's share over time, and what the evaluator saw before a rollback."""
    color = _COLORS["healthy" if shown.status == "completed" else "degraded"]
    title = f'<strong style="color:{color}">{shown.status.value.replace("_", " ")}</strong>: {_escaped(shown.reason)}'
    ends = [at for at, _ in shown.weights[1:]] + [shown.finished_at]
    steps = (
        [(share, max(end - at, 0.0)) for (at, share), end in zip(shown.weights, ends, strict=True)]
        if shown.weights
        else []
    )
    chart = _shares(steps, "The new version's share of the traffic over time.") if steps else ""
    back = shown.rollback
    took = back.timing if back else None
    timing = (
        f"<p>rolled back in {took.total_ms:,.1f} ms, the traffic in {took.traffic_shift_ms:,.2f} ms</p>" if took else ""
    )
    seen = evaluation(back.evaluation) if back and back.evaluation else ""
    warnings = "".join(f"<li>{_escaped(warning)}</li>" for warning in shown.warnings)
    return f"<div><p>{title}</p>{chart}{timing}{seen}{f'<ul>{warnings}</ul>' if warnings else ''}</div>"


def history(shown: Iterable[RolloutHistory]) -> str:
    """A row for each rollout."""
    rows = "".join(
        f"<tr><td>{_escaped(one.rollout)}</td><td>{_escaped(one.current)} → {_escaped(one.target)}</td>"
        f"<td>{(one.status.value if one.status else one.phase).replace('_', ' ')}</td>"
        f"<td>{one.stages_passed} of {one.stages}</td><td>{_escaped(one.reason or '')}</td></tr>"
        for one in shown
    )
    heads = "".join(f"<th>{head}</th>" for head in ("rollout", "versions", "status", "stages", "reason"))
    return f"<table><thead><tr>{heads}</tr></thead><tbody>{rows}</tbody></table>"


def facts(shown: Iterable[tuple[str, str]]) -> str:
    """A row for each name and its value."""
    rows = (f"<tr><th>{_escaped(name)}</th><td>{_escaped(value)}</td></tr>" for name, value in shown)
    return f"<table>{''.join(rows)}</table>"


def _evidence(guardrails: Iterable[tuple[str, GuardrailReport]]) -> str:
    shown = [(name, report, report.log_e_value / math.log(10)) for name, report in guardrails]
    most = max(max(log_e, math.log10(report.threshold)) for _, report, log_e in shown)
    # What is far from every threshold needs no scale of its own.
    low, high = max(min(0.0, *(log_e for _, _, log_e in shown)), -4.0), min(most, 12.0) + 0.5

    def x(log: float) -> float:
        return _LEFT + (min(max(log, low), high) - low) / (high - low) * (_WIDTH - _LEFT - _RIGHT)

    parts = []
    for row, (name, report, log_e) in enumerate(shown):
        y = row * _ROW + 4
        left, right = sorted((x(0.0), x(log_e)))
        needed = x(math.log10(report.threshold))
        words = _escaped(
            f"{name}: evidence {report.e_value:.3g}, needed {report.threshold:.3g}, {report.verdict.value}"
        )
        parts.append(
            f"<g><title>{words}</title>"
            f'<text x="{_LEFT - 8}" y="{y + 12}" text-anchor="end" {_TEXT}>{_escaped(name)}</text>'
            f'<rect x="{left:.1f}" y="{y}" width="{max(right - left, 1.0):.1f}" height="{_ROW - 8}" '
            f'fill="{_COLORS[report.verdict]}"/>'
            f'<line x1="{needed:.1f}" x2="{needed:.1f}" y1="{y - 2}" y2="{y + _ROW - 6}" stroke="currentColor" '
            'stroke-width="2"/></g>'
        )
    bottom = len(shown) * _ROW + 4
    for power in range(math.ceil(low), math.floor(high) + 1):
        if power % 2 == 0:
            parts.append(f'<text x="{x(power):.1f}" y="{bottom + 14}" text-anchor="middle" {_TEXT}>1e{power}</text>')
    caption = "Evidence that the canary is worse (logarithmic); the lines are where it suffices to roll back."
    return _svg(bottom + 22, parts, caption)


def _shares(steps: list[tuple[float, float]], caption: str) -> str:
    total = sum(held for _, held in steps) or 1.0
    height, left, right = 110, 48, _WIDTH - _RIGHT

    def y(weight: float) -> float:
        return 10 + (1.0 - weight) * (height - 20)

    now, path = float(left), [f"M{left} {y(0.0):.1f}"]
    for weight, held in steps:
        path.append(f"V{y(weight):.1f}")
        now += held / total * (right - left)
        path.append(f"H{now:.1f}")
    parts = [f'<path d="{" ".join(path)}" fill="none" stroke="{_COLORS["healthy"]}" stroke-width="2"/>']
    for weight in (0.0, 0.5, 1.0):
        parts.append(
            f'<line x1="{left}" x2="{right}" y1="{y(weight):.1f}" y2="{y(weight):.1f}" stroke="currentColor" '
            'stroke-opacity="0.2"/>'
            f'<text x="{left - 6}" y="{y(weight) + 4:.1f}" text-anchor="end" {_TEXT}>{weight:.0%}</text>'
        )
    parts.append(f'<text x="{right}" y="{height + 14}" text-anchor="end" {_TEXT}>{_duration(total)}</text>')
    return _svg(height + 20, parts, caption)


def _svg(height: float, parts: list[str], caption: str) -> str:
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" role="img" width="{_WIDTH}" height="{height}" '
        f'viewBox="0 0 {_WIDTH} {height}"><title>{_escaped(caption)}</title>{"".join(parts)}</svg>'
        f"<p><small>{_escaped(caption)}</small></p>"
    )


def _duration(seconds: float) -> str:
    for size, unit in ((86_400.0, "d"), (3_600.0, "h"), (60.0, "min")):
        if seconds >= size:
            return f"{seconds / size:.3g} {unit}"
    return f"{seconds:.3g} s"


def _escaped(text: str) -> str:
    # Characters that no markup may hold, however they are written.
    return html.escape(re.sub(r"[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]", "\ufffd", text))
