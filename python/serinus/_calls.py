"""Calls of the library into objects written in Python."""

from __future__ import annotations

import asyncio
import inspect
import threading
import traceback
from collections.abc import Awaitable, Callable
from typing import Any

from ._serinus import Reply
from .errors import HostError


class Calls:
    """Makes calls, each on a daemon thread of its own; what they await runs on one event loop.

    That is the loop of the coroutine that runs the deployment, or else one made for it.
    """

    def __init__(self) -> None:
        self._loop: asyncio.AbstractEventLoop | None = None
        self._making = threading.Lock()
        self._made: asyncio.AbstractEventLoop | None = None

    def start(self, method: Callable[..., Any], arguments: tuple[Any, ...], reply: Reply) -> None:
        """Begins a call and returns at once."""
        name = f"serinus-{getattr(method, '__name__', 'call')}"
        threading.Thread(target=self._make, args=(method, arguments, reply), name=name, daemon=True).start()

    def use(self, loop: asyncio.AbstractEventLoop) -> None:
        """Has what calls await run on this loop from here on."""
        self._loop = loop

    def close(self) -> None:
        """Ends the loop that was made, if one was."""
        with self._making:
            made, self._made = self._made, None
        if made is not None:
            made.call_soon_threadsafe(made.stop)

    def _make(self, method: Callable[..., Any], arguments: tuple[Any, ...], reply: Reply) -> None:
        try:
            value = method(*arguments)
            if inspect.isawaitable(value):
                value = asyncio.run_coroutine_threadsafe(_awaited(value), self._running_loop()).result()
        except BaseException as error:
            message = str(error) if isinstance(error, HostError) else f"{type(error).__name__}: {error}"
            text = "".join(traceback.format_exception(error))
            reply.fail(error, message, text, _is_transient(error))
        else:
            reply.give(value)

    def _running_loop(self) -> asyncio.AbstractEventLoop:
        if self._loop is not None:
            return self._loop
        with self._making:
            if self._made is None:
                self._made = asyncio.new_event_loop()
                threading.Thread(target=_run, args=(self._made,), name="serinus-loop", daemon=True).start()
            return self._made


def _run(loop: asyncio.AbstractEventLoop) -> None:
    try:
        loop.run_forever()
        loop.run_until_complete(_end_tasks())
        loop.run_until_complete(loop.shutdown_asyncgens())
    finally:
        loop.close()


async def _end_tasks() -> None:
    left = asyncio.all_tasks() - {asyncio.current_task()}
    for task in left:
        task.cancel()
    await asyncio.gather(*left, return_exceptions=True)


async def _awaited(value: Awaitable[Any]) -> Any:
    return await value


def _is_transient(error: BaseException) -> bool:
    if isinstance(error, HostError):
        return error.transient
    return isinstance(error, (ConnectionError, TimeoutError))
