"""Evaluating from Python."""

import copy
import json
import math
import pickle
import random
import threading

import pytest
import serinus as sr


def evaluator(**options):
    return sr.CanaryEvaluator(stable="v1", canary="v2", **options)


def request(version, **fields):
    return sr.Observation(version=version, **fields)


def requests(seed, n, fail_rate, *, median_ms=1_000.0, start=0.0, seconds=3_600.0):
    """Columns of requests that arrive evenly over some time."""
    chance = random.Random(seed)
    return dict(
        latency_ms=[median_ms * math.exp(chance.gauss(0.0, 0.5)) for _ in range(n)],
        passed=[chance.random() >= fail_rate for _ in range(n)],
        arrived_at=[start + seconds * (i + 0.5) / n for i in range(n)],
    )


def fed(seed, fail_rate, *, n=2_000, share=0.2, **options):
    ev = evaluator(**options)
    ev.observe_many(version="v1", **requests(2 * seed, int(n * (1 - share)), 0.03))
    ev.observe_many(version="v2", **requests(2 * seed + 1, int(n * share), fail_rate))
    return ev


def test_a_bad_canary_is_degraded_and_the_numbers_say_why():
    r = fed(1, 0.14, n=10_000).evaluate(now=3_600.0)
    assert r.verdict == "degraded" and r.verdict is sr.Verdict.DEGRADED and r.rollback is True
    assert "judged failures" in r.reasons[0]
    failures = r.guardrails["failure_rate"]
    assert failures.verdict is sr.Verdict.DEGRADED and failures.e_value > failures.threshold > 100.0
    assert math.isclose(math.log(failures.e_value), failures.log_e_value)
    low, high = failures.interval
    assert 0.0 < low < 0.11 < high and failures.interval.low == low
    assert failures.estimate > 2.0 and not failures.within_margin
    assert r.latency.stable_p50_ms == pytest.approx(1_000.0, rel=0.1) and r.latency.canary_p99_ms > 2_000.0
    assert abs(r.latency.p99_increase) < 0.5
    assert (r.errors.canary_rate, r.errors.increase) == (0.0, None)
    assert r.quality.decrease == pytest.approx(0.11, abs=0.05)
    assert (r.canary_requests, r.pairs, r.awaits, r.alerts, r.at) == (2_000, 0, None, {}, 3_600.0)
    assert r.ledger.false_rollback_budget == 0.01 and r.ledger.joint_e_value > r.ledger.joint_threshold


def test_a_good_canary_becomes_healthy():
    r = fed(2, 0.03, n=40_000, share=0.5).evaluate(now=3_600.0)
    assert (r.verdict, r.rollback) == ("healthy", False)


def test_too_little_says_nothing():
    ev = evaluator()
    assert ev.evaluate().verdict == "insufficient"
    ev.observe_many(version="v1", error=[False] * 40)
    ev.observe_many(version="v2", error=[True] * 40)
    assert ev.evaluate().verdict == "insufficient"
    assert evaluator(min_requests=500).evaluate().verdict == "insufficient"


def test_identical_versions_stay_within_the_budget_and_a_rule_of_thresholds_does_not():
    seeds, budget = 200, 0.05
    sequential = threshold = 0
    for seed in range(seeds):
        seen = [fed(seed, 0.03, false_rollback_budget=budget), sr.ThresholdEvaluator(stable="v1", canary="v2")]
        for begin in range(12):
            n, start = 200, 60.0 * begin
            seen[1].observe_many(version="v1", **requests(31 * seed + begin, n, 0.03, start=start, seconds=60.0))
            seen[1].observe_many(version="v2", **requests(37 * seed + begin, n // 4, 0.03, start=start, seconds=60.0))
        sequential += seen[0].evaluate(now=3_600.0).rollback
        threshold += seen[1].evaluate(now=720.0).rollback
    # Under the budget the number is at most binomial: its mean and three standard errors.
    assert sequential <= seeds * budget + 3.0 * math.sqrt(seeds * budget * (1.0 - budget))
    assert threshold > 4.0 * seeds * budget


def test_regressions_are_found():
    found = sum(fed(seed, 0.14, n=6_000).evaluate(now=3_600.0).rollback for seed in range(20))
    assert found >= 18


def test_one_request_at_a_time_is_as_many_at_once():
    single, many = evaluator(user_cap=2), evaluator(user_cap=2)
    fields = dict(
        latency_ms=[float(100 + i) for i in range(40)],
        ttft_ms=[float(10 + i) for i in range(40)],
        tokens=[200 + i for i in range(40)],
        error=[i % 9 == 0 for i in range(40)],
        quality=[(i % 10) / 10 for i in range(40)],
        passed=[None if i % 4 == 0 else i % 3 > 0 for i in range(40)],
        feedback=[None if i % 2 else 1.0 for i in range(40)],
        stratum=[0.0] * 40,
    )
    for version in ("v1", "v2"):
        fields["sticky_key"] = [None if i % 5 == 0 else f"{version}-{i % 7}" for i in range(40)]
        many.observe_many(version=version, arrived_at=5.0, **fields)
        for i in range(40):
            row = {name: column[i] for name, column in fields.items()}
            single.observe(request(version, arrived_at=5.0, **row))
    many.set_traffic(0.5, now=6.0)
    single.set_traffic(0.5, now=6.0)
    one, other = single.evaluate(now=7.0), many.evaluate(now=7.0)
    assert one.canary_requests == other.canary_requests == 8 + 7 * 2
    assert one.quality == other.quality and one.latency == other.latency and one.errors == other.errors


def test_columns_may_be_arrays_series_lists_or_missing():
    numpy, pandas = pytest.importorskip("numpy"), pytest.importorskip("pandas")
    n = 200
    plain = dict(
        latency_ms=[float(i + 1) for i in range(n)],
        tokens=list(range(n)),
        error=[i % 5 == 0 for i in range(n)],
        passed=[i % 3 == 0 for i in range(n)],
    )
    kinds = [
        lambda column: column,
        tuple,
        numpy.array,
        pandas.Series,
        lambda column: numpy.array([column, column]).T[:, 0],
        lambda column: numpy.array(column, dtype=numpy.float64),
        lambda column: numpy.array(column, dtype=object) if isinstance(column[0], bool) else numpy.float32(column),
    ]
    seen = []
    for kind in kinds:
        ev = evaluator()
        for version in ("v1", "v2"):
            ev.observe_many(version=version, now=1.0, **{name: kind(column) for name, column in plain.items()})
        seen.append(ev.evaluate(now=2.0))
    assert all(evaluation == seen[0] for evaluation in seen)
    assert (seen[0].canary_requests, seen[0].errors.canary_rate, seen[0].quality.canary_tokens) == (n, 0.2, 99.5)


def test_what_cannot_be_right_counts_as_unmeasured():
    ev = evaluator()
    for version in ("v1", "v2"):
        for bad in (math.nan, math.inf, -1.0):
            ev.observe(request(version, latency_ms=bad, ttft_ms=bad, quality=2.0, tokens=-5), now=1.0)
        # In a column NaN is what was not measured.
        ev.observe_many(version=version, latency_ms=[math.inf, -1.0, math.nan] + [50.0] * 60, now=1.0)
    ev.set_traffic(0.1, now=2.0)
    r = ev.evaluate(now=3.0)
    assert (r.latency.canary_p50_ms, r.latency.canary_ttft_p50_ms, r.quality.canary_mean) == (50.0, None, None)
    assert r.quality.canary_tokens is None and r.canary_requests == 66
    assert any(reason.startswith("22 reported values") for reason in r.reasons), r.reasons


def test_batches_wait_for_the_other_version_and_are_compared_over_the_same_time():
    ev = evaluator()
    ev.observe_many(version="v1", error=[False] * 900, arrived_at=[float(i) for i in range(900)])
    assert ev.evaluate(now=900.0).stable_requests == 0
    ev.observe_many(version="v2", error=[True] * 100, arrived_at=[4.0 * i for i in range(100)])
    # What the stable version did after the canary's last known request waits for more of the canary.
    assert (ev.evaluate(now=900.0).stable_requests, ev.evaluate(now=900.0).canary_requests) == (397, 100)
    ev.observe_many(version="v2", error=[True] * 100, arrived_at=[400.0 + 5.0 * i for i in range(100)])
    r = ev.evaluate(now=900.0)
    assert (r.stable_requests, r.canary_requests, r.verdict) == (896, 200, "degraded")
    shuffled, random_order = evaluator(), random.Random(3)
    for version, n, failed in (("v1", 900, False), ("v2", 100, True)):
        times = [float(i * 900 // n) for i in range(n)]
        random_order.shuffle(times)
        shuffled.observe_many(version=version, error=[failed] * n, arrived_at=times)
    assert shuffled.evaluate(now=900.0).verdict == "degraded"


def test_a_batch_waits_as_long_as_the_traffic_stays_as_it_is():
    ev = evaluator()
    ev.set_traffic(0.1, now=0.0)
    ev.observe_many(version="v1", error=[False] * 900, arrived_at=[float(i) for i in range(900)])
    ev.set_traffic(0.1, now=900.0)
    ev.observe_many(version="v2", error=[True] * 100, arrived_at=[4.0 * i for i in range(100)])
    assert (ev.evaluate(now=900.0).stable_requests, ev.evaluate(now=900.0).canary_requests) == (397, 100)


def test_no_more_than_so_many_requests_of_one_version_wait():
    ev, n = evaluator(), 65_536
    for start in (0.0, 1_000.0):
        times = [start + 1_000.0 * i / n for i in range(n)]
        ev.observe_many(version="v1", error=[False] * n, arrived_at=times)
    ev.observe_many(version="v2", error=[False] * 100, arrived_at=[500.0 + i for i in range(100)])
    assert ev.evaluate(now=2_000.0).stable_requests == n, "the first batch counts, and the second waits"


def test_strangers_are_counted_and_left_out():
    ev = evaluator()
    ev.observe(request("v3"), now=0.0)
    ev.observe_many(version="v9", error=[True, False])
    r = ev.evaluate(now=1.0)
    assert any(reason.startswith("3 reported requests of other versions") for reason in r.reasons)
    assert (r.stable_requests, r.canary_requests) == (0, 0)


def test_stages_and_promotion():
    ev = evaluator()
    ev.set_traffic(0.05, now=0.0)
    ev.observe_many(version="v1", error=[False] * 100, arrived_at=1.0)
    ev.set_traffic(0.05, now=2.0)
    assert ev.evaluate(now=2.0).stable_requests == 0, "the same share again is no new stage"
    for start in range(10):
        ev.observe_many(version="v1", **requests(start, 1_000, 0.0, start=60.0 * start, seconds=60.0))
        ev.observe_many(version="v2", **requests(99 - start, 1_000, 0.0, start=60.0 * start, seconds=60.0))
    ev.promoted(now=700.0)
    before = ev.evaluate(now=700.0).canary_requests
    ev.observe_many(version="v2", passed=[False] * 2_000, arrived_at=[700.0 + i for i in range(2_000)])
    r = ev.evaluate(now=2_700.0)
    assert r.canary_requests == before + 2_000 and r.rollback, "it is held against what the old version was"


class TooShort:
    name = "too_short"
    increase = 0.5
    noun = "answers of fewer than five tokens"

    def failed(self, outcome):
        return None if outcome.tokens is None else outcome.tokens < 5


def test_evaluations_are_values():
    ev = fed(3, 0.14)
    first, second = ev.evaluate(now=3_600.0), ev.evaluate(now=3_600.0)
    assert first == second and hash(first) == hash(second) and first != ev.evaluate(now=3_601.0)
    again = pickle.loads(pickle.dumps(first))
    assert again == first == copy.deepcopy(first) and again.guardrails == first.guardrails
    assert sr.Evaluation.from_json(first.to_json()) == first
    plain = first.to_dict()
    assert plain["verdict"] == first.verdict and plain["at"] == 3_600.0
    assert plain["guardrails"]["failure_rate"]["interval"] == list(first.guardrails["failure_rate"].interval)
    assert json.loads(json.dumps(plain)) == plain
    plain["reasons"].clear()
    assert first.reasons and first.to_dict()["reasons"]
    assert repr(first).startswith(f"Evaluation('{first.verdict}', ") and first.reasons[0] in repr(first)
    report = first.guardrails["failure_rate"]
    assert pickle.loads(pickle.dumps(report)) == report and report.to_dict()["verdict"] == report.verdict
    for value in (first, report):
        with pytest.raises(AttributeError):
            value.verdict = "healthy"
    with pytest.raises(sr.StatisticsError, match="not an evaluation"):
        sr.Evaluation.from_json("{}")


def test_observations_are_values():
    fields = dict(
        version="v2",
        latency_ms=830.0,
        ttft_ms=41.0,
        tokens=212,
        error="timeout",
        quality=0.9,
        passed=True,
        feedback=1.0,
        checks={"json": False},
        stratum=3,
        sticky_key="u42",
        request_id="r1",
        arrived_at=12.5,
        prompt="?",
        response="!",
    )
    full = sr.Observation(**fields)
    assert full.to_dict() == fields and {name: getattr(full, name) for name in fields} == fields
    assert pickle.loads(pickle.dumps(full)) == full == copy.deepcopy(full) and hash(full) == hash(copy.copy(full))
    assert full != request("v2") and request("v2") != "v2" and type(copy.copy(full)) is sr.Observation
    assert eval(repr(full), {"Observation": sr.Observation}) == full
    with pytest.raises(AttributeError):
        full.tokens = 3
    assert [request("v1", error=error).error for error in (None, False, "", True)] == [None, None, None, "error"]
    assert request("v1", error=TimeoutError("late")).error == "TimeoutError: late"


def test_a_calibration_corrects_what_the_judge_says():
    judge = sr.Calibration(right_on_bad=sr.Count(90, 100), right_on_good=sr.Count(95, 100))
    ev = fed(5, 0.14, n=4_000, calibration=judge)
    quality = ev.evaluate(now=3_600.0).quality
    assert 0.0 < quality.canary_corrected.rate < quality.canary_failure_rate
    assert quality.canary_corrected.interval.low < quality.canary_corrected.rate


def test_a_plan_makes_its_evaluator():
    v1 = sr.ModelVersion(model_id="chat", version="a", base_model="llama", weight_hash="aa", gpu_memory_gb=16.0)
    plan = sr.RiskPlanner(margins=sr.Margins(p99_latency_increase=0.3)).plan(
        v1, v1.replace(version="b", weight_hash="bb"), fleet=sr.Fleet(replicas=4, gpu_memory_gb=40.0)
    )
    ev = sr.CanaryEvaluator.for_plan(plan, guardrails=[TooShort()])
    assert (ev.stable, ev.canary) == ("a", "b") and "too_short" in ev.evaluate().guardrails
    assert repr(ev) == "CanaryEvaluator(stable='a', canary='b')"


@pytest.mark.parametrize(
    "make",
    [
        lambda: sr.CanaryEvaluator(stable="v1", canary="v1"),
        lambda: sr.ThresholdEvaluator(stable="v1", canary="v1"),
        lambda: sr.CanaryEvaluator(stable="", canary="v1"),
        lambda: evaluator(false_rollback_budget=0.0),
        lambda: evaluator(false_rollback_budget=math.nan),
        lambda: evaluator(false_promotion_budget=1.0),
        lambda: evaluator(min_requests=-1),
        lambda: evaluator(user_cap=0),
        lambda: evaluator(user_cap=256),
        lambda: evaluator(cold_start_seconds=math.nan),
        lambda: evaluator(margins=sr.Margins(quality_decrease=math.nan)),
        lambda: sr.ThresholdEvaluator(stable="v1", canary="v2", margins=sr.Margins(p99_latency_increase=-1.0)),
        lambda: evaluator(guardrails=[sr.StandardGuardrail.latency(0.0)]),
        lambda: evaluator(guardrails=[sr.StandardGuardrail.latency(0.2, weight=0.0)]),
        lambda: evaluator(guardrails=[sr.StandardGuardrail.latency(0.2, granting=1.0)]),
        lambda: evaluator(guardrails=[sr.StandardGuardrail.latency(0.2)] * 2),
        lambda: evaluator(guardrails=[sr.StandardGuardrail(kind="speed", change=0.1)]),
        lambda: evaluator(guardrails=[sr.StandardGuardrail(kind="text_check", change=0.1)]),
        lambda: evaluator(guardrails=[type("G", (TooShort,), {"name": "latency"})()], default_guardrails=False),
        lambda: evaluator(guardrails=[type("G", (TooShort,), {"increase": -0.5})()]),
        lambda: evaluator(guardrails=[type("G", (TooShort,), {"increase": 1.0, "absolute": True})()]),
        lambda: evaluator().evaluate(now=math.nan),
        lambda: evaluator().evaluate(now=-1.0),
        lambda: evaluator().evaluate(confidence=1.0),
        lambda: evaluator().set_traffic(1.5),
        lambda: evaluator().set_traffic(math.nan),
        lambda: evaluator().observe(request("v1"), now=math.inf),
        lambda: evaluator().observe_many(version="v1"),
        lambda: evaluator().observe_many(version="", error=[True]),
        lambda: evaluator().observe_many(version="v1", error=[True], arrived_at=-1.0),
        lambda: evaluator().observe_many(version="v1", error=[True], latency_ms=[1.0, 2.0]),
        lambda: request("v 1"),
        lambda: request("v1", arrived_at=math.nan),
        lambda: request("v1", checks={"beauty": True}),
    ],
)
def test_what_makes_no_sense_is_refused(make):
    with pytest.raises(sr.StatisticsError) as refused:
        make()
    assert isinstance(refused.value, ValueError)


@pytest.mark.parametrize(
    "make",
    [
        lambda: request(7),
        lambda: request("v1", latency_ms="fast"),
        lambda: evaluator().observe("v1"),
        lambda: evaluator().observe_many(version=7, error=[True]),
        lambda: evaluator().observe_many(version="v1", latency_ms=830.0),
        lambda: evaluator().observe_many(version="v1", latency_ms=["fast"]),
        lambda: evaluator().observe_many(version="v1", error=True),
        lambda: evaluator().observe_many(version="v1", error="timeout"),
        lambda: evaluator().observe_many(version="v1", error=[True], sticky_key=[7]),
        lambda: evaluator(guardrails=[object()]),
        lambda: evaluator(guardrails=[type("G", (TooShort,), {"failed": True})()]),
        lambda: evaluator(guardrails=7),
        lambda: sr.CanaryEvaluator("v1", "v2"),
    ],
)
def test_what_has_the_wrong_type_is_refused(make):
    with pytest.raises(TypeError):
        make()


def test_a_length_that_does_not_fit_is_named():
    with pytest.raises(sr.StatisticsError, match="latency_ms has 2 rows, error has 1"):
        evaluator().observe_many(version="v1", error=[True], latency_ms=[1.0, 2.0])


def test_threads_share_an_evaluator():
    ev = evaluator(guardrails=[TooShort()], user_cap=None)

    def report(thread):
        for i in range(200):
            ev.observe(request("v1" if thread % 2 else "v2", tokens=9), now=1.0)
            ev.observe_many(version="v1", tokens=[9, 9], now=1.0)
            ev.observe_many(version="v2", tokens=[9, 9], now=1.0)
            ev.evaluate(now=1.0)

    threads = [threading.Thread(target=report, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    ev.set_traffic(0.5, now=2.0)
    r = ev.evaluate(now=2.0)
    assert (r.stable_requests, r.canary_requests) == (2_000, 2_000)
