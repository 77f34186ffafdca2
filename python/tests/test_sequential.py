"""Tests that may be looked at all the time."""

import copy
import math
import pickle
import sys
import threading

import numpy as np
import pytest
import serinus as sr
from serinus import stats

Sequential = stats.SequentialTest
NAN = float("nan")


def test_a_confidence_sequence_covers_the_mean_and_narrows():
    values = np.random.default_rng(1).beta(8, 2, size=5_000)
    sequence = stats.ConfidenceSequence.mean(alpha=0.05)
    assert (sequence.count, sequence.estimate, sequence.interval) == (0, None, stats.Interval(0.0, 1.0))
    widths = []
    for block in np.split(values, 50):
        sequence.update_many(block)
        assert 0.8 in sequence.interval
        widths.append(sequence.interval.width)
    assert sequence.count == 5_000 and sequence.estimate == pytest.approx(values.mean())
    assert widths[-1] < 0.03 < widths[0]
    tighter = stats.ConfidenceSequence.mean(alpha=0.5)
    tighter.update_many(values)
    assert tighter.interval.width < sequence.interval.width


def test_one_by_one_is_the_same_as_many_and_parts_merge():
    values = np.random.default_rng(2).random(300)
    one_by_one, many = stats.ConfidenceSequence.mean(), stats.ConfidenceSequence.mean()
    for value in values:
        one_by_one.update(value)
    many.update_many(values)
    assert one_by_one == many

    here, there = stats.ConfidenceSequence.mean(), stats.ConfidenceSequence.mean()
    here.update_many(values[:100])
    there.update_many(values[100:])
    here.merge(there)
    assert here.count == 300 and here.estimate == pytest.approx(many.estimate)
    here.merge(here)
    assert here.count == 600


@pytest.mark.parametrize("seed", range(5))
def test_a_sequence_seldom_ever_misses(seed):
    # 100 sequences of 400 values at α = 0.2: misses are binomial with at most 0.2, and 38 of them have a chance of 2e-5.
    rng = np.random.default_rng(seed)
    missed = 0
    for _ in range(100):
        sequence = stats.ConfidenceSequence.mean(alpha=0.2)
        ever = False
        for block in np.split((rng.random(400) < 0.3).astype(float), 40):
            sequence.update_many(block)
            ever = ever or 0.3 not in sequence.interval
        missed += ever
    assert missed < 38


def blocks(rate, *, count=60, seed=3):
    rng = np.random.default_rng(seed)
    for _ in range(count):
        canary, stable = rng.binomial(20, rate), rng.binomial(380, 0.02)
        yield dict(canary_failed=canary, canary_total=20, stable_failed=stable, stable_total=380)


def test_rates_as_the_contract_shows_them():
    test = Sequential.two_proportions(margin=0.5, relative=True, alpha=0.01, weight=0.05)
    assert (test.e_value, test.decision, test.estimate) == (1.0, "continue", None)
    for block in blocks(0.15):
        test.update(**block)
    assert test.decision is stats.Decision.REJECT and test.decision.value == "reject"
    assert test.e_value > test.threshold == 100.0
    assert test.p_value == pytest.approx(1 / test.e_value)
    assert test.log_e_value == pytest.approx(math.log(test.e_value))
    assert test.estimate in test.interval and 0.13 in test.interval and 0.0 not in test.interval
    assert test.traffic_e_value < 10

    alike = Sequential.two_proportions(margin=0.5, relative=True, alpha=0.01)
    for block in blocks(0.02):
        alike.update(**block)
    assert alike.decision == "continue" and alike.traffic_e_value is None


def test_the_weight_is_held_against_the_traffic_and_leaves_the_evidence_alone():
    told, untold = Sequential.two_proportions(weight=0.5), Sequential.two_proportions()
    for block in blocks(0.02):
        told.update(**block)
        untold.update(**block)
    assert told.traffic_e_value > 1e6
    assert told.e_value == untold.e_value


def test_each_stratum_has_a_baseline_of_its_own():
    # One request in a hundred fails in one stratum, and half in the other; the canary fails more of the easy ones.
    pooled, stratified = Sequential.two_proportions(), Sequential.two_proportions()
    for _ in range(40):
        for stratum, counts in [(0, (3, 20, 4, 400)), (255, (10, 20, 200, 400))]:
            names = ["canary_failed", "canary_total", "stable_failed", "stable_total"]
            block = dict(zip(names, counts, strict=True))
            pooled.update(**block)
            stratified.update(**block, stratum=stratum)
    assert stratified.e_value > 100 * pooled.e_value


def test_a_good_guess_of_the_rate_saves_requests():
    guessed, blind = Sequential.two_proportions(expected_rate=0.02), Sequential.two_proportions()
    for block in blocks(0.15, count=5):
        guessed.update(**block)
        blind.update(**block)
    assert guessed.e_value > blind.e_value


def test_evidence_beyond_the_greatest_float():
    test = Sequential.paired()
    test.update_many(np.ones(5_000), np.zeros(5_000))
    assert test.e_value == sys.float_info.max and test.log_e_value > 710
    assert repr(test) == "PairedTest(alpha=0.05, e_value=1.8e+308, decision='reject')"


def test_a_test_of_the_other_direction_proves_that_it_is_safe():
    safe = Sequential.two_proportions(margin=1.0, direction="safe")
    for block in blocks(0.02, count=400):
        safe.update(**block)
    assert safe.decision == "reject"


@pytest.mark.parametrize("seed", range(3))
def test_identical_versions_are_seldom_ever_called_worse(seed):
    # 200 canaries at α = 0.1: at most 20 false alarms are expected, and 40 have a chance of 2e-5.
    alarms = 0
    for canary in range(200):
        test = Sequential.two_proportions(alpha=0.1)
        alarms += any(
            test.update(**block) or test.decision == "reject" for block in blocks(0.02, count=30, seed=(seed, canary))
        )
    assert alarms < 40


def values(rng, factor=1.0, size=40):
    return np.minimum(rng.lognormal(0.0, 0.4, size) * factor / 10, 1.0)


TESTS = {
    "scores": (lambda: Sequential.scores(decrease=0.02), lambda rng, f: 1 - values(rng, f)),
    "losses": (lambda: Sequential.losses(margin=0.1), values),
    "absolute losses": (lambda: Sequential.losses(margin=0.01, relative=False), values),
    "winsorized mean": (lambda: Sequential.winsorized_mean(increase=0.1), values),
    "win rate": (lambda: Sequential.win_rate(margin=0.05), values),
    "exceedance": (lambda: Sequential.exceedance(q=0.9, increase=0.1), values),
    "latency": (lambda: Sequential.latency(increase=0.1), values),
    "quantile": (lambda: Sequential.quantile(q=0.5, increase=0.1), values),
}


@pytest.mark.parametrize("make, draw", TESTS.values(), ids=TESTS)
def test_what_is_worse_is_found_and_what_is_not_is_left(make, draw):
    rng = np.random.default_rng(4)
    worse, alike = make(), make()
    for _ in range(80):
        worse.update(draw(rng, 1.0), draw(rng, 2.0))
        alike.update(stable=draw(rng, 1.0), canary=draw(rng, 1.0))
    assert (worse.decision, alike.decision) == ("reject", "continue")
    assert worse.estimate in worse.interval and alike.estimate in alike.interval
    for test in [worse, alike]:
        assert pickle.loads(pickle.dumps(test)) == test == copy.deepcopy(test)
        assert repr(test).startswith(f"{type(test).__name__}(alpha=0.05, e_value=")
    assert worse != alike != make()
    before = worse.e_value
    for wrong in [[NAN], [-1.0] if make is not TESTS["win rate"][0] else [math.inf]]:
        with pytest.raises(sr.StatisticsError):
            worse.update(wrong, [0.5])
    assert worse.e_value == before


def test_what_some_tests_know_beside():
    rng = np.random.default_rng(5)
    latency, exceedance = Sequential.latency(), Sequential.exceedance(q=0.9)
    costs, capped = Sequential.winsorized_mean(), Sequential.winsorized_mean(cap=5.0)
    assert (exceedance.recent_quantile, costs.cap, capped.cap) == (None, None, 5.0)
    for _ in range(10):
        block = values(rng), values(rng)
        for test in [latency, exceedance, costs]:
            test.update(*block)
    assert [part.q for part in latency.quantiles] == [0.5, 0.75, 0.9, 0.95, 0.99]
    assert latency.quantiles[2].threshold == exceedance.recent_quantile > latency.quantiles[0].threshold
    assert latency.e_value == pytest.approx(np.mean([part.e_value for part in latency.quantiles]))
    assert costs.cap > 0.0


def test_pairs():
    rng = np.random.default_rng(6)
    prompts = rng.random(300)
    stable, canary = np.clip(prompts + 0.1, 0, 1), np.clip(prompts + 0.1 * rng.random(300), 0, 1)
    many, one_by_one = Sequential.paired(), Sequential.paired()
    many.update_many(stable, canary)
    for pair in zip(stable, canary, strict=True):
        one_by_one.update(*pair)
    assert many == one_by_one and many.decision == "reject"
    assert many.estimate == pytest.approx(np.mean(stable - canary))
    with pytest.raises(sr.StatisticsError):
        many.update_many(stable, canary[:-1])


def test_the_split_of_traffic():
    test = Sequential.sample_ratio([0.9, 0.1])
    assert (test.alpha, test.estimates) == (0.001, ())
    test.update([905, 95])
    other = pickle.loads(pickle.dumps(test))
    other.update(np.array([0, 50]))
    test.merge(other)
    assert test.estimates == pytest.approx((1810 / 2050, 240 / 2050))
    assert all(share in interval for share, interval in zip(test.estimates, test.intervals, strict=True))
    before = test.e_value
    test.set_shares([0.5, 0.5])
    assert test.e_value == pytest.approx(before) and test.estimates == ()
    test.update([900, 100])
    assert test.decision == "reject"
    with pytest.raises(sr.StatisticsError):
        test.merge(other)
    with pytest.raises(sr.StatisticsError):
        test.update([1, 2, 3])


def test_tests_of_a_quantile_merge():
    rng = np.random.default_rng(7)
    parts = [(values(rng), values(rng)) for _ in range(4)]
    whole, here, there = (Sequential.quantile(q=0.5) for _ in range(3))
    for part in parts:
        whole.update(*part)
    here.update(*parts[0])
    for part in parts[1:]:
        there.update(*part)
    here.merge(there)
    assert here == whole
    with pytest.raises(sr.StatisticsError):
        here.merge(Sequential.quantile(q=0.9))


def test_threads_share_an_accumulator():
    sequence, test = stats.ConfidenceSequence.mean(), Sequential.quantile(q=0.5)
    many = np.random.default_rng(8).random(1_000)

    def take_in():
        for _ in range(20):
            sequence.update(0.5)
            sequence.update_many(many)
            test.update(many, many)
            assert test.e_value >= 0.0 and sequence.interval.low <= 0.51
            test.merge(Sequential.quantile(q=0.5))

    threads = [threading.Thread(target=take_in) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sequence.count == 4 * 20 * 1_001
    single = Sequential.quantile(q=0.5)
    for _ in range(80):
        single.update(many, many)
    assert test == single


@pytest.mark.parametrize(
    "wrong",
    [
        lambda: stats.ConfidenceSequence.mean(alpha=0.0),
        lambda: stats.ConfidenceSequence.mean(alpha=NAN),
        lambda: stats.ConfidenceSequence.mean().update(1.5),
        lambda: stats.ConfidenceSequence.mean().update_many([0.5, NAN]),
        lambda: Sequential.two_proportions(alpha=1.0),
        lambda: Sequential.two_proportions(margin=-1.0),
        lambda: Sequential.two_proportions(margin=1.0, relative=False),
        lambda: Sequential.two_proportions(weight=0.0),
        lambda: Sequential.two_proportions(weight=NAN),
        lambda: Sequential.two_proportions(expected_rate=1.0),
        lambda: Sequential.two_proportions(direction="better"),
        lambda: Sequential.scores(decrease=1.0),
        lambda: Sequential.win_rate(margin=0.5),
        lambda: Sequential.quantile(q=1.0),
        lambda: Sequential.exceedance(increase=NAN),
        lambda: Sequential.winsorized_mean(cap=0.0),
        lambda: Sequential.paired(decrease=0.5, clip=0.25),
        lambda: Sequential.paired().update(0.5, 1.5),
        lambda: Sequential.sample_ratio([1.0]),
        lambda: Sequential.two_proportions().update(canary_failed=2, canary_total=1, stable_failed=0, stable_total=1),
        lambda: Sequential.two_proportions().update(canary_failed=-1, canary_total=1, stable_failed=0, stable_total=1),
        lambda: Sequential.two_proportions().update(
            canary_failed=0, canary_total=1, stable_failed=0, stable_total=1, stratum=256
        ),
    ],
)
def test_what_makes_no_sense_is_refused(wrong):
    with pytest.raises(sr.StatisticsError) as refused:
        wrong()
    assert refused.value.expected and refused.value.got


def test_wrong_types():
    with pytest.raises(TypeError, match="two_proportions"):
        stats.EProcess()
    with pytest.raises(TypeError):
        Sequential.two_proportions(0.5)
    with pytest.raises(TypeError):
        stats.ConfidenceSequence.mean().update("0.5")
    with pytest.raises(TypeError):
        Sequential.scores().update([0.5], None)
    with pytest.raises(TypeError):
        hash(Sequential.scores())
    with pytest.raises(sr.StatisticsError, match="state"):
        stats.ConfidenceSequence.mean().__setstate__("{}")
