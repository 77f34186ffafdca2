"""Carrying an update out."""

from __future__ import annotations

import asyncio
import atexit
import contextlib
import json
import os
import threading
import weakref
from collections.abc import Callable, Iterable
from concurrent.futures import Future
from typing import Any, Self, cast

from . import _serinus
from ._calls import Calls
from ._record import Recorder
from .alerts import Alert, AlertSink
from .errors import RolloutError
from .evaluation import Evaluation, Guardrail, StandardGuardrail
from .events import Events
from .host import ModelHost
from .journal import Journal
from .judging import Generate, Judge
from .outcome import HostFailure, RolloutOutcome
from .planning import UpdatePlan
from .policy import RolloutPolicy
from .progress import Lines, Panel, Progress
from .reviewing import Reviewer
from .routing import Splitter

__all__ = ["Deployment"]

_CALLED = ("load", "warm_up", "verify", "cancel_in_flight", "unload")


class Deployment:
    """Carries a plan out on a host, from the first load to the end.

    What serves goes on serving whatever happens: a host that fails or hangs, a journal that breaks, a driver that is cancelled,
    interrupted or dies. The worst outcome is the old version.

    Parameters
    ----------
    plan : UpdatePlan
        What is to be done.
    host : ModelHost
        The server whose GPUs hold the models.
    splitter : Splitter
        What routes its requests. All traffic is on the plan's current version.
    judge : Judge or Reviewer, optional
        Has a sample of the answers judged, by hand of the splitter's leases: see :class:`Reviewer`. Of a judge alone a reviewer
        is made, which also tries prompts on the new version before any user meets it, if the host can ``generate``.
    guardrails : iterable of StandardGuardrail or Guardrail
        What the canary must not make worse, beside the default ones; one with a default's name takes its place.
    journal : str or path or Journal, optional
        Where decisions are written down before they are carried out: a file, which is made where there is none and survives
        the process, or a journal of your own; in memory without one. Deployments of one process may name the same file.
    alerts : iterable of AlertSink or of functions of an Alert
        Who is told; the log without any.
    policy : RolloutPolicy, optional
        When to go on; that of the plan's stages without one.
    tick_seconds : float
        How often evidence is collected and judged.

    Raises
    ------
    PlanError
        If the plan cannot be evaluated.
    RolloutError
        If the splitter does not serve the plan's current version.
    JournalError
        If the plan could not be written down. Nothing has been asked of the host.
    TypeError
        If `host` lacks a method.

    Examples
    --------
    >>> import serinus as sr
    >>> class Gpus:
    ...     def load(self, version, replicas): ...   # read the weights
    ...     def warm_up(self, version, tokens): ...
    ...     def verify(self, version): return None   # this server cannot know
    ...     def cancel_in_flight(self, version): return 0
    ...     def unload(self, version, keep): ...
    >>> v1 = sr.ModelVersion(model_id="chat", version="v1", base_model="llama-8b", weight_hash="aa", gpu_memory_gb=16.0)
    >>> v2 = v1.replace(version="v2", config_hash="c2")     # a setting changes: replica by replica
    >>> plan = sr.RiskPlanner().plan(v1, v2, fleet=sr.Fleet(replicas=5, gpu_memory_gb=24.0))
    >>> splitter = sr.Splitter({"v1": 1.0}, salt="chat")
    >>> outcome = sr.Deployment(plan, host=Gpus(), splitter=splitter, tick_seconds=0.01).run()
    >>> outcome.status, splitter.version_for("u42")
    (<Status.COMPLETED: 'completed'>, 'v2')
    """

    def __init__(
        self,
        plan: UpdatePlan,
        *,
        host: ModelHost,
        splitter: Splitter,
        judge: Judge | Reviewer | None = None,
        guardrails: Iterable[Guardrail | StandardGuardrail] = (),
        journal: Journal | str | os.PathLike[str] | None = None,
        alerts: Iterable[AlertSink | Callable[[Alert], Any]] = (),
        policy: RolloutPolicy | None = None,
        tick_seconds: float = 1.0,
    ) -> None:
        calls = Calls()
        native = _open(
            plan.to_json(),
            host=host,
            splitter=splitter,
            calls=calls,
            judge=judge,
            guardrails=guardrails,
            journal=journal,
            alerts=alerts,
            policy=policy,
            tick_seconds=tick_seconds,
        )
        assert native is not None
        self._begin(native, calls)

    @classmethod
    def recover(
        cls,
        journal: Journal | str | os.PathLike[str],
        *,
        host: ModelHost,
        splitter: Splitter,
        rollout: str | None = None,
        judge: Judge | Reviewer | None = None,
        guardrails: Iterable[Guardrail | StandardGuardrail] = (),
        alerts: Iterable[AlertSink | Callable[[Alert], Any]] = (),
        policy: RolloutPolicy | None = None,
        tick_seconds: float = 1.0,
    ) -> Self | None:
        """Goes on with the rollout that a process which died has left in a journal; ``None`` if none is left.

        Begin the new process with all traffic on the version that the journal says is :attr:`~RolloutHistory.serving`, and give
        the judge, the guardrails and the policy that the rollout had. Calls to the host are made again: a host that still has
        what is asked for has nothing to do.

        Parameters
        ----------
        journal : Journal, str or path
            Where it was written down.
        rollout : str, optional
            Which one; the last to begin, unless it is named.
        host, splitter, judge, guardrails, alerts, policy, tick_seconds
            As for a new deployment.

        Raises
        ------
        JournalError
            If the journal cannot be read, or does not know the rollout.
        RolloutError
            If the splitter serves another version.
        StatisticsError
            If the guardrails do not fit together, or are not those whose evidence was kept.
        """
        calls = Calls()
        native = _open(
            None,
            rollout=rollout,
            host=host,
            splitter=splitter,
            calls=calls,
            judge=judge,
            guardrails=guardrails,
            journal=journal,
            alerts=alerts,
            policy=policy,
            tick_seconds=tick_seconds,
        )
        if native is None:
            return None
        left = cls.__new__(cls)
        left._begin(native, calls)
        return left

    def _begin(self, native: _serinus.Deployment, calls: Calls) -> None:
        self._native = native
        self._calls = calls
        self._ended: Future[RolloutOutcome] = Future()
        self._starting = threading.Lock()
        self._started = False

    def run(self) -> RolloutOutcome:
        """Carries the plan out, and the plans that supersede it, and gives the outcome of the last. Blocks until the end.

        An update that goes badly is an outcome, not an error. Interrupted (Ctrl-C), it puts all traffic on the old version and
        leaves the rollout unfinished in the journal before it raises.

        Raises
        ------
        RolloutError
            If it has run before, or was stopped before the end.
        """
        self._start()
        try:
            return self._ended.result()
        except BaseException:
            self._leave()
            raise

    async def run_async(self) -> RolloutOutcome:
        """As :meth:`run`, awaited. What async methods of the host await runs on the caller's event loop.

        Cancelled, it puts all traffic on the old version and leaves the rollout unfinished in the journal.
        """
        self._calls.use(asyncio.get_running_loop())
        self._start()
        ended = asyncio.wrap_future(self._ended)
        try:
            return await asyncio.shield(ended)
        except asyncio.CancelledError:
            self._native.stop()
            await asyncio.wait([ended])
            ended.exception()
            raise

    def events(self) -> Events:
        """What happens from here on, for ``for`` and ``async for``."""
        return Events(self._native.events())

    def progress(self, *, rich: bool = True, console: Any = None) -> Progress:
        """Shows the update live from here on, to its end or that of a ``with`` block.

        Parameters
        ----------
        rich : bool
            As a table that is drawn anew, by the package ``rich`` (``pip install 'serinus[rich]'``); otherwise a line for each
            event.
        console : rich.console.Console, optional
            Where the table is drawn; standard output by default.

        Raises
        ------
        ImportError
            Without ``rich``, where it is asked for.
        """
        screen = Panel(console) if rich else Lines()
        return Progress(self.events(), screen)

    def pause(self, reason: str = "paused by hand") -> None:
        """Stays where it is. Guardrails go on watching, and can still roll back.

        Raises
        ------
        RolloutError
            Once it has ended; so do the words below where they do not fit.
        """
        self._native.pause(reason)

    def resume(self) -> None:
        """Goes on."""
        self._native.resume()

    def approve(self) -> None:
        """Lets the last step happen, where the plan asks for approval."""
        self._native.approve()

    def abort(self, reason: str = "aborted by hand") -> None:
        """Goes back to the old version: the very next request is on it."""
        self._native.abort(reason)

    def promote(self) -> None:
        """Goes to 100% now, past holds and minimum requests; not past the proof of health, where the plan asks for it."""
        self._native.promote()

    def end_bake(self) -> None:
        """Does not wait for the rest of the bake."""
        self._native.end_bake()

    def supersede(self, plan: UpdatePlan) -> None:
        """Ends this rollout in favour of another plan; :meth:`run` goes on with that."""
        self._native.supersede(plan.to_json())

    def stop(self) -> None:
        """Ends the driver and not the rollout, as where the process must go: traffic is on the old version, the journal has the
        rollout as unfinished, and :meth:`run` raises :class:`RolloutError`."""
        self._native.stop()

    @property
    def rollout(self) -> str:
        """The rollout's name in the journal."""
        return self._native.rollout

    @property
    def evaluation(self) -> Evaluation:
        """What the evaluator says at this moment."""
        return Evaluation(self._native.evaluation())

    @property
    def phase(self) -> str:
        """Where it stands, in words."""
        return self._native.phase

    def __repr__(self) -> str:
        return f"Deployment({self.rollout!r}, phase={self.phase!r})"

    def _start(self) -> None:
        with self._starting:
            if self._started:
                raise RolloutError("this deployment has run already; make another one")
            if _closing.is_set():
                raise RolloutError("the interpreter is shutting down")
            self._started = True
        _running.add(self)
        threading.Thread(target=self._drive, name="serinus-deployment", daemon=True).start()

    def _drive(self) -> None:
        try:
            recorder = Recorder(self.events())
            ended = json.loads(self._native.drive())
            failures = [
                HostFailure(method=method, message=message, traceback=traceback or "", exception=error)
                for method, message, error, traceback in self._native.failures()
            ]
            outcome = RolloutOutcome._of(ended["outcome"])
            outcome = outcome._with(weights=ended["weights"], stages=recorder.stages(), failures=failures)
        except BaseException as error:
            self._ended.set_exception(error)
        else:
            self._ended.set_result(outcome)

    def _leave(self) -> None:
        self._native.stop()
        self._ended.exception()


def _open(
    plan: str | None,
    *,
    host: ModelHost,
    judge: Judge | Reviewer | None,
    guardrails: Iterable[Guardrail | StandardGuardrail],
    alerts: Iterable[AlertSink | Callable[[Alert], Any]],
    **others: Any,
) -> _serinus.Deployment | None:
    missing = [name for name in _CALLED if not callable(getattr(host, name, None))]
    if missing:
        raise TypeError(f"the host {type(host).__name__} lacks {', '.join(missing)}: see serinus.ModelHost")
    return _serinus.Deployment.open(
        plan,
        host=host,
        reviewer=_reviewer(judge, host),
        guardrails=tuple(guardrails),
        alerts=[_sink(alert) for alert in alerts],
        **others,
    )


def _reviewer(judge: Judge | Reviewer | None, host: ModelHost) -> Reviewer | None:
    if judge is None or isinstance(judge, Reviewer):
        return judge
    generate = cast(Generate, host) if callable(getattr(host, "generate", None)) else None
    return Reviewer(judge, generate=generate)


def _sink(alert: AlertSink | Callable[[Alert], Any]) -> AlertSink:
    return alert if hasattr(alert, "send") else _Function(alert)


class _Function:
    def __init__(self, function: Callable[[Alert], Any]) -> None:
        self.send = function


_running: weakref.WeakSet[Deployment] = weakref.WeakSet()
_closing = threading.Event()


@atexit.register
def _close() -> None:
    """An interpreter that goes leaves the old version serving, and no thread of the library inside it."""
    _closing.set()
    for deployment in list(_running):
        deployment.stop()
    for deployment in list(_running):
        with contextlib.suppress(TimeoutError):
            deployment._ended.exception(timeout=10.0)
