"""One event loop beside everything else, for coroutines that threads of the library wait for."""

from __future__ import annotations

import asyncio
import atexit
import inspect
import os
import threading
from collections.abc import Awaitable
from typing import Any

__all__ = ["wait"]


class _Background:
    """An event loop on a daemon thread. One for all, so that what belongs to a loop (an HTTP client) can be shared."""

    def __init__(self) -> None:
        self.process = os.getpid()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._ready = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._stay()), name="serinus-asyncio", daemon=True)
        self._thread.start()
        self._ready.wait()
        atexit.register(self._end)

    async def _stay(self) -> None:
        self._loop, self._over = asyncio.get_running_loop(), asyncio.Event()
        self._ready.set()
        await self._over.wait()

    def _end(self) -> None:
        if self.process == os.getpid() and self._loop is not None:
            self._loop.call_soon_threadsafe(self._over.set)
            self._thread.join(1.0)

    def run(self, awaited: Awaitable[Any]) -> Any:
        if threading.current_thread() is self._thread or self._loop is None:
            raise RuntimeError("a coroutine on this event loop cannot wait for another one; await it")
        future = asyncio.run_coroutine_threadsafe(_await(awaited), self._loop)
        try:
            return future.result()
        except BaseException:
            future.cancel()
            raise


async def _await(awaited: Awaitable[Any]) -> Any:
    return await awaited


_lock = threading.Lock()
_background: _Background | None = None


def _forget() -> None:
    """In a child the thread is not there, and the lock may be held by one that is not either."""
    global _lock, _background
    _lock, _background = threading.Lock(), None


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget)


def wait(said: Any) -> Any:
    """What was said, or what it comes to if that has to be awaited."""
    global _background
    if not inspect.isawaitable(said):
        return said
    with _lock:
        if _background is None:
            _background = _Background()
    return _background.run(said)
