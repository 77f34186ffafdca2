"""Handles of Ray Serve's shape. The stand-ins have the interfaces of Ray 2.60."""

import asyncio
import concurrent.futures
import gc

import pytest
import serinus as sr
from serinus.integrations.ray import Response, StreamingResponse, VersionedHandle
from serving import Recorder, run


class RequestCancelledError(Exception):
    pass


class DeploymentResponse:
    def __init__(self, future, request_id):
        self._future = future
        self._cancelled = False
        self.request_id = request_id

    def cancel(self):
        self._cancelled = True
        self._future.cancel()

    def cancelled(self):
        return self._cancelled

    def __await__(self):
        try:
            return (yield from asyncio.wrap_future(self._future).__await__())
        except asyncio.CancelledError:
            if self._cancelled:
                raise RequestCancelledError(self.request_id) from None
            raise

    def result(self, *, timeout_s=None, _skip_asyncio_check=False):
        try:
            return self._future.result(timeout=timeout_s)
        except concurrent.futures.TimeoutError:
            raise TimeoutError("Timed out resolving to ObjectRef.") from None


class DeploymentResponseGenerator:
    def __init__(self, pieces, request_id):
        self._pieces = pieces
        self._cancelled = False
        self.request_id = request_id

    def __await__(self):
        raise TypeError("cannot be awaited")

    def cancel(self):
        self._cancelled = True

    def cancelled(self):
        return self._cancelled

    def __aiter__(self):
        return self

    async def __anext__(self):
        await asyncio.sleep(0)
        try:
            return next(self)
        except StopIteration:
            raise StopAsyncIteration from None

    def __iter__(self):
        return self

    def __next__(self):
        if self._cancelled:
            raise RequestCancelledError(self.request_id)
        return next(self._pieces)


class DeploymentHandle:
    """A deployment that says its name, a given number of times."""

    def __init__(self, name, future=None, asked=None, **options):
        self._name = name
        self._future = future
        self._options = options
        self.asked = [] if asked is None else asked

    def options(self, *, method_name="", multiplexed_model_id="", session_id="", stream=False, **more):
        options = {"method_name": method_name, "stream": stream}
        return DeploymentHandle(self._name, self._future, self.asked, **options)

    def remote(self, *args, **kwargs):
        self.asked.append((self._options.get("method_name", "__call__"), args, kwargs))
        if self._options.get("stream"):
            return DeploymentResponseGenerator(self._stream(*args, **kwargs), f"ray-{len(self.asked)}")
        future = self._future or concurrent.futures.Future()
        if self._future is None:
            try:
                future.set_result(self._answer(*args, **kwargs))
            except Exception as error:
                future.set_exception(error)
        return DeploymentResponse(future, f"ray-{len(self.asked)}")

    def _answer(self, count, fails=None):
        if fails is not None:
            raise fails
        return self._name * count

    def _stream(self, count, fails=None):
        for _ in range(count):
            yield self._name
        if fails is not None:
            raise fails


def two(**options):
    recorder = Recorder({"v1": 0.5, "v2": 0.5})
    handles = {"v1": DeploymentHandle("a"), "v2": DeploymentHandle("b")}
    return recorder, handles, VersionedHandle(handles, recorder, **options)


def test_a_result_is_awaited_or_waited_for():
    recorder, handles, handle = two()
    version = recorder.version_for("u1")

    async def main():
        response = handle.route(user_id="u1").remote(2)
        assert isinstance(response, Response) and response.version == version
        assert await response == await response, "as often as one likes"
        return response.session_token

    token = run(main())
    other = "v2" if version == "v1" else "v1"
    assert handle.route(force_version=other).remote(1).result(timeout_s=5) == handles[other]._name
    assert handle.route(user_id="u2", session_token=token).remote(1).version == version
    assert recorder.kinds[:2] == ["finished", "finished"]
    assert all(outcome["latency_ms"] > 0 for _, _, outcome in recorder.ends[:2])


def test_options_and_methods_reach_the_deployment():
    recorder, handles, handle = two()
    one = handle.route(force_version="v1")
    assert one.remote(1).result() == "a"
    assert one.say.remote(1).result() == "a"
    assert one.options(method_name="sing").remote(1, fails=None).result() == "a"
    assert handles["v1"].asked == [("__call__", (1,), {}), ("say", (1,), {}), ("sing", (1,), {"fails": None})]
    with pytest.raises(AttributeError):
        handle.__wrapped__


def test_a_stream_is_iterated_over_both_ways_and_timed():
    recorder, _, handle = two()
    streaming = handle.options(stream=True).route(force_version="v2")

    async def main():
        response = streaming.remote(3)
        assert isinstance(response, StreamingResponse)
        pieces = []
        async for piece in response:
            pieces.append(piece)
            response.note(tokens=len(pieces))
        return pieces

    assert run(main()) == list(streaming.remote(3)) == ["b"] * 3
    assert recorder.kinds == ["finished", "finished"]
    assert recorder.ends[0][2]["tokens"] == 3
    assert all(outcome["ttft_ms"] < outcome["latency_ms"] for _, _, outcome in recorder.ends)


def test_errors_are_the_versions_but_those_of_the_client():
    recorder, _, handle = two(client_errors=(LookupError,))
    one = handle.route(force_version="v1")

    async def main():
        for error in [RuntimeError("died"), KeyError("no such thing")]:
            with pytest.raises(type(error)):
                await one.remote(1, fails=error)
            with pytest.raises(type(error)):
                one.remote(1, fails=error).result()
            with pytest.raises(type(error)):
                [piece async for piece in one.options(stream=True).remote(1, fails=error)]
            with pytest.raises(type(error)):
                list(one.options(stream=True).remote(1, fails=error))

    run(main())
    assert recorder.kinds == ["error"] * 4 + ["discarded"] * 4 and recorder.in_flight == 0


def test_a_cancelled_call_and_a_cancelled_caller_are_abandoned():
    recorder, handles, handle = two()

    async def main():
        handle.add("v1", DeploymentHandle("a", future=concurrent.futures.Future()))
        response = handle.route(force_version="v1").remote(1)
        response.cancel()
        with pytest.raises(RequestCancelledError):
            await response
        assert response.cancelled()
        handle.add("v1", DeploymentHandle("a", future=concurrent.futures.Future()))
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.01):
                await handle.route(force_version="v1").remote(1)
        stream = handle.options(stream=True).route(force_version="v2").remote(3)
        assert await anext(stream) == "b"
        stream.cancel()
        with pytest.raises(RequestCancelledError):
            await anext(stream)

    run(main())
    assert recorder.kinds == ["abandoned"] * 3 and recorder.in_flight == 0


def test_a_caller_that_waits_no_longer_holds_the_lease_until_it_lets_go():
    recorder, _, handle = two()
    future = concurrent.futures.Future()
    handle.add("v1", DeploymentHandle("a", future=future))
    response = handle.route(force_version="v1").remote(1)
    with pytest.raises(TimeoutError):
        response.result(timeout_s=0.01)
    assert recorder.in_flight == 1
    future.set_result("late")
    assert response.result() == "late"
    [(kind, _, times)] = recorder.ends
    assert kind == "abandoned" and times["latency_ms"] >= 10


def test_a_response_that_nobody_gets_ends_its_lease():
    recorder, _, handle = two()
    response = handle.remote(1)
    stream = iter(handle.options(stream=True).remote(3))
    next(stream)
    del response, stream
    gc.collect()
    assert recorder.kinds == ["discarded", "abandoned"] and recorder.in_flight == 0


def test_a_hook_reads_results_and_pieces():
    recorder, _, handle = two(outcome=lambda value: {"tokens": len(value), "passed": value.startswith("a")})
    handle.route(force_version="v1").remote(4).result()
    list(handle.options(stream=True).route(force_version="v2").remote(2))
    assert [(outcome["tokens"], outcome["passed"]) for _, _, outcome in recorder.ends] == [(4, True), (1, False)]


def test_versions_come_and_go_in_all_copies():
    recorder, handles, handle = two()
    copy = handle.options(stream=True).route(force_version="v2")
    handle.remove("v2")
    with pytest.raises(sr.HostError, match=r"v2 has no handle.*\(v1\)"):
        copy.remote(1)
    handle.add("v2", handles["v2"])
    assert list(copy.remote(1)) == ["b"]
    assert recorder.kinds == ["error", "finished"]
    assert handle.remove("v3") is None
