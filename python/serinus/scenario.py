"""What is simulated: traffic, what versions do with it, and what goes wrong."""

from __future__ import annotations

import dataclasses
import enum
import math
import numbers
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from . import _serinus
from ._value import Value
from .errors import SimulationError

__all__ = [
    "Behaviour",
    "BetaScore",
    "Capacity",
    "DailyRate",
    "Faults",
    "LogNormal",
    "Mishap",
    "NoisyJudge",
    "PromptKind",
    "RampRate",
    "Rate",
    "SimulatedGpus",
    "SlowTail",
    "StepRate",
    "Traffic",
    "Users",
]


class Part(Value):
    """A part of a scenario: its numbers are finite."""

    def __post_init__(self) -> None:
        for part in dataclasses.fields(self):  # type: ignore[arg-type]
            value = finite(f"{type(self).__name__}({part.name}=)", getattr(self, part.name))
            object.__setattr__(self, part.name, value)


def finite(what: str, value: Any) -> Any:
    """The value, its numbers as Python's own and finite."""
    if isinstance(value, tuple):
        return tuple(finite(what, item) for item in value)
    if isinstance(value, Value):
        for part in dataclasses.fields(value):  # type: ignore[arg-type]
            finite(f"{what}.{part.name}", getattr(value, part.name))
    if isinstance(value, numbers.Real) and not isinstance(value, (bool, int)):
        value = int(value) if isinstance(value, numbers.Integral) else float(value)
        if not math.isfinite(value):
            expected, got = "a finite number", str(value)
            raise SimulationError(f"{what}: expected {expected}, got {got}", expected=expected, got=got)
    return value


class Rate(Part):
    """A probability that changes with time: :class:`RampRate`, :class:`DailyRate` or :class:`StepRate`.

    Wherever a rate is taken, a number is a constant one.
    """

    shape: ClassVar[str]

    def __post_init__(self) -> None:
        super().__post_init__()
        for part in dataclasses.fields(self):  # type: ignore[arg-type]
            value = getattr(self, part.name)
            if not isinstance(value, float) and type(value) is not int:
                raise TypeError(f"{type(self).__name__}({part.name}=): expected a number, got {type(value).__name__}")

    def to_dict(self) -> dict[str, Any]:
        """The rate as plain data, with its shape."""
        return {"shape": self.shape, **super().to_dict()}

    def at(self, seconds: float) -> float:
        """The probability so many seconds after the rollout began, in [0, 1]."""
        return _serinus.rate_at(self.to_json(), seconds)


@dataclass(frozen=True, kw_only=True)
class RampRate(Rate):
    """From one value to another along a straight line, and there it stays.

    Examples
    --------
    >>> import serinus as sr
    >>> sr.RampRate(before=0.0, after=0.2, over_seconds=3600.0).at(1800.0)
    0.1
    """

    before: float
    after: float
    over_seconds: float
    shape: ClassVar[str] = "ramp"


@dataclass(frozen=True, kw_only=True)
class DailyRate(Rate):
    """Once up and down in 24 hours, beginning in the middle and rising."""

    low: float
    high: float
    shape: ClassVar[str] = "daily"


@dataclass(frozen=True, kw_only=True)
class StepRate(Rate):
    """One value before a time, another one from then on."""

    before: float
    after: float
    at_seconds: float
    shape: ClassVar[str] = "step"


@dataclass(frozen=True, kw_only=True)
class LogNormal(Part):
    """Times of log-normal shape: their median in milliseconds, and the standard deviation of their logarithm."""

    median_ms: float
    sigma: float


@dataclass(frozen=True, kw_only=True)
class SlowTail(Part):
    """This share of the answers, the slowest already, takes longer by this factor."""

    share: float
    factor: float


@dataclass(frozen=True, kw_only=True)
class BetaScore(Part):
    """Scores in [0, 1] with this mean and standard deviation, beta-distributed."""

    mean: float
    deviation: float


@dataclass(frozen=True, kw_only=True)
class Behaviour(Part):
    """What a version does with requests.

    Parameters
    ----------
    error_rate : float or Rate
        The probability that a request ends in an error.
    fail_rate : float or Rate, optional
        The probability that an answer is judged and does not pass; without it nothing is judged.
    latency, ttft : LogNormal
        How long an answer and its first token take, without waiting. Without `ttft` that is not measured.
    slower : float or Rate
        Makes all times longer by this share of themselves, at most 1: 0.5 is +50%.
    tail : SlowTail, optional
        Makes the slowest answers slower still.
    score : BetaScore, optional
        How answers are scored; not at all without it.
    tokens : float
        The mean length of answers, in tokens.
    abandoned, hangs : float
        The probabilities that a client leaves before the end, and that a request never ends by itself.

    Raises
    ------
    SimulationError
        If a value makes no sense.

    Examples
    --------
    >>> import serinus as sr
    >>> sr.Behaviour(error_rate=0.01, fail_rate=0.03, latency=sr.LogNormal(median_ms=1100, sigma=0.5)).fail_rate
    0.03
    """

    error_rate: float | Rate = 0.0
    fail_rate: float | Rate | None = None
    latency: LogNormal = LogNormal(median_ms=1_100.0, sigma=0.5)
    ttft: LogNormal | None = None
    slower: float | Rate = 0.0
    tail: SlowTail | None = None
    score: BetaScore | None = None
    tokens: float = 200.0
    abandoned: float = 0.0
    hangs: float = 0.0

    def __post_init__(self) -> None:
        super().__post_init__()
        for name in ("error_rate", "fail_rate", "slower"):
            rate = getattr(self, name)
            if not (isinstance(rate, (float, Rate)) or type(rate) is int or (rate is None and name == "fail_rate")):
                raise TypeError(f"Behaviour({name}=): expected a number or a Rate, got {type(rate).__name__}")
        _serinus.check_behaviour(self.to_json())

    def replace(self, **changes: Any) -> Behaviour:
        """The same behaviour with other values in some fields."""
        return dataclasses.replace(self, **changes)


@dataclass(frozen=True, kw_only=True)
class Users(Part):
    """Users who come again and again; their activity follows Zipf's law.

    Parameters
    ----------
    count : int
        How many, up to a million.
    exponent : float
        Zipf's: the activity of the user at rank r is in proportion to r to the power of minus this.
    variation : float
        How much their own failure rates differ: their standard deviation over their mean (gamma-distributed).
    broken : float
        The share of users who get nothing but failures, on any version.
    """

    count: int
    exponent: float = 1.0
    variation: float = 0.0
    broken: float = 0.0


@dataclass(frozen=True, kw_only=True)
class PromptKind(Part):
    """One kind of prompts.

    Parameters
    ----------
    share, canary_share : float
        Its share of the prompts at the stable version and at the canary (the same unless given); they are scaled to
        sum to 1.
    slower, fails_more : float
        What its times and its failures are multiplied by.
    """

    share: float
    canary_share: float | None = None
    slower: float = 1.0
    fails_more: float = 1.0

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.canary_share is None:
            object.__setattr__(self, "canary_share", self.share)


@dataclass(frozen=True, kw_only=True)
class Traffic(Part):
    """The traffic of a service.

    Parameters
    ----------
    requests_per_hour : float
        Requests an hour, on the mean of a day.
    users : int or Users, optional
        Who asks: so many users with an exponent of 1, or as said. Without it each request is from somebody new.
    daily_swing : float
        By which share of the mean there are more at the peak, six hours after the start, and fewer at the trough.
    kinds : sequence of PromptKind
        Kinds of prompts, at most 16.
    labelled : bool
        Whether the host labels the kinds, so that like is compared with like.
    judge_error : float
        The probability that a judgement at the end of a request is the opposite of the truth.
    judged : float
        The share of the answers that are judged.

    Raises
    ------
    SimulationError
        If a value makes no sense.
    """

    requests_per_hour: float
    users: Users | int | None = None
    daily_swing: float = 0.0
    kinds: Sequence[PromptKind] = ()
    labelled: bool = False
    judge_error: float = 0.0
    judged: float = 1.0

    def __post_init__(self) -> None:
        if isinstance(self.users, int):
            object.__setattr__(self, "users", Users(count=self.users))
        object.__setattr__(self, "kinds", tuple(self.kinds))
        super().__post_init__()
        _serinus.check_traffic(self.to_json())


@dataclass(frozen=True, kw_only=True)
class Capacity(Part):
    """How much a version's replicas can do: requests at a time at full speed. Without a limit nobody waits.

    Parameters
    ----------
    concurrent, in_all : float, optional
        On each replica, and on all together where they share something that limits them.
    """

    concurrent: float | None = None
    in_all: float | None = None


@dataclass(frozen=True, kw_only=True)
class SimulatedGpus(Part):
    """The host's GPUs: how long they take to load and to warm up, and how much each version's replicas can do."""

    load_seconds: float = 60.0
    warm_up_seconds: float = 10.0
    stable: Capacity = Capacity()
    canary: Capacity = Capacity()

    def __post_init__(self) -> None:
        super().__post_init__()
        _serinus.check_gpus(self.to_json())


class Mishap(enum.StrEnum):
    """What goes wrong with a load: it fails and may succeed the next time, fails for good, or never answers."""

    NONE = "none"
    TRANSIENT = "transient"
    PERMANENT = "permanent"
    HANGS = "hangs"


@dataclass(frozen=True, kw_only=True)
class Faults(Part):
    """What goes wrong in every run. All times are in seconds since the rollout began.

    Parameters
    ----------
    loads : sequence of Mishap
        What happens to loads, from the first one on.
    replica_dies : sequence of float
        When a replica of the canary dies; it comes back after ten minutes.
    clock_jumps : sequence of (float, float)
        When the clock jumps, and by how many seconds.
    crashes : sequence of float
        When the controller dies, with its router and all that is in flight; it comes back after half a minute.
    lagging_routers, lag_seconds : int, float
        Routers besides the controller's own, and how long it takes them to hear of a new table.
    """

    loads: Sequence[Mishap] = ()
    replica_dies: Sequence[float] = ()
    clock_jumps: Sequence[tuple[float, float]] = ()
    crashes: Sequence[float] = ()
    lagging_routers: int = 0
    lag_seconds: float = 0.0

    def __post_init__(self) -> None:
        for name in ("loads", "replica_dies", "crashes"):
            object.__setattr__(self, name, tuple(getattr(self, name)))
        object.__setattr__(self, "clock_jumps", tuple((at, by) for at, by in self.clock_jumps))
        super().__post_init__()
        _serinus.check_faults(self.to_json())


@dataclass(frozen=True, kw_only=True)
class NoisyJudge(Part):
    """A judge that reads samples of the answers, late, and makes mistakes, each time anew.

    The `fail_rate` of a :class:`Behaviour` is then the true one. A plan with a shadow needs a judge.

    Parameters
    ----------
    error : float
        The probability that it takes a good answer for a bad one, or a bad one for a good one.
    position_bias : float
        The probability that it prefers the answer that is shown first, whatever they say.
    silence : float
        The probability that it gives no judgement.
    per_minute, replays_per_second : float
        Answers judged a minute, of both versions together, and prompts tried a second in the shadow.
    max_held : int
        Prompts and answers held at a time.
    deadline_seconds : float
        What has not been judged by this time after its block has closed is given up.
    """

    error: float = 0.0
    position_bias: float = 0.0
    silence: float = 0.0
    per_minute: float = 60.0
    replays_per_second: float = 5.0
    max_held: int = 1_000
    deadline_seconds: float = 120.0

    def __post_init__(self) -> None:
        super().__post_init__()
        _serinus.check_noisy_judge(self.to_json())
