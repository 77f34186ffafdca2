"""A judge behind an OpenAI-compatible endpoint, and what it is asked."""

from __future__ import annotations

import json
import pathlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Self

from . import _serinus
from ._value import Value
from .judging import Preference, Score
from .prompts import Answer, Prompt

__all__ = ["Budget", "OpenAiJudge", "Prices", "Rubric", "Spent"]


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
