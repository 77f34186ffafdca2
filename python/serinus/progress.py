"""Showing an update as it goes."""

from __future__ import annotations

import threading
import time
from types import TracebackType
from typing import TYPE_CHECKING, Any, Protocol, Self

from .events import Event, EventKind, Events

if TYPE_CHECKING:
    from rich.table import Table

__all__ = ["Progress"]


class _Screen(Protocol):
    def show(self, event: Event) -> None: ...
    def close(self) -> None: ...


class Progress:
    """Shows an update live from a thread of its own, until it ends or is closed. Made by :meth:`Deployment.progress`."""

    def __init__(self, events: Events, screen: _Screen) -> None:
        self._events = events
        self._screen = screen
        self._closed = threading.Event()
        self._thread = threading.Thread(target=self._follow, name="serinus-progress", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Shows what has happened so far, and no more."""
        self._closed.set()
        self._thread.join()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def _follow(self) -> None:
        try:
            while True:
                event = self._events.next(0.1)
                if event is not None:
                    self._screen.show(event)
                elif self._closed.is_set() or self._events.is_over:
                    return
        finally:
            self._screen.close()


class Lines:
    """A line for each event, but for those that come at every tick."""

    def show(self, event: Event) -> None:
        if event.kind not in (EventKind.JUDGED, EventKind.HOLDING, EventKind.SHADOWING):
            print(f"{time.strftime('%H:%M:%S', time.localtime(event.at))} {event}", flush=True)

    def close(self) -> None:
        pass


class Panel:
    """A table that is drawn anew at each event; by ``rich``."""

    def __init__(self, console: Any = None) -> None:
        try:
            from rich.live import Live
        except ImportError as error:
            raise ImportError("live progress needs rich: pip install 'serinus[rich]', or ask for rich=False") from error
        self._told: dict[str, str] = {}
        self._live = Live(console=console, refresh_per_second=8)
        self._live.start()

    def show(self, event: Event) -> None:
        match event.kind:
            case EventKind.PHASE:
                self._told |= {"phase": event.text, "waits for": ""}
            case EventKind.WEIGHT:
                self._told["canary's share"] = f"{event.weight:.1%}"
            case EventKind.HOLDING:
                self._told |= {
                    "held": f"{event.held_seconds:.0f} s, {event.requests} requests",
                    "waits for": event.text,
                }
            case EventKind.SHADOWING:
                self._told |= {"held": f"{event.held_seconds:.0f} s, {event.pairs} pairs", "waits for": event.text}
            case EventKind.JUDGED:
                self._told["verdict"] = event.text
            case kind:
                self._told[kind.value.replace("_", " ")] = event.text
        self._live.update(self._table(event.rollout))

    def close(self) -> None:
        self._live.stop()

    def _table(self, rollout: str) -> Table:
        from rich.markup import escape
        from rich.table import Table

        table = Table(title=escape(rollout), show_header=False, title_justify="left", min_width=60)
        for name, value in self._told.items():
            if value:
                table.add_row(name, escape(value))
        return table
