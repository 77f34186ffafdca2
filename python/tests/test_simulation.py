"""Simulated rollouts from Python."""

import copy
import dataclasses
import json
import math
import os
import pickle
import signal
import subprocess
import sys
import threading

import pytest
import serinus as sr

NAN = float("nan")
LATENCY = sr.LogNormal(median_ms=1100, sigma=0.5)
GOOD = sr.Behaviour(error_rate=0.01, fail_rate=0.03, latency=LATENCY)
BAD = GOOD.replace(fail_rate=0.14)


def plan(**planner):
    base = sr.ModelVersion(
        model_id="llama-70b-chat", version="v1", base_model="llama-70b", weight_hash="aa", gpu_memory_gb=140.0
    )
    fleet = sr.Fleet(replicas=10, gpu_memory_gb=160.0, spare_replicas=1)
    return sr.RiskPlanner(**planner).plan(base, base.replace(version="v2", weight_hash="bb"), fleet=fleet)


def simulation(canary, per_hour=2000, **changes):
    traffic = sr.Traffic(requests_per_hour=per_hour, users=5000)
    return sr.Simulation(plan(), traffic=traffic, stable=GOOD, canary=canary, **{"seed": 1, **changes})


def test_a_regression_is_found_and_says_what_it_cost():
    report = simulation(BAD, per_hour=1000).run(runs=60)
    # Found always but once in a hundred times: fewer than 57 of 60 once in 300 times.
    assert report.count("rolled_back") >= 57 and report.promoted_rate == 0.0
    assert report.guardrails == {"failure_rate": report.count(sr.Ending.ROLLED_BACK)}
    assert math.isnan(report.false_rollback_rate), "a worse canary is not rolled back falsely"
    assert 0 < report.canary_requests.median <= report.canary_requests.p90 < 2_000
    assert 0 < report.detection_seconds.median <= report.detection_seconds.p90 == report.detection_seconds.quantile(0.9)
    assert report.bad_requests.total == sum(run.bad for run in report.runs) > 0
    assert report.bad_requests_served == report.bad_requests.total / 60
    assert report.exposed_requests.maximum == max(run.exposed for run in report.runs)
    assert report.detection_seconds.count == report.count("rolled_back")
    assert report.promotion_seconds.values == () and math.isnan(report.promotion_seconds.median)
    low, high = report.interval("rolled_back", confidence=0.99)
    assert 0.9 < low < report.rollback_rate <= high <= 1.0


def test_identical_versions_stay_and_fixed_thresholds_roll_them_back():
    same = simulation(GOOD, per_hour=1000, tick_seconds=1200, max_hours=12)
    report = same.run(runs=200)
    # Of 200 that are rolled back with a probability of 0.01, more than 8 are once in 5,000 times.
    assert report.count("rolled_back") <= 8
    assert report.false_rollback_rate == report.rollback_rate
    assert report.count("unfinished") == 200 - report.count("rolled_back")
    thresholds = same.replace(rule=sr.ThresholdRule()).run(runs=20)
    assert thresholds.rollback_rate > 0.5
    assert sum(run.ending is sr.Ending.ROLLED_BACK for run in thresholds.runs) == thresholds.count("rolled_back")


def test_the_same_seed_is_the_same_rollout_on_any_number_of_cores():
    sim = simulation(BAD)
    report = sim.run(runs=12)
    assert report == sim.run(runs=12) and [run.seed for run in report.runs] == list(range(1, 13))
    assert sim.run_one(7) == report.runs[6] == sim.replace(seed=7).run_one()
    assert sim.replace(seed=2).run(runs=2).runs == report.runs[1:3]
    assert sim.run(runs=3) != sim.replace(seed=99).run(runs=3)
    if hasattr(os, "sched_setaffinity"):
        alone = []

        def run_on_one_core():
            os.sched_setaffinity(0, [min(os.sched_getaffinity(0))])
            alone.append(sim.run(runs=12))

        thread = threading.Thread(target=run_on_one_core)
        thread.start()
        thread.join()
        assert alone == [report]


def test_one_run_shows_its_way():
    way = simulation(BAD).run_one().trajectory
    assert all(len(column) == len(way.seconds) for column in (way.phases, way.canary_weights, way.canary_requests))
    assert way.canary_weights[0] == way.canary_weights[-1] == 0.0 and max(way.canary_weights) == 0.1
    assert way.phases[-1] == "rolled back" and "stage 0" in way.phases
    assert list(way.seconds) == sorted(way.seconds)
    evidence, threshold = way.e_values["failure_rate"], way.thresholds["failure_rate"]
    assert evidence[0] == 1.0 and evidence[-1] >= threshold > 100.0 > max(way.e_values["error_rate"])
    assert simulation(BAD).run(runs=1).runs[0].trajectory is None


@pytest.mark.parametrize(
    "canary, changes, known",
    [
        (GOOD, {}, True),
        (GOOD.replace(error_rate=0.005, latency=sr.LogNormal(median_ms=900, sigma=0.5)), {}, True),
        (GOOD.replace(error_rate=0.011), {}, False),
        (GOOD.replace(latency=sr.LogNormal(median_ms=900, sigma=0.6)), {}, False),
        (GOOD.replace(latency=sr.LogNormal(median_ms=1101, sigma=0.5)), {}, False),
        (GOOD.replace(ttft=sr.LogNormal(median_ms=90, sigma=0.5)), {}, False),
        (GOOD.replace(error_rate=sr.StepRate(before=0.0, after=0.01, at_seconds=60.0)), {}, False),
        (GOOD.replace(tail=sr.SlowTail(share=0.01, factor=3.0)), {}, False),
        (GOOD.replace(score=sr.BetaScore(mean=0.8, deviation=0.1)), {}, False),
        (GOOD.replace(hangs=0.001), {}, False),
        (GOOD, {"gpus": sr.SimulatedGpus(canary=sr.Capacity(concurrent=4.0))}, False),
        (
            GOOD,
            {
                "traffic": sr.Traffic(
                    requests_per_hour=900,
                    kinds=[sr.PromptKind(share=1.0, canary_share=0.5), sr.PromptKind(share=1.0, canary_share=2.0)],
                )
            },
            False,
        ),
    ],
)
def test_a_rollback_is_false_only_where_that_is_known(canary, changes, known):
    sim = dataclasses.replace(simulation(canary), max_hours=1, **changes)
    assert sim.canary_is_no_worse is known
    assert math.isnan(sim.run(runs=1).false_rollback_rate) is not known


def test_a_rollback_without_a_guardrail_is_not_a_false_one():
    loads = [sr.Mishap.PERMANENT] * 50
    report = simulation(GOOD, faults=sr.Faults(loads=loads)).run(runs=3)
    assert report.rollback_rate == 1.0 and report.false_rollback_rate == 0.0
    assert "damaged" in report.runs[0].reason and report.runs[0].guardrail is None


def test_everything_that_can_be_simulated_is_taken():
    """Each part changes what comes of the same seed."""
    plain = simulation(GOOD, max_hours=3)
    kinds = [sr.PromptKind(share=0.9), sr.PromptKind(share=0.1, slower=3.0, fails_more=2.0)]
    traffics = [
        sr.Traffic(requests_per_hour=2000),
        sr.Traffic(requests_per_hour=2000, users=sr.Users(count=5000, exponent=0.5, variation=1.0, broken=0.1)),
        sr.Traffic(requests_per_hour=2000, users=5000, daily_swing=0.5),
        sr.Traffic(requests_per_hour=2000, users=5000, kinds=kinds, labelled=True),
        sr.Traffic(requests_per_hour=2000, users=5000, judged=0.1),
    ]
    canaries = [
        GOOD.replace(error_rate=sr.RampRate(before=0.0, after=1.0, over_seconds=3600.0)),
        GOOD.replace(fail_rate=sr.DailyRate(low=0.5, high=1.0)),
        GOOD.replace(slower=1.0),
        GOOD.replace(tail=sr.SlowTail(share=0.3, factor=50.0)),
        GOOD.replace(latency=sr.LogNormal(median_ms=9000, sigma=0.5)),
        GOOD.replace(abandoned=0.3),
        GOOD.replace(hangs=0.3),
    ]
    others = [
        {"gpus": sr.SimulatedGpus(load_seconds=900.0)},
        {"gpus": sr.SimulatedGpus(canary=sr.Capacity(concurrent=0.01))},
        {"faults": sr.Faults(loads=[sr.Mishap.TRANSIENT, sr.Mishap.NONE])},
        {"faults": sr.Faults(crashes=[1800.0])},
        {"faults": sr.Faults(clock_jumps=[(1800.0, 7200.0)])},
        {"judge": sr.NoisyJudge(per_minute=2.0)},
        {"rule": sr.SequentialRule(user_cap=1)},
        {"rule": sr.SequentialRule(user_cap=None)},
        {"rule": sr.SequentialRule(margins=sr.Margins(error_rate_increase=0.01))},
    ]
    changes = [{"traffic": t} for t in traffics] + [{"canary": c} for c in canaries] + others

    def way(sim):
        one = sim.run_one()
        return one, one.trajectory

    ordinary = way(plain)
    for change in changes:
        assert way(plain.replace(**change)) != ordinary, change
    scored = GOOD.replace(score=sr.BetaScore(mean=0.8, deviation=0.1), ttft=sr.LogNormal(median_ms=90, sigma=0.5))
    way_of_scores = plain.replace(stable=scored, canary=scored.replace(score=sr.BetaScore(mean=0.5, deviation=0.1)))
    assert way_of_scores.run_one().guardrail == "score"
    for rule in [
        sr.SequentialRule(false_rollback_budget=1e-6, false_promotion_budget=0.2, min_requests=9, user_cap="once"),
        sr.SequentialRule(user_cap=None, cold_start_requests=10, cold_start_seconds=60.0),
    ]:
        assert plain.replace(rule=rule, canary=BAD, max_hours=1).run(runs=1).runs
    lagging = plain.replace(faults=sr.Faults(lagging_routers=2, lag_seconds=40.0, replica_dies=[60.0]), max_hours=1)
    assert lagging.run(runs=1).runs
    strict = plain.replace(rule=sr.SequentialRule(false_rollback_budget=1e-4)).run_one()
    assert strict.trajectory.thresholds["error_rate"] > 10 * ordinary[1].thresholds["error_rate"]


def test_a_shadow_needs_a_judge():
    shadowed = dataclasses.replace(simulation(BAD), plan=plan(shadow=sr.Shadow(min_pairs=100)))
    with pytest.raises(sr.SimulationError, match="shadow"):
        shadowed.run(runs=1)
    run = shadowed.replace(judge=sr.NoisyJudge(error=0.02, position_bias=0.05, silence=0.01)).run(runs=1).runs[0]
    assert run.pairs > 0 and run.ending is sr.Ending.ROLLED_BACK


def test_rates_have_shapes():
    assert sr.RampRate(before=0.0, after=0.2, over_seconds=100.0).at(50.0) == 0.1
    assert [sr.StepRate(before=0.01, after=0.2, at_seconds=600.0).at(at) for at in (599.0, 600.0)] == [0.01, 0.2]
    assert sr.DailyRate(low=0.01, high=0.07).at(6 * 3600.0) == pytest.approx(0.07)


@pytest.mark.parametrize(
    "make",
    [
        lambda: GOOD.replace(error_rate=1.5),
        lambda: GOOD.replace(error_rate=-0.1),
        lambda: GOOD.replace(fail_rate=NAN),
        lambda: GOOD.replace(fail_rate=sr.StepRate(before=0.0, after=2.0, at_seconds=1.0)),
        lambda: sr.RampRate(before=0.0, after=0.1, over_seconds=NAN),
        lambda: GOOD.replace(error_rate=sr.RampRate(before=0.0, after=0.1, over_seconds=-1.0)),
        lambda: GOOD.replace(latency=sr.LogNormal(median_ms=0.0, sigma=0.5)),
        lambda: sr.LogNormal(median_ms=math.inf, sigma=0.5),
        lambda: GOOD.replace(score=sr.BetaScore(mean=0.5, deviation=0.9)),
        lambda: GOOD.replace(tail=sr.SlowTail(share=2.0, factor=2.0)),
        lambda: sr.Traffic(requests_per_hour=0),
        lambda: sr.Traffic(requests_per_hour=math.inf),
        lambda: sr.Traffic(requests_per_hour=10, users=0),
        lambda: sr.Traffic(requests_per_hour=10, users=10**9),
        lambda: sr.Traffic(requests_per_hour=10, users=-1),
        lambda: sr.Traffic(requests_per_hour=10, kinds=[sr.PromptKind(share=1.0)] * 17),
        lambda: sr.Traffic(requests_per_hour=10, judged=1.1),
        lambda: sr.SimulatedGpus(load_seconds=-1.0),
        lambda: sr.SimulatedGpus(stable=sr.Capacity(concurrent=0.0)),
        lambda: sr.Faults(crashes=[-1.0]),
        lambda: sr.Faults(clock_jumps=[(1.0, NAN)]),
        lambda: sr.Faults(clock_jumps=[(1.0, 1e300)]),
        lambda: sr.Faults(lagging_routers=10**12),
        lambda: sr.NoisyJudge(error=2.0),
        lambda: sr.NoisyJudge(deadline_seconds=-1.0),
        lambda: simulation(GOOD, judge=sr.NoisyJudge(per_minute=0.0)).run(runs=1),
        lambda: simulation(GOOD, tick_seconds=0),
        lambda: simulation(GOOD, tick_seconds=1e-300),
        lambda: simulation(GOOD, max_hours=NAN),
        lambda: simulation(GOOD, max_hours=1e9),
        lambda: simulation(GOOD, seed=-1),
        lambda: simulation(GOOD, rule=sr.SequentialRule(false_rollback_budget=0.0)),
        lambda: simulation(GOOD, rule=sr.SequentialRule(false_rollback_budget=NAN)),
        lambda: simulation(GOOD, rule=sr.SequentialRule(cold_start_seconds=-1.0)),
        lambda: simulation(GOOD, rule=sr.SequentialRule(user_cap=0)),
        lambda: simulation(GOOD, rule=sr.SequentialRule(user_cap=256)),
        lambda: simulation(GOOD, rule=sr.SequentialRule(margins=sr.Margins(error_rate_increase=NAN))),
        lambda: simulation(GOOD, rule=sr.ThresholdRule(margins=sr.Margins(error_rate_increase=-1.0))),
        lambda: simulation(GOOD).run(runs=0),
        lambda: simulation(GOOD).run(runs=10**12),
        lambda: simulation(GOOD).run_one(2**64),
    ],
)
def test_what_makes_no_sense_is_refused(make):
    with pytest.raises(sr.SimulationError) as refused:
        make()
    assert isinstance(refused.value, ValueError) and str(refused.value)
    assert str(pickle.loads(pickle.dumps(refused.value))) == str(refused.value)


@pytest.mark.parametrize(
    "make",
    [
        lambda: sr.Traffic(requests_per_hour="many"),
        lambda: sr.Traffic(requests_per_hour=True),
        lambda: GOOD.replace(error_rate="often"),
        lambda: GOOD.replace(error_rate=None),
        lambda: GOOD.replace(fail_rate=True),
        lambda: GOOD.replace(latency=1100.0),
        lambda: sr.StepRate(before="a", after=0.1, at_seconds=1.0),
        lambda: sr.Faults(crashes=["soon"]),
        lambda: sr.Simulation("plan", traffic=sr.Traffic(requests_per_hour=9), stable=GOOD, canary=GOOD),
        lambda: simulation("bad"),
        lambda: simulation(GOOD, seed=1.5),
        lambda: simulation(GOOD, judge=0.1),
        lambda: simulation(GOOD, rule="thresholds"),
        lambda: simulation(GOOD, rule=sr.SequentialRule(user_cap="none")),
        lambda: simulation(GOOD, rule=sr.ThresholdRule(margins=0.2)),
        lambda: simulation(GOOD).run(runs=2.5),
        lambda: simulation(BAD).run(runs=2).distribution("reason"),
        lambda: simulation(BAD).run(runs=2, progress=7),
    ],
)
def test_what_is_of_another_type_is_refused(make):
    with pytest.raises(TypeError):
        make()


def test_numbers_of_numpy_are_numbers():
    np = pytest.importorskip("numpy")
    assert GOOD.replace(error_rate=np.float32(0.5), tokens=np.int64(7)) == GOOD.replace(error_rate=0.5, tokens=7)


def test_progress_is_told_and_what_it_raises_ends_it():
    told = []
    report = simulation(BAD).run(runs=5, progress=lambda done, of: told.append((done, of)))
    assert len(report.runs) == 5 and told[-1] == (5, 5) and told == sorted(set(told))

    def fails(done, of):
        raise KeyError("bar")

    with pytest.raises(KeyError, match="bar"):
        simulation(GOOD, per_hour=1e8).run(runs=1000, progress=fails)


@pytest.mark.parametrize("call", ["run(runs=1000, progress=begun)", "run_one()"])
@pytest.mark.skipif(sys.platform == "win32", reason="there is no SIGINT to send to one process")
def test_an_interrupt_ends_it(call):
    code = f"""
import serinus as sr
plan = sr.UpdatePlan.from_json({plan().to_json()!r})
good = sr.Behaviour(error_rate=0.01)
sim = sr.Simulation(plan, traffic=sr.Traffic(requests_per_hour=1e8), stable=good, canary=good)
def begun(done, of): pass
print("begun", flush=True)
try:
    sim.{call}
except KeyboardInterrupt:
    print("interrupted")
"""
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout.readline() == "begun\n"
            threading.Event().wait(0.5)
            process.send_signal(signal.SIGINT)
            assert process.communicate(timeout=60) == ("interrupted\n", None)
        finally:
            process.kill()


def test_values_are_values():
    report = simulation(BAD).run(runs=3)
    ramp = sr.RampRate(before=0.0, after=0.1, over_seconds=9.0)
    values = [simulation(BAD), simulation(BAD).run_one(), report, report.canary_requests, GOOD.replace(slower=ramp)]
    values += [sr.Faults(loads=[sr.Mishap.HANGS]), sr.NoisyJudge(), sr.SequentialRule(user_cap=3)]
    values += [simulation(BAD).run_one().trajectory]
    for value in values:
        assert pickle.loads(pickle.dumps(value)) == value == copy.deepcopy(value)
        assert type(value).__name__ in repr(value) and len(repr(value)) < 1500
        assert json.loads(json.dumps(value.to_dict()))
        with pytest.raises(AttributeError):
            value.seed = 3
    assert report.to_dict()["runs"][0]["ending"] == "rolled_back"
    assert sr.Traffic(requests_per_hour=9, users=5) == sr.Traffic(requests_per_hour=9, users=sr.Users(count=5))
    assert simulation(BAD).to_dict()["canary"]["fail_rate"] == 0.14


def test_a_report_shows_itself():
    report = simulation(BAD).run(runs=3)
    assert "runs: 3" in repr(report) and "rolled back: 3 (100.0%" in repr(report)
    page = report._repr_html_()
    assert page.startswith("<table>") and page.endswith("</table>") and "<th>canary requests</th>" in page
    assert report.distribution("bad", ending="promoted").count == 0
    with pytest.raises(ValueError, match="vanished"):
        report.count("vanished")
    with pytest.raises(sr.StatisticsError):
        report.interval("promoted", confidence=1.0)
    with pytest.raises(ValueError, match="q in"):
        report.canary_requests.quantile(1.5)


def test_runs_are_a_frame():
    pytest.importorskip("pandas")
    report = simulation(BAD).run(runs=3)
    frame = report.to_frame()
    assert list(frame.index) == [1, 2, 3] and list(frame["ending"]) == ["rolled_back"] * 3
    assert frame["exposed"].sum() == report.exposed_requests.total and "trajectory" not in frame


def test_a_frame_without_pandas_says_what_to_install():
    report = simulation(BAD).run(runs=1)
    code = "import sys, pickle; sys.modules['pandas'] = None; pickle.load(sys.stdin.buffer).to_frame()"
    done = subprocess.run([sys.executable, "-c", code], input=pickle.dumps(report), capture_output=True, timeout=60)
    assert done.returncode == 1 and b"ImportError: this needs pandas: pip install serinus[pandas]" in done.stderr
