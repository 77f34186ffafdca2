"""What the statistics refuse, and what their results are as values."""

import copy
import dataclasses
import json
import pickle

import numpy as np
import pytest
import serinus as sr
from serinus import stats

NAN, INFINITY = float("nan"), float("inf")


@pytest.mark.parametrize(
    "wrong",
    [
        lambda: stats.welch_t([1.0, NAN], [1.0, 2.0]),
        lambda: stats.welch_t([1.0, 2.0], [1.0]),
        lambda: stats.welch_t([1.0, 2.0], [1.0, INFINITY]),
        lambda: stats.welch_t([1.0, 2.0], [1.0, 3.0], alternative="both"),
        lambda: stats.welch_t([1.0, 2.0], [1.0, 3.0], confidence=1.0),
        lambda: stats.mann_whitney_u([], [1.0]),
        lambda: stats.mann_whitney_u([1.0], [1.0], method="precise"),
        lambda: stats.mann_whitney_u(range(500), range(500), method="exact"),
        lambda: stats.wilcoxon_signed_rank([1.0], zero_method="split"),
        lambda: stats.kolmogorov_smirnov([1.0], []),
        lambda: stats.hodges_lehmann([1.0], [NAN]),
        lambda: stats.cuped([1.0, 2.0], [1.0]),
        lambda: stats.two_proportion_z(3, 2, 1, 2),
        lambda: stats.two_proportion_z(-1, 2, 1, 2),
        lambda: stats.two_proportion_z(2**70, 2, 1, 2),
        lambda: stats.two_proportion_z(0, 0, 1, 2),
        lambda: stats.miettinen_nurminen_test(1, 2, 1, 2, margin=2.0),
        lambda: stats.fisher_exact([[1, 2, 3], [4, 5, 6]]),
        lambda: stats.fisher_exact([[1, 2]]),
        lambda: stats.fisher_exact([[1, 2], [3, -4]]),
        lambda: stats.boschloo_exact([[9000, 9000], [9000, 9000]]),
        lambda: stats.mcnemar(-1, 2),
        lambda: stats.chi_square_srm([1, 2], [1.0]),
        lambda: stats.chi_square_srm([1, 2], [1.0, NAN]),
        lambda: stats.wilson_interval(1, 2, confidence=0.0),
        lambda: stats.rogan_gladen((1, 0), sensitivity=(1, 2), specificity=(1, 2)),
        lambda: stats.holm([0.5, 1.5]),
        lambda: stats.holm([NAN]),
        lambda: stats.e_benjamini_hochberg([-1.0]),
        lambda: stats.quantile([1.0], 1.5),
        lambda: stats.quantile([1.0], 0.5, method="nearest"),
        lambda: stats.bootstrap_bca([1.0]),
        lambda: stats.bootstrap_bca([1.0, 2.0], resamples=0),
        lambda: stats.bootstrap_bca([1.0, 2.0], resamples=-1),
        lambda: stats.bootstrap_bca([1.0, 2.0], resamples=2**40),
        lambda: stats.bootstrap_bca([1.0, 2.0], seed=-1),
        lambda: stats.bootstrap_bca([1.0, 2.0], statistic="mode"),
        lambda: stats.bootstrap_bca([1.0, 2.0], statistic="quantile"),
        lambda: stats.bootstrap_bca([1.0, 2.0], statistic="mean", q=0.5),
        lambda: stats.bootstrap_bca([1.0, 2.0], statistic=lambda a: NAN),
        lambda: stats.bootstrap_bca([1.0, 2.0], method="studentized"),
        lambda: stats.permutation_test([1.0], [2.0], statistic="median_difference"),
        lambda: stats.sample_size(0.0),
        lambda: stats.sample_size(NAN),
        lambda: stats.sample_size(0.05, power=0.01),
        lambda: stats.sample_size(0.05, canary_share=1.0),
        lambda: stats.sample_size(0.05, design="crossover"),
        lambda: stats.sample_size(0.05, design="two-proportions"),
        lambda: stats.sample_size(0.05, baseline=0.5),
        lambda: stats.power(0.05, 1),
        lambda: stats.time_needed(stats.sample_size(0.05), requests_per_hour=0.0),
        lambda: stats.Moments([NAN]),
        lambda: stats.Moments().variance,
    ],
)
def test_what_makes_no_sense_is_refused(wrong):
    with pytest.raises(sr.StatisticsError) as refused:
        wrong()
    assert isinstance(refused.value, (sr.SerinusError, ValueError))
    assert refused.value.expected and refused.value.got
    assert str(pickle.loads(pickle.dumps(refused.value))) == str(refused.value)


@pytest.mark.parametrize(
    "wrong",
    [
        lambda: stats.welch_t("ab", [1.0, 2.0]),
        lambda: stats.welch_t([1.0, 2.0], None),
        lambda: stats.welch_t([1.0, 2.0], [1.0, "2"]),
        lambda: stats.welch_t([1.0, 2.0], [1.0, 3.0], "less"),
        lambda: stats.welch_t([1.0, 2.0], [1.0, 3.0], alternative=None),
        lambda: stats.sign_test(1.5, 2),
        lambda: stats.fisher_exact(7),
        lambda: stats.fisher_exact([[1.5, 2], [3, 4]]),
        lambda: stats.sample_size("0.05"),
        lambda: stats.welch_t_from_moments([1.0, 2.0], [1.0, 2.0]),
    ],
)
def test_a_wrong_type_is_a_type_error(wrong):
    with pytest.raises(TypeError):
        wrong()


def test_a_seed_out_of_range_is_not_called_a_count():
    with pytest.raises(sr.StatisticsError, match="whole number.*got -1"):
        stats.permutation_test([1.0], [2.0], seed=-1)


def samples():
    rng = np.random.default_rng(2)
    return rng.normal(0.0, 1.0, 40), rng.normal(0.4, 1.0, 30)


def results():
    a, b = samples()
    return [
        stats.Interval(0.0, 1.0),
        stats.welch_t(a, b),
        stats.mann_whitney_u(a, b),
        stats.brunner_munzel(a, b),
        stats.wilcoxon_signed_rank(a),
        stats.kolmogorov_smirnov(a, b),
        stats.cuped(a, a),
        stats.cuped_welch_t(a, a, b, b**2),
        stats.fisher_exact([[1, 2], [3, 4]]),
        stats.two_proportion_z(1, 10, 2, 10),
        stats.bootstrap_bca(a, resamples=99),
        stats.permutation_test(a, b, resamples=99),
        stats.quantile_interval(a, 0.5),
        stats.sample_size(0.5),
    ]


def test_results_are_values():
    for result, again in zip(results(), results(), strict=True):
        assert pickle.loads(pickle.dumps(result)) == result == copy.deepcopy(result) == again
        assert hash(result) == hash(again)
        fields = [field.name for field in dataclasses.fields(result)]
        assert list(result.to_dict()) == fields
        assert json.loads(json.dumps(result.to_dict())) == json.loads(result.to_json())
        assert repr(result).startswith(f"{type(result).__name__}({fields[0]}=")
        assert type(result)(**{name: getattr(result, name) for name in fields}) == result
        with pytest.raises(dataclasses.FrozenInstanceError):
            setattr(result, fields[0], 0.0)
    assert stats.welch_t([1.0, 1.0], [2.0, 2.0]).to_dict()["cohens_d"] is None
    low, high = interval = stats.Interval(-1.0, 2.0)
    assert (interval[0], interval[-1], interval.width) == (low, high, 3.0)
    assert low in interval and high in interval and 2.1 not in interval and NAN not in interval


def test_an_effect_is_a_number_with_an_interval():
    a, b = samples()
    for effect in [stats.cohens_d, stats.hedges_g, stats.win_rate, stats.cliffs_delta]:
        found = effect(a, b)
        assert found == float(found) == found.estimate and found + 1 == 1 + found.estimate
        assert pickle.loads(pickle.dumps(found)) == found == copy.deepcopy(found) and hash(found) == hash(float(found))
        assert found != effect(a, b, confidence=0.5), "another interval"
        assert found.to_dict() == {"estimate": float(found), "interval": found.interval.to_dict()}
        assert repr(found).startswith(f"{type(found).__name__}(estimate={float(found)}, interval=Interval(low=")
        assert json.loads(json.dumps({"effect": found})) == {"effect": float(found)}
        with pytest.raises(AttributeError):
            found.interval = None
        with pytest.raises(AttributeError):
            found.other = None


def test_an_open_end_is_null_in_json():
    a, b = [1.0, 2.0, 3.0, 4.0], [2.0, 4.0, 5.0, 7.0]
    less = stats.welch_t(a, b, alternative="less")
    assert less.interval.high == float("inf")

    def refuses(constant):
        raise AssertionError(f"{constant} is no JSON")

    plain = json.loads(less.to_json(), parse_constant=refuses)
    assert plain["interval"]["high"] is None and plain["interval"]["low"] == less.interval.low
