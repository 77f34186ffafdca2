"""The library's own events in Python's `logging`.

An event with the target ``serinus::deploy`` comes to the logger ``serinus.deploy``, with its fields as text and as the
dictionary ``record.serinus``. It is delivered by a thread of its own, at most a moment later: whoever has an event
neither waits for the interpreter nor runs a handler. A level is looked up at most once a second, so a change takes as
long to be noticed where events were dropped before.
"""

from __future__ import annotations

import atexit
import logging
from typing import Any

from . import _serinus

#: How long the end of the process waits for events on their way.
LAST_WORDS_SECONDS = 2.0

logging.getLogger("serinus").addHandler(logging.NullHandler())


def deliver(target: str, level: int, message: str, fields: dict[str, Any], origin: tuple[float, str, str, int]) -> int:
    """Log one event, and say from which level on its logger takes any, in [0, 255]."""
    logger = logging.getLogger(target.replace("::", ".").replace("serinus_", "serinus.", 1))
    if logger.isEnabledFor(level):
        created, thread, module, line = origin
        text = " ".join([message, *(f"{name}={value}" for name, value in fields.items())])
        record = logger.makeRecord(logger.name, level, module, line, text, (), None, extra={"serinus": fields})
        record.created, record.msecs, record.threadName = created, created % 1 * 1000, thread
        logger.handle(record)
    return min(max(logger.getEffectiveLevel(), logger.manager.disable + 1), 255)


def lost(count: int) -> None:
    """Say that so many events came faster than they could be delivered."""
    logging.getLogger("serinus").warning("%d events were lost: they came faster than they were logged", count)


def flush(seconds: float = LAST_WORDS_SECONDS) -> bool:
    """Wait until all events so far have been delivered; whether they have."""
    return _serinus.flush_logs(seconds)


def forget_levels() -> None:
    """Look levels up anew, and not after a second: where a change is to be noticed at once."""
    flush()  # What is on its way may bring levels of before.
    _serinus.forget_log_levels()


def _close() -> None:
    flush()
    _serinus.close_logs()
    flush()


# Before the handlers are closed: `logging` was imported, and so registered, earlier.
atexit.register(_close)
