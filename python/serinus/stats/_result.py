"""What all results of the statistics have in common."""

from __future__ import annotations

import dataclasses
import json
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol, Self, TypeAlias

from .._value import Value, _plain

Alternative: TypeAlias = Literal["two-sided", "less", "greater"]
Method: TypeAlias = Literal["auto", "exact", "asymptotic"]


class _Sequence(Protocol):
    def __len__(self) -> int: ...
    def __getitem__(self, place: int, /) -> Any: ...


class _Array(Protocol):
    def __array__(self, /) -> Any: ...


Floats: TypeAlias = _Sequence | _Array
"""Numbers in one dimension: an array (contiguous ``float64`` is read in place), a list, a column of a frame."""
Counts: TypeAlias = Sequence[int] | _Array
"""Whole numbers in one dimension."""
Table: TypeAlias = Sequence[Sequence[int]] | _Array
"""Whole numbers in two rows and two columns: [[a, b], [c, d]]."""


@dataclass(frozen=True)
class Interval(Value):
    """A range of values that the data do not contradict, its ends included.

    An end that is open is infinite, or the end of the parameter's range.

    Examples
    --------
    >>> from serinus.stats import Interval
    >>> low, high = Interval(-1.0, 2.0)
    >>> 0.0 in Interval(low, high), Interval(low, high).width
    (True, 3.0)
    """

    low: float
    high: float

    @property
    def width(self) -> float:
        """Its length."""
        return self.high - self.low

    def __contains__(self, value: float) -> bool:
        return self.low <= value <= self.high

    def __iter__(self) -> Iterator[float]:
        return iter((self.low, self.high))

    def __getitem__(self, end: int) -> float:
        return (self.low, self.high)[end]


class Result(Value):
    """A result: a frozen dataclass whose fields the extension gives in their order."""

    @classmethod
    def _of(cls, fields: tuple[Any, ...]) -> Self:
        # Quicker than the __init__ of a frozen dataclass, which costs about what a test of short samples does.
        made = object.__new__(cls)
        values = made.__dict__
        values.update(zip(cls.__dataclass_fields__, fields))  # type: ignore[attr-defined]
        if "interval" in values:
            values["interval"] = Interval(*values["interval"])
        return made

    def to_dict(self) -> dict[str, Any]:
        """The result as plain data, all fields included."""
        fields = dataclasses.fields(self)  # type: ignore[arg-type]
        return {field.name: _plain(getattr(self, field.name)) for field in fields}

    def to_json(self) -> str:
        """The result as JSON, which has no infinity: an open end of an interval, or an infinite statistic, is ``null``."""
        return json.dumps(_finite(self.to_dict()), allow_nan=False)


def _finite(plain: Any) -> Any:
    if isinstance(plain, dict):
        return {name: _finite(value) for name, value in plain.items()}
    if isinstance(plain, list):
        return [_finite(value) for value in plain]
    return None if isinstance(plain, float) and not math.isfinite(plain) else plain
