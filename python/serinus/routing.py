"""Splitting traffic between versions."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass

from . import _serinus
from ._serinus import Lease
from ._value import Value

__all__ = ["Lease", "Splitter", "VersionStats"]


@dataclass(frozen=True, kw_only=True)
class VersionStats(Value):
    """Where one version stands.

    Attributes
    ----------
    count, in_flight : int
        Requests routed to it, and those not ended.
    actual_fraction, configured_weight : float
        Its share of all requests routed so far, and as configured, in [0, 1].
    by_reason : mapping of str to int
        Its requests by the reason that sent them there.
    """

    count: int
    in_flight: int
    actual_fraction: float
    configured_weight: float
    by_reason: Mapping[str, int]


class Splitter(_serinus.Splitter):
    """Splits traffic by a frozen hash of the user's id. Keeps nothing per user.

    It may be used from any number of threads. After a fork each process has a splitter of its own, under the table that was
    in force and with counts that begin at 0; leases that were out stay the parent's, and ending one in a child does nothing.
    A reviewer of the parent's samples nothing in a child.

    Parameters
    ----------
    weights : dict of str to float
        Each version's share; they sum to 1. The versions are loaded already.
    salt : str
        Decides who stands where: take the model's name.

    Raises
    ------
    RoutingError
        If a share is negative or not finite, or they do not sum to 1 (within 0.001).

    Examples
    --------
    >>> import serinus as sr
    >>> splitter = sr.Splitter({"v1": 0.95, "v2": 0.05}, salt="llama-70b-chat")
    >>> with splitter.route(user_id="u42") as lease:
    ...     lease.finish(latency_ms=830.0, tokens=212)
    >>> lease.reason
    'sticky'
    """

    __slots__ = ()

    def stats(self) -> dict[str, VersionStats]:
        """Where requests went, by version: all that are or were served."""
        versions = json.loads(self.stats_json())["versions"]
        return {name: VersionStats(**stats) for name, stats in versions.items()}
