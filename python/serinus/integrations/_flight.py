"""Requests on engines: counted, and stopped from outside."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any, Protocol

from ..routing import Lease


class Engine(Protocol):
    """What is asked of an engine."""

    @property
    def generate(self) -> Callable[..., AsyncIterator[Any]]:
        """``generate(prompt, sampling_params, request_id, **options)``: ``RequestOutput`` after ``RequestOutput``."""

    @property
    def abort(self) -> Callable[..., Awaitable[None]]:
        """``abort(request_id)``: stops a request; one that is not known is no error."""


class Stopped(Exception):
    """This request's version is being taken away."""


class Replica:
    """An engine and the requests that it runs."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.flights: set[Flight] = set()

    @property
    def is_idle(self) -> bool:
        """Whether it runs none."""
        return not self.flights


class Flight:
    """One request on one engine, which may be told to stop from outside while it waits."""

    def __init__(self, lease: Lease) -> None:
        self.loop = asyncio.get_running_loop()
        self._lease = lease
        self._is_stopped = False
        self._waiting: asyncio.Task[Any] | None = None
        self._was_interrupted = False

    @property
    def must_stop(self) -> bool:
        """Whether the request's version is being taken away."""
        return self._is_stopped or self._lease.cancelled

    async def next(self, outputs: AsyncIterator[Any]) -> Any:
        """The next output, ``None`` after the last; :class:`Stopped` if the word to stop came first, or if the engine
        failed because of it."""
        if self._is_stopped:
            raise Stopped
        try:
            return await self._next(outputs)
        except StopAsyncIteration:
            return None
        except Exception as error:
            if self.must_stop:
                raise Stopped from error
            raise

    async def _next(self, outputs: AsyncIterator[Any]) -> Any:
        task = self._waiting = asyncio.current_task()
        cancelling = task.cancelling() if task else 0
        try:
            return await anext(outputs)
        except asyncio.CancelledError:
            # As `asyncio.timeout` tells its own cancellation from another's.
            if self._was_interrupted and task and task.cancelling() - 1 <= cancelling:
                raise Stopped from None
            raise
        finally:
            self._waiting = None
            if self._was_interrupted and task:
                task.uncancel()

    def stop(self) -> None:
        """Says the word, in the loop that runs the request."""
        if not self._is_stopped:
            self._is_stopped = True
            if self._waiting is not None:
                self._was_interrupted = True
                self._waiting.cancel()


class Tokens:
    """Counts the tokens of ``RequestOutput``s that are cumulative, differences, or the final one."""

    def __init__(self, sampling_params: Any) -> None:
        kind = getattr(sampling_params, "output_kind", None)
        self._adds = getattr(kind, "name", None) == "DELTA"
        self._by_index: dict[int, int] = {}
        self.finish_reason: str | None = None

    def count(self, output: Any) -> None:
        """Takes one output in."""
        for completion in output.outputs:
            before = self._by_index.get(completion.index, 0) if self._adds else 0
            self._by_index[completion.index] = before + len(completion.token_ids)
            if output.finished and completion.finish_reason is not None:
                self.finish_reason = completion.finish_reason

    @property
    def total(self) -> int:
        """Tokens so far, over all sequences that were asked for."""
        return sum(self._by_index.values())


def stop(flights: list[Flight]) -> int:
    """Tells requests to stop, each in its own loop; says how many."""
    told = 0
    for flight in flights:
        try:
            flight.loop.call_soon_threadsafe(flight.stop)
            told += 1
        except RuntimeError:
            # Its loop is closed, and so is what it read.
            continue
    return told


async def stop_on(engine: Engine, outputs: AsyncIterator[Any], request_id: str) -> None:
    """Stops a request at its engine. What a dying engine says to that is of no interest."""
    try:
        close = getattr(outputs, "aclose", None)
        if close is not None:
            await close()
        await engine.abort(request_id)
    except Exception:
        return
