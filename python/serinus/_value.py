"""What all values of the package have in common."""

from __future__ import annotations

import dataclasses
import enum
import json
from typing import Any


class Value:
    """A frozen dataclass that shows itself as plain data."""

    def to_dict(self) -> dict[str, Any]:
        """The value as plain dictionaries, lists, strings and numbers.

        What is ``None`` or empty and was not given is left out, as in the value's JSON form.
        """
        return {
            field.metadata.get("name", field.name): plain
            for field in dataclasses.fields(self)  # type: ignore[arg-type]
            if (plain := _plain(getattr(self, field.name))) not in (None, {}, "") or field.metadata.get("always", False)
        }

    def to_json(self) -> str:
        """The value as JSON."""
        return json.dumps(self.to_dict())


def _plain(value: Any) -> Any:
    if hasattr(value, "to_dict"):
        return value.to_dict()
    if isinstance(value, enum.Enum):
        return value.value
    if isinstance(value, (tuple, list)):
        return [_plain(item) for item in value]
    if isinstance(value, dict):
        return {name: _plain(item) for name, item in value.items()}
    return value


def seconds(nanoseconds: int) -> float:
    """A point in time as the library writes it, in seconds since the epoch."""
    return nanoseconds / 1e9


def phase_name(phase: Any) -> str:
    """A phase as the library writes it, in words."""
    return f"stage {phase['stage']}" if isinstance(phase, dict) else str(phase).replace("_", " ")
