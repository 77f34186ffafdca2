"""One request that holds a lease: timed, and ended exactly once."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from ..routing import Lease, Splitter

__all__ = ["LeasedRequest", "route"]


class LeasedRequest:
    """A request on its way through a server, its lease, and what is known of it so far.

    The clock runs from the creation. The first of :meth:`finish`, :meth:`abandon`, :meth:`discard` and :meth:`fail`
    ends the lease; those after it do nothing, and neither do they if the lease was ended by hand.

    Parameters
    ----------
    route : callable
        Takes the lease.

    Examples
    --------
    >>> import serinus as sr
    >>> splitter = sr.Splitter({"v1": 1.0}, salt="m")
    >>> request = LeasedRequest(lambda: splitter.route(user_id="u42"))
    >>> request.note(tokens=212, passed=True)
    >>> request.finish()
    >>> request.version, request.lease.ended
    ('v1', True)
    """

    __slots__ = ("_began", "_latency_ms", "_left_ms", "_notes", "_ttft_ms", "headers", "lease")

    def __init__(self, route: Callable[[], Lease]) -> None:
        self._began = time.perf_counter()
        self._ttft_ms: float | None = None
        self._latency_ms: float | None = None
        self._left_ms: float | None = None
        self._notes: dict[str, Any] = {}
        self.lease = route()
        # What the client is told with its answer.
        self.headers: list[tuple[bytes, bytes]] = []

    @property
    def version(self) -> str:
        """The version that must answer this request."""
        return self.lease.version

    @property
    def has_begun_to_answer(self) -> bool:
        """Whether the first token has come."""
        return self._ttft_ms is not None

    @property
    def client_left(self) -> bool:
        """Whether the client went away before its answer was complete."""
        return self._left_ms is not None

    def note(self, **outcome: Any) -> None:
        """Keeps what the server knows of the answer until the end.

        Parameters
        ----------
        **outcome
            Arguments of :meth:`serinus.Lease.finish`, such as ``tokens=212``, ``passed=True`` or ``quality=0.9``. What
            is noted of times is believed.
        """
        self._notes.update(outcome)

    def first_token(self) -> None:
        """Takes the time to the first token, at the first call."""
        if self._ttft_ms is None and self._left_ms is None:
            self._ttft_ms = self._elapsed_ms()

    def last_token(self) -> None:
        """Takes the latency, for an end that follows. A client cannot leave any more."""
        if self._latency_ms is None:
            self._latency_ms = self._elapsed_ms()

    def leave(self) -> None:
        """Takes the time at which the client went away. The lease is held until the server has stopped, too."""
        if self._left_ms is None and self._latency_ms is None:
            self._left_ms = self._elapsed_ms()

    def finish(self, error: object = None) -> None:
        """Ends the request with its answer, or with an error of its version; abandoned if the client had left."""
        if self._left_ms is not None:
            self.abandon()
        elif not self.lease.ended:
            self.last_token()
            outcome = {"ttft_ms": self._ttft_ms, "latency_ms": self._latency_ms, **self._notes}
            if error:
                outcome["error"] = error
            try:
                self.lease.finish(**outcome)
            except BaseException:
                self.discard()
                raise

    def abandon(self) -> None:
        """Ends the request as abandoned by its client, with the times that it had come to."""
        self.leave()
        if not self.lease.ended:
            waited = self._latency_ms if self._left_ms is None else self._left_ms
            self.lease.abandon(ttft_ms=self._ttft_ms, latency_ms=waited)

    def discard(self) -> None:
        """Ends the request as abandoned without times, for what the client did wrong: no error of its version."""
        if not self.lease.ended:
            self.lease.abandon()

    def fail(self, error: BaseException) -> None:
        """Ends the request by an exception: an error of its version, or, where it was stopped from outside (a cancelled
        task, a closed generator, the end of the process), abandoned."""
        if isinstance(error, Exception):
            self.finish(type(error).__name__)
        else:
            self.abandon()

    def retry(self, splitter: Splitter) -> None:
        """Gives the version up and begins again on another; the clock runs on."""
        self.lease = splitter.retry(self.lease)

    def _elapsed_ms(self) -> float:
        return (time.perf_counter() - self._began) * 1e3


def route(
    splitter: Splitter,
    *,
    user_id: str | None = None,
    category: str | None = None,
    force_version: str | None = None,
    session_token: str | None = None,
    request_id: str | None = None,
) -> LeasedRequest:
    """Routes a request; its clock begins now."""
    named: dict[str, Any] = {} if request_id is None else {"request_id": request_id}
    return LeasedRequest(
        lambda: splitter.route(
            user_id=user_id, category=category, force_version=force_version, session_token=session_token, **named
        )
    )
