"""Routing from Python."""

import subprocess
import sys
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
