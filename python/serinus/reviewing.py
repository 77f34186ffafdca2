"""Having a sample of the answers judged: the reviewer, and checks of texts."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

from . import _serinus
from ._value import Value
from .evaluation.guardrails import Check
from .judging import Generate, Judge, Redactor, TextChecks
from .prompts import Answer, Prompt

__all__ = [
    "Feedback",
    "ReviewStats",
    "Reviewer",
    "Sampling",
    "StandardChecks",
    "VersionReviews",
]


class StandardChecks(_serinus.StandardChecks):
    """Checks of an answer's text that need no model. Each is quiet where it is not sure.

    Parameters
    ----------
    without : sequence of Check or str
        Checks that are not made.
    only : sequence of Check or str, optional
        The checks that are made, and no others.
    chars, tokens : tuple of int, optional
        How long an answer is to be, at least and at most.
    fenced_json : bool
        Whether JSON inside a Markdown code block is JSON, too.
    refusals : str, optional
        Other phrases of refusal.

    Raises
    ------
    JudgeConfigError
        For a range that nothing is in, or a list that is none.

    Examples
    --------
    >>> import serinus as sr
    >>> checks = sr.StandardChecks(only=["empty", "json"])
    >>> checks.check(sr.Prompt("List three rivers as JSON.", json=True), '["Rhine", "Danube"')
    {<Check.EMPTY: 'empty'>: True, <Check.JSON: 'json'>: False}
    """

    __slots__ = ()

    def __new__(
        cls,
        *,
        without: Sequence[Check | str] = (),
        only: Sequence[Check | str] | None = None,
        chars: tuple[int, int] | None = None,
        tokens: tuple[int, int] | None = None,
        fenced_json: bool = False,
        refusals: str | None = None,
    ) -> Self:
        options = {
            "without": _names(without),
            "only": None if only is None else _names(only),
            "chars": chars,
            "tokens": tokens,
            "fenced_json": fenced_json,
            "refusals": refusals,
        }
        return super().__new__(cls, json.dumps(options))

    def check(self, prompt: Prompt | str, answer: Answer | str) -> dict[Check, bool]:
        """Of each check that applies, whether the answer passes it."""
        return {Check(name): passed for name, passed in json.loads(self.check_json(prompt, answer)).items()}


def _names(checks: Sequence[Check | str]) -> list[str]:
    return [check.value if isinstance(check, Check) else check for check in checks]


@dataclass(frozen=True, kw_only=True)
class Sampling(Value):
    """How many requests are judged, and how many are held meanwhile.

    Parameters
    ----------
    per_minute : float
        Answers judged a minute, of both versions together. The canary has half, or all of its requests where there are
        fewer; the stable version has the rest.
    replays_per_second : float
        Prompts tried on the canary a second while it is in the shadow.
    max_held : int
        Prompts and answers held at a time.
    deadline_seconds : float
        What has not been judged by this time is given up.
    """

    per_minute: float = 60.0
    replays_per_second: float = 5.0
    max_held: int = 1_000
    deadline_seconds: float = 120.0


@dataclass(frozen=True, kw_only=True)
class Feedback(Value):
    """How users' words find their requests.

    Parameters
    ----------
    window_seconds : float
        How long after a request its user may say something. What is said is compared once this has passed.
    remembered : int
        Requests remembered at a time, some 50 bytes each.
    """

    window_seconds: float = 900.0
    remembered: int = 100_000


@dataclass(frozen=True, kw_only=True)
class VersionReviews(Value):
    """What a reviewer has done with one version's answers.

    Attributes
    ----------
    sampled, reviewed : int
        Requests taken into the sample, and those of them that were judged or checked.
    unanswered, crowded_out, kept_back, late : int
        Those that ended without an answer, were let go as too many were held, were kept back by the redactor, and were
        judged too late.
    """

    sampled: int
    reviewed: int
    unanswered: int
    crowded_out: int
    kept_back: int
    late: int


@dataclass(frozen=True, kw_only=True)
class ReviewStats(Value):
    """What a reviewer has done since it was made.

    Attributes
    ----------
    stable, canary : VersionReviews
        By version.
    pairs, flipped, replays_failed : int
        Prompts answered on both versions and compared; of these, those in which the preference flipped with the order; and
        replays that the canary did not answer.
    missing, held : int
        Sampled requests without a review by the deadline, and prompts and answers held at this moment.
    judge_unavailable, judge_unparsable, judge_out_of_budget, judge_not_applicable, judge_refused : int
        Calls without a judgement, by the kind of :class:`JudgeError`.
    feedback, feedback_late, feedback_unknown : int
        Words of users that found their request, came too late, and found none.
    """

    stable: VersionReviews
    canary: VersionReviews
    pairs: int
    flipped: int
    replays_failed: int
    missing: int
    held: int
    judge_unavailable: int
    judge_unparsable: int
    judge_out_of_budget: int
    judge_not_applicable: int
    judge_refused: int
    feedback: int
    feedback_late: int
    feedback_unknown: int

    @property
    def judge_failures(self) -> int:
        """Calls without a judgement, for whatever reason."""
        unheard = self.judge_unavailable + self.judge_unparsable + self.judge_out_of_budget
        return unheard + self.judge_not_applicable + self.judge_refused


class Reviewer(_serinus.Reviewer):
    """Has a sample of both versions' answers judged, off the request path.

    It is given to a deployment, which says when there is something to compare, and to a splitter
    (``splitter.reviewer = …``), whose leases then say which requests are ``sampled``. Prompts and answers are held of these
    alone, and no longer than it takes to judge them. It stays with the splitter when the deployment has ended, and samples
    nothing until the next begins; ``splitter.reviewer = None`` lets it go.

    Its threads are daemons: the program's end waits for no judge. They do not survive a fork: in a child a reviewer that was
    made before samples nothing, and its methods raise; make one in each process.

    Parameters
    ----------
    judge : Judge, optional
        An ``OpenAiJudge``, or any object with ``score`` and ``prefer``.
    checks : TextChecks, optional
        :class:`StandardChecks`, or any object with ``check``.
    generate : Generate, optional
        Tries prompts on a canary before it has any traffic.
    redactor : Redactor, optional
        Prompts and answers pass through it before a judge sees them.
    sampling : Sampling, optional
        How many requests are judged.
    feedback : Feedback, optional
        Takes what users say; without it nobody waits for that.
    workers : int
        Answers judged at a time. With 0 nothing is judged until :meth:`work_off` is called.

    Raises
    ------
    JudgeConfigError
        For a sampling that makes no sense.

    Examples
    --------
    >>> import serinus as sr
    >>> reviewer = sr.Reviewer(checks=sr.StandardChecks(), feedback=sr.Feedback(), workers=1)
    >>> splitter = sr.Splitter({"v1": 1.0}, salt="chat")
    >>> splitter.reviewer = reviewer
    >>> with splitter.route("u42", request_id="r1") as lease:
    ...     lease.finish(latency_ms=830.0, prompt="The capital of France?", response="Paris.")
    >>> lease.sampled  # no rollout is under way
    False
    """

    __slots__ = ()

    def __new__(
        cls,
        judge: Judge | None = None,
        checks: TextChecks | None = None,
        generate: Generate | None = None,
        redactor: Redactor | None = None,
        sampling: Sampling | None = None,
        feedback: Feedback | None = None,
        workers: int = 4,
    ) -> Self:
        for given, methods in (
            (judge, ("score", "prefer")),
            (checks, ("check",)),
            (generate, ("generate",)),
            (redactor, ("redact",)),
        ):
            for method in methods:
                if given is not None and not callable(getattr(given, method, None)):
                    raise TypeError(f"expected an object with a method {method}, got {type(given).__name__}")
        options = {
            "sampling": (sampling or Sampling()).to_dict(),
            "feedback": feedback.to_dict() if feedback else None,
        }
        return super().__new__(cls, judge, checks, generate, redactor, json.dumps(options), workers)

    def stats(self) -> ReviewStats:
        """What it has done so far."""
        data = json.loads(self.stats_json())
        stable, canary = VersionReviews(**data.pop("stable")), VersionReviews(**data.pop("canary"))
        return ReviewStats(stable=stable, canary=canary, **data)
