"""The ASGI middleware, message by message."""

import asyncio
import time

import pytest
from serinus.integrations.asgi import SerinusMiddleware
from serving import Recorder, run

START = {"type": "http.response.start", "status": 200, "headers": []}
LAST = {"type": "http.response.body", "body": b""}


def piece(text):
    return {"type": "http.response.body", "body": text, "more_body": True}


def start(status):
    return {**START, "status": status}


def says(*messages):
    async def app(scope, receive, send):
        for message in messages:
            if isinstance(message, BaseException):
                raise message
            await send(message)

    return app


def call(app, *, heard=(), headers=(), path="/", scheme="http", kind="http", send=None, recorder=None, **options):
    """Runs one request; gives the recorder, what was sent, and what was raised."""
    recorder = recorder or Recorder({"v1": 0.5, "v2": 0.5})
    sent = []
    messages = iter(heard)

    async def receive():
        return next(messages)

    async def keep(message):
        sent.append(message)
        if send is not None:
            await send(message)

    scope = {"type": kind, "path": path, "scheme": scheme, "headers": list(headers)}
    raised = None
    try:
        run(SerinusMiddleware(app, recorder, **options)(scope, receive, keep))
    except BaseException as error:
        raised = error
    assert recorder.in_flight == 0
    return recorder, sent, raised


def test_a_streamed_answer_passes_unchanged_and_is_timed():
    messages = [start(200), piece(b""), piece(b"ca"), piece(b"nary"), LAST]

    async def app(scope, receive, send):
        for message in messages:
            if message.get("body"):
                await asyncio.sleep(0.03)
            await send(message)

    recorder, sent, _ = call(app)
    assert sent[1:] == messages[1:]
    [(kind, _, outcome)] = recorder.ends
    assert kind == "finished"
    assert 29 < outcome["ttft_ms"] < outcome["latency_ms"] - 29


@pytest.mark.parametrize(
    ("messages", "kind"),
    [
        ([start(200), LAST], "finished"),
        ([start(302), LAST], "finished"),
        ([start(404), LAST], "discarded"),
        ([start(429), piece(b"slow down"), LAST], "discarded"),
        ([start(500), LAST], "error"),
        ([start(503), piece(b"busy"), LAST], "error"),
        ([], "error"),
        ([start(200)], "error"),
        ([start(200), piece(b"ca")], "error"),
        ([KeyError("model")], "error"),
        ([start(200), piece(b"ca"), KeyError("model")], "error"),
        ([start(200), piece(b"ca"), asyncio.CancelledError()], "abandoned"),
        ([start(200), piece(b"ca"), GeneratorExit()], "abandoned"),
        ([start(200), LAST, KeyError("a background task")], "finished"),
        ([start(200), LAST, LAST], "finished"),
        ([start(200), {"type": "http.response.pathsend", "path": "/a"}], "finished"),
        ([start(200), {"type": "http.response.zerocopysend", "file": 1, "more_body": True}], "error"),
        ([start(200), {"type": "http.response.zerocopysend", "file": 1}], "finished"),
    ],
)
def test_each_way_of_ending_is_counted_once(messages, kind):
    recorder, sent, raised = call(says(*messages))
    assert recorder.kinds == [kind]
    assert raised in messages or raised is None
    assert len(sent) == sum(not isinstance(message, BaseException) for message in messages)


def test_a_client_that_leaves_is_abandoned_with_what_it_waited_even_if_the_answer_is_completed():
    at, began = [], time.perf_counter()

    async def app(scope, receive, send):
        await send(START)
        await send(piece(b"ca"))
        assert (await receive())["type"] == "http.disconnect"
        at.append((time.perf_counter() - began) * 1e3)
        assert not scope["serinus.lease"].ended, "the model may run on"
        await asyncio.sleep(0.01)
        await send(piece(b"nary"))
        await send(LAST)

    recorder, _, _ = call(app, heard=[{"type": "http.disconnect"}])
    [(kind, _, times)] = recorder.ends
    assert kind == "abandoned"
    assert times["ttft_ms"] <= times["latency_ms"] <= at[0]


def test_a_first_token_after_the_client_has_left_is_none():
    async def app(scope, receive, send):
        await receive()
        for message in [start(500), piece(b"ca"), LAST]:
            await send(message)

    recorder, _, _ = call(app, heard=[{"type": "http.disconnect"}])
    assert recorder.kinds == ["abandoned"] and recorder.ends[0][2]["ttft_ms"] is None


def test_what_an_application_raises_because_its_client_left_is_no_error():
    async def app(scope, receive, send):
        await receive()
        raise RuntimeError("client disconnected")

    recorder, _, raised = call(app, heard=[{"type": "http.disconnect"}])
    assert recorder.kinds == ["abandoned"] and isinstance(raised, RuntimeError)

    async def gone(message):
        if message["type"] == "http.response.body":
            raise OSError("connection reset")

    recorder, _, raised = call(says(START, piece(b"ca"), LAST), send=gone)
    assert recorder.kinds == ["abandoned"] and isinstance(raised, OSError)


def test_a_disconnect_after_the_answer_is_no_abandonment():
    async def app(scope, receive, send):
        await send(START)
        await asyncio.gather(send(LAST), receive())

    async def is_heard_meanwhile(message):
        await asyncio.sleep(0.01)

    recorder, _, _ = call(app, heard=[{"type": "http.disconnect"}], send=is_heard_meanwhile)
    assert recorder.kinds == ["finished"]


def test_an_application_may_end_its_lease_itself():
    async def app(scope, receive, send):
        scope["serinus.lease"].finish(error="nonsense")
        await send(START)
        await send(LAST)

    recorder, _, raised = call(app, outcome=lambda scope: {}["not asked"])
    assert recorder.kinds == ["error"] and raised is None


def test_what_the_application_notes_and_what_the_hook_says_is_recorded():
    async def app(scope, receive, send):
        assert scope["serinus.version"] == scope["serinus.lease"].version
        scope["serinus.request"].note(tokens=212, quality=0.5)
        await send(START)
        await send(LAST)

    recorder, _, _ = call(app, outcome=lambda scope: {"passed": scope["path"] == "/", "quality": 0.9})
    outcome = recorder.ends[0][2]
    assert (outcome["tokens"], outcome["passed"], outcome["quality"]) == (212, True, 0.9)


def test_a_hook_that_fails_costs_neither_the_answer_nor_the_lease():
    def broken(scope):
        raise KeyError("hook")

    recorder, sent, raised = call(says(START, LAST), outcome=broken)
    assert recorder.kinds == ["finished"] and sent[-1] == LAST and isinstance(raised, KeyError)
    # What is no outcome is refused when the lease ends, and the lease ends all the same.
    recorder, sent, raised = call(says(START, LAST), outcome=lambda scope: {"tokens": "many"})
    assert recorder.kinds == ["discarded"] and sent[-1] == LAST and isinstance(raised, TypeError)


@pytest.mark.parametrize("kind", ["websocket", "lifespan"])
def test_other_protocols_pass_through_untouched(kind):
    seen = []

    async def app(scope, receive, send):
        seen.append((scope, receive, send))

    recorder = Recorder()
    scope = {"type": kind}
    run(SerinusMiddleware(app, recorder)(scope, len, print))
    assert seen == [({"type": kind}, len, print)] and seen[0][0] is scope
    assert recorder.stats()["v1"].count == 0


def test_only_the_chosen_paths_are_routed():
    chosen = dict(paths=["/v1/completions"])
    assert call(says(START, LAST), path="/health", **chosen)[0].kinds == []
    assert call(says(START, LAST), path="/v1/completions", **chosen)[0].kinds == ["finished"]
    assert call(says(START, LAST), path="/b", paths=lambda scope: scope["path"] == "/a")[0].kinds == []
    with pytest.raises(TypeError, match="collection of paths"):
        SerinusMiddleware(says(), Recorder(), paths="/v1/completions")


def test_where_user_category_and_version_are_found():
    recorder = Recorder({"v1": 0.5, "v2": 0.5})
    recorder.set_category_override("coding", "v2")
    options = dict(recorder=recorder, user_id="X-User", category=lambda scope: "coding", force_version="x-version")
    call(says(START, LAST), headers=[(b"x-user", b"u42"), (b"x-version", b"v1")], **options)
    call(says(START, LAST), headers=[(b"x-user", b"u42")], **options)
    call(says(START, LAST), recorder=recorder, user_id="x-user", headers=[(b"x-user", b"u42")])
    call(says(START, LAST), recorder=recorder, user_id="x-user")
    reasons = {}
    for stats in recorder.stats().values():
        for reason, count in stats.by_reason.items():
            reasons[reason] = reasons.get(reason, 0) + count
    assert reasons == {"forced": 1, "category": 1, "sticky": 1, "weighted": 1}


def answer_headers(sent):
    return [(name.decode(), value.decode()) for name, value in sent[0]["headers"]]


def test_a_header_pins_the_conversation():
    recorder, sent, _ = call(says(START, LAST), version_header="x-version")
    (name, token), (_, version) = answer_headers(sent)
    assert name == "serinus-session" and START["headers"] == []
    for _ in range(20):
        header = (b"serinus-session", token.encode())
        _, sent, _ = call(says(START, LAST), recorder=recorder, headers=[header], version_header="x-version")
        assert answer_headers(sent) == [(name, token), ("x-version", version)]
    assert recorder.stats()[version].by_reason["pinned"] == 20


def test_a_cookie_pins_the_conversation_and_is_set_once():
    recorder, sent, _ = call(says(START, LAST), session_cookie="canary", scheme="https")
    [(name, cookie)] = answer_headers(sent)
    token = cookie.removeprefix("canary=").split(";")[0]
    assert name == "set-cookie" and cookie == f"canary={token}; Path=/; HttpOnly; SameSite=Lax; Secure"
    assert "Secure" not in answer_headers(call(says(START, LAST), session_cookie="canary")[1])[0][1]
    # Over HTTP/2, cookies may come one to a header.
    headers = [(b"cookie", b"other=1"), (b"cookie", f"a=b; canary={token}".encode())]
    recorder, sent, _ = call(says(START, LAST), recorder=recorder, headers=headers, session_cookie="canary")
    assert answer_headers(sent) == []
    assert sum(stats.by_reason.get("pinned", 0) for stats in recorder.stats().values()) == 1


@pytest.mark.parametrize("token", [b"", b"not a token", b"\xff\xfe", b"A" * 100_000])
def test_a_token_that_is_none_is_ignored(token):
    for options in [{}, {"session_cookie": "canary"}]:
        headers = [(b"serinus-session", token), (b"cookie", b"canary=" + token)]
        recorder, sent, _ = call(says(START, LAST), headers=headers, user_id=lambda scope: "u1", **options)
        assert recorder.kinds == ["finished"] and len(answer_headers(sent)) == 1
        assert sum(stats.by_reason.get("sticky", 0) for stats in recorder.stats().values()) == 1


@pytest.mark.parametrize("name", ["", "a b", "a\r\nb: c", "a;b"])
def test_names_that_http_does_not_allow_are_refused(name):
    for parameter in ["session_header", "session_cookie", "version_header"]:
        with pytest.raises(ValueError, match="cannot be the name"):
            SerinusMiddleware(says(), Recorder(), **{parameter: name})


def test_a_cancelled_task_that_hangs_without_an_answer_is_abandoned():
    recorder = Recorder()

    async def hangs(scope, receive, send):
        await asyncio.Event().wait()

    async def main():
        scope = {"type": "http", "path": "/", "headers": []}
        request = asyncio.create_task(SerinusMiddleware(hangs, recorder)(scope, None, None))
        await asyncio.sleep(0.01)
        assert recorder.in_flight == 1
        request.cancel()
        with pytest.raises(asyncio.CancelledError):
            await request

    run(main())
    assert recorder.kinds == ["abandoned"] and recorder.in_flight == 0


def test_an_application_is_held_up_by_its_client_alone():
    at = []

    async def app(scope, receive, send):
        for n in range(3):
            at.append(("made", n))
            await send(piece(b"x") if n else START)
        await send(LAST)

    async def slow(message):
        await asyncio.sleep(0.001)
        at.append("sent")

    call(app, send=slow)
    assert at[:6] == [("made", 0), "sent", ("made", 1), "sent", ("made", 2), "sent"]
