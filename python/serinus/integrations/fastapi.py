"""A lease inside a FastAPI endpoint.

Two ways. Where the user is known from a header, wrap the application in
:class:`~serinus.integrations.asgi.SerinusMiddleware`, and ask for what it holds with ``Depends(leased_request)``. Where
the route hangs on what FastAPI has parsed (the user of the body, the signed-in account), use
``Depends(route_request(splitter, ...))``, and return a :class:`LeasedStreamingResponse` from endpoints that stream.

Written against FastAPI 0.165 and Starlette 1.10; needs FastAPI 0.118 or later.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from typing import Any

from fastapi import Depends, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import StreamingResponse
from starlette.exceptions import HTTPException

from ..routing import Splitter
from ._request import LeasedRequest, route
from .asgi import Receive, Scope, Send, Session, measured

__all__ = ["LeasedRequest", "LeasedStreamingResponse", "leased_request", "route_request"]


def _nobody() -> None:
    return None


def leased_request(request: Request) -> LeasedRequest:
    """The request as the middleware has routed it: a dependency.

    Raises
    ------
    RuntimeError
        If no middleware has routed it.

    Examples
    --------
    ::

        app.add_middleware(SerinusMiddleware, splitter=splitter, user_id="x-user")

        @app.post("/v1/completions")
        async def complete(body: Body, leased: Annotated[LeasedRequest, Depends(leased_request)]):
            answer = await engines[leased.version].complete(body.prompt)
            leased.note(tokens=answer.tokens)
            return answer
    """
    found = request.scope.get("serinus.request")
    if not isinstance(found, LeasedRequest):
        path = request.scope.get("path")
        raise RuntimeError(f"no SerinusMiddleware has routed {path}: add it, or use route_request(splitter)")
    return found


def route_request(
    splitter: Splitter,
    *,
    user_id: Callable[..., Any] = _nobody,
    category: Callable[..., Any] = _nobody,
    session_header: str = "serinus-session",
) -> Callable[..., AsyncIterator[LeasedRequest]]:
    """Makes a dependency that routes a request and ends its lease.

    An endpoint that returns plain data is measured until it has returned. Its exceptions, and an ``HTTPException`` of
    500 and more, are errors of the version; one of 400 to 499, and a body that does not validate, are none.
    An endpoint that streams has to return a :class:`LeasedStreamingResponse`; of any other response object, neither
    its first token nor a client that leaves is seen.

    Parameters
    ----------
    splitter : Splitter
        Chooses the version.
    user_id, category : dependency, optional
        FastAPI dependencies that give a string or ``None``: with parameters of their own, such as a header or the body.
    session_header : str
        The header that carries the session token in both directions.

    Returns
    -------
    dependency
        Gives a :class:`LeasedRequest`.

    Examples
    --------
    ::

        def user(body: Body) -> str | None:
            return body.user

        Routed = Annotated[LeasedRequest, Depends(route_request(splitter, user_id=user))]

        @app.post("/v1/completions")
        async def complete(body: Body, leased: Routed):
            return LeasedStreamingResponse(leased, engines[leased.version].stream(body.prompt))
    """
    session = Session(header=session_header, cookie=None)

    async def dependency(
        request: Request,
        response: Response,
        user: Any = Depends(user_id),
        kind: Any = Depends(category),
    ) -> AsyncIterator[LeasedRequest]:
        leased = route(splitter, user_id=user, category=kind, session_token=session.read(request.scope))
        leased.headers = session.headers(request.scope, leased.lease.session_token, None)
        for name, value in leased.headers:
            response.headers[name.decode()] = value.decode()
        try:
            yield leased
        except BaseException as error:
            is_refusal = isinstance(error, HTTPException) and error.status_code < 500
            if is_refusal or isinstance(error, RequestValidationError):
                leased.discard()
            else:
                leased.fail(error)
            raise
        leased.finish()

    return dependency


class LeasedStreamingResponse(StreamingResponse):
    """A streaming response that is measured as it passes, and ends its request's lease.

    Parameters
    ----------
    leased : LeasedRequest
        What :func:`route_request` gave.
    content : iterable or async iterable of str or bytes
        The pieces of the body.
    **response
        As for Starlette's ``StreamingResponse``.
    """

    def __init__(self, leased: LeasedRequest, content: Any, **response: Any) -> None:
        super().__init__(content, **response)
        self._leased = leased

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope.get("serinus.request") is self._leased:
            # The middleware measures it already.
            await super().__call__(scope, receive, send)
        else:
            await measured(super().__call__, self._leased, scope, receive, send)
