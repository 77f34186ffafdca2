"""Middleware for any ASGI server and framework (ASGI 3, HTTP; other protocols pass through untouched).

What counts as what:

* the time to the first token is the time to the first body that is not empty, the latency the time to the last; both
  end when the application hands the body over, but a client that reads slowly holds its application up;
* a status of 500 or more, an exception, and an application that returns before its answer is complete are errors of the
  version;
* a status of 400 to 499 is the client's doing: no error of the version, but recorded as abandoned, without
  times;
* a client that goes away before the body has ended, and a task that is cancelled, are abandoned with the times that
  they had come to. A client's going is noticed when the application waits for it, as streaming responses do, or when
  the server raises ``OSError`` at a message to it. The lease is held until the application has stopped, since its
  model may run on;
* what an application does after its answer (background tasks) is not measured.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Collection, MutableMapping
from typing import Any

from ..routing import Splitter
from ._request import LeasedRequest, route

__all__ = ["LeasedRequest", "SerinusMiddleware", "measured"]

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Application = Callable[[Scope, Receive, Send], Awaitable[None]]
Source = str | Callable[[Scope], str | None] | None

_TOKEN = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")
_BODY = "http.response.body"
# Extensions by which an application hands a whole file over, and ends its answer with it.
_WHOLE = "http.response.pathsend"
_PIECE = "http.response.zerocopysend"


class SerinusMiddleware:
    """Routes each HTTP request, measures its answer as it streams past, and ends its lease.

    The application finds in its scope ``"serinus.lease"``, ``"serinus.version"`` and ``"serinus.request"``, the
    :class:`LeasedRequest` on which it notes tokens, checks and scores. Nothing is buffered. Each worker process has
    a splitter of its own; all of them, having the same salt and weights, give a user the same version.

    Parameters
    ----------
    app : ASGI application
        What is wrapped.
    splitter : Splitter
        Chooses the version.
    user_id, category, force_version, request_id : str or callable, optional
        Where they are found: the name of a request header, or a function of the scope. By default nobody is known, and
        each request is routed by chance. Leave ``force_version`` unset where clients must not choose.
    paths : collection of str, or callable, optional
        The paths that are routed, or a function of the scope that says so. By default all are.
    session_header : str or None
        The header that carries the session token in both directions, so that a conversation stays on its version.
    session_cookie : str, optional
        A cookie that carries it instead of the header.
    version_header : str, optional
        A response header that says which version answered.
    outcome : callable, optional
        Called with the scope when the answer is complete; what it returns is noted, as with :meth:`LeasedRequest.note`.

    Raises
    ------
    ValueError
        If a header or cookie has a name that HTTP does not allow.

    Examples
    --------
    >>> import asyncio
    >>> import serinus as sr
    >>> async def app(scope, receive, send):
    ...     await send({"type": "http.response.start", "status": 200, "headers": []})
    ...     await send({"type": "http.response.body", "body": scope["serinus.version"].encode()})
    >>> splitter = sr.Splitter({"v1": 1.0}, salt="llama-70b-chat")
    >>> served = SerinusMiddleware(app, splitter, user_id="x-user")
    >>> async def receive():
    ...     return {"type": "http.request"}
    >>> async def send(message):
    ...     print(message.get("body", b""))
    >>> scope = {"type": "http", "path": "/", "headers": [(b"x-user", b"u42")]}
    >>> asyncio.run(served(scope, receive, send))
    b''
    b'v1'
    >>> splitter.stats()["v1"].by_reason
    {'sticky': 1}
    """

    def __init__(
        self,
        app: Application,
        splitter: Splitter,
        *,
        user_id: Source = None,
        category: Source = None,
        force_version: Source = None,
        request_id: Source = None,
        paths: Collection[str] | Callable[[Scope], bool] | None = None,
        session_header: str | None = "serinus-session",
        session_cookie: str | None = None,
        version_header: str | None = None,
        outcome: Callable[[Scope], dict[str, Any]] | None = None,
    ) -> None:
        for name in (session_header, session_cookie, version_header):
            if name is not None and not _TOKEN.fullmatch(name):
                raise ValueError(f"{name!r} cannot be the name of a header or a cookie: letters, digits and dashes can")
        self.app = app
        self.splitter = splitter
        self._sources = {
            "user_id": _reader(user_id),
            "category": _reader(category),
            "force_version": _reader(force_version),
            "request_id": _reader(request_id),
        }
        self._chosen = paths if callable(paths) or paths is None else _among(paths)
        self._session = Session(header=None if session_cookie else session_header, cookie=session_cookie)
        self._version_header = version_header.lower().encode() if version_header else None
        self._outcome = outcome

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or (self._chosen is not None and not self._chosen(scope)):
            await self.app(scope, receive, send)
            return
        named = {name: read(scope) for name, read in self._sources.items()}
        token = self._session.read(scope)
        request = route(self.splitter, session_token=token, **named)
        request.headers = self._session.headers(scope, request.lease.session_token, token)
        if self._version_header:
            request.headers.append((self._version_header, request.version.encode("latin-1", "replace")))
        scope["serinus.request"] = request
        scope["serinus.lease"] = request.lease
        scope["serinus.version"] = request.version
        outcome = self._outcome
        ending = None if outcome is None else lambda: request.note(**outcome(scope))
        await measured(self.app, request, scope, receive, send, ending=ending)


async def measured(
    app: Application,
    request: LeasedRequest,
    scope: Scope,
    receive: Receive,
    send: Send,
    *,
    ending: Callable[[], None] | None = None,
) -> None:
    """Runs an application for a leased request, and ends its lease by what passes.

    Parameters
    ----------
    app, scope, receive, send
        As in ASGI.
    request : LeasedRequest
        What is measured. Its headers are added to the response.
    ending : callable, optional
        Called when the answer is complete, before the lease ends.
    """
    status = 0

    def end() -> None:
        try:
            if ending is not None and not request.lease.ended:
                ending()
        finally:
            if 400 <= status < 500:
                request.discard()
            else:
                request.finish(f"HTTP {status}" if status >= 500 else None)

    async def hear() -> Message:
        message = await receive()
        if message["type"] == "http.disconnect":
            request.leave()
        return message

    async def say(message: Message) -> None:
        nonlocal status
        kind = message["type"]
        if kind == "http.response.start":
            status = message["status"]
            if request.headers:
                message = {**message, "headers": [*message.get("headers", ()), *request.headers]}
        elif (kind == _BODY and message.get("body")) or kind in (_WHOLE, _PIECE):
            request.first_token()
        is_last = kind == _WHOLE or (kind in (_BODY, _PIECE) and not message.get("more_body", False))
        if is_last:
            request.last_token()
        try:
            await send(message)
        except OSError:
            request.leave()
            raise
        finally:
            if is_last:
                end()

    try:
        await app(scope, hear, say)
    except BaseException as error:
        request.fail(error)
        raise
    request.finish("the application returned before its answer was complete")


class Session:
    """Where the session token travels: in a header, in a cookie, or nowhere."""

    def __init__(self, *, header: str | None, cookie: str | None) -> None:
        self._header = header.lower().encode() if header else None
        self._cookie = cookie

    def read(self, scope: Scope) -> str | None:
        """The token that the client handed back."""
        if self._cookie is not None:
            for pair in (_header(scope, b"cookie", joined=b"; ") or "").split(";"):
                name, _, value = pair.strip().partition("=")
                if name == self._cookie:
                    return value.strip('"')
            return None
        return _header(scope, self._header) if self._header else None

    def headers(self, scope: Scope, token: str, known: str | None) -> list[tuple[bytes, bytes]]:
        """What tells the client the token; a cookie that it has already is not set again."""
        if self._cookie is not None:
            if token == known:
                return []
            secure = "; Secure" if scope.get("scheme") == "https" else ""
            cookie = f"{self._cookie}={token}; Path=/; HttpOnly; SameSite=Lax{secure}"
            return [(b"set-cookie", cookie.encode())]
        return [(self._header, token.encode())] if self._header else []


def _header(scope: Scope, name: bytes, joined: bytes | None = None) -> str | None:
    found = [bytes(value) for key, value in scope.get("headers", ()) if key.lower() == name]
    if not found:
        return None
    return (found[0] if joined is None else joined.join(found)).decode("latin-1")


def _reader(source: Source) -> Callable[[Scope], str | None]:
    if source is None:
        return lambda scope: None
    if callable(source):
        return source
    name = source.lower().encode()
    return lambda scope: _header(scope, name)


def _among(paths: Collection[str]) -> Callable[[Scope], bool]:
    if isinstance(paths, str):
        raise TypeError(f"paths must be a collection of paths such as [{paths!r}], not one string")
    chosen = frozenset(paths)
    return lambda scope: scope["path"] in chosen
