"""Coroutines that threads wait for, and one event loop beside everything else to run them."""

from __future__ import annotations

import asyncio
import atexit
import concurrent.futures
import inspect
import os
import threading
from collections.abc import Awaitable
from typing import Any

__all__ = ["wait"]


class _Background:
    """An event loop on a daemon thread. One for all, so that what belongs to a loop (an HTTP client) can be shared."""

    def __init__(self) -> None:
        self._process = os.getpid()
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
        loop, self._loop = self._loop, None
        if self._process == os.getpid() and loop is not None:
            loop.call_soon_threadsafe(self._over.set)
            self._thread.join(1.0)

    def run(self, awaited: Awaitable[Any]) -> Any:
        if threading.current_thread() is self._thread:
            if inspect.iscoroutine(awaited):
                awaited.close()
            raise RuntimeError("a coroutine on this event loop cannot wait for another one; await it")
        return _run(self._loop, awaited)


def _run(loop: asyncio.AbstractEventLoop | None, awaited: Awaitable[Any]) -> Any:
    # A task that is cancelled before it begins closes its own coroutine, but none inside of that.
    coroutine = awaited if inspect.iscoroutine(awaited) else _await(awaited)
    if loop is None or loop.is_closed():
        coroutine.close()
        raise concurrent.futures.CancelledError("the event loop has ended")
    future = asyncio.run_coroutine_threadsafe(coroutine, loop)
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


def wait(said: Any, loop: asyncio.AbstractEventLoop | None = None) -> Any:
    """What was said, or what it comes to if that has to be awaited: on this loop, or else on the one beside everything."""
    global _background
    if not inspect.isawaitable(said):
        return said
    if loop is not None:
        return _run(loop, said)
    with _lock:
        if _background is None:
            _background = _Background()
    return _background.run(said)
