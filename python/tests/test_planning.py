"""Planning from Python, as the documentation says it."""

import copy
import pickle

import pytest
import serinus as sr


def base(**changes):
    fields = dict(
        model_id="llama-70b-chat",
        version="v1",
        base_model="llama-70b",
        weight_hash="aa",
        config_hash="c1",
        gpu_memory_gb=140.0,
        load_time_seconds=55.0,
        warmup_tokens=2048,
    )
    return sr.ModelVersion(**{**fields, **changes})


def fine_tune(**planner):
    fleet = sr.Fleet(replicas=10, gpu_memory_gb=160.0, spare_replicas=1)
    return sr.RiskPlanner(**planner).plan(base(), base().replace(version="v2", weight_hash="bb"), fleet=fleet)


def test_a_fine_tune_is_planned_as_a_canary():
    plan = fine_tune()
    assert (plan.risk, plan.strategy) == (sr.Risk.MEDIUM, sr.Strategy.CANARY)
    assert (plan.canary_fraction, plan.evaluation_seconds) == (0.10, 3600.0)
    assert plan.margins == sr.Margins(p99_latency_increase=0.20, error_rate_increase=0.50, quality_decrease=0.05)
    assert [(stage.weight, stage.hold_seconds, stage.min_requests) for stage in plan.stages] == [
        (0.10, 3600.0, 2000),
        (0.25, 3600.0, 5000),
        (0.50, 7200.0, 10000),
    ]
    assert plan.gpu.peak_memory_gb > plan.gpu.stable_memory_gb == 1400.0
    assert plan.gpu.overlap_required
    assert (plan.current, plan.target.version) == (base(), "v2")
    assert plan.fleet == sr.Fleet(replicas=10, gpu_memory_gb=160.0, spare_replicas=1)
    assert "medium risk" in plan.explain()


def test_a_plan_is_kept_as_text_and_read_again():
    plan = fine_tune()
    assert sr.UpdatePlan.from_toml(plan.to_toml()) == plan
    assert sr.UpdatePlan.from_json(plan.to_json()) == plan
    assert plan.to_dict()["risk"] == "medium"
    with pytest.raises(sr.PlanError, match="not a plan"):
        sr.UpdatePlan.from_toml("risk = 7")


def test_house_rules_reach_the_planner():
    plan = fine_tune(
        margins=sr.Margins(error_rate_increase=1.0),
        bake_seconds=60.0,
        shadow=sr.Shadow(min_pairs=50),
    )
    assert (plan.margins.error_rate_increase, plan.bake_seconds) == (1.0, 60.0)
    assert plan.shadow == sr.Shadow(min_pairs=50)
    fleet = sr.Fleet(replicas=2, gpu_memory_gb=160.0, spare_replicas=2)
    flip = sr.RiskPlanner(strategies={sr.Risk.MEDIUM: sr.Strategy.BLUE_GREEN})
    assert flip.plan(base(), base(version="v2", weight_hash="bb"), fleet=fleet).strategy is sr.Strategy.BLUE_GREEN


@pytest.mark.parametrize(
    "make",
    [
        lambda: base(gpu_memory_gb=-1.0),
        lambda: base(gpu_memory_gb=float("nan")),
        lambda: base(version=""),
        lambda: sr.Fleet(replicas=0, gpu_memory_gb=80.0),
        lambda: sr.Fleet(replicas=2, gpu_memory_gb=80.0, peak_utilization=1.5),
        lambda: fine_tune(margins=sr.Margins(quality_decrease=-0.1)),
        lambda: fine_tune(bake_seconds=-1.0),
        lambda: sr.RiskPlanner().plan(base(), base(), fleet=sr.Fleet(replicas=2, gpu_memory_gb=160.0)),
    ],
)
def test_what_makes_no_sense_is_refused(make):
    with pytest.raises(sr.PlanError) as refused:
        make()
    assert isinstance(refused.value, ValueError)
    again = pickle.loads(pickle.dumps(refused.value))
    assert (type(again), str(again), again.got) == (sr.PlanError, str(refused.value), refused.value.got)


def test_a_fleet_that_is_too_small_says_what_is_missing():
    with pytest.raises(sr.PlanError) as refused:
        sr.RiskPlanner().plan(
            base(), base(version="v2", weight_hash="bb"), fleet=sr.Fleet(replicas=1, gpu_memory_gb=160.0)
        )
    assert refused.value.expected == "at least 280.0 GB" and refused.value.got == "160.0 GB"


def test_values_are_values():
    for value in [base(), fine_tune(), sr.Margins(), sr.Fleet(replicas=2, gpu_memory_gb=80.0), fine_tune().stages[0]]:
        assert pickle.loads(pickle.dumps(value)) == value == copy.deepcopy(value)
        assert type(value).__name__ in repr(value)
        with pytest.raises(AttributeError):
            value.weight = 1.0
    with pytest.raises(TypeError):
        sr.Fleet(replicas=2)
