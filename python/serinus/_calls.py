"""Calls of the library into objects written in Python."""

from __future__ import annotations

import asyncio
import threading
import traceback
from collections.abc import Callable
from typing import Any

from ._background import wait
from ._serinus import Reply
from .alerts import Alert
from .errors import HostError
from .journal import JournalEntry, JournalSnapshot
from .planning import ModelVersion
from .policy import StageView


class Calls:
    """Makes calls, each on a daemon thread of its own; what they await runs on one event loop.

    That is the loop of the coroutine that runs the deployment, or else one beside everything.
    """

    def __init__(self) -> None:
        self._loop: asyncio.AbstractEventLoop | None = None

    def start(self, method: Callable[..., Any], arguments: tuple[Any, ...], reply: Reply) -> None:
        """Begins a call and returns at once."""
        name = f"serinus-{getattr(method, '__name__', 'call')}"
        threading.Thread(target=self._make, args=(method, arguments, reply), name=name, daemon=True).start()

    def use(self, loop: asyncio.AbstractEventLoop) -> None:
        """Has what calls await run on this loop from here on."""
        self._loop = loop

    def _make(self, method: Callable[..., Any], arguments: tuple[Any, ...], reply: Reply) -> None:
        try:
            value = wait(method(*map(_read, arguments)), self._loop)
        except BaseException as error:
            message = str(error) if isinstance(error, HostError) else f"{type(error).__name__}: {error}"
            text = "".join(traceback.format_exception(error))
            reply.give((False, (error, message, text, _is_transient(error))))
        else:
            reply.give((True, value))


# How values cross: a kind, and what its function takes.
_READ: dict[str, Callable[..., Any]] = {
    "alert": Alert._of,
    "entry": JournalEntry.from_json,
    "snapshot": JournalSnapshot.from_json,
    "version": ModelVersion.from_json,
    "view": StageView._of,
}


def _read(argument: Any) -> Any:
    if not isinstance(argument, tuple):
        return argument
    kind, *parts = argument
    return _READ[kind](*parts)


def _is_transient(error: BaseException) -> bool:
    if isinstance(error, HostError):
        return error.transient
    return isinstance(error, (ConnectionError, TimeoutError))
