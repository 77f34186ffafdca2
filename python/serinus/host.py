"""The server whose GPUs hold the models."""

from __future__ import annotations

from collections.abc import Awaitable
from typing import Protocol

from .planning import Fleet, ModelVersion

__all__ = ["ModelHost"]


class ModelHost(Protocol):
    """What a server does for Serinus on its GPUs. Any object with these methods is one; each may be plain or ``async``.

    **Declarative and idempotent.** Each call says what is wanted, not what to change: "two replicas of v2", "nothing of v2". A
    call that finds its wish fulfilled returns at once. After a crash, or when an answer was lost, the same call is made again.

    **One call at a time** for one rollout, but for this: a call that has passed the plan's deadline is given up, and the next one
    may be made while it still runs. The last replica of a version is never unloaded while requests run on it, unless the drain
    deadline has passed and they were cancelled.

    **It may block** for as long as the work takes: plain methods are called on threads of their own, what ``async`` methods await
    runs on the event loop of :meth:`Deployment.run_async`, or on one made for :meth:`Deployment.run`. An `unload` that overtakes
    a `load` of the same version wins. A call that fails leaves the versions that were serving as they were.

    **Exceptions** are errors of the host. :class:`HostError` says by `transient` whether the same call may succeed later;
    :class:`ConnectionError` and :class:`TimeoutError` may, all others may not and end the update with a rollback. Each arrives
    with its traceback in :attr:`RolloutOutcome.host_failures`.
    """

    def load(self, version: ModelVersion, replicas: int) -> Awaitable[None] | None:
        """Ensures that this many replicas of the version are loaded, not fewer; more are left alone."""

    def warm_up(self, version: str, tokens: int) -> Awaitable[None] | None:
        """Runs about this many tokens through every loaded replica of the version."""

    def verify(self, version: str) -> Awaitable[str | None] | str | None:
        """What is really loaded, on all replicas; ``None`` if this server cannot know.

        It must equal the version's `weight_hash` (an adapter's own, where there is one), or the update is rolled back.
        """

    def cancel_in_flight(self, version: str) -> Awaitable[int] | int:
        """Stops all requests of the version that are running, and says how many."""

    def unload(self, version: str, keep: int) -> Awaitable[None] | None:
        """Shrinks the version to this many replicas; 0 frees all its memory."""

    def fleet(self) -> Awaitable[Fleet] | Fleet:
        """Replicas and GPU memory, in all and by version."""
        ...
