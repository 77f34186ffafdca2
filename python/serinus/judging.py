"""Judging answers: by a model, by checks of their text, by their users."""

from __future__ import annotations

import enum
import json
import numbers
from collections.abc import Awaitable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from . import _serinus
from ._value import Value
from .errors import JudgeConfigError
from .evaluation.guardrails import Check
from .evaluation.results import CorrectedRate, Interval
from .prompts import Answer, Prompt

__all__ = [
    "Calibration",
    "Count",
    "Generate",
    "Judge",
    "JudgeNoise",
    "Pair",
    "PairVerdict",
    "Preference",
    "Redactor",
    "Score",
    "TextChecks",
    "compare_in_both_orders",
    "measure_noise",
]


@dataclass(frozen=True)
class Score(Value):
    """A judgement of one answer.

    Parameters
    ----------
    quality : float
        How good it is, in [0, 1].
    passed : bool, optional
        Whether it passes, where the judge says so.
    """

    quality: float
    passed: bool | None = None

    def __post_init__(self) -> None:
        if not 0.0 <= self.quality <= 1.0:
            raise JudgeConfigError(
                f"expected a quality from 0 to 1, got {self.quality}", expected="0 to 1", got=str(self.quality)
            )

    @classmethod
    def _from(cls, given: Any) -> Score:
        if isinstance(given, cls):
            return given
        quality, passed = given if isinstance(given, tuple) else (given, None)
        if isinstance(quality, bool) or not isinstance(quality, numbers.Real):
            kind = type(quality).__name__
            raise TypeError(f"expected a Score, a float, or a float and a bool, got {kind}")
        return cls(float(quality), None if passed is None else bool(passed))


class Preference(enum.StrEnum):
    """Which of two answers is better, as they are shown."""

    FIRST = "first"
    SECOND = "second"
    NEITHER = "neither"


class Pair(enum.StrEnum):
    """How the canary's answer to a prompt fared against the stable version's."""

    WIN = "win"
    TIE = "tie"
    LOSS = "loss"


class Judge(Protocol):
    """Says how good an answer is, and which of two is better. Any object with these two methods is one; each may be a coroutine.

    Called from several threads at a time, and may block, within a time limit of its own; coroutines run on one event loop.
    It is never told which version gave an answer. Prompts and answers are data: what an answer asks the judge to do must
    not move it.

    A judge that raises gives no evidence: a :class:`JudgeError` says by its kind why; anything else counts as unavailable
    and is logged with its traceback (``serinus.judging``). The caller does not repeat a call.
    """

    def score(
        self, prompt: Prompt, answer: Answer, /
    ) -> Score | float | tuple[float, bool] | Awaitable[Score | float | tuple[float, bool]]:
        """How good an answer is: a score in [0, 1], with whether it passes if the judge can say."""

    def prefer(
        self, prompt: Prompt, first: Answer, second: Answer, /
    ) -> Preference | str | Awaitable[Preference | str]:
        """Which of two answers is better, as they are shown. The caller asks in both orders."""


class TextChecks(Protocol):
    """Checks an answer's text without a model: a pure function of the two, quick, the same for every version."""

    def check(
        self, prompt: Prompt, answer: Answer, /
    ) -> Mapping[Check, bool] | Mapping[str, bool] | Awaitable[Mapping[Check, bool] | Mapping[str, bool]]:
        """Of each check that was made, whether the answer passes it. One that raises made none."""


class Redactor(Protocol):
    """Takes out of prompts and answers what must not leave the process, before a judge sees them.

    Checks of texts, and the host that answers a prompt again, see them as they are.
    """

    def redact(
        self, prompt: Prompt, answer: Answer, /
    ) -> tuple[Prompt | str, Answer | str] | Awaitable[tuple[Prompt | str, Answer | str] | None] | None:
        """The two without what must stay; ``None`` to keep both back, as raising does."""


class Generate(Protocol):
    """Answers a prompt on a version of the caller's choosing, beside all users' traffic."""

    def generate(self, version: str, prompt: Prompt, /) -> Answer | str | Awaitable[Answer | str]:
        """The version's answer. A prompt on which it raises is counted and compared with nothing."""


@dataclass(frozen=True)
class Count(Value):
    """How many of so many failed, or whatever is counted.

    Attributes
    ----------
    failures, trials : int
        How many, of how many.
    """

    failures: int = 0
    trials: int = 0

    @property
    def rate(self) -> float | None:
        """The share; ``None`` of nothing."""
        return self.failures / self.trials if self.trials else None


@dataclass(frozen=True, kw_only=True)
class PairVerdict(Value):
    """What a judge thinks of two answers, asked in both orders.

    Attributes
    ----------
    pair : Pair
        How the canary's answer fared.
    flipped : bool
        Whether the judge preferred the same place both times: position bias, and a tie.
    """

    pair: Pair
    flipped: bool


def compare_in_both_orders(
    judge: Judge, prompt: Prompt | str, stable: Answer | str, canary: Answer | str
) -> PairVerdict:
    """Asks a judge which of two answers is better, in both orders.

    An answer wins only if it is preferred in at least one order and beaten in none. Two answers of the same text tie
    without asking.

    Raises
    ------
    JudgeError
        The judge's own, in either order.

    Examples
    --------
    >>> import serinus as sr
    >>> class Brevity:
    ...     def score(self, prompt, answer):
    ...         return 1.0 / (1 + len(answer.text))
    ...     def prefer(self, prompt, first, second):
    ...         return "first" if len(first.text) <= len(second.text) else "second"
    >>> sr.compare_in_both_orders(Brevity(), "The capital of France?", stable="It is Paris.", canary="Paris.")
    PairVerdict(pair=<Pair.WIN: 'win'>, flipped=False)
    """
    pair, flipped = _serinus.compare_in_both_orders(judge, prompt, stable, canary)
    return PairVerdict(pair=Pair(pair), flipped=flipped)


@dataclass(frozen=True, kw_only=True)
class JudgeNoise(Value):
    """A judge's noise and bias, measured on answers of one version.

    Attributes
    ----------
    flipped : Count
        Of comparisons, those in which it preferred the same place in both orders: position bias, or dice.
    first_place : Count
        Of the answers that were preferred by their place, those that were in the first.
    undecided : Count
        Of answers judged twice, those that passed once and failed once.
    score_difference : float
        The mean difference between two scores of the same answer.
    failed : Count
        Of all calls, those that failed.
    """

    flipped: Count
    first_place: Count
    undecided: Count
    score_difference: float
    failed: Count


def measure_noise(
    judge: Judge, answered_twice: Iterable[tuple[Prompt | str, Answer | str, Answer | str]]
) -> JudgeNoise:
    """Measures a judge's noise and bias on answers of the same version: an A/A test of the judge.

    Each prompt comes with two answers, which should differ in their words (sampled twice at a temperature above 0). The
    first is judged twice, and the two are compared in both orders: four calls for each prompt.

    Raises
    ------
    JudgeError
        Of the kinds ``REFUSED`` and ``OUT_OF_BUDGET``; other failures are counted.
    """
    data = json.loads(_serinus.measure_noise(judge, list(answered_twice)))
    difference = data.pop("score_difference")
    return JudgeNoise(score_difference=difference, **{name: Count(**count) for name, count in data.items()})


@dataclass(frozen=True, kw_only=True)
class Calibration(Value):
    """A judge's own errors, measured on answers that people have labelled.

    Fifty labelled answers of each kind are a start. The labels must be of the same kind of traffic. Verdicts compare raw
    rates; a calibration corrects the rates that are reported.

    Attributes
    ----------
    right_on_bad, right_on_good : Count
        Of bad answers those that were judged bad, and of good ones those judged good.

    Examples
    --------
    >>> import serinus as sr
    >>> judged = [(False, n % 10 == 0) for n in range(100)] + [(True, n % 20 != 0) for n in range(100)]
    >>> calibration = sr.Calibration.from_labels(judged)  # is it good, did it pass
    >>> calibration.sensitivity, calibration.specificity
    (0.9, 0.95)
    >>> round(calibration.correct(120, 1_000).rate, 4)  # not 12%
    0.0824
    """

    right_on_bad: Count = Count()
    right_on_good: Count = Count()

    @classmethod
    def from_labels(cls, judged: Iterable[tuple[bool, bool]]) -> Calibration:
        """From labelled answers that have been judged: of each whether it is good, and whether it passed."""
        return cls._read(_serinus.calibrate([(bool(good), bool(passed)) for good, passed in judged]))

    @classmethod
    def measure(cls, judge: Judge, labelled: Iterable[tuple[Prompt | str, Answer | str, bool]]) -> Calibration:
        """Has a judge judge labelled answers: each a prompt, an answer, and whether that is good.

        One that scores and does not say whether an answer passes is taken to pass it from a score of ½ on.

        Raises
        ------
        JudgeError
            The judge's first: one with holes would be a calibration on answers that are easy to judge.
        """
        return cls._read(_serinus.measure_calibration(judge, list(labelled)))

    @classmethod
    def _read(cls, text: str) -> Calibration:
        return cls(**{name: Count(**count) for name, count in json.loads(text).items()})

    @property
    def sensitivity(self) -> float | None:
        """The share of bad answers that it finds; ``None`` without any."""
        return self.right_on_bad.rate

    @property
    def specificity(self) -> float | None:
        """The share of good answers that it lets pass; ``None`` without any."""
        return self.right_on_good.rate

    def correct(self, failures: int, judged: int, confidence: float = 0.95) -> CorrectedRate | None:
        """The rate of failures behind what it judged; ``None`` if it is no better than chance.

        The rate is that of Rogan and Gladen, American Journal of Epidemiology 107 (1978) 71-76; the interval, which allows
        for how few labels there were, that of Lang and Reiczigel, Preventive Veterinary Medicine 113 (2014) 13-22.

        Raises
        ------
        StatisticsError
            Without labels of both kinds or without judged answers, and for a confidence outside of (0, 1).
        """
        corrected = _serinus.correct(self.to_json(), failures, judged, confidence)
        if corrected is None:
            return None
        rate, low, high = corrected
        return CorrectedRate(rate=rate, interval=Interval(low, high))
