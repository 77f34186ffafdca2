"""Several versions behind one deployment handle of Ray Serve's shape.

Written against ``DeploymentHandle``, ``DeploymentResponse`` and ``DeploymentResponseGenerator`` of Ray 2.60. Ray itself
is never imported.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Generator, Iterator, Mapping
from typing import Any, Protocol

from ..errors import HostError
from ..routing import Splitter
from ._request import LeasedRequest, route

__all__ = ["Handle", "LeasedRequest", "Response", "StreamingResponse", "VersionedHandle"]


class Handle(Protocol):
    """What is asked of a ``DeploymentHandle``."""

    @property
    def remote(self) -> Callable[..., Any]:
        """``remote(*args, **kwargs)``: a response, or a generator of its pieces."""

    @property
    def options(self) -> Callable[..., Any]:
        """``options(*, method_name=..., stream=..., ...)``: another handle."""


class VersionedHandle:
    """Calls the deployment of the version that each request is routed to.

    A handle that comes of :meth:`options` or :meth:`route` shares the deployments of the one that it comes of.

    Parameters
    ----------
    handles : mapping of str to handle
        A deployment's handle for each version.
    splitter : Splitter
        Chooses the version.
    client_errors : tuple of exception types
        What a deployment raises when the request itself is wrong: no error of the version.
    outcome : callable, optional
        Called with the result, or with each piece of a stream; what it returns is noted, as with
        :meth:`LeasedRequest.note`.

    Examples
    --------
    ::

        handle = VersionedHandle({"v1": serve.get_app_handle("llm-v1"), "v2": serve.get_app_handle("llm-v2")}, splitter)
        answer = await handle.route(user_id="u42").remote(prompt)
        async for piece in handle.options(stream=True).generate.route(user_id="u42").remote(prompt):
            ...
    """

    def __init__(
        self,
        handles: Mapping[str, Handle],
        splitter: Splitter,
        *,
        client_errors: tuple[type[Exception], ...] = (),
        outcome: Callable[[Any], dict[str, Any]] | None = None,
    ) -> None:
        self.splitter = splitter
        self._handles = dict(handles)
        self._client_errors = client_errors
        self._outcome = outcome
        self._options: dict[str, Any] = {}
        self._routed: dict[str, str | None] = {}

    def add(self, version: str, handle: Handle) -> None:
        """Takes a handle in. The splitter decides when the version gets traffic."""
        self._handles[version] = handle

    def remove(self, version: str) -> Handle | None:
        """Lets go of the handle of a version that gets no traffic any more."""
        return self._handles.pop(version, None)

    def options(self, **options: Any) -> VersionedHandle:
        """A handle with other options: those of ``DeploymentHandle.options``."""
        return self._copy(options={**self._options, **options})

    def route(
        self,
        *,
        user_id: str | None = None,
        category: str | None = None,
        force_version: str | None = None,
        session_token: str | None = None,
    ) -> VersionedHandle:
        """A handle for the requests of one user or kind; parameters as :meth:`serinus.Splitter.route`."""
        routed = {
            "user_id": user_id,
            "category": category,
            "force_version": force_version,
            "session_token": session_token,
        }
        return self._copy(routed=routed)

    def remote(self, *args: Any, **kwargs: Any) -> Response | StreamingResponse:
        """Routes a request, and calls its version's deployment.

        Returns
        -------
        Response or StreamingResponse
            The latter with ``options(stream=True)``.

        Raises
        ------
        HostError
            If the version has no handle.
        """
        request = route(self.splitter, **self._routed)
        try:
            handle = self._handles.get(request.version)
            if handle is None:
                known = ", ".join(sorted(self._handles)) or "none"
                raise HostError(f"version {request.version} has no handle: add one before it gets traffic ({known})")
            if self._options:
                handle = handle.options(**self._options)
            response = handle.remote(*args, **kwargs)
        except BaseException as error:
            request.fail(error)
            raise
        kind = StreamingResponse if self._options.get("stream") is True else Response
        return kind(request, response, self._client_errors, self._outcome)

    def __getattr__(self, name: str) -> VersionedHandle:
        if name.startswith("_"):
            raise AttributeError(name)
        return self.options(method_name=name)

    def _copy(
        self, options: dict[str, Any] | None = None, routed: dict[str, str | None] | None = None
    ) -> VersionedHandle:
        copy = VersionedHandle({}, self.splitter, client_errors=self._client_errors, outcome=self._outcome)
        copy._handles = self._handles
        copy._options = self._options if options is None else options
        copy._routed = self._routed if routed is None else routed
        return copy


class _Response:
    def __init__(
        self,
        request: LeasedRequest,
        response: Any,
        client_errors: tuple[type[Exception], ...],
        outcome: Callable[[Any], dict[str, Any]] | None,
    ) -> None:
        self.request = request
        self.response = response
        self._client_errors = client_errors
        self._outcome = outcome

    @property
    def version(self) -> str:
        """The version that answers."""
        return self.request.version

    @property
    def session_token(self) -> str:
        """Keeps the conversation on this version."""
        return self.request.lease.session_token

    @property
    def request_id(self) -> str:
        """Ray's name of the request."""
        name: str = self.response.request_id
        return name

    def note(self, **outcome: Any) -> None:
        """See :meth:`LeasedRequest.note`."""
        self.request.note(**outcome)

    def cancel(self) -> None:
        """Cancels the call, which is then abandoned."""
        self.request.leave()
        self.response.cancel()

    def cancelled(self) -> bool:
        """Whether it was cancelled."""
        return bool(self.response.cancelled())

    def _take(self, value: Any) -> None:
        if self._outcome is not None:
            self.request.note(**self._outcome(value))

    def _fail(self, error: BaseException) -> None:
        if isinstance(error, self._client_errors):
            self.request.discard()
        else:
            self.request.fail(error)

    def __del__(self) -> None:
        request = self.request
        if request.has_begun_to_answer or request.client_left:
            request.abandon()
        else:
            request.discard()


class Response(_Response):
    """A call's result, awaited or waited for, as with a ``DeploymentResponse``.

    Getting it ends the lease; a response whose result nobody gets is abandoned when it is let go of. To pass it to
    another deployment, pass ``.response``, and get the result as well.
    """

    def __await__(self) -> Generator[Any, None, Any]:
        return self._get().__await__()

    async def _get(self) -> Any:
        try:
            result = await self.response
            self.request.last_token()
            self._take(result)
        except BaseException as error:
            self._fail(error)
            raise
        self.request.finish()
        return result

    def result(self, *, timeout_s: float | None = None) -> Any:
        """Waits for the result, outside of an event loop. After a ``TimeoutError`` the call counts as abandoned."""
        try:
            result = self.response.result(timeout_s=timeout_s)
            self.request.last_token()
            self._take(result)
        except BaseException as error:
            if timeout_s is not None and isinstance(error, TimeoutError):
                # The deployment works on, so the lease is held.
                self.request.leave()
            else:
                self._fail(error)
            raise
        self.request.finish()
        return result


class StreamingResponse(_Response):
    """A call's pieces, iterated over, asynchronously or not, as with a ``DeploymentResponseGenerator``.

    The first piece is the first token. Reading to the end ends the lease; a stream that is let go of before is
    abandoned.
    """

    def __aiter__(self) -> AsyncIterator[Any]:
        return self

    async def __anext__(self) -> Any:
        try:
            piece = await self.response.__anext__()
            self.request.first_token()
            self._take(piece)
        except StopAsyncIteration:
            self.request.finish()
            raise
        except BaseException as error:
            self._fail(error)
            raise
        return piece

    def __iter__(self) -> Iterator[Any]:
        return self

    def __next__(self) -> Any:
        try:
            piece = next(self.response)
            self.request.first_token()
            self._take(piece)
        except StopIteration:
            self.request.finish()
            raise
        except BaseException as error:
            self._fail(error)
            raise
        return piece
