"""A/B tests from Python."""

import copy
import pickle
import threading

import numpy as np
import pytest
import serinus as sr
from scipy import stats as scipy_stats
from serinus import stats

NAN = float("nan")


def scores(shift=0.0, *, size=400, seed=1):
    return np.clip(np.random.default_rng(seed).normal(0.7 + shift, 0.1, size), 0, 1)


def a_test(shift=0.05, **settings):
    test = sr.AbTest("chat-v2", model_a="v1", model_b="v2", target_samples=400, **settings)
    test.record_many("v1", scores())
    test.record_many("v2", scores(shift, seed=2))
    return test


def test_an_analysis_has_the_numbers_of_the_tests():
    a, b = scores(), scores(0.05, seed=2)
    analysis = a_test().analyze(alpha=0.05, alternative="two-sided")
    assert (analysis.status, analysis.n_a, analysis.n_b) == (sr.AbProgress.COMPLETE, 400, 400)
    assert (analysis.mean_a, analysis.mean_b) == (pytest.approx(a.mean()), pytest.approx(b.mean()))
    assert analysis.p_value == pytest.approx(scipy_stats.mannwhitneyu(a, b).pvalue)
    assert analysis.significant
    assert analysis.cohens_d == pytest.approx(stats.cohens_d(a, b).estimate) and analysis.cohens_d > 0
    assert analysis.win_rate_b == pytest.approx(stats.win_rate(a, b).estimate)
    assert (analysis.decision, analysis.winner) == (sr.AbDecision.ADOPT, "v2")
    assert analysis.reasons and str(analysis).startswith("adopt v2\n")
    comparison = analysis.comparison("v2")
    assert comparison.fixed.holds and comparison.fixed.finding is sr.AbFinding.BETTER
    assert comparison.fixed.tests["welch_p_value"] == pytest.approx(scipy_stats.ttest_ind(a, b, equal_var=False).pvalue)
    difference = comparison.fixed.mean_difference
    assert analysis.mean_difference == difference.estimate in difference.interval
    assert comparison.anytime.evidence_better > comparison.anytime.needed == 40.0
    assert not analysis.sample_ratio.mismatch and analysis.sample_ratio.counts == (400, 400)


def test_alternatives_are_stated_of_the_control():
    test = a_test()
    less, greater = (test.analyze(alternative=side).p_value for side in ["less", "greater"])
    assert less < 0.01 and greater > 0.99
    assert test.analyze(alternative="less").alternative == "less"


@pytest.mark.parametrize(
    "test, status, decision",
    [
        (lambda: sr.AbTest("t", model_a="v1", model_b="v2"), "insufficient_data", "insufficient_data"),
        (lambda: a_test(-0.05), "complete", "keep_control"),
        (lambda: a_test(0.0), "complete", "no_difference"),
        (lambda: a_test(shares=[0.9, 0.1]), "running", "blocked"),
        (lambda: a_test(0.1, rule="anytime"), "complete", "adopt"),
    ],
)
def test_decisions(test, status, decision):
    analysis = test().analyze()
    assert (analysis.status.value, analysis.decision.value) == (status, decision)


def test_designs_and_rules_are_as_they_were_given():
    for design in ["unpaired", "cuped", "paired"]:
        for rule in ["planned_size", "anytime"]:
            test = sr.AbTest("t", model_a="v1", model_b="v2", design=design, rule=rule)
            analysis = test.analyze()
            assert (test.design, test.rule) == (design, rule) == (analysis.design, analysis.rule)


def test_a_difference_that_does_not_matter_ends_a_test():
    test = sr.AbTest("t", model_a="v1", model_b="v2", rule="anytime", target_samples=4_000)
    test.record_many("v1", scores(size=3_000))
    test.record_many("v2", scores(size=3_000, seed=2))
    assert test.analyze().decision is sr.AbDecision.UNDECIDED
    assert test.analyze(indifference=0.1).decision is sr.AbDecision.NO_DIFFERENCE


def test_before_the_planned_size_nothing_is_decided():
    test = sr.AbTest("t", model_a="v1", model_b="v2", target_samples=6280)
    for score in scores(size=29):
        test.record("v1", score)
    test.record_many("v2", scores(0.3, size=50))
    empty = test.analyze()
    assert (empty.p_value, empty.cohens_d, empty.win_rate_b, empty.significant) == (None, None, None, False)
    assert "29 scores" in empty.reasons[0]
    with pytest.raises(sr.StatisticsError, match="30 scores"):
        empty.comparison("v2")
    test.record("v1", 0.5)
    analysis = test.analyze()
    assert analysis.significant and analysis.decision is sr.AbDecision.UNDECIDED and analysis.winner is None
    assert test.status.progress is sr.AbProgress.RUNNING
    assert test.status.fraction == 30 / 6280 and [arm.samples for arm in test.status.arms] == [30, 50]


def test_more_versions_than_two():
    test = sr.AbTest("t", model_a="v1", model_b="v2", more_models=["v3"], shares=[0.5, 0.25, 0.25], target_samples=100)
    assert (test.models, test.shares) == (("v1", "v2", "v3"), (0.5, 0.25, 0.25))
    test.record_many("v1", scores(size=200))
    test.record_many("v2", scores(size=100, seed=2))
    test.record_many("v3", scores(0.2, size=100, seed=3))
    analysis = test.analyze()
    assert analysis.winner == "v3" and not analysis.significant, "the numbers without more words are of v2"
    assert analysis.comparison("v3").fixed.p_value < analysis.comparison("v3").fixed.adjusted_p_value < 0.01
    with pytest.raises(sr.StatisticsError, match="v2, v3"):
        analysis.comparison("v1")


def test_pairs_and_covariates():
    prompts, rng = scores(), np.random.default_rng(3)
    pairs = sr.AbTest("t", model_a="v1", model_b="v2", design="paired", target_samples=400)
    noisy = np.clip(prompts + rng.normal(0.02, 0.03, 400), 0, 1)
    pairs.record_pair(prompts[0], noisy[0])
    pairs.record_pairs(prompts[1:], noisy[1:])
    analysis = pairs.analyze()
    assert analysis.p_value == pytest.approx(scipy_stats.wilcoxon(noisy - prompts).pvalue)
    assert analysis.sample_ratio is None and analysis.comparisons[0].fixed.tests["wins"] == np.sum(noisy > prompts)
    with pytest.raises(sr.StatisticsError, match="record_pair"):
        pairs.record("v1", 0.5)

    cuped = sr.AbTest("t", model_a="v1", model_b="v2", design="cuped", target_samples=400)
    y, x = {}, {}
    for model, shift in [("v1", 0.0), ("v2", 0.02)]:
        x[model] = rng.normal(0.7, 0.1, 400)
        y[model] = np.clip(x[model] + shift + rng.normal(0, 0.03, 400), 0, 1)
        for score, covariate in zip(y[model], x[model], strict=True):
            cuped.record_with(model, score, covariate)
    analysis = cuped.analyze()
    expected = stats.cuped_welch_t(y["v1"], x["v1"], y["v2"], x["v2"])
    assert analysis.p_value == pytest.approx(expected.test.p_value)
    assert analysis.comparisons[0].fixed.tests["theta"] == pytest.approx(expected.theta)


def test_users_are_drawn_by_hash_and_counted():
    test = a_test()
    users = [f"user-{n}" for n in range(4_000)]
    models = [test.assign(user) for user in users]
    same = sr.AbTest("chat-v2", model_a="v1", model_b="v2")
    assert models == [same.assign(user) for user in users]
    assert 1_840 < models.count("v2") < 2_160, "± 5 standard errors"
    test.count_assignment("v1", models.count("v1"))
    test.count_assignment("v2", 200)
    check = test.analyze().sample_ratio
    assert check.mismatch and check.counted == "assignments" and test.analyze().decision == "blocked"


def test_a_test_is_kept_and_goes_on():
    test = a_test()
    again = pickle.loads(pickle.dumps(test))
    assert again == test == copy.deepcopy(test) and again.analyze() == test.analyze()
    assert repr(again) == "AbTest('chat-v2', models=('v1', 'v2'), samples=(400, 400))"
    again.record("v2", 0.9)
    assert again != test and again.analyze().n_b == 401
    with pytest.raises(TypeError):
        hash(test)


def test_an_analysis_is_a_value():
    analysis = a_test().analyze()
    assert pickle.loads(pickle.dumps(analysis)) == analysis == a_test().analyze()
    plain = analysis.to_dict()
    assert (plain["decision"], plain["status"], plain["n_a"]) == ("adopt", "complete", 400)
    assert plain["comparisons"][0]["anytime"]["mean_difference"]["interval"]["low"] > 0
    assert sr.AbAnalysis.__name__ in repr(analysis) and analysis.to_json()
    with pytest.raises(AttributeError):
        analysis.p_value = 0.0


def test_how_long_a_test_takes():
    length = sr.AbTest.plan(0.05, requests_per_hour=1000.0)
    assert (length.samples_per_arm, length.samples, length.total) == (6280, (6280, 6280), 12_560)
    assert length.hours == pytest.approx(12.56)
    assert sr.AbTest.plan(0.05, requests_per_hour=1000.0, compared_by="pairs").samples_per_arm == 3140
    assert sr.AbTest.plan(0.05, requests_per_hour=1000.0, shares=[9, 1]).samples == (31_401, 3_489)
    test = sr.AbTest("t", model_a="v1", model_b="v2", target_samples=6280)
    assert test.planned_seconds(1000.0) == pytest.approx(length.seconds)


def test_threads_record_in_one_test():
    test = sr.AbTest("t", model_a="v1", model_b="v2", target_samples=1000)

    def record(model):
        for score in scores(size=200):
            test.record(model, score)
        test.record_many(model, scores(size=200))
        assert test.analyze().n_a >= 0

    threads = [threading.Thread(target=record, args=(model,)) for model in ["v1", "v2"] * 2]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [arm.samples for arm in test.status.arms] == [800, 800]


@pytest.mark.parametrize(
    "wrong",
    [
        lambda: sr.AbTest("", model_a="v1", model_b="v2"),
        lambda: sr.AbTest("t", model_a="v1", model_b="v1"),
        lambda: sr.AbTest("t", model_a="v1", model_b=""),
        lambda: sr.AbTest("t", model_a="v1", model_b="v2", target_samples=29),
        lambda: sr.AbTest("t", model_a="v1", model_b="v2", target_samples=-1),
        lambda: sr.AbTest("t", model_a="v1", model_b="v2", shares=[1.0, NAN]),
        lambda: sr.AbTest("t", model_a="v1", model_b="v2", shares=[1.0]),
        lambda: sr.AbTest("t", model_a="v1", model_b="v2", design="crossed"),
        lambda: sr.AbTest("t", model_a="v1", model_b="v2", rule="soonest"),
        lambda: sr.AbTest("t", model_a="v1", model_b="v2", design="paired", clip=0.0),
        lambda: a_test().record("v3", 0.5),
        lambda: a_test().record("v1", 1.2),
        lambda: a_test().record("v1", NAN),
        lambda: a_test().record_many("v1", [0.5, NAN]),
        lambda: a_test().record_pair(0.5, 0.5),
        lambda: a_test().record_with("v1", 0.5, 0.5),
        lambda: a_test().count_assignment("v1", -1),
        lambda: a_test().analyze(alpha=0.0),
        lambda: a_test().analyze(alpha=NAN),
        lambda: a_test().analyze(alternative="better"),
        lambda: a_test().analyze(indifference=NAN),
        lambda: a_test().planned_seconds(0.0),
        lambda: a_test().restore("{}"),
        lambda: sr.AbTest.plan(0.0, requests_per_hour=1.0),
        lambda: sr.AbTest.plan(0.05, requests_per_hour=NAN),
        lambda: sr.AbTest.plan(0.05, requests_per_hour=1.0, shares=[1.0]),
        lambda: sr.AbTest.plan(0.05, requests_per_hour=1.0, compared_by="medians"),
    ],
)
def test_what_makes_no_sense_is_refused(wrong):
    with pytest.raises(sr.StatisticsError):
        wrong()


def test_a_refused_record_takes_nothing_in():
    test = a_test()
    with pytest.raises(sr.StatisticsError, match="1.5"):
        test.record_many("v1", [0.5, 1.5])
    assert test == a_test()
    with pytest.raises(TypeError):
        test.record("v1", "0.5")
    with pytest.raises(TypeError):
        sr.AbTest("t", "v1", "v2")


def experiments():
    all_ = sr.Experiments(["prompt", "model"])
    all_.add(sr.AbTest("chat-v2", model_a="v1", model_b="v2"), layer="model", share=0.5)
    all_.add(sr.AbTest("short", model_a="long", model_b="short"), layer="prompt", share=1.0)
    return all_


def test_tests_of_a_layer_share_no_user_and_leave_each_others_alone():
    all_ = sr.Experiments(["model"])
    for name in ["first", "second"]:
        all_.add(sr.AbTest(name, model_a="v1", model_b="v2"), layer="model", share=0.4)
    users = [f"u{n}" for n in range(1_000)]
    before = {user: mine for user in users for mine in all_.assign(user)}
    assert all(len(all_.assign(user)) <= 1 for user in users)
    assert {mine.test for mine in before.values()} == {"first", "second"}
    all_.end("first")
    kept = {user: mine for user, mine in before.items() if mine.test == "second"}
    assert {user: mine for user in users for mine in all_.assign(user)} == kept
    mine = next(iter(kept.values()))
    assert mine == sr.AbAssignment(layer="model", test="second", version=mine.version) and mine.version in ("v1", "v2")


def test_layers_of_tests():
    all_ = experiments()
    users = [f"u{n}" for n in range(2_000)]
    assigned = [{each.test: each for each in all_.assign(user)} for user in users]
    assert all(mine["short"].layer == "prompt" for mine in assigned)
    in_both = sum("chat-v2" in mine for mine in assigned)
    assert 888 < in_both < 1_112, "half of them, ± 5 standard errors"
    mine = next(mine["chat-v2"] for mine in assigned if "chat-v2" in mine)
    all_[mine.test].record(mine.version, 0.8)
    assert (all_.room("model"), all_.room("prompt"), all_.room("other")) == (0.5, 0.0, None)

    again = pickle.loads(pickle.dumps(all_))
    assert [again.assign(user) for user in users] == [all_.assign(user) for user in users]
    assert again.tests == all_.tests and "chat-v2" in repr(again)

    ended = all_.end("chat-v2")
    assert sum(arm.samples for arm in ended.status.arms) == 1
    assert all_.room("model") == 1.0 and [test.name for test in all_.tests] == ["short"]
    for wrong in [
        lambda: all_["chat-v2"],
        lambda: all_.end("chat-v2"),
        lambda: all_.add(ended, layer="prompt", share=0.5),
        lambda: all_.add(ended, layer="other", share=0.5),
        lambda: all_.add(ended, layer="model", share=NAN),
    ]:
        with pytest.raises(sr.StatisticsError):
            wrong()
    assert all_.room("model") == 1.0
