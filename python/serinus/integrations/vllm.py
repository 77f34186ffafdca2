"""Several versions behind one engine of vLLM's shape.

Written against ``AsyncLLM`` of vLLM 0.18 and later (``vllm.AsyncLLMEngine`` is another name of it): ``generate(prompt,
sampling_params, request_id, *, ...)`` gives ``RequestOutput`` asynchronously, ``abort(request_id)`` is awaited. vLLM
itself is imported only to warm an engine up.
"""

from __future__ import annotations

import threading
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from typing import Any

from ..errors import HostError
from ..routing import Splitter
from ._engine_host import EngineHost
from ._flight import Engine, Flight, Replica, Stopped, Tokens, stop, stop_on
from ._request import LeasedRequest, route

__all__ = ["Engine", "EngineHost", "Generation", "LeasedRequest", "VersionedEngine"]


class VersionedEngine:
    """Generates on the version that each request is routed to.

    Where a version has several engines, the one with the fewest requests is taken. Engines come and go while requests
    run; the methods may be called from any thread.

    Parameters
    ----------
    engines : mapping of str to engine
        An engine of each version.
    splitter : Splitter
        Chooses the version.
    client_errors : tuple of exception types
        What an engine raises when the request itself is wrong: no error of the version.
    name_requests : bool
        Give each request's id to the splitter, too, as ``request_id``.

    Examples
    --------
    ::

        engine = VersionedEngine({"v1": AsyncLLMEngine.from_engine_args(args)}, splitter)
        generation = engine.generate(prompt, sampling_params, request_id, user_id="u42")
        async for output in generation:
            yield output.outputs[0].text
    """

    def __init__(
        self,
        engines: Mapping[str, Engine],
        splitter: Splitter,
        *,
        client_errors: tuple[type[Exception], ...] = (ValueError,),
        name_requests: bool = False,
    ) -> None:
        self.splitter = splitter
        self._client_errors = client_errors
        self._names_requests = name_requests
        self._lock = threading.Lock()
        self._replicas: dict[str, list[Replica]] = {}
        for version, engine in engines.items():
            self.add(version, engine)

    def add(self, version: str, engine: Engine) -> None:
        """Takes an engine in: one more of its version. The splitter decides when the version gets traffic."""
        with self._lock:
            self._replicas.setdefault(version, []).append(Replica(engine))

    def remove(self, version: str, *, keep: int = 0) -> list[Replica]:
        """Gives engines of a version no new request, until there are ``keep`` left.

        Returns
        -------
        list of Replica
            Those that go: ``.engine`` of each may be shut down when it ``.is_idle``.
        """
        with self._lock:
            replicas = self._replicas.get(version, [])
            replicas.sort(key=lambda replica: len(replica.flights), reverse=True)
            self._replicas[version] = replicas[:keep]
            if not keep:
                del self._replicas[version]
            return replicas[keep:]

    def engines(self, version: str) -> list[Engine]:
        """The engines of a version."""
        with self._lock:
            return [replica.engine for replica in self._replicas.get(version, [])]

    @property
    def replicas(self) -> dict[str, int]:
        """How many engines each version has."""
        with self._lock:
            return {version: len(replicas) for version, replicas in self._replicas.items()}

    def generate(
        self,
        prompt: Any,
        sampling_params: Any,
        request_id: str,
        *,
        user_id: str | None = None,
        category: str | None = None,
        force_version: str | None = None,
        session_token: str | None = None,
        **options: Any,
    ) -> Generation:
        """Routes a request and generates its answer.

        Parameters
        ----------
        prompt, sampling_params, request_id, **options
            As the engine's ``generate``.
        user_id, category, force_version, session_token
            As :meth:`serinus.Splitter.route`.

        Returns
        -------
        Generation
            An asynchronous iterator of what the engine gives.
        """
        request = route(
            self.splitter,
            user_id=user_id,
            category=category,
            force_version=force_version,
            session_token=session_token,
            request_id=request_id if self._names_requests else None,
        )
        return Generation(self, request, (prompt, sampling_params, request_id), options, self._client_errors)

    def cancel_in_flight(self, version: str) -> int:
        """Stops the requests of a version; says how many.

        Those that have no token yet begin again on another version if the splitter has withdrawn this one; their
        readers notice nothing. The others end with a ``HostError``.
        """
        with self._lock:
            flights = [flight for replica in self._replicas.get(version, []) for flight in replica.flights]
        return stop(flights)

    def take(self, request: LeasedRequest) -> tuple[Replica, Flight]:
        """Begins a request on the least busy engine of its version."""
        flight = Flight(request.lease)
        with self._lock:
            replicas = self._replicas.get(request.version)
            if replicas:
                replica = min(replicas, key=lambda replica: len(replica.flights))
                replica.flights.add(flight)
                return replica, flight
            known = ", ".join(sorted(self._replicas)) or "none"
        if flight.must_stop:
            raise Stopped
        raise HostError(f"version {request.version} has no engine: add one before it gets traffic (there are: {known})")

    def release(self, replica: Replica, flight: Flight) -> None:
        """Ends what :meth:`take` began."""
        with self._lock:
            replica.flights.discard(flight)


class Generation(AsyncIterator[Any]):
    """The answer to one request, as it comes. Reading it to its end, closing it, or letting go of it ends the lease."""

    def __init__(
        self,
        engine: VersionedEngine,
        request: LeasedRequest,
        arguments: tuple[Any, Any, str],
        options: dict[str, Any],
        client_errors: tuple[type[Exception], ...],
    ) -> None:
        self.request = request
        self._engine = engine
        self._arguments = arguments
        self._options = options
        self._client_errors = client_errors
        self._tokens = Tokens(arguments[1])
        self._outputs = self._run()

    @property
    def version(self) -> str:
        """The version that answers: settled once the first token has come."""
        return self.request.version

    @property
    def session_token(self) -> str:
        """Keeps the conversation on this version."""
        return self.request.lease.session_token

    def note(self, **outcome: Any) -> None:
        """See :meth:`LeasedRequest.note`: what is known of the answer before its iteration has ended."""
        self.request.note(**outcome)

    async def __anext__(self) -> Any:
        return await anext(self._outputs)

    async def aclose(self) -> None:
        """Stops the request, if it runs."""
        await self._outputs.aclose()
        self.request.abandon()

    async def _run(self) -> AsyncGenerator[Any, None]:
        request = self.request
        try:
            while True:
                outputs = self._attempt()
                try:
                    async for output in outputs:
                        yield output
                    break
                except Stopped:
                    if request.has_begun_to_answer:
                        request.abandon()
                        raise HostError(f"version {request.version} was taken away while it answered") from None
                    request.retry(self._engine.splitter)
                    self._tokens = Tokens(self._arguments[1])
                finally:
                    # Here and now, not when it is collected: the engine stops before the lease ends.
                    await outputs.aclose()
        except BaseException as error:
            if isinstance(error, GeneratorExit) and self._tokens.finish_reason is not None:
                # The reader had the whole answer, and did not ask whether there was more.
                self._finish()
            elif isinstance(error, self._client_errors) and not request.has_begun_to_answer:
                request.discard()
            request.fail(error)
            raise
        self._finish()

    async def _attempt(self) -> AsyncGenerator[Any, None]:
        """Generates on the version of the lease; :class:`Stopped` if that is taken away meanwhile."""
        request, tokens = self.request, self._tokens
        replica, flight = self._engine.take(request)
        try:
            outputs = replica.engine.generate(*self._arguments, **self._options)
            try:
                while (output := await flight.next(outputs)) is not None:
                    tokens.count(output)
                    if tokens.finish_reason in (None, "abort") and flight.must_stop:
                        raise Stopped
                    if tokens.total:
                        request.first_token()
                    if tokens.finish_reason is not None:
                        request.last_token()
                    yield output
            finally:
                if tokens.finish_reason is None:
                    await stop_on(replica.engine, outputs, self._arguments[2])
            if tokens.finish_reason is None and flight.must_stop:
                raise Stopped
        finally:
            self._engine.release(replica, flight)

    def _finish(self) -> None:
        tokens = self._tokens
        self.request.note(tokens=tokens.total)
        if tokens.finish_reason == "abort":
            self.request.abandon()
        elif tokens.finish_reason in (None, "error"):
            self.request.finish("the engine ended without an answer")
        else:
            self.request.finish()
