"""The example: its host, method by method, and its server. Its demo is run by itself (`make demo-python`)."""

import asyncio
import collections
import importlib.util
import pathlib
import sys

import httpx
import pytest
import serinus as sr
from serving import eventually, run, served

PATH = pathlib.Path(__file__).parents[2] / "examples" / "python" / "fastapi_server.py"
spec = importlib.util.spec_from_file_location("fastapi_server", PATH)
example = sys.modules["fastapi_server"] = importlib.util.module_from_spec(spec)
spec.loader.exec_module(example)


async def answers(version, prompts):
    model = example.Model(example.Weights(**{**vars(example.CHECKPOINTS[version]), "token_seconds": 0.0}))
    return ["".join([token async for token in model.generate(prompt)]) for prompt in prompts]


def test_a_bad_version_is_really_wrong_and_says_so_each_time():
    prompts = [f"{a} + {b}" for a in range(20, 50) for b in range(20, 50)]

    async def main():
        return {version: [await answers(version, prompts) for _ in range(2)] for version in example.CHECKPOINTS}

    for version, (once, again) in run(main()).items():
        assert once == again
        wrong = sum(text != example.right_answer(prompt) for prompt, text in zip(prompts, once, strict=True)) / 900
        # Four standard errors.
        share = example.CHECKPOINTS[version].wrong
        assert abs(wrong - share) < 4 * (share * (1 - share) / 900) ** 0.5


def test_the_host_does_what_an_update_asks():
    gpus = example.Gpus(count=3, memory_gb=16.0)
    host = example.Host(gpus)
    v1, v2 = example.describe("v1"), example.describe("v2")

    async def main():
        await host.load(v1, 2)
        await host.load(v1, 2)
        assert await host.fleet() == sr.Fleet(replicas=2, gpu_memory_gb=16.0, spare_replicas=1, loaded={"v1": 2})
        await host.load(v2, 1)
        await host.warm_up("v2", v2.warmup_tokens)
        assert await host.verify("v2") == v2.weight_hash != await host.verify("v1")
        with pytest.raises(sr.HostError, match="no GPU is free"):
            await host.load(example.describe("v3-bad"), 1)
        with pytest.raises(sr.HostError, match="have loaded"):
            await host.verify("v3-bad")

        async def reads():
            return [token async for token in gpus.generate("v1", "999999999999 + 1")]

        reading = asyncio.create_task(reads())
        await eventually(lambda: any(model.running for model in gpus.models["v1"]))
        await host.unload("v1", 1)
        assert len(gpus.models["v1"]) == 1
        if not reading.done():
            assert await host.cancel_in_flight("v1") == 1
            with pytest.raises(example.Withdrawn):
                await reading
        await host.unload("v1", 0)
        assert (await host.fleet()).loaded == {"v2": 1}
        with pytest.raises(example.Withdrawn):
            await reads()

    run(main())


def test_the_server_answers_by_the_version_that_its_user_is_routed_to():
    splitter = sr.Splitter({"v1": 1.0}, salt="sums")
    app = example.make_app(splitter, example.Gpus(count=3, memory_gb=16.0))

    async def main():
        await app.state.host.load(example.describe("v1"), 2)
        async with served(app) as url, httpx.AsyncClient(base_url=url, timeout=30, trust_env=False) as client:
            seen = collections.defaultdict(example.Seen)
            await asyncio.gather(*(example.ask(client, f"u{n}", f"{n} + 7", seen) for n in range(20)))
            assert len(seen["v1"].latency_ms) == 20
            assert (await client.post("/v1/completions", json={"prompt": "one"})).status_code == 400
            stats = (await client.get("/stats")).json()
            assert (stats["v1"]["count"], stats["v1"]["in_flight"]) == (21, 0)

    run(main())
