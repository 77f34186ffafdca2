"""One engine made of several versions' engines, of vLLM's shape."""

import asyncio
import gc
import threading
import time

import pytest
import serinus as sr
from engines import AsyncLLM, RequestOutputKind, SamplingParams, read, two
from serinus.integrations.vllm import VersionedEngine
from serving import Recorder, eventually, run


@pytest.mark.parametrize("kind", RequestOutputKind)
@pytest.mark.parametrize("n", [1, 2])
def test_outputs_pass_unchanged_and_tokens_are_counted(kind, n):
    recorder, engines, engine = two()

    async def main():
        params = SamplingParams(n=n, max_tokens=5, output_kind=kind)
        generation = engine.generate("hello", params, "r1", user_id="u1", priority=3)
        outputs = await read(generation)
        return generation, outputs

    generation, outputs = run(main())
    version = recorder.version_for("u1")
    assert generation.version == version and outputs[-1].finished
    assert engines[version].served == [("r1", 3)] and engines[version].aborted == []
    [(end, ended, outcome)] = recorder.ends
    assert (end, ended, outcome["tokens"]) == ("finished", version, 5 * n)
    assert outcome["ttft_ms"] <= outcome["latency_ms"]


def test_the_first_token_is_the_first_with_tokens_and_latency_ends_at_the_last():
    recorder, _, engine = two(v1=AsyncLLM(prefill=0.02, pause=0.001))
    at, began = [], time.perf_counter()

    async def main():
        async for output in engine.generate("a", SamplingParams(max_tokens=3), "r1", force_version="v1"):
            if output.finished:
                # What the reader does with the answer is not the version's time.
                at.append((time.perf_counter() - began) * 1e3)
                await asyncio.sleep(0.01)

    run(main())
    outcome = recorder.ends[0][2]
    assert 18 < outcome["ttft_ms"] < outcome["latency_ms"] <= at[0]


def test_what_the_reader_notes_and_a_reader_that_stops_at_the_last_output():
    recorder, engines, engine = two()

    async def main():
        generation = engine.generate("a", SamplingParams(max_tokens=2), "r1", force_version="v1")
        async for output in generation:
            if output.finished:
                generation.note(passed=output.outputs[0].text == "aa", quality=0.75)
                break
        await generation.aclose()

    run(main())
    [(end, _, outcome)] = recorder.ends
    assert (end, outcome["tokens"], outcome["passed"], outcome["quality"]) == ("finished", 2, True, 0.75)
    assert engines["v1"].aborted == []


@pytest.mark.parametrize(
    ("make", "kind"),
    [
        (lambda: AsyncLLM(fails_after=0), "error"),
        (lambda: AsyncLLM(fails_after=2), "error"),
        (lambda: AsyncLLM(fails=ValueError("the prompt is too long"), fails_after=0), "discarded"),
        (lambda: AsyncLLM(fails=ValueError("a bug"), fails_after=2), "error"),
    ],
)
def test_what_an_engine_raises(make, kind):
    recorder, engines, engine = two(v1=make())

    async def main():
        with pytest.raises((RuntimeError, ValueError)):
            await read(engine.generate("a", SamplingParams(), "r1", force_version="v1"))

    run(main())
    assert recorder.kinds == [kind] and recorder.in_flight == 0 and engines["v1"].running == {}


@pytest.mark.parametrize("after", [0, 2])
def test_a_cancelled_reader_aborts_at_the_right_engine(after):
    recorder, engines, engine = two(v1=AsyncLLM(prefill=30, pause=0) if not after else AsyncLLM(pause=0.005))

    async def main():
        got = []

        async def reads():
            async for output in engine.generate("a", SamplingParams(max_tokens=1_000), "r1", force_version="v1"):
                got.append(output)

        reading = asyncio.create_task(reads())
        await eventually(lambda: len(got) > after)
        reading.cancel()
        with pytest.raises(asyncio.CancelledError):
            await reading
        assert recorder.in_flight == 0

    run(main())
    [(kind, version, times)] = recorder.ends
    assert (kind, version) == ("abandoned", "v1") and (times["ttft_ms"] is None) == (after == 0)
    assert engines["v1"].aborted == ["r1"] and engines["v2"].aborted == [] and engines["v1"].running == {}


def test_a_generation_that_is_closed_let_go_of_or_never_read_ends_its_lease():
    recorder, engines, engine = two(v1=AsyncLLM(pause=0.001))

    async def main():
        closed = engine.generate("a", SamplingParams(max_tokens=1_000), "r1", force_version="v1")
        await anext(closed)
        await closed.aclose()
        assert engines["v1"].running == {} and recorder.in_flight == 0
        never = engine.generate("a", SamplingParams(), "r2", force_version="v1")
        await never.aclose()
        dropped = engine.generate("a", SamplingParams(), "r3", force_version="v1")
        assert recorder.in_flight == 1
        del dropped
        gc.collect()
        assert recorder.in_flight == 0
        async for _ in engine.generate("a", SamplingParams(max_tokens=1_000), "r4", force_version="v1"):
            break
        gc.collect()
        await eventually(lambda: recorder.in_flight == 0)

    run(main())
    assert recorder.kinds == ["abandoned"] * 3
    assert engines["v1"].aborted == ["r1", "r4"] and engines["v1"].running == {}


@pytest.mark.parametrize("fails", [False, True])
@pytest.mark.parametrize("hears", ["the engine", "the host", "the host alone", "both"])
def test_a_version_withdrawn_before_the_first_token_is_replaced_and_the_user_sees_nothing(hears, fails):
    recorder, engines, engine = two(
        v1=AsyncLLM("a", prefill=0.001, pause=0.001), v2=AsyncLLM("b", prefill=30, fails_aborted=fails)
    )

    async def main():
        requests = [engine.generate("x", SamplingParams(max_tokens=3), f"r{n}", force_version="v2") for n in range(20)]
        reading = [asyncio.create_task(read(request)) for request in requests]
        await eventually(lambda: len(engines["v2"].running) == 20)
        recorder.withdraw("v2")
        if hears != "the host alone":
            assert recorder.cancel("v2") == 20
        if hears != "the engine":
            assert engine.cancel_in_flight("v2") == 20
        if hears in ["the engine", "both"]:
            await engines["v2"].abort("r0")
            for n in range(1, 20):
                await engines["v2"].abort(f"r{n}")
        answers = await asyncio.gather(*reading)
        return requests, answers

    requests, answers = run(main())
    assert all(answer[-1].outputs[0].text == "aaa" for answer in answers)
    assert all(output.outputs[0].finish_reason != "abort" for answer in answers for output in answer)
    assert {request.version for request in requests} == {"v1"}
    assert sorted(recorder.kinds) == ["finished"] * 20 + ["retried"] * 20
    finished = [outcome for kind, _, outcome in recorder.ends if kind == "finished"]
    assert all(outcome["tokens"] == 3 and outcome["ttft_ms"] < outcome["latency_ms"] for outcome in finished)
    assert engines["v2"].running == {} and recorder.in_flight == 0
    assert recorder.stats()["v1"].by_reason == {"retried": 20}


def test_a_version_whose_engine_is_gone_and_whose_leases_are_cancelled_is_replaced():
    recorder, _, engine = two()

    async def main():
        generation = engine.generate("x", SamplingParams(max_tokens=1), "r1", force_version="v2")
        recorder.withdraw("v2")
        recorder.cancel("v2")
        assert len(engine.remove("v2")) == 1 and engine.replicas == {"v1": 1}
        return (await read(generation))[-1].outputs[0].text

    assert run(main()) == "a"
    assert recorder.kinds == ["retried", "finished"]


def test_an_engine_that_hides_that_it_was_interrupted_is_replaced_as_well():
    recorder, engines, engine = two(v2=AsyncLLM("b", prefill=30, hides=True))

    async def main():
        reading = asyncio.create_task(read(engine.generate("x", SamplingParams(), "r1", force_version="v2")))
        await eventually(lambda: engines["v2"].running)
        recorder.withdraw("v2")
        engine.cancel_in_flight("v2")
        await reading
        assert reading.cancelling() == 0

    run(main())
    assert recorder.kinds == ["retried", "finished"]


def test_a_complete_answer_is_given_even_if_its_version_is_cancelled():
    recorder, engines, engine = two(v2=AsyncLLM("b", prefill=0.02))

    async def main():
        params = SamplingParams(max_tokens=3, output_kind=RequestOutputKind.FINAL_ONLY)
        reading = asyncio.create_task(read(engine.generate("x", params, "r1", force_version="v2")))
        await eventually(lambda: engines["v2"].running)
        recorder.withdraw("v2")
        recorder.cancel("v2")
        return (await reading)[-1].outputs[0].text

    assert run(main()) == "bbb"
    assert recorder.kinds == ["finished"]


def test_a_request_that_somebody_aborts_at_its_engine_is_abandoned():
    recorder, engines, engine = two(v1=AsyncLLM("a", hangs_after=2))

    async def main():
        reading = asyncio.create_task(read(engine.generate("x", SamplingParams(), "r1", force_version="v1")))
        await eventually(lambda: engines["v1"].running)
        await engines["v1"].abort("r1")
        return (await reading)[-1].outputs[0].finish_reason

    assert run(main()) == "abort"
    assert recorder.kinds == ["abandoned"]


@pytest.mark.parametrize("is_busy", [False, True])
def test_an_answer_that_has_begun_is_not_begun_again(is_busy):
    recorder, engines, engine = two(v2=AsyncLLM("b", hangs_after=3))

    async def main():
        got = []
        with pytest.raises(sr.HostError, match="v2 was taken away"):
            async for output in engine.generate("x", SamplingParams(max_tokens=1_000), "r1", force_version="v2"):
                got.append(output)
                if len(got) == 3:
                    recorder.withdraw("v2")
                    recorder.cancel("v2")
                    engine.cancel_in_flight("v2")
                    if is_busy:
                        await asyncio.sleep(0.01)
        # The task itself was not cancelled.
        assert asyncio.current_task().cancelling() == 0

    run(main())
    assert recorder.kinds == ["abandoned"] and engines["v2"].running == {} and recorder.in_flight == 0


def test_a_timeout_of_the_caller_is_its_own_even_while_the_version_is_withdrawn():
    recorder, _, engine = two(v2=AsyncLLM("b", prefill=30))

    async def main():
        async def cancels():
            await asyncio.sleep(0.01)
            reading.cancel()
            engine.cancel_in_flight("v2")

        reading = asyncio.create_task(read(engine.generate("x", SamplingParams(), "r1", force_version="v2")))
        await asyncio.gather(cancels(), return_exceptions=True)
        with pytest.raises(asyncio.CancelledError):
            await reading
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.01):
                await read(engine.generate("x", SamplingParams(), "r2", force_version="v2"))

    run(main())
    assert recorder.kinds == ["abandoned", "abandoned"] and recorder.in_flight == 0


def test_a_version_without_an_engine_says_so():
    recorder, _, engine = two()
    engine.remove("v2")

    async def main():
        with pytest.raises(sr.HostError, match=r"v2 has no engine.*\(there are: v1\)"):
            await read(engine.generate("x", SamplingParams(), "r1", force_version="v2"))

    run(main())
    assert recorder.kinds == ["error"]


def test_the_least_busy_engine_is_taken_and_the_idlest_leaves_first():
    recorder, engines, engine = two(v1=AsyncLLM(prefill=30))
    more = AsyncLLM(prefill=30)
    engine.add("v1", more)

    async def main():
        reading = [
            asyncio.create_task(read(engine.generate("x", SamplingParams(), f"r{n}", force_version="v1")))
            for n in range(5)
        ]
        await eventually(lambda: len(more.running) + len(engines["v1"].running) == 5)
        assert (len(engines["v1"].running), len(more.running)) == (3, 2)
        [going] = engine.remove("v1", keep=1)
        assert going.engine is more and not going.is_idle
        assert engine.engines("v1") == [engines["v1"]]
        for one in reading:
            one.cancel()
        await asyncio.gather(*reading, return_exceptions=True)
        assert going.is_idle

    run(main())


def test_a_request_id_is_given_to_a_splitter_that_wants_it():
    named = []

    class Naming(Recorder):
        def route(self, request_id=None, **request):
            named.append(request_id)
            return super().route(**request)

    async def main():
        for names in [True, False]:
            engine = VersionedEngine({"v1": AsyncLLM()}, Naming(), name_requests=names)
            await read(engine.generate("x", SamplingParams(), "r1"))

    run(main())
    assert named == ["r1", None]


def test_requests_are_stopped_from_another_thread():
    recorder, engines, engine = two(v2=AsyncLLM("b", prefill=30))
    told = []

    async def main():
        params = SamplingParams(max_tokens=1)
        reading = asyncio.create_task(read(engine.generate("x", params, "r1", force_version="v2")))
        await eventually(lambda: engines["v2"].running)

        def stops():
            recorder.withdraw("v2")
            recorder.cancel("v2")
            told.append(engine.cancel_in_flight("v2"))

        thread = threading.Thread(target=stops)
        thread.start()
        answer = await reading
        thread.join()
        return answer[-1].outputs[0].text

    assert run(main()) == "a" and told == [1]
