"""FastAPI on uvicorn, over real HTTP."""

import asyncio
import contextlib
import json
import os
import pathlib
import socket
import subprocess
import sys
import textwrap
import time
from typing import Annotated

import httpx
import pytest
from fastapi import Depends, FastAPI, Header, HTTPException
from fastapi.responses import StreamingResponse
from pydantic import BaseModel
from serinus.integrations.asgi import SerinusMiddleware
from serinus.integrations.fastapi import LeasedRequest, LeasedStreamingResponse, leased_request, route_request
from serving import Recorder, eventually, run, served


class Body(BaseModel):
    prompt: str
    user: str | None = None
    pieces: int = 3
    fails: str | None = None


def user_of(body: Body) -> str | None:
    return body.user


def user_of_header(x_user: Annotated[str | None, Header()] = None) -> str | None:
    return x_user


async def pieces(body, version, pause=0.002):
    for n in range(body.pieces):
        await asyncio.sleep(pause)
        if body.fails == "stream" and n == 1:
            raise RuntimeError("the model died")
        yield f"{version} "


def refuse(body):
    if body.fails == "server":
        raise HTTPException(503)
    if body.fails == "client":
        raise HTTPException(422)
    if body.fails == "bug":
        raise KeyError("bug")


def behind_middleware(recorder):
    app = FastAPI()
    app.add_middleware(
        SerinusMiddleware, splitter=recorder, user_id="x-user", paths=["/stream", "/plain"], version_header="x-version"
    )

    @app.post("/stream")
    async def stream(body: Body, leased: Annotated[LeasedRequest, Depends(leased_request)]):
        refuse(body)
        leased.note(tokens=body.pieces)
        return StreamingResponse(pieces(body, leased.version))

    @app.post("/plain")
    async def plain(body: Body, leased: Annotated[LeasedRequest, Depends(leased_request)]):
        refuse(body)
        leased.note(tokens=body.pieces)
        return {"version": leased.version}

    @app.get("/unrouted")
    async def unrouted(leased: Annotated[LeasedRequest, Depends(leased_request)]):
        return {}

    return app


def by_dependency(recorder):
    app = FastAPI()
    routed = route_request(recorder, user_id=user_of)

    @app.post("/stream")
    async def stream(body: Body, leased: Annotated[LeasedRequest, Depends(routed)]):
        refuse(body)
        leased.note(tokens=body.pieces)
        return LeasedStreamingResponse(leased, pieces(body, leased.version), headers={"x-version": leased.version})

    @app.post("/plain")
    async def plain(body: Body, leased: Annotated[LeasedRequest, Depends(routed)]):
        refuse(body)
        leased.note(tokens=body.pieces)
        return {"version": leased.version}

    return app


APPS = pytest.mark.parametrize("make", [behind_middleware, by_dependency])


def exchange(make, requests, weights=None):
    """Serves an application and runs requests against it."""
    recorder = Recorder(weights or {"v1": 0.5, "v2": 0.5})

    async def main():
        async with served(make(recorder)) as address, httpx.AsyncClient(base_url=address, timeout=30) as client:
            result = await requests(client)
            await eventually(lambda: recorder.in_flight == 0)
            return result

    return recorder, run(main())


@APPS
def test_a_stream_is_measured_and_a_header_pins_it(make):
    async def requests(client):
        answer = await client.post("/stream", json={"prompt": "a", "user": "u1"}, headers={"x-user": "u1"})
        token = answer.headers["serinus-session"]
        again = await client.post("/plain", json={"prompt": "b"}, headers={"serinus-session": token})
        return answer, again

    recorder, (answer, again) = exchange(make, requests)
    version = recorder.version_for("u1")
    assert (answer.text, answer.headers["x-version"]) == (f"{version} " * 3, version)
    assert again.json() == {"version": version}
    assert len(answer.headers.get_list("serinus-session")) == 1
    assert recorder.stats()[version].by_reason == {"sticky": 1, "pinned": 1}
    assert again.headers["serinus-session"]
    [(first, _, streamed), (second, _, plain)] = recorder.ends
    assert (first, second, streamed["tokens"], plain["tokens"]) == ("finished", "finished", 3, 3)
    assert 1 < streamed["ttft_ms"] < streamed["latency_ms"] - 2


@APPS
@pytest.mark.parametrize(
    ("path", "body", "kind"),
    [
        ("/plain", {"prompt": "a"}, "finished"),
        ("/plain", {"prompt": "a", "fails": "server"}, "error"),
        ("/plain", {"prompt": "a", "fails": "client"}, "discarded"),
        ("/plain", {"prompt": "a", "fails": "bug"}, "error"),
        ("/stream", {"prompt": "a", "fails": "bug"}, "error"),
        ("/stream", {"prompt": "a", "fails": "stream"}, "error"),
        ("/stream", {"prompt": "a", "pieces": 0}, "finished"),
    ],
)
def test_each_way_of_ending_is_counted_once(make, path, body, kind):
    async def requests(client):
        try:
            await client.post(path, json=body)
        except httpx.RemoteProtocolError:
            assert body["fails"] == "stream"

    recorder, _ = exchange(make, requests)
    assert recorder.kinds == [kind]


@APPS
def test_a_body_that_does_not_validate_says_nothing_of_the_version(make):
    async def requests(client):
        return await client.post("/plain", json={"pieces": "many"})

    recorder, answer = exchange(make, requests)
    assert answer.status_code == 422
    # Where the user is in the body, it has not been routed at all.
    assert recorder.kinds == (["discarded"] if make is behind_middleware else [])


@APPS
def test_a_client_that_leaves_in_mid_stream_is_abandoned(make):
    async def requests(client):
        async with client.stream("POST", "/stream", json={"prompt": "a", "pieces": 100_000}) as answer:
            async for _ in answer.aiter_text():
                break

    recorder, _ = exchange(make, requests)
    [(kind, _, times)] = recorder.ends
    assert kind == "abandoned" and 0 < times["ttft_ms"] <= times["latency_ms"]


@APPS
def test_five_hundred_requests_at_once_while_weights_change(make):
    recorder = Recorder({"v1": 1.0})
    recorder.admit("v2")

    async def main():
        async with served(make(recorder)) as address, contextlib.AsyncExitStack() as stack:
            # A pool of connections takes time with the square of their number.
            clients = [httpx.AsyncClient(base_url=address, timeout=60, trust_env=False) for _ in range(10)]
            for client in clients:
                await stack.enter_async_context(client)

            async def one(n):
                client = clients[n % 10]
                body = {"prompt": "a", "user": f"u{n}", "pieces": 5}
                if n % 5:
                    return (await client.post("/stream", json=body, headers={"x-user": f"u{n}"})).status_code
                # Every fifth leaves after the first piece.
                async with client.stream("POST", "/stream", json=body | {"pieces": 100_000}) as answer:
                    async for _ in answer.aiter_raw():
                        return answer.status_code

            async def shift():
                for step in range(20):
                    share = (step % 10) / 10
                    recorder.set_weights({"v1": 1 - share, "v2": share})
                    await asyncio.sleep(0.01)

            statuses, _ = await asyncio.gather(asyncio.gather(*map(one, range(500))), shift())
            await eventually(lambda: recorder.in_flight == 0)
            return statuses

    statuses = run(main(), seconds=120, debug=False)
    assert statuses == [200] * 500
    assert all(version.in_flight == 0 for version in recorder.stats().values())
    assert sum(version.count for version in recorder.stats().values()) == 500
    assert (recorder.kinds.count("finished"), recorder.kinds.count("abandoned")) == (400, 100)


def test_users_of_a_header_dependency_and_a_lease_without_middleware():
    def make(recorder):
        app = behind_middleware(recorder)
        routed = route_request(recorder, user_id=user_of_header, category=lambda: "coding")

        @app.get("/routed")
        def routed_in_a_thread(leased: Annotated[LeasedRequest, Depends(routed)], n: int = 1):
            return {"version": leased.version}

        return app

    async def requests(client):
        routed = await client.get("/routed", headers={"x-user": "u7"})
        wrong = await client.get("/routed?n=many")
        unrouted = await client.get("/unrouted")
        return routed, wrong, unrouted

    recorder, (routed, wrong, unrouted) = exchange(make, requests)
    assert routed.json() == {"version": recorder.version_for("u7")}
    assert (wrong.status_code, unrouted.status_code) == (422, 500)
    assert recorder.kinds == ["finished", "discarded"]


def test_a_leased_response_behind_the_middleware_is_measured_once():
    def make(recorder):
        app = behind_middleware(recorder)

        @app.post("/leased")
        async def leased(body: Body, leased: Annotated[LeasedRequest, Depends(leased_request)]):
            return LeasedStreamingResponse(leased, pieces(body, leased.version))

        return SerinusMiddleware(app, recorder, paths=["/leased"])

    recorder, answer = exchange(make, lambda client: client.post("/leased", json={"prompt": "a"}))
    assert len(answer.headers.get_list("serinus-session")) == 1 and recorder.kinds == ["finished"]


WORKER = textwrap.dedent(
    """
    import asyncio, os
    from fastapi import FastAPI, Request
    from fastapi.responses import StreamingResponse
    import serinus as sr
    from serinus.integrations.asgi import SerinusMiddleware

    app = FastAPI()
    splitter = sr.Splitter({"v1": 0.5, "v2": 0.5}, salt="m")
    app.add_middleware(SerinusMiddleware, splitter=splitter, user_id="x-user", paths=["/answer"])

    @app.get("/answer")
    async def answer(request: Request):
        async def pieces():
            await asyncio.sleep(0.01)
            yield f'{{"pid": {os.getpid()}, "version": "{request.scope["serinus.version"]}"}}'
        return StreamingResponse(pieces())

    @app.get("/stats")
    async def stats():
        return {"pid": os.getpid(), "in_flight": [s.in_flight for s in splitter.stats().values()]}
    """
)


def test_several_workers_agree_on_every_user(tmp_path):
    (tmp_path / "worker.py").write_text(WORKER)
    import serinus

    path = os.pathsep.join([str(tmp_path), str(pathlib.Path(serinus.__file__).parents[1]), *filter(None, sys.path)])
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen(256)
        descriptor = listening.fileno()
        command = [sys.executable, "-m", "uvicorn", "worker:app", "--workers", "2", "--fd", str(descriptor)]
        server = subprocess.Popen(
            [*command, "--log-level", "critical"],
            pass_fds=[descriptor],
            env={**os.environ, "PYTHONPATH": path},
            cwd=tmp_path,
        )
        address = f"http://127.0.0.1:{listening.getsockname()[1]}"
    try:
        run(ask_until_both_workers_have_answered(address), seconds=90)
    finally:
        server.terminate()
        server.wait(timeout=30)


async def ask_until_both_workers_have_answered(address):
    recorder = Recorder({"v1": 0.5, "v2": 0.5})
    workers, idle = set(), set()
    limits = httpx.Limits(max_keepalive_connections=0)
    async with httpx.AsyncClient(base_url=address, timeout=30, limits=limits) as client:

        async def ask(user):
            answer = json.loads((await client.get("/answer", headers={"x-user": user})).text)
            assert answer["version"] == recorder.version_for(user)
            workers.add(answer["pid"])

        began = time.monotonic()
        while len(workers) < 2 or len(idle) < 2:
            await asyncio.gather(*(ask(f"u{n}") for n in range(40)))
            stats = (await client.get("/stats")).json()
            if stats["in_flight"] == [0, 0]:
                idle.add(stats["pid"])
            assert time.monotonic() - began < 80
