"""What a host of your own can be held to, in its own tests."""

from __future__ import annotations

from . import _serinus
from ._calls import Calls
from .host import ModelHost
from .planning import ModelVersion

__all__ = ["check_host"]


def check_host(host: ModelHost, first: ModelVersion, second: ModelVersion) -> None:
    """Holds a host to the contract of :class:`serinus.ModelHost`: its calls are made, and made again.

    Parameters
    ----------
    host : ModelHost
        With nothing loaded, and room for one replica of each of the two versions. It ends with nothing loaded.
    first, second : ModelVersion
        Two versions that it can load.

    Raises
    ------
    HostError
        The first rule that it breaks (`expected`), and what it did instead (`got`).

    Examples
    --------
    >>> import serinus as sr
    >>> from serinus.testing import check_host
    >>> class Forgetful:
    ...     def fleet(self): return sr.Fleet(replicas=2, gpu_memory_gb=24.0)
    ...     def load(self, version, replicas): ...
    ...     def warm_up(self, version, tokens): ...
    ...     def verify(self, version): return None
    ...     def cancel_in_flight(self, version): return 0
    ...     def unload(self, version, keep): ...
    >>> v1 = sr.ModelVersion(model_id="chat", version="v1", base_model="llama-8b", weight_hash="aa", gpu_memory_gb=16.0)
    >>> check_host(Forgetful(), v1, v1.replace(version="v2", weight_hash="bb"))
    Traceback (most recent call last):
        ...
    serinus.errors.HostError: a load that finds its wish fulfilled succeeds and changes nothing: v1 has 0 replicas, expected 1
    """
    _serinus.check_host(host, Calls(), first.to_json(), second.to_json())
