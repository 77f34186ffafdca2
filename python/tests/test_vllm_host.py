"""The host of engines of vLLM's shape."""

import asyncio
import inspect

import pytest
import serinus as sr
from engines import AsyncLLM, SamplingParams, read
from serinus.integrations.vllm import EngineHost, VersionedEngine
from serving import Recorder, eventually, run

V2 = sr.ModelVersion(
    model_id="m", version="v2", base_model="b", weight_hash="b", config_hash="c", gpu_memory_gb=1.0, warmup_tokens=300
)


def host(engine, make_engine=None, **options):
    return EngineHost(
        engine,
        fleet=sr.Fleet(replicas=2, gpu_memory_gb=80.0, spare_replicas=1),
        make_engine=make_engine or (lambda version: AsyncLLM(version.weight_hash)),
        fingerprint=lambda engine: engine.name,
        sampling_params=lambda tokens: SamplingParams(max_tokens=tokens),
        **options,
    )


def test_a_host_carries_a_version_from_loading_to_unloading():
    recorder = Recorder({"v1": 1.0})
    old = AsyncLLM("a", pause=0.02)
    engine = VersionedEngine({"v1": old}, recorder)
    updates = host(engine)

    async def main():
        await updates.load(V2, 1)
        await updates.load(V2, 1)
        assert (await updates.fleet()).loaded == {"v1": 1, "v2": 1}
        await updates.warm_up("v2", 300)
        [new] = engine.engines("v2")
        assert len(new.served) == 3, "prompts of 128 tokens each"
        assert await updates.verify("v2") == V2.weight_hash
        recorder.admit("v2")
        generation = engine.generate("x", SamplingParams(max_tokens=1_000), "r1")
        while not (await anext(generation)).outputs[0].token_ids:
            pass
        reading = asyncio.create_task(read(generation))
        recorder.set_weights({"v2": 1.0})
        recorder.withdraw("v1")
        recorder.cancel("v1")
        assert await updates.cancel_in_flight("v1") == 1
        with pytest.raises(sr.HostError):
            await reading
        await updates.unload("v1", 0)
        await updates.unload("v1", 0)
        assert (await updates.fleet()).loaded == {"v2": 1}
        assert old.is_down and not new.is_down
        # An engine that joins others is warm before it gets a request.
        await updates.load(V2, 2)
        assert len(engine.engines("v2")[1].served) == 3

    run(main())


def test_a_host_waits_for_requests_where_others_stay_and_stops_them_where_none_does():
    recorder = Recorder({"v1": 1.0})
    engine = VersionedEngine({"v1": AsyncLLM("a", pause=0.001)}, recorder)
    engine.add("v1", AsyncLLM("a", pause=0.001))
    updates = host(engine)

    async def main():
        reading = [
            asyncio.create_task(read(engine.generate("x", SamplingParams(max_tokens=20), f"r{n}"))) for n in range(2)
        ]
        both = engine.engines("v1")
        await eventually(lambda: all(one.running for one in both))
        await updates.unload("v1", 1)
        assert sum(one.is_down for one in both) == 1
        assert [len(answer) for answer in await asyncio.gather(*reading)] == [21, 21]
        # Its reader has stopped reading, so it cannot be waited for.
        forgotten = engine.generate("x", SamplingParams(max_tokens=20), "r9")
        await anext(forgotten)
        await updates.unload("v1", 0)
        assert all(one.is_down for one in both)
        await forgotten.aclose()

    run(main())
    assert recorder.in_flight == 0


def test_an_unloading_that_overtakes_a_loading_wins():
    engine = VersionedEngine({"v1": AsyncLLM("a")}, Recorder())
    made = []

    async def slow(version):
        made.append(AsyncLLM("b"))
        await asyncio.sleep(0.02)
        return made[-1]

    updates = host(engine, slow)

    async def main():
        loading = asyncio.create_task(updates.load(V2, 1))
        await eventually(lambda: made)
        await updates.unload("v2", 0)
        with pytest.raises(sr.HostError, match="was unloaded while"):
            await loading

    run(main())
    assert made[0].is_down and engine.replicas == {"v1": 1}


def test_a_host_whose_engines_differ_or_do_not_start_says_so():
    engine = VersionedEngine({"v1": AsyncLLM("a")}, Recorder())
    engine.add("v1", AsyncLLM("b"))

    def broken(version):
        raise MemoryError("no GPU left")

    async def main():
        updates = host(engine, broken)
        with pytest.raises(sr.HostError, match="differ: a, b"):
            await updates.verify("v1")
        with pytest.raises(sr.HostError, match="are none"):
            await updates.verify("v2")
        with pytest.raises(MemoryError):
            await updates.load(V2, 1)

    run(main())
    assert engine.replicas == {"v1": 2}


def test_the_host_has_the_methods_of_the_contract():
    for name, parameters in {
        "fleet": [],
        "load": ["version", "replicas"],
        "warm_up": ["version", "tokens"],
        "verify": ["version"],
        "cancel_in_flight": ["version"],
        "unload": ["version", "keep"],
    }.items():
        assert list(inspect.signature(getattr(EngineHost, name)).parameters)[1:] == parameters
