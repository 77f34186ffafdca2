"""Calls of judges, checks, redactors and hosts that are written in Python, for threads of the library.

What crosses is plain: tuples of strings one way; the other way ``"ok"`` and what was said, or the kind of a failure and its
text.
"""

from __future__ import annotations

import concurrent.futures
import logging
import queue
import threading
from collections.abc import Callable
from typing import Any

from ._background import wait
from ._serinus import Reply
from .errors import JudgeError
from .evaluation.guardrails import Check
from .judging import Preference, Score
from .prompts import Answer, Prompt

__all__ = ["Crew", "run"]

_log = logging.getLogger("serinus.judging")

_Said = tuple[str, Any]
_Job = tuple[str, tuple[Any, ...], Reply]


def _ask(method: str) -> Callable[[Any, Any, list[Any]], Any]:
    return lambda asked, prompt, answers: getattr(asked, method)(
        Prompt._of(prompt), *(Answer._of(answer) for answer in answers)
    )


def _generate(host: Any, version: str, prompt: Any) -> Any:
    return host.generate(version, Prompt._of(prompt))


def _score(said: Any) -> tuple[float, bool | None]:
    score = Score._from(said)
    return score.quality, score.passed


def _checks(said: Any) -> dict[str, bool]:
    return {Check(name).value: bool(passed) for name, passed in said.items() if passed is not None}


def _kept(said: Any) -> tuple[Any, Any] | None:
    if said is None:
        return None
    prompt, answer = said
    return Prompt._from(prompt)._plain(), Answer._from(answer)._plain()


# What is called, and how what it says is read.
_FUNCTIONS: dict[str, tuple[Callable[..., Any], Callable[[Any], Any]]] = {
    "score": (_ask("score"), _score),
    "prefer": (_ask("prefer"), lambda said: Preference(said).value),
    "check": (_ask("check"), _checks),
    "redact": (_ask("redact"), _kept),
    "generate": (_generate, lambda said: Answer._from(said)._plain()),
}


def run(function: str, arguments: tuple[Any, ...]) -> _Said:
    """Makes a call on this thread. What it raises is a failure, but for what is to end the program."""
    call, read = _FUNCTIONS[function]
    name = f"{type(arguments[0]).__name__}.{function}"
    try:
        said = wait(call(*arguments))
    except JudgeError as error:
        return error.kind.value, error.what
    except concurrent.futures.CancelledError:
        return "unavailable", f"{name} was cancelled"
    except Exception as error:
        _log.warning("%s failed: %s", name, error, exc_info=True)
        return "unavailable", f"{name}: {type(error).__name__}: {error}"
    try:
        return "ok", read(said)
    except (AttributeError, TypeError, ValueError) as error:
        _log.warning("what %s said cannot be understood: %s", name, error)
        return "unparsable", f"{name}: {error}"


class Crew:
    """Daemon threads that make calls for threads that are not Python's."""

    def __init__(self, threads: int) -> None:
        self._jobs: queue.SimpleQueue[_Job | None] = queue.SimpleQueue()
        self._threads = threads
        for number in range(threads):
            name = f"serinus-judging-{number}"
            threading.Thread(target=_work, args=(self._jobs,), name=name, daemon=True).start()
        self.put = self._jobs.put

    def close(self) -> None:
        """Ends the threads, each after the call that it makes."""
        for _ in range(self._threads):
            self._jobs.put(None)


def _work(jobs: queue.SimpleQueue[_Job | None]) -> None:
    while (job := jobs.get()) is not None:
        function, arguments, reply = job
        try:
            said = run(function, arguments)
        except BaseException as error:
            # A judge does not end the program, and its caller must not wait for ever.
            said = ("unavailable", f"{type(error).__name__}: {error}")
        reply.give(said)
        del job, arguments, reply, said
