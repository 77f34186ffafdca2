"""The public contract: every name and every call that users may rely on, once."""

import asyncio
import pickle

import pytest
import serinus as sr
from serinus import stats
from service import Host

np = pytest.importorskip("numpy")

BASE = sr.ModelVersion(
    model_id="llama-70b-chat",
    version="v1",
    base_model="llama-70b",
    weight_hash="aa",
    config_hash="c1",
    gpu_memory_gb=140.0,
    load_time_seconds=55.0,
    warmup_tokens=2048,
)
FLEET = sr.Fleet(replicas=10, gpu_memory_gb=160.0, spare_replicas=1)


def is_a_result(value):
    """Every result is frozen, shows itself, and is the same after a pickle."""
    again = pickle.loads(pickle.dumps(value))
    assert again == value and repr(again) == repr(value) and not repr(value).startswith("<")
    assert isinstance(value.to_dict(), dict)
    with pytest.raises(AttributeError):
        value.anything_at_all = 1
    return True


def test_planning():
    plan = sr.RiskPlanner().plan(BASE, BASE.replace(version="v2", weight_hash="bb"), fleet=FLEET)
    assert (plan.risk, plan.strategy) == (sr.Risk.MEDIUM, sr.Strategy.CANARY)
    assert (plan.canary_fraction, plan.evaluation_seconds) == (0.10, 3_600.0)
    margins = sr.Margins(p99_latency_increase=0.20, error_rate_increase=0.50, quality_decrease=0.05)
    assert plan.margins == margins
    assert plan.gpu.peak_memory_gb == 1_540.0 and plan.gpu.overhead_fraction == pytest.approx(0.1)
    assert plan.gpu.overlap_required is True
    first = plan.stages[0]
    assert (first.weight, first.hold_seconds, first.min_requests, first.canary_replicas) == (0.1, 3_600.0, 2_000, 1)
    assert plan.explain() and sr.UpdatePlan.from_toml(plan.to_toml()) == plan and plan.to_json()
    assert all(is_a_result(value) for value in (BASE, FLEET, margins, plan.gpu, first, plan))
    assert [risk.value for risk in sr.Risk] == ["low", "medium", "high", "critical"]
    assert [strategy.value for strategy in sr.Strategy] == ["rolling", "canary", "blue_green"]


def test_routing():
    splitter = sr.Splitter({"v1": 0.95, "v2": 0.05}, salt="llama-70b-chat")
    with splitter.route(
        user_id="u42", category="coding", force_version=None, session_token=None, request_id=None
    ) as lease:
        assert lease.version == splitter.version_for("u42") and lease.reason == "sticky" and lease.session_token
        lease.finish(ttft_ms=41.0, latency_ms=830.0, tokens=212, passed=None, quality=None)
    splitter.route(user_id="u42").finish(error="timeout")
    assert splitter.assign(["u42", "u1"])[0] == lease.version
    splitter.set_weights({"v1": 0.9, "v2": 0.1})
    assert splitter.weights == {"v1": 0.9, "v2": 0.1}
    splitter.set_category_override("coding", "v2")
    assert splitter.route(category="coding").reason == "category"
    splitter.clear_category_override("coding")
    assert splitter.route(category="coding").reason == "weighted"
    assert splitter.route(force_version="v2").reason == "forced"
    assert splitter.route(session_token=lease.session_token).reason == "pinned"
    splitter.clear_sticky_sessions()
    assert splitter.route(session_token=lease.session_token).reason == "weighted"
    with pytest.raises(sr.RoutingError):
        splitter.feedback(request_id="r1", score=1.0)  # nobody waits for it
    one = splitter.stats()["v1"]
    assert one.count > 0 and one.in_flight == 0 and one.configured_weight == 0.9
    assert 0.0 < one.actual_fraction <= 1.0 and sum(one.by_reason.values()) == one.count
    assert is_a_result(one)


def test_evaluating():
    n = 400
    columns = dict(
        latency_ms=np.full(n, 800.0),
        ttft_ms=np.full(n, 40.0),
        tokens=np.full(n, 200.0),
        error=np.zeros(n, bool),
        sticky_key=[f"u{i}" for i in range(n)],
    )
    for ev in (
        sr.CanaryEvaluator(stable="v1", canary="v2", margins=sr.Margins(), false_rollback_budget=0.01, min_requests=50),
        sr.ThresholdEvaluator(stable="v1", canary="v2"),
    ):
        one = sr.Observation(
            version="v2",
            latency_ms=830.0,
            ttft_ms=41.0,
            tokens=212,
            error=None,
            quality=0.9,
            passed=True,
            sticky_key="u42",
            request_id="r1",
            arrived_at=None,
            prompt=None,
            response=None,
        )
        ev.observe(one, now=0.0)
        ev.observe_many(
            version="v1",
            arrived_at=np.linspace(0.0, 600.0, n),
            passed=np.ones(n, bool),
            quality=np.full(n, 0.9),
            **columns,
        )
        ev.observe_many(
            version="v2",
            arrived_at=np.linspace(0.0, 600.0, n),
            passed=np.arange(n) % 2 == 0,
            quality=np.full(n, 0.5),
            **columns,
        )
        r = ev.evaluate(now=700.0)
        assert (r.verdict, r.rollback) == ("degraded", True) and all(any(c.isdigit() for c in why) for why in r.reasons)
        assert r.reasons, "sentences with numbers"
        assert r.quality.decrease == pytest.approx(0.4, abs=0.01)
        assert r.latency.stable_p50_ms == pytest.approx(800.0, rel=0.02) and r.latency.canary_p99_ms
        assert abs(r.latency.p99_increase) < 0.05 and r.errors.canary_rate == 0.0
        assert r.quality.canary_failure_rate == pytest.approx(0.5, abs=0.01)
        assert ev.evaluate().verdict == "degraded", "the system's clock"
        ev.set_traffic(0.05)
        assert is_a_result(r)
    sequential = sr.CanaryEvaluator(stable="v1", canary="v2").evaluate(now=0.0)
    rate = sequential.guardrails["error_rate"]
    assert rate.verdict == "insufficient" and rate.e_value == 1.0 and rate.threshold > 1.0
    assert (rate.estimate, rate.interval) == (None, None) or rate.interval.low <= rate.interval.high
    assert [v.value for v in sr.Verdict] == ["insufficient", "undecided", "healthy", "degraded"]


def test_ab_tests_and_statistics():
    rng = np.random.default_rng(2)
    a, b = rng.uniform(size=60), rng.uniform(size=60)
    test = sr.AbTest("chat-v2", model_a="v1", model_b="v2", target_samples=6_280)
    test.record("v1", 0.81)
    test.record_many("v1", a)
    test.record_many("v2", b)
    analysis = test.analyze(alpha=0.05, alternative="two-sided")
    assert (analysis.n_a, analysis.n_b, analysis.status) == (61, 60, "running")
    assert analysis.significant is (analysis.p_value < 0.05) and analysis.decision == "undecided"
    assert 0.0 < analysis.mean_a < 1.0 and 0.0 < analysis.mean_b < 1.0 and 0.0 < analysis.win_rate_b < 1.0
    assert float(analysis.cohens_d) == pytest.approx(float(stats.cohens_d(np.append(0.81, a), b)))
    assert is_a_result(analysis)

    tests = [
        stats.mann_whitney_u(a, b, alternative="two-sided", method="auto", continuity=True),
        stats.welch_t(a, b, alternative="less"),
        stats.brunner_munzel(a, b, alternative="greater"),
        stats.sign_test(10, 5),
        stats.mcnemar(5, 9, exact=True, continuity=False),
        stats.wilcoxon_signed_rank(
            a - b, alternative="two-sided", method="auto", zero_method="wilcox", continuity=False
        ),
        stats.two_proportion_z(3, 100, 9, 100, alternative="two-sided", pooled=True),
        stats.fisher_exact([[3, 97], [9, 91]]),
        stats.chi_square_srm([500, 480], [0.5, 0.5]),
    ]
    assert all(0.0 < test.p_value <= 1.0 and is_a_result(test) for test in tests)
    assert list(stats.holm([0.01, 0.2])) == [0.02, 0.2] and list(stats.benjamini_hochberg([0.01, 0.2])) == [0.02, 0.2]
    higher = stats.cohens_d(a, a + 1.0), stats.hedges_g(a, a + 1.0), stats.cliffs_delta(a, a + 1.0)
    assert all(effect > 0.0 for effect in higher) and stats.win_rate(a, a + 1.0) == 1.0
    assert stats.hodges_lehmann(a, a + 1.0, confidence=0.95).estimate == pytest.approx(1.0)
    bootstrap = stats.bootstrap_bca(a, statistic="mean", confidence=0.95, resamples=9_999, seed=1)
    assert bootstrap.interval.low < a.mean() < bootstrap.interval.high
    assert stats.cuped(a, b)
    sizes = {"paired": 3_140, "two-sample": 6_280, "mann-whitney": 6_576}
    for design, size in sizes.items():
        assert stats.sample_size(effect=0.05, alpha=0.05, power=0.80, design=design).per_group == size
    assert 0.0 < stats.power(effect=0.05, n=1_000) < 1.0 and stats.minimum_detectable_effect(n=1_000) > 0.05
    sequence = stats.ConfidenceSequence.mean(alpha=0.05)
    sequence.update(0.5)
    sequence.update_many(a)
    assert 0.0 <= sequence.interval.low < sequence.interval.high <= 1.0
    rates = stats.SequentialTest.two_proportions(margin=0.5, relative=True, alpha=0.01, weight=0.05)
    rates.update(canary_failed=15, canary_total=20, stable_failed=1, stable_total=380)
    assert rates.e_value > 100.0 and rates.decision == "reject"


def test_running_an_update(tmp_path):
    plan = sr.RiskPlanner(bake_seconds=0.0).plan(BASE, BASE.replace(version="v2", config_hash="c2"), fleet=FLEET)
    splitter, journal = sr.Splitter({"v1": 1.0}, salt="chat"), str(tmp_path / "rollouts.redb")
    host = Host()
    host.verify = lambda version: "aa"
    deployment = sr.Deployment(
        plan, host=host, splitter=splitter, judge=None, journal=journal, alerts=[], tick_seconds=0.01
    )
    events = deployment.events()
    with deployment.progress(rich=False):
        outcome = deployment.run()
    assert outcome.status == "completed" and outcome.reason and outcome.stages_passed > 0 and outcome.rollback is None
    assert [event.kind for event in events][-1] == "finished"
    for word in (deployment.pause, deployment.resume, deployment.approve, deployment.promote):
        with pytest.raises(sr.RolloutError):
            word()
    with pytest.raises(sr.RolloutError):
        deployment.abort("too late")
    assert sr.Deployment.recover(journal, host=host, splitter=splitter) is None
    assert [one.status for one in sr.history(journal)] == ["completed"]
    assert is_a_result(outcome) and is_a_result(sr.history(journal)[0])

    async def again():
        anew = sr.Splitter({"v1": 1.0}, salt="chat")
        return await sr.Deployment(plan, host=host, splitter=anew, journal=journal, tick_seconds=0.01).run_async()

    assert asyncio.run(again()).status == "completed"
    assert [status.value for status in sr.Status] == ["completed", "rolled_back", "aborted", "failed"]
    timing = sr.RollbackTiming(traffic_shift_ms=0.1, drain_ms=2.0, unload_ms=30.0, total_ms=32.1)
    assert is_a_result(timing)


def test_simulating():
    plan = sr.RiskPlanner().plan(BASE, BASE.replace(version="v2", weight_hash="bb"), fleet=FLEET)
    behaviour = sr.Behaviour(error_rate=0.01, fail_rate=0.03, latency=sr.LogNormal(median_ms=1_100, sigma=0.5))
    sim = sr.Simulation(
        plan,
        traffic=sr.Traffic(requests_per_hour=1_000, users=5_000),
        stable=behaviour,
        canary=behaviour.replace(fail_rate=0.14),
        seed=1,
    )
    report = sim.run(runs=10)
    assert (report.rollback_rate, report.promoted_rate) == (1.0, 0.0)
    assert np.isnan(report.false_rollback_rate), "the canary is worse"
    assert report.canary_requests.median > 0 and report.detection_seconds.p90 > 0 and report.bad_requests_served > 0
    assert is_a_result(report)
