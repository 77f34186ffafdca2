"""What the evaluator sees of the ways in which requests end."""

import asyncio
import contextlib
import dataclasses
import itertools
import threading
import time

import pytest
import serinus as sr
from serinus.integrations.asgi import SerinusMiddleware
from service import Host, short_plan


@pytest.fixture
def compared():
    """Serves requests on two versions until some of each are evidence; gives what the evaluator says of them."""
    splitter = sr.Splitter({"v1": 1.0}, salt="chat")
    plan = short_plan()
    long = dataclasses.replace(plan.stages[0], weight=0.5, hold_seconds=3600.0)
    deployment = sr.Deployment(plan.replace(stages=[long]), host=Host(), splitter=splitter, tick_seconds=0.02)
    update = threading.Thread(target=deployment.run)
    update.start()

    def serve(request):
        deadline = time.monotonic() + 30.0
        for first in itertools.count(step=20):
            for number in range(first, first + 20):
                request(splitter, f"u{number}")
            seen = deployment.evaluation.guardrails
            left = seen["abandoned_rate"]
            if min(left.stable.requests, left.canary.requests) >= 50:
                return seen
            assert time.monotonic() < deadline, deployment
            time.sleep(0.005)

    yield serve
    deployment.abort("the test is over")
    update.join()


def finished(splitter, user):
    with splitter.route(user) as lease:
        lease.finish(latency_ms=5.0)


def failed(splitter, user):
    splitter.route(user).finish(latency_ms=5.0, error="timeout")


def raised(error):
    def request(splitter, user):
        with contextlib.suppress(type(error)), splitter.route(user):
            raise error

    return request


def not_ended(splitter, user):
    with splitter.route(user):
        pass


def forgotten(splitter, user):
    splitter.route(user)


def abandoned(splitter, user):
    splitter.route(user).abandon(latency_ms=900.0)


def cancelled(splitter, user):
    async def serve():
        with splitter.route(user):
            await asyncio.Event().wait()

    async def server():
        task = asyncio.create_task(serve())
        await asyncio.sleep(0)
        task.cancel()
        await asyncio.wait([task])

    asyncio.run(server())


def closed(splitter, user):
    def stream():
        with splitter.route(user):
            yield

    pieces = stream()
    next(pieces)
    pieces.close()


def behind_asgi(*messages):
    """An application that sends these messages, raises what is to be raised, and waits for its client at a ``None``."""

    async def app(scope, receive, send):
        for message in messages:
            if isinstance(message, BaseException):
                raise message
            await (receive() if message is None else send(message))

    async def gone():
        return {"type": "http.disconnect"}

    async def drop(message):
        pass

    def request(splitter, user):
        served = SerinusMiddleware(app, splitter, user_id=lambda scope: user)
        with contextlib.suppress(KeyError, asyncio.CancelledError):
            asyncio.run(served({"type": "http", "path": "/", "headers": []}, gone, drop))

    return request


def start(status):
    return {"type": "http.response.start", "status": status, "headers": []}


LAST = {"type": "http.response.body", "body": b"Paris."}

# The share of failures among the requests that ended, and the share that was left.
ANSWERED = (0.0, 0.0)
FAILED = (1.0, 0.0)
LEFT = (None, 1.0)


@pytest.mark.parametrize(
    ("request_of", "kind"),
    [
        pytest.param(finished, ANSWERED, id="finished"),
        pytest.param(failed, FAILED, id="failed"),
        pytest.param(raised(KeyError("model")), FAILED, id="exception"),
        pytest.param(raised(KeyboardInterrupt()), LEFT, id="interrupt"),
        pytest.param(not_ended, LEFT, id="not ended"),
        pytest.param(forgotten, LEFT, id="forgotten"),
        pytest.param(abandoned, LEFT, id="abandoned"),
        pytest.param(cancelled, LEFT, id="cancelled"),
        pytest.param(closed, LEFT, id="closed"),
        pytest.param(behind_asgi(start(200), LAST), ANSWERED, id="asgi: answered"),
        pytest.param(behind_asgi(start(500), LAST), FAILED, id="asgi: 500"),
        pytest.param(behind_asgi(start(200), KeyError("model")), FAILED, id="asgi: exception"),
        pytest.param(behind_asgi(start(200)), FAILED, id="asgi: stops short"),
        pytest.param(behind_asgi(start(404), LAST), LEFT, id="asgi: 404"),
        pytest.param(behind_asgi(start(200), None, LAST), LEFT, id="asgi: left"),
        pytest.param(behind_asgi(None, KeyError("left")), LEFT, id="asgi: left, then an exception"),
        pytest.param(behind_asgi(start(200), asyncio.CancelledError()), LEFT, id="asgi: cancelled"),
    ],
)
def test_the_evaluator_tells_errors_from_clients_that_left(compared, request_of, kind):
    seen = compared(request_of)
    for version in ("stable", "canary"):
        assert tuple(getattr(seen[name], version).value for name in ("error_rate", "abandoned_rate")) == kind
