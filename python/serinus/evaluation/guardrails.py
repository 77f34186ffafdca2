"""What a canary must not make worse, and by how much."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from typing import Protocol, TypedDict, Unpack, runtime_checkable

from .._serinus import Outcome
from .._value import Value
from ..errors import StatisticsError

__all__ = ["Check", "Guardrail", "Outcome", "StandardGuardrail"]


class Check(enum.StrEnum):
    """A yes-or-no check of an answer's text that needs no model."""

    EMPTY = "empty"
    TRUNCATED = "truncated"
    REPETITION = "repetition"
    REFUSAL = "refusal"
    JSON = "json"
    TOOL_CALL = "tool_call"
    LANGUAGE = "language"
    LENGTH = "length"
    CUSTOM = "custom"


@runtime_checkable
class Guardrail(Protocol):
    """A guardrail of your own: a yes-or-no question asked of each request, of which the canary must not fail more.

    Any object with these attributes is one; nothing need be inherited. Beside them it may have `absolute` (bool: the
    increase is in shares, 0.02 is two requests in a hundred), `weight`, `granting`, `required`, `alerts_only` (as
    :class:`StandardGuardrail`) and `noun` (what it counts, as it reads in a reason).

    Attributes
    ----------
    name : str
        Its name in reports. No built-in guardrail has it, and it does not change.
    increase : float
        The increase of the share of failing requests that is a regression, relative (0.5 is +50%), in (0, 900].

    Notes
    -----
    `failed` is called for each request as it ends, on the thread that ends it, and holds the interpreter's lock while it
    runs: a plain comparison takes about 0.3 microseconds a request, where a built-in guardrail takes a few nanoseconds.
    It is called once more when the evaluator is made, for a request of which nothing is known but that it failed. Its
    answer must depend on the outcome alone. Where it raises, the request counts as unmeasured in this guardrail; the first
    such error is logged by the logger ``serinus.evaluation``, and all are counted
    (``CanaryEvaluator.guardrail_errors``). It must not use an evaluator.

    Examples
    --------
    >>> import serinus as sr
    >>> class TooShort:
    ...     name = "too_short"
    ...     increase = 0.5
    ...     noun = "answers of fewer than five tokens"
    ...     def failed(self, outcome):
    ...         return None if outcome.tokens is None else outcome.tokens < 5
    >>> ev = sr.CanaryEvaluator(stable="v1", canary="v2", guardrails=[TooShort()])
    >>> "too_short" in ev.evaluate().guardrails
    True
    """

    @property
    def name(self) -> str:
        """Its name in reports."""

    @property
    def increase(self) -> float:
        """The relative increase that is a regression."""

    def failed(self, outcome: Outcome) -> bool | None:
        """Whether a request failed in its sense; None if the outcome says nothing of it."""


class _Options(TypedDict, total=False):
    """What may be said of any :class:`StandardGuardrail`, with the defaults and meanings that it has there."""

    weight: float
    granting: float
    required: bool
    alerts_only: bool


@dataclass(frozen=True, kw_only=True)
class StandardGuardrail(Value):
    """A guardrail that comes with the library, made from the change that counts as a regression.

    A canary is rolled back once it is shown to be worse than the share `granting` of that change, and healthy once it is
    shown to be better than the whole of it. One with the name of a default guardrail takes its place. Each method below takes
    the change and, by name, the options `weight`, `granting`, `required` and `alerts_only`.

    Parameters
    ----------
    kind : str
        What it watches; better said by the methods below.
    change : float
        The change that is a regression.
    weight : float
        Its weight in the budget of false rollbacks, in proportion to the others'. The default guardrails have 0.25 each for
        errors, judged failures and scores, 0.167 for latency and 0.083 for the time to the first token.
    granting : float
        The share of the change that is granted, in [0, 1).
    required : bool
        Whether the canary must be shown to be healthy in it before it gets all traffic.
    alerts_only : bool
        Whether it only alerts: it then rolls nothing back and takes nothing of the budget.
    check : Check, optional
        The check of texts that it watches, of the kind ``text_check``.

    Examples
    --------
    >>> import serinus as sr
    >>> strict = sr.StandardGuardrail.latency(0.1, granting=0.0)
    >>> ev = sr.CanaryEvaluator(stable="v1", canary="v2", guardrails=[strict])
    >>> sorted(ev.evaluate().guardrails)
    ['abandoned_rate', 'error_rate', 'failure_rate', 'latency', 'length', 'score', 'ttft']
    """

    kind: str
    change: float
    weight: float = 0.25
    granting: float = 0.5
    required: bool = True
    alerts_only: bool = False
    check: Check | None = None

    @classmethod
    def error_rate(cls, increase: float, **options: Unpack[_Options]) -> StandardGuardrail:
        """The share of requests that end in an error or never end: a relative increase, in (0, 900]."""
        return cls._of("error_rate", increase, options)

    @classmethod
    def failure_rate(cls, increase: float, **options: Unpack[_Options]) -> StandardGuardrail:
        """The share of judged answers that did not pass: a relative increase, in (0, 900]."""
        return cls._of("failure_rate", increase, options)

    @classmethod
    def abandoned_rate(cls, increase: float, **options: Unpack[_Options]) -> StandardGuardrail:
        """The share of requests whose client went away: a relative increase, in (0, 900]. Leases tell of them."""
        return cls._of("abandoned_rate", increase, options)

    @classmethod
    def latency(cls, increase: float, **options: Unpack[_Options]) -> StandardGuardrail:
        """The latency, at the median, in the tail and in between: a relative increase, in (0, 100]."""
        return cls._of("latency", increase, options)

    @classmethod
    def ttft(cls, increase: float, **options: Unpack[_Options]) -> StandardGuardrail:
        """The time to the first token, as :meth:`latency`."""
        return cls._of("ttft", increase, options)

    @classmethod
    def score(cls, decrease: float, **options: Unpack[_Options]) -> StandardGuardrail:
        """The mean score of the answers: an absolute decrease, in (0, 0.99]."""
        return cls._of("score", decrease, options)

    @classmethod
    def length(cls, change: float, **options: Unpack[_Options]) -> StandardGuardrail:
        """The mean length of the answers: a relative change, to longer or to shorter ones, in (0, 0.9]."""
        return cls._of("length", change, options)

    @classmethod
    def unhappy_rate(cls, increase: float, **options: Unpack[_Options]) -> StandardGuardrail:
        """The share of answers that their users disliked, of those that they said something of: a relative increase, in
        (0, 900].

        Who speaks up is not chance, so it only alerts unless told otherwise.
        """
        options.setdefault("alerts_only", True)
        return cls._of("unhappy_rate", increase, options)

    @classmethod
    def pairwise(cls, decrease: float, **options: Unpack[_Options]) -> StandardGuardrail:
        """Answers to the same prompts, pair by pair: by how much the canary loses more of them than it wins, in (0, 0.99].

        There are pairs only where a deployment has a judge and a shadow. It is not required unless told otherwise.
        """
        options.setdefault("required", False)
        return cls._of("pairwise", decrease, options)

    @classmethod
    def text_check(cls, check: Check | str, increase: float, **options: Unpack[_Options]) -> StandardGuardrail:
        """The share of answers that fail a check of their text: a relative increase, in (0, 900].

        It is not required unless told otherwise.

        Raises
        ------
        StatisticsError
            If there is no such check.
        """
        options.setdefault("required", False)
        if check not in tuple(Check):
            expected = ", ".join(Check)
            what = f"expected a check of texts ({expected}), got {check!r}"
            raise StatisticsError(what, expected=expected, got=str(check))
        return cls._of("text_check", increase, options, Check(check))

    @classmethod
    def _of(cls, kind: str, change: float, options: _Options, check: Check | None = None) -> StandardGuardrail:
        return cls(kind=kind, change=change, check=check, **options)
