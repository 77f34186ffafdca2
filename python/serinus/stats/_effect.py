"""A number that knows how far it may be off."""

from __future__ import annotations

from typing import Any, NoReturn, Self

from ._result import Interval


class Effect(float):
    """An estimate, which is the number itself, and the interval of what it estimates.

    Attributes
    ----------
    interval : Interval
        The values that the data do not contradict.
    """

    __slots__ = ("interval",)

    interval: Interval

    def __new__(cls, estimate: float, interval: Interval) -> Self:
        made = super().__new__(cls, estimate)
        object.__setattr__(made, "interval", interval)
        return made

    @classmethod
    def _of(cls, fields: tuple[float, tuple[float, float]]) -> Self:
        estimate, ends = fields
        return cls(estimate, Interval(*ends))

    @property
    def estimate(self) -> float:
        """The number alone."""
        return float(self)

    def to_dict(self) -> dict[str, Any]:
        """Estimate and interval as plain data."""
        return {"estimate": self.estimate, "interval": self.interval.to_dict()}

    def __eq__(self, other: object) -> bool:
        if isinstance(other, Effect):
            return float(self) == float(other) and self.interval == other.interval
        return super().__eq__(other)

    def __ne__(self, other: object) -> bool:
        return not self == other

    __hash__ = float.__hash__

    def __setattr__(self, name: str, value: object) -> NoReturn:
        raise AttributeError(f"cannot assign to {name!r}: a result does not change")

    def __delattr__(self, name: str) -> NoReturn:
        raise AttributeError(f"cannot delete {name!r}: a result does not change")

    def __reduce__(self) -> tuple[Any, ...]:
        return (type(self), (self.estimate, self.interval))

    def __repr__(self) -> str:
        return f"{type(self).__name__}(estimate={self.estimate!r}, interval={self.interval!r})"
