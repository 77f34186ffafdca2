"""A FastAPI server of toy models that is updated while it serves, and a load generator that checks its answers.

    pip install serinus fastapi uvicorn httpx
    python fastapi_server.py demo              # a server under load from another process, through a good update and a bad one
    python fastapi_server.py serve             # a server on 127.0.0.1:8000
    python fastapi_server.py load              # asks it questions and checks the answers
    curl -N localhost:8000/v1/completions -H 'x-user: u42' -H 'content-type: application/json' \\
        -d '{"prompt": "17 + 25"}'

The models add numbers up. Each version has a seed and a share of wrong answers, so the same version answers a question
the same way each time, and a bad version is really wrong.
"""

from __future__ import annotations

import argparse
import asyncio
import collections
import contextlib
import dataclasses
import hashlib
import itertools
import json
import math
import random
import signal
import statistics
import sys
import tempfile
import time
from collections.abc import AsyncGenerator, AsyncIterator
from typing import Annotated

import httpx
import serinus as sr
import uvicorn
from fastapi import Depends, FastAPI, HTTPException
from fastapi.responses import StreamingResponse
from pydantic import BaseModel, Field
from serinus.integrations.asgi import SerinusMiddleware
from serinus.integrations.fastapi import LeasedRequest, leased_request

# ---------------------------------------------------------------- models


@dataclasses.dataclass(frozen=True)
class Weights:
    """A checkpoint of a model that adds up."""

    seed: int
    wrong: float
    token_seconds: float = 0.002
    load_seconds: float = 0.2
    memory_gb: float = 10.0

    @property
    def fingerprint(self) -> str:
        return hashlib.sha256(repr(self).encode()).hexdigest()[:16]


CHECKPOINTS = {
    "v1": Weights(seed=1, wrong=0.03),
    "v2": Weights(seed=2, wrong=0.02),
    "v3-bad": Weights(seed=3, wrong=0.25),
}


def right_answer(prompt: str) -> str:
    """``"17 + 25"`` is ``"42"``; ``ValueError`` for what is no sum."""
    return str(sum(int(number) for number in prompt.split("+")))


class Withdrawn(Exception):
    """The version was stopped while it answered."""


class Model:
    """A checkpoint in the memory of one GPU. Gives one digit at a time."""

    def __init__(self, weights: Weights) -> None:
        self.weights = weights
        self.running: set[asyncio.Event] = set()

    async def generate(self, prompt: str) -> AsyncGenerator[str, None]:
        answer = right_answer(prompt)
        dice = random.Random(f"{self.weights.seed} {prompt}")
        if dice.random() < self.weights.wrong:
            answer = str(int(answer) + dice.choice([-10, -1, 1, 10]))
        stopped = asyncio.Event()
        self.running.add(stopped)
        try:
            for token in answer:
                await asyncio.sleep(self.weights.token_seconds)
                if stopped.is_set():
                    raise Withdrawn
                yield token
        finally:
            self.running.discard(stopped)


class Gpus:
    """The GPUs of a server: each holds one replica of one version."""

    def __init__(self, *, count: int, memory_gb: float) -> None:
        self.count = count
        self.memory_gb = memory_gb
        self.models: dict[str, list[Model]] = collections.defaultdict(list)

    async def load(self, version: str) -> None:
        weights = CHECKPOINTS[version]
        if sum(map(len, self.models.values())) >= self.count or weights.memory_gb > self.memory_gb:
            raise sr.HostError(f"no GPU is free for {version}: unload another version first")
        model = Model(weights)
        self.models[version].append(model)
        await asyncio.sleep(weights.load_seconds)

    async def generate(self, version: str, prompt: str) -> AsyncGenerator[str, None]:
        if not self.models[version]:
            raise Withdrawn
        model = min(self.models[version], key=lambda model: len(model.running))
        async with contextlib.aclosing(model.generate(prompt)) as tokens:
            async for token in tokens:
                yield token


# ---------------------------------------------------------------- the server


Leased = Annotated[LeasedRequest, Depends(leased_request)]


class Completion(BaseModel):
    prompt: str = Field(max_length=200)


def make_app(splitter: sr.Splitter, gpus: Gpus, journal: str | None = None) -> FastAPI:
    """The server: OpenAI's completions, streamed, each by the version that its user is routed to."""
    app = FastAPI()
    app.state.splitter = splitter
    app.state.host = Host(gpus)
    app.state.journal = journal
    app.add_middleware(SerinusMiddleware, splitter=splitter, user_id="x-user", paths=["/v1/completions"])

    @app.post("/v1/completions")
    async def complete(body: Completion, leased: Leased) -> StreamingResponse:
        try:
            right = right_answer(body.prompt)
        except ValueError:
            raise HTTPException(400, "the prompt must be a sum, such as 17 + 25") from None
        return StreamingResponse(answer(body.prompt, right, leased), media_type="text/event-stream")

    async def answer(prompt: str, right: str, leased: LeasedRequest) -> AsyncIterator[str]:
        text = ""
        while True:
            try:
                async with contextlib.aclosing(gpus.generate(leased.version, prompt)) as tokens:
                    async for token in tokens:
                        text += token
                        yield event(leased.version, token, None)
                break
            except Withdrawn:
                if text:
                    raise
                # No token has left yet, so another version answers, and the user sees nothing.
                leased.retry(splitter)
        leased.note(tokens=len(text), passed=text == right)
        yield event(leased.version, "", "stop")
        yield "data: [DONE]\n\n"

    @app.get("/stats")
    async def stats() -> dict[str, dict[str, object]]:
        return {version: stats.to_dict() for version, stats in splitter.stats().items()}

    return app


def event(version: str, text: str, finish_reason: str | None) -> str:
    choice = {"index": 0, "text": text, "finish_reason": finish_reason}
    return f"data: {json.dumps({'object': 'text_completion', 'model': version, 'choices': [choice]})}\n\n"


# ---------------------------------------------------------------- updates


class Host:
    """What an update asks of a server. Each method may be called again with the same wish."""

    def __init__(self, gpus: Gpus, *, replicas: int = 2) -> None:
        self.gpus = gpus
        self.replicas = replicas

    async def fleet(self) -> sr.Fleet:
        loaded = {version: len(models) for version, models in self.gpus.models.items() if models}
        spare = self.gpus.count - self.replicas
        return sr.Fleet(replicas=self.replicas, gpu_memory_gb=self.gpus.memory_gb, spare_replicas=spare, loaded=loaded)

    async def load(self, version: sr.ModelVersion, replicas: int) -> None:
        while len(self.gpus.models[version.version]) < replicas:
            await self.gpus.load(version.version)

    async def warm_up(self, version: str, tokens: int) -> None:
        for model in tuple(self.gpus.models[version]):
            for _ in range(0, tokens, 2):
                async for _ in model.generate("5 + 5"):
                    pass

    async def verify(self, version: str) -> str | None:
        found = {model.weights.fingerprint for model in self.gpus.models[version]}
        if len(found) != 1:
            raise sr.HostError(f"replicas of {version} have loaded {sorted(found)}")
        return found.pop()

    async def cancel_in_flight(self, version: str) -> int:
        running = [stopped for model in self.gpus.models[version] for stopped in model.running]
        for stopped in running:
            stopped.set()
        return len(running)

    async def unload(self, version: str, keep: int) -> None:
        models = self.gpus.models[version]
        models.sort(key=lambda model: len(model.running), reverse=True)
        going = models[keep:]
        del models[keep:]
        while keep and any(model.running for model in going):
            await asyncio.sleep(0.01)


def describe(version: str) -> sr.ModelVersion:
    """A version as its checkpoint describes it."""
    weights = CHECKPOINTS[version]
    return sr.ModelVersion(
        model_id="sums",
        version=version,
        base_model="sums",
        weight_hash=weights.fingerprint,
        config_hash="1",
        gpu_memory_gb=weights.memory_gb,
        load_time_seconds=weights.load_seconds,
        warmup_tokens=8,
    )


async def update(app: FastAPI, current: str, target: str, *, hasten: float = 1.0) -> sr.RolloutOutcome:
    """Brings a version into service in the place of another, or goes back, and says how it ended.

    `hasten` is by what the plan's times are divided. Its numbers of requests, and its proofs, stay as they are planned.
    """
    host: Host = app.state.host
    # A toy's latency is that of the machine it runs on: only a doubling counts.
    margins = sr.Margins(p99_latency_increase=1.0, error_rate_increase=0.5, failure_rate_increase=2.0)
    planner = sr.RiskPlanner(margins=margins, bake_seconds=60.0 / hasten, drain_timeout_seconds=5.0)
    plan = planner.plan(describe(current), describe(target), fleet=await host.fleet())
    stages = [
        dataclasses.replace(stage, hold_seconds=stage.hold_seconds / hasten, min_requests=stage.min_requests // 10)
        for stage in plan.stages
    ]
    deployment = sr.Deployment(
        plan.replace(stages=stages), host=host, splitter=app.state.splitter, journal=app.state.journal, tick_seconds=0.1
    )
    with deployment.progress(rich=False):
        return await deployment.run_async()


# ---------------------------------------------------------------- the load


@dataclasses.dataclass
class Seen:
    """What users saw of one version."""

    ttft_ms: list[float] = dataclasses.field(default_factory=list)
    latency_ms: list[float] = dataclasses.field(default_factory=list)
    wrong: int = 0


async def ask(client: httpx.AsyncClient, user: str, prompt: str, seen: dict[str, Seen]) -> None:
    began, ttft, text, version = time.perf_counter(), None, "", ""
    async with client.stream("POST", "/v1/completions", json={"prompt": prompt}, headers={"x-user": user}) as answer:
        answer.raise_for_status()
        async for line in answer.aiter_lines():
            if line == "data: [DONE]":
                break
            if line:
                ttft = ttft or time.perf_counter()
                piece = json.loads(line.removeprefix("data: "))
                version, text = piece["model"], text + piece["choices"][0]["text"]
        else:
            raise httpx.RemoteProtocolError("the answer broke off")
    one = seen[version]
    one.ttft_ms.append(((ttft or began) - began) * 1e3)
    one.latency_ms.append((time.perf_counter() - began) * 1e3)
    one.wrong += text != right_answer(prompt)


async def load(url: str, *, rate: float, seconds: float = math.inf, users: int = 1000, seed: int = 1) -> int:
    """Asks at a rate, whatever the server does, for this long or until it is told to end (SIGTERM); prints what came, and
    gives how many requests failed."""
    enough = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, enough.set)
    dice = random.Random(seed)
    seen: dict[str, Seen] = collections.defaultdict(Seen)
    failures: collections.Counter[str] = collections.Counter()
    began = time.monotonic()

    async def one(user: str, prompt: str) -> None:
        try:
            await ask(client, user, prompt, seen)
        except httpx.HTTPError as error:
            failures[f"{type(error).__name__}: {error}"] += 1

    async with httpx.AsyncClient(base_url=url, timeout=30, trust_env=False) as client, asyncio.TaskGroup() as tasks:
        for n in itertools.takewhile(lambda n: n < rate * seconds and not enough.is_set(), itertools.count()):
            await asyncio.sleep(max(0.0, began + n / rate - time.monotonic()))
            prompt = f"{dice.randrange(1000)} + {dice.randrange(1000)}"
            tasks.create_task(one(f"u{dice.randrange(users)}", prompt))
    print(f"{'version':10}{'answers':>9}{'wrong':>8}{'TTFT p50':>11}{'latency p50':>13}{'p99':>10}")
    for version, one_version in sorted(seen.items()):
        latencies = sorted(one_version.latency_ms)
        print(
            f"{version:10}{len(latencies):9}{one_version.wrong / len(latencies):8.1%}"
            f"{statistics.median(one_version.ttft_ms):8.1f} ms{statistics.median(latencies):10.1f} ms"
            f"{latencies[int(0.99 * len(latencies))]:7.1f} ms"
        )
    answered = sum(len(one_version.latency_ms) for one_version in seen.values())
    print(f"{answered + failures.total():,} requests, {failures.total()} failed")
    for failure, count in failures.items():
        print(f"{count} failed: {failure}")
    return failures.total()


# ---------------------------------------------------------------- the command line


@contextlib.asynccontextmanager
async def serving(version: str, host: str, port: int, journal: str | None = None) -> AsyncIterator[tuple[FastAPI, str]]:
    """A server on a port (0: any free one); gives the application and its address."""
    gpus = Gpus(count=3, memory_gb=16.0)
    app = make_app(sr.Splitter({version: 1.0}, salt="sums"), gpus, journal)
    await app.state.host.load(describe(version), 2)
    server = uvicorn.Server(uvicorn.Config(app, host=host, port=port, log_level="warning"))
    task = asyncio.create_task(server.serve())
    try:
        while not server.started and not task.done():
            await asyncio.sleep(0.01)
        if task.done():
            raise SystemExit(f"nobody can listen on {host}:{port}")
        port = server.servers[0].sockets[0].getsockname()[1]
        yield app, f"http://{host}:{port}"
    finally:
        server.should_exit = True
        await task


async def demo(*, rate: float) -> int:
    """Serves, has another process ask, and updates twice meanwhile; gives the exit code."""
    with tempfile.TemporaryDirectory() as folder:
        async with serving("v1", "127.0.0.1", 0, journal=f"{folder}/rollouts.redb") as (app, url):
            command = [sys.executable, __file__, "load", "--url", url, "--rate", str(rate)]
            asking = await asyncio.create_subprocess_exec(*command)
            try:
                good = await update(app, "v1", "v2", hasten=3600.0)
                bad = await update(app, "v2", "v3-bad", hasten=3600.0)
            finally:
                asking.terminate()
                code = await asking.wait()
            for one in sr.history(app.state.journal):
                why = (one.reason or "").split(";")[0]
                print(f"{one.current} → {one.target}: {one.status}: {why}")
    for outcome in (good, bad):
        for failure in outcome.host_failures:
            print(f"{failure.method}: {failure.message}")
    return code if (good.status, bad.status) == (sr.Status.COMPLETED, sr.Status.ROLLED_BACK) else 1


async def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    commands = parser.add_subparsers(dest="command", required=True)
    serve = commands.add_parser("serve", help="serve until interrupted")
    serve.add_argument("--version", default="v1", choices=CHECKPOINTS)
    serve.add_argument("--host", default="127.0.0.1")
    serve.add_argument("--port", type=int, default=8000)
    asking = commands.add_parser("load", help="ask a server")
    asking.add_argument("--url", default="http://127.0.0.1:8000")
    asking.add_argument("--seconds", type=float, default=math.inf)
    trying = commands.add_parser("demo", help="both, with a good update and a bad one")
    for command in [asking, trying]:
        command.add_argument("--rate", type=float, default=200.0, help="requests a second")
    given = parser.parse_args()
    if given.command == "load":
        return 1 if await load(given.url, rate=given.rate, seconds=given.seconds) else 0
    if given.command == "demo":
        return await demo(rate=given.rate)
    async with serving(given.version, given.host, given.port):
        await asyncio.Event().wait()
    return 0


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt):
        sys.exit(asyncio.run(main()))
