"""Routing from Python."""

import asyncio
import os
import subprocess
import sys
import textwrap
import threading

import pytest
import serinus as sr


def splitter():
    return sr.Splitter({"v1": 0.95, "v2": 0.05}, salt="llama-70b-chat")


def test_a_user_meets_the_same_version_and_leases_are_counted():
    split = splitter()
    with split.route(user_id="u42") as lease:
        assert (lease.version, lease.reason) == (split.version_for("u42"), "sticky")
        assert split.stats()[lease.version].in_flight == 1
        lease.finish(ttft_ms=41.0, latency_ms=830.0, tokens=212)
    stats = split.stats()[lease.version]
    assert (stats.count, stats.in_flight, stats.by_reason) == (1, 0, {"sticky": 1})
    assert stats.to_dict()["count"] == 1


def test_many_keys_are_assigned_at_once_and_the_share_is_as_configured():
    split = splitter()
    users = [f"u{n}" for n in range(20_000)]
    versions = split.assign(users)
    assert versions[:50] == [split.version_for(user) for user in users[:50]]
    # 5% of 20,000 are 1,000, ± 5 standard errors.
    assert 845 < versions.count("v2") < 1155
    assert versions[0] is split.version_for(users[0]), "one string for each version"


def test_reasons_and_overrides():
    split = splitter()
    split.set_category_override("coding", "v2")
    assert split.route(user_id="u1", category="coding").reason == "category"
    split.clear_category_override("coding")
    assert split.route(user_id="u1", category="coding").reason == "sticky"
    assert split.route(force_version="v2").version == "v2"
    assert split.route().reason == "weighted"
    token = split.route(force_version="v2").session_token
    assert split.route(user_id="u42", session_token=token).reason == "pinned"
    split.clear_sticky_sessions()
    assert split.route(user_id="u42", session_token=token).reason == "sticky"


def test_weights_change_at_once_and_what_is_wrong_changes_nothing():
    split = splitter()
    split.set_weights({"v1": 0.9, "v2": 0.1})
    assert split.weights == {"v1": 0.9, "v2": 0.1}
    for wrong in [{"v1": 0.5}, {"v1": -0.1, "v2": 1.1}, {"v1": float("nan"), "v2": 1.0}, {}, {"v9": 1.0}]:
        with pytest.raises(sr.RoutingError):
            split.set_weights(wrong)
    with pytest.raises(TypeError):
        split.set_weights({1: 1.0})
    assert split.weights == {"v1": 0.9, "v2": 0.1}
    with pytest.raises(sr.RoutingError, match="sum to 1"):
        sr.Splitter({"v1": 0.5}, salt="m")


def test_a_lease_ends_once_and_an_exception_ends_it():
    split = splitter()
    lease = split.route(user_id="u1")
    lease.finish(error="timeout")
    with pytest.raises(sr.RoutingError, match="finished already"):
        lease.finish()
    with pytest.raises(KeyError), split.route(user_id="u2"):
        raise KeyError("the model")
    with split.route(user_id="u3"):
        pass
    del lease
    assert all(stats.in_flight == 0 for stats in split.stats().values())


def test_threads_share_a_splitter():
    split = splitter()

    def serve(thread):
        for n in range(2_000):
            with split.route(user_id=f"{thread}-{n}") as lease:
                lease.finish(latency_ms=1.0)

    threads = [threading.Thread(target=serve, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    stats = split.stats()
    assert sum(version.count for version in stats.values()) == 8_000
    assert all(version.in_flight == 0 for version in stats.values())


def test_an_abandoned_lease_and_one_that_was_ended_say_so():
    split = splitter()
    lease = split.route(user_id="u1")
    assert not lease.ended
    lease.abandon(ttft_ms=41.0, latency_ms=900.0)
    assert lease.ended and split.stats()[lease.version].in_flight == 0
    for again in [lease.abandon, lease.finish, lambda: split.retry(lease)]:
        with pytest.raises(sr.RoutingError, match="finished already"):
            again()
    with pytest.raises(TypeError):
        split.route().abandon(latency_ms="long")


def test_a_cancelled_request_is_tried_again_on_a_version_that_stays():
    split = splitter()
    lease = split.route(force_version="v2")
    with pytest.raises(sr.RoutingError):
        split.cancel("v2")
    split.withdraw("v2")
    assert not lease.cancelled
    assert split.cancel("v2") == 1 and lease.cancelled
    again = split.retry(lease)
    assert (again.version, again.reason, lease.ended, again.cancelled) == ("v1", "retried", True, False)
    again.finish()
    assert split.cancel("v9") == 0
    stats = split.stats()
    assert all(version.in_flight == 0 for version in stats.values())
    assert stats["v1"].by_reason == {"retried": 1}


def test_importing_the_package_imports_no_integration():
    code = "import sys, serinus; assert not [name for name in sys.modules if 'integrations' in name]"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_what_a_request_is_may_be_said_by_place_or_by_name():
    split = splitter()
    by_name = split.route(user_id="u1", category="coding", force_version="v2", session_token=None, request_id="r1")
    by_place = split.route("u1", "coding", "v2", None, "r1")
    assert by_name.version == by_place.version == "v2"
    by_name.finish(ttft_ms=41.0, latency_ms=830.0, tokens=212, passed=True, quality=0.9, feedback=1.0, stratum=3)
    by_place.finish(41.0, 830.0, 212, prompt="?", response="!")
    assert split.stats()["v2"].in_flight == 0
    assert not by_place.sampled, "there is nobody to judge"


def test_a_request_that_ends_wrongly_is_still_held():
    split = splitter()
    lease = split.route("u1")
    for wrong in [{"stratum": 16}, {"stratum": -1}, {"tokens": -1}, {"tokens": 2**32}]:
        with pytest.raises(sr.RoutingError) as refused:
            lease.finish(**wrong)
        assert refused.value.expected and refused.value.got
    for wrong in [{"latency_ms": "fast"}, {"tokens": 1.5}, {"stratum": "a"}, {"passed": "yes"}]:
        with pytest.raises(TypeError):
            lease.finish(**wrong)
    with pytest.raises(TypeError):
        lease.finish(1.0, 2.0, 3, True)
    assert split.stats()[lease.version].in_flight == 1
    for cannot_be in [float("nan"), float("inf"), -1.0]:
        split.route("u1").finish(cannot_be, cannot_be, quality=cannot_be)
    lease.finish()
    assert split.stats()[lease.version].in_flight == 0


def test_feedback_needs_somebody_who_waits_for_it():
    split = splitter()
    with pytest.raises(sr.RoutingError, match="splitter.reviewer") as refused:
        split.feedback(request_id="r1", score=1.0)
    assert not isinstance(refused.value, sr.FeedbackError)
    reviewer = sr.Reviewer(workers=0)
    split.reviewer = reviewer
    assert split.reviewer is reviewer
    with pytest.raises(sr.RoutingError, match="made without"):
        split.feedback("r1", 1.0)
    split.reviewer = sr.Reviewer(feedback=sr.Feedback(), workers=0)
    with pytest.raises(sr.FeedbackError) as unknown:
        split.feedback("r1", 1.0)
    assert unknown.value.kind is sr.FeedbackErrorKind.UNKNOWN and split.reviewer.stats().feedback_unknown == 1
    with pytest.raises(TypeError):
        split.reviewer = "judge"
    split.reviewer = None
    assert split.reviewer is None


def test_leases_are_held_over_awaits_and_a_cancelled_task_ends_its_own():
    split = splitter()

    async def serve(user, ends):
        with split.route(user) as lease:
            await asyncio.sleep(0)
            await ends.wait()
            lease.finish(latency_ms=1.0)

    async def server():
        ends = asyncio.Event()
        tasks = [asyncio.create_task(serve(f"u{n}", ends)) for n in range(50)]
        await asyncio.sleep(0.01)
        assert sum(version.in_flight for version in split.stats().values()) == 50
        tasks[0].cancel()
        ends.set()
        return await asyncio.gather(*tasks, return_exceptions=True)

    ended = asyncio.run(server())
    assert isinstance(ended[0], asyncio.CancelledError) and ended[1:] == [None] * 49
    assert [version.in_flight for version in split.stats().values()] == [0, 0]


def test_a_lease_may_end_on_another_thread_and_only_once():
    split = splitter()
    leases = [split.route(f"u{n}") for n in range(500)]
    refused = []

    def end():
        for lease in leases:
            try:
                lease.finish(latency_ms=1.0)
            except sr.RoutingError:
                refused.append(lease)

    threads = [threading.Thread(target=end) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(refused) == 3 * len(leases)
    assert all(version.in_flight == 0 for version in split.stats().values())


def test_requests_and_changes_of_the_table_go_on_at_once():
    split = splitter()
    stop = threading.Event()

    def change():
        while not stop.is_set():
            split.set_weights({"v1": 0.5, "v2": 0.5})
            split.withdraw("v2")
            split.admit("v2")

    def serve(thread):
        for n in range(3_000):
            lease = split.route(f"{thread}-{n}")
            assert lease.version in ("v1", "v2")
            lease.finish()

    changer = threading.Thread(target=change)
    servers = [threading.Thread(target=serve, args=(number,)) for number in range(3)]
    for thread in [changer, *servers]:
        thread.start()
    for thread in servers:
        thread.join()
    stop.set()
    changer.join()
    stats = split.stats()
    assert sum(version.count for version in stats.values()) == 9_000
    assert all(version.in_flight == 0 for version in stats.values())


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_each_process_goes_on_with_the_table_and_counts_for_itself():
    program = """
        import os, threading
        import serinus as sr

        split = sr.Splitter({"v1": 0.5, "v2": 0.5}, salt="chat")
        split.set_category_override("coding", "v2")
        users = [f"u{n}" for n in range(200)]
        assigned = split.assign(users)
        before = split.route("u0")
        token = split.route(force_version="v2").session_token

        stop = threading.Event()
        def stir():
            while not stop.is_set():
                split.route("u1").finish(latency_ms=1.0)
                split.set_category_override("stirring", "v1")
                split.stats()
        stirring = [threading.Thread(target=stir) for _ in range(2)]
        for thread in stirring:
            thread.start()

        def child(depth):
            assert sum(version.count for version in split.stats().values()) == 0
            assert split.assign(users) == assigned
            assert split.route(category="coding").version == "v2"
            assert split.route("u1", session_token=token).reason == "pinned"
            for user in users:
                with split.route(user) as lease:
                    lease.finish(latency_ms=1.0)
            before.finish(latency_ms=1.0)
            counts = split.stats()
            assert sum(version.count for version in counts.values()) == len(users) + 2
            assert all(version.in_flight == 0 for version in counts.values())
            split.set_weights({"v2": 1.0})
            if depth == 0:
                grandchild = os.fork()
                if grandchild == 0:
                    assert split.weights == {"v2": 1.0} and split.stats()["v2"].count == 0
                    assert split.route("u1").version == "v2"
                    os._exit(0)
                assert os.waitpid(grandchild, 0)[1] == 0

        for _ in range(20):
            pid = os.fork()
            if pid == 0:
                code = 1
                try:
                    child(0)
                    code = 0
                finally:
                    os._exit(code)
            assert os.waitpid(pid, 0)[1] == 0
        stop.set()
        for thread in stirring:
            thread.join()
        assert split.weights == {"v1": 0.5, "v2": 0.5}
        counts = split.stats()
        assert [counts[version].in_flight for version in ("v1", "v2")].count(1) == 1, "the parent's own is still out"
        before.finish()
        assert all(version.in_flight == 0 for version in split.stats().values())
        print("right")
    """
    done = subprocess.run(
        [sys.executable, "-X", "dev", "-W", "ignore::DeprecationWarning", "-c", textwrap.dedent(program)],
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "right\n", "")
