"""Having a sample of the answers judged: the reviewer, and the library's own judge and checks."""

from __future__ import annotations

import json
import pathlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Self

from . import _serinus
from ._value import Value
from .judging import Check, Generate, Judge, Preference, Redactor, Score, TextChecks
from .prompts import Answer, Prompt

__all__ = [
    "Budget",
    "Feedback",
    "OpenAiJudge",
    "Prices",
    "ReviewStats",
    "Reviewer",
    "Rubric",
    "Sampling",
    "Spent",
    "StandardChecks",
    "VersionReviews",
]


@dataclass(frozen=True)
class Rubric(Value):
    """What a judge is asked about an answer: a question, how to answer it, and a scale in words.

    Parameters
    ----------
    text : str
        ``"hallucination"``, ``"helpfulness"``, ``"instruction_following"`` or ``"harmlessness"``; or a rubric written in
        TOML.

    Raises
    ------
    JudgeConfigError
        With what is wrong in the text.

    Examples
    --------
    >>> import serinus as sr
    >>> sr.Rubric("hallucination").pass_at
    0.75
    """

    text: str = field(repr=False)
    name: str = field(init=False)
    pass_at: float = field(init=False)

    def __post_init__(self) -> None:
        name, pass_at = _serinus.read_rubric(self.text)
        object.__setattr__(self, "name", name)
        object.__setattr__(self, "pass_at", pass_at)

    @classmethod
    def from_path(cls, path: str | pathlib.Path) -> Rubric:
        """A rubric in a TOML file."""
        return cls(pathlib.Path(path).read_text(encoding="utf-8"))


@dataclass(frozen=True, kw_only=True)
class Budget(Value):
    """What a judge may spend over its life: calls, tokens, money in the currency of the prices. ``None``: no limit."""

    calls: int | None = None
    tokens: int | None = None
    money: float | None = None


@dataclass(frozen=True, kw_only=True)
class Prices(Value):
    """What a million tokens cost, of questions and of answers."""

    input_per_million: float
    output_per_million: float


@dataclass(frozen=True, kw_only=True)
class Spent(Value):
    """What a judge has spent.

    Attributes
    ----------
    calls, retries, asked_again : int
        HTTP requests; of these, those that repeated a failed one, and those that asked again as the answer could not be
        understood.
    input_tokens, output_tokens : int
        Tokens of questions and of answers.
    estimated : int
        Calls whose tokens had to be estimated.
    money : float
        In the currency of the prices; 0 without prices.
    """

    calls: int
    retries: int
    asked_again: int
    input_tokens: int
    output_tokens: int
    estimated: int
    money: float


class OpenAiJudge(_serinus.OpenAiJudge):
    """A model behind an OpenAI-compatible endpoint (chat completions), as a judge: OpenAI, vLLM, SGLang, llama.cpp, Ollama.

    It blocks, with the interpreter released, within a time limit. Errors quote neither the key nor what was judged nor
    what the model said. It cannot be pickled, for it holds the key.

    Parameters
    ----------
    endpoint : str
        What stands before ``/chat/completions``: ``https://api.openai.com/v1``, ``http://localhost:8000/v1``.
    model : str
        The model's name.
    api_key, api_key_env : str, optional
        The key, or the environment variable that has it. Local servers need none.
    rubric : Rubric or str
        What is asked: a rubric, the name of one, or its TOML.
    answer_format : str
        How the server holds the model to a form: ``"json_schema"``, ``"json_object"`` or ``"plain"``.
    timeout_seconds, deadline_seconds : float
        How long one HTTP request may take, and one judgement with all waits and retries.
    retries, first_wait_seconds : int, float
        How often a request that failed is repeated, and the longest wait before the first time; it doubles.
    concurrency, per_second : int, float
        Requests under way at a time, and a second.
    budget, prices : Budget, Prices, optional
        What it may spend, and what tokens cost.
    max_tokens, max_chars, max_body : int
        The longest answer in tokens, the longest text that is shown whole in characters, the longest reply in bytes.
    parameters : mapping, optional
        Other fields of the request's body; ``None`` takes one out.

    Raises
    ------
    JudgeConfigError
        For what is missing or makes no sense.

    Examples
    --------
    >>> import serinus as sr
    >>> judge = sr.OpenAiJudge(endpoint="http://localhost:8000/v1", model="Qwen/Qwen3-8B", rubric="hallucination",
    ...                        budget=sr.Budget(calls=10_000))
    >>> judge
    OpenAiJudge(endpoint='http://localhost:8000/v1', model='Qwen/Qwen3-8B', rubric='hallucination')
    >>> judge.remaining.calls
    10000
    """

    endpoint: str
    model: str
    rubric: Rubric

    def __new__(
        cls,
        *,
        endpoint: str,
        model: str,
        api_key: str | None = None,
        api_key_env: str | None = None,
        rubric: Rubric | str = "helpfulness",
        answer_format: str = "json_schema",
        timeout_seconds: float = 30.0,
        deadline_seconds: float = 90.0,
        retries: int = 2,
        first_wait_seconds: float = 0.5,
        concurrency: int = 4,
        per_second: float | None = None,
        budget: Budget = Budget(),
        prices: Prices | None = None,
        max_tokens: int = 256,
        max_chars: int = 24_000,
        max_body: int = 1 << 20,
        parameters: Mapping[str, Any] | None = None,
    ) -> Self:
        rubric = rubric if isinstance(rubric, Rubric) else Rubric(rubric)
        options = {
            "endpoint": endpoint,
            "model": model,
            "api_key_env": api_key_env,
            "rubric": rubric.text,
            "answer_format": answer_format,
            "timeout_seconds": timeout_seconds,
            "deadline_seconds": deadline_seconds,
            "retries": retries,
            "first_wait_seconds": first_wait_seconds,
            "concurrency": concurrency,
            "per_second": per_second,
            "budget": budget.to_dict(),
            "prices": prices.to_dict() if prices else None,
            "max_tokens": max_tokens,
            "max_chars": max_chars,
            "max_body": max_body,
            "parameters": dict(parameters or {}),
        }
        judge = super().__new__(cls, json.dumps(options), api_key)
        judge.endpoint, judge.model, judge.rubric = endpoint, model, rubric
        return judge

    def score(self, prompt: Prompt | str, answer: Answer | str) -> Score:
        """Judges one answer.

        Raises
        ------
        JudgeError
            If there is no judgement.
        """
        return Score(*self.judge_one(prompt, answer))

    def prefer(self, prompt: Prompt | str, first: Answer | str, second: Answer | str) -> Preference:
        """Says which of two answers is better, as they are shown; as :meth:`score`."""
        return Preference(self.judge_two(prompt, first, second))

    @property
    def spent(self) -> Spent:
        """What it has spent so far."""
        return Spent(**json.loads(self.spent_json()))

    @property
    def remaining(self) -> Budget:
        """What of its budget is left."""
        return Budget(**json.loads(self.remaining_json()))

    def set_budget(self, budget: Budget) -> None:
        """Gives it another budget. What it has spent counts against it, too."""
        self.set_budget_json(budget.to_json())

    def __repr__(self) -> str:
        return f"OpenAiJudge(endpoint={self.endpoint!r}, model={self.model!r}, rubric={self.rubric.name!r})"

    def __reduce__(self) -> tuple[Any, ...]:
        raise TypeError("an OpenAiJudge cannot be pickled: it holds a key; make one in each process")


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
    alone, and no longer than it takes to judge them.

    Its threads are daemons: the program's end waits for no judge. They do not survive a fork: in a child a reviewer that was
    made before samples nothing, and its methods raise; make one in each process.

    Parameters
    ----------
    judge : Judge, optional
        An :class:`OpenAiJudge`, or any object with ``score`` and ``prefer``.
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
