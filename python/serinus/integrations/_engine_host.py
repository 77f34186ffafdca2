"""A host of engines, for updates."""

from __future__ import annotations

import asyncio
import inspect
import math
import time
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

from ..errors import HostError
from ..planning import Fleet, ModelVersion
from ._flight import Engine, Replica, stop

if TYPE_CHECKING:
    from .vllm import VersionedEngine

__all__ = ["EngineHost"]

# Prompts that warm an engine up ask for this many tokens each.
_WARM_UP_TOKENS = 128
# How long requests that were told to stop may take to do so: their readers may have stopped reading.
_STOP_SECONDS = 1.0
_POLL_SECONDS = 0.01


class EngineHost:
    """Loads, warms, verifies, drains and unloads the engines of a :class:`VersionedEngine`: a host of an update.

    One engine is one replica. vLLM's engines belong to the event loop that they first generated on: carry the update
    out on the server's own (``await deployment.run_async()``). All that is particular to a server is in the callables; each
    may be plain or async, and a plain one runs in a thread of its own.

    Parameters
    ----------
    engine : VersionedEngine
        Whose engines are managed.
    fleet : Fleet
        Replicas, memory and spare replicas of the server; what is loaded is filled in.
    make_engine : callable
        Given a :class:`serinus.ModelVersion`, starts an engine that serves it.
    fingerprint : callable
        Given an engine, says what it has really loaded: the version's ``weight_hash``, or ``None`` if it cannot know.
    shut_down : callable, optional
        Given an engine, frees its memory. By default the engine's ``shutdown()``.
    sampling_params : callable, optional
        Given a number of tokens, the parameters of a request that generates as many. By default vLLM's.

    Examples
    --------
    ::

        host = EngineHost(
            engine,
            fleet=sr.Fleet(replicas=2, gpu_memory_gb=80.0, spare_replicas=1),
            make_engine=lambda version: AsyncLLMEngine.from_engine_args(AsyncEngineArgs(model=paths[version.version])),
            fingerprint=lambda engine: sha256_of(engine.model_config.model),
        )
    """

    def __init__(
        self,
        engine: VersionedEngine,
        *,
        fleet: Fleet,
        make_engine: Callable[[ModelVersion], Engine | Awaitable[Engine]],
        fingerprint: Callable[[Any], str | Awaitable[str | None] | None],
        shut_down: Callable[[Any], object] = lambda engine: engine.shutdown(),
        sampling_params: Callable[[int], Any] | None = None,
    ) -> None:
        self._engine = engine
        self._fleet = fleet
        self._make_engine = make_engine
        self._fingerprint = fingerprint
        self._shut_down = shut_down
        self._sampling_params = sampling_params or _vllm_sampling_params
        # Unloadings so far, by version: one that overtakes a loading wins.
        self._unloadings: dict[str, int] = {}

    async def fleet(self) -> Fleet:
        """Replicas and GPU memory, and the engines of each version."""
        fleet = self._fleet
        return Fleet(
            replicas=fleet.replicas,
            gpu_memory_gb=fleet.gpu_memory_gb,
            spare_replicas=fleet.spare_replicas,
            peak_utilization=fleet.peak_utilization,
            loaded=self._engine.replicas,
        )

    async def load(self, version: ModelVersion, replicas: int) -> None:
        """Ensures that this many engines of a version are there. One that joins others is warmed up before."""
        name = version.version
        unloadings = self._unloadings.get(name, 0)
        while (present := self._engine.replicas.get(name, 0)) < replicas:
            engine: Engine = await _call(self._make_engine, version)
            try:
                if present:
                    await self._warm_up(engine, version.warmup_tokens)
                if self._unloadings.get(name, 0) != unloadings:
                    raise HostError(f"version {name} was unloaded while it was loaded")
            except BaseException:
                await _call(self._shut_down, engine)
                raise
            self._engine.add(name, engine)

    async def warm_up(self, version: str, tokens: int) -> None:
        """Generates about this many tokens on each engine of a version."""
        await asyncio.gather(*(self._warm_up(engine, tokens) for engine in self._engine.engines(version)))

    async def verify(self, version: str) -> str | None:
        """What the engines of a version have really loaded.

        Raises
        ------
        HostError
            If there is none, or they differ.
        """
        found = {await _call(self._fingerprint, engine) for engine in self._engine.engines(version)}
        if len(found) != 1:
            what = "differ: " + ", ".join(sorted(map(str, found))) if found else "are none"
            raise HostError(f"the engines of version {version} {what}; load it again")
        one: str | None = found.pop()
        return one

    async def cancel_in_flight(self, version: str) -> int:
        """Stops the requests of a version. Those without a token begin again elsewhere."""
        return self._engine.cancel_in_flight(version)

    async def unload(self, version: str, keep: int) -> None:
        """Shuts engines of a version down until ``keep`` are left.

        Where others stay, an engine first finishes its requests; where none does, they are stopped.
        """
        self._unloadings[version] = self._unloadings.get(version, 0) + 1
        going = self._engine.remove(version, keep=keep)
        if not keep:
            stop([flight for replica in going for flight in tuple(replica.flights)])
        patience = math.inf if keep else _STOP_SECONDS
        await asyncio.gather(*(self._retire(replica, patience) for replica in going))

    async def _retire(self, replica: Replica, patience: float) -> None:
        deadline = time.monotonic() + patience
        while not replica.is_idle and time.monotonic() < deadline:
            await asyncio.sleep(_POLL_SECONDS)
        await _call(self._shut_down, replica.engine)

    async def _warm_up(self, engine: Engine, tokens: int) -> None:
        for begin in range(0, tokens, _WARM_UP_TOKENS):
            parameters = self._sampling_params(min(_WARM_UP_TOKENS, tokens - begin))
            async for _ in engine.generate("Warm up.", parameters, f"serinus-warm-up-{begin}"):
                pass


async def _call(function: Callable[..., Any], *arguments: Any) -> Any:
    if inspect.iscoroutinefunction(function):
        return await function(*arguments)
    result = await asyncio.to_thread(function, *arguments)
    return await result if inspect.isawaitable(result) else result


def _vllm_sampling_params(tokens: int) -> Any:
    from vllm import SamplingParams

    return SamplingParams(max_tokens=tokens, ignore_eos=True)
