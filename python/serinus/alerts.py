"""Telling somebody."""

from __future__ import annotations

import enum
import json
from collections.abc import Awaitable
from dataclasses import dataclass
from typing import Protocol

from ._value import Value, seconds

__all__ = ["Alert", "AlertSink", "Severity"]


class Severity(enum.StrEnum):
    """How urgent an alert is."""

    INFO = "info"
    WARNING = "warning"
    CRITICAL = "critical"


@dataclass(frozen=True, kw_only=True)
class Alert(Value):
    """Something that a person should know.

    Attributes
    ----------
    severity : Severity
        How urgent it is.
    rollout : str
        The rollout that it is about.
    title, body : str
        One line; and what happened, in words and numbers, and what to do.
    at : float
        When it happened, in seconds since the epoch.
    """

    severity: Severity
    rollout: str
    title: str
    body: str
    at: float

    @classmethod
    def _of(cls, text: str) -> Alert:
        data = json.loads(text)
        return cls(**{**data, "severity": Severity(data["severity"]), "at": seconds(data["at"])})


class AlertSink(Protocol):
    """Where alerts go. Any object with this method is one; so is any function of an alert.

    Called on a thread of its own, or awaited; it should give up in a minute or so. An alert that fails is logged and never holds
    a rollout up. The same alert may come twice after a crash.
    """

    def send(self, alert: Alert) -> Awaitable[None] | None:
        """Delivers an alert."""
