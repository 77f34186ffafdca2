"""The statistics, held against SciPy's and NumPy's."""

import math
import pickle
import threading
from functools import partial
from typing import get_args

import numpy as np
import pytest
import serinus as sr
from scipy import stats as scipy_stats
from serinus import stats
from serinus.stats import order_statistics

ALTERNATIVES = ["two-sided", "less", "greater"]
SEEDS = range(12)


def close(value):
    return pytest.approx(value, rel=1e-9, abs=1e-12)


def samples(seed, *, ties=False):
    """Two samples of some size, shifted or not, of equal spread or not."""
    rng = np.random.default_rng(seed)
    a = rng.normal(0.0, 1.0, rng.integers(5, 60))
    b = rng.normal(rng.choice([0.0, 0.4]), rng.choice([1.0, 2.0]), rng.integers(5, 60))
    return (np.round(a, 1), np.round(b, 1)) if ties else (a, b)


@pytest.mark.parametrize("alternative", ALTERNATIVES)
@pytest.mark.parametrize("seed", SEEDS)
def test_tests_of_two_samples_are_scipys(seed, alternative):
    a, b = samples(seed)
    theirs = scipy_stats.ttest_ind(a, b, equal_var=False, alternative=alternative)
    test = stats.welch_t(a, b, alternative=alternative)
    assert (test.statistic, test.p_value) == (close(theirs.statistic), close(theirs.pvalue))
    assert test.degrees_of_freedom == close(theirs.df)
    ends = theirs.confidence_interval(0.95)
    assert tuple(test.interval) == (close(-ends.high), close(-ends.low)), "the interval is of b minus a"
    assert stats.welch_t_from_moments(stats.moments(a), stats.Moments(b), alternative=alternative) == test

    theirs = scipy_stats.brunnermunzel(a, b, alternative=alternative)
    test = stats.brunner_munzel(a, b, alternative=alternative)
    assert (test.statistic, test.p_value) == (close(theirs.statistic), close(theirs.pvalue))

    theirs = scipy_stats.ks_2samp(a, b, alternative=alternative, method="exact")
    test = stats.kolmogorov_smirnov(a, b, alternative=alternative, method="exact")
    assert (test.statistic, test.p_value, test.method) == (close(theirs.statistic), close(theirs.pvalue), "exact")
    assert test.location == theirs.statistic_location


@pytest.mark.parametrize("alternative", ALTERNATIVES)
@pytest.mark.parametrize(
    "method, continuity", [("auto", True), ("exact", True), ("asymptotic", True), ("asymptotic", False)]
)
@pytest.mark.parametrize("seed", SEEDS)
def test_mann_whitney_is_scipys(seed, method, continuity, alternative):
    # With ties SciPy's exact p-values leave them out of account.
    a, b = samples(seed, ties=method == "asymptotic")
    theirs = scipy_stats.mannwhitneyu(a, b, alternative=alternative, method=method, use_continuity=continuity)
    test = stats.mann_whitney_u(a, b, alternative=alternative, method=method, continuity=continuity)
    assert (test.statistic, test.p_value) == (theirs.statistic, close(theirs.pvalue))
    assert test.win_rate == close(1 - theirs.statistic / (len(a) * len(b)))


@pytest.mark.parametrize("alternative", ALTERNATIVES)
@pytest.mark.parametrize("zero_method", ["wilcox", "pratt", "zsplit"])
@pytest.mark.parametrize("seed", SEEDS)
def test_wilcoxon_is_scipys(seed, zero_method, alternative):
    d, _ = samples(seed)
    theirs = scipy_stats.wilcoxon(d, alternative=alternative, method="exact")
    test = stats.wilcoxon_signed_rank(d, alternative=alternative, method="exact")
    assert (test.statistic, test.p_value) == (theirs.statistic, close(theirs.pvalue))

    d, _ = samples(seed, ties=True)
    options = dict(alternative=alternative, method="asymptotic", zero_method=zero_method)
    for continuity in [True, False]:
        theirs = scipy_stats.wilcoxon(d, correction=continuity, **options)
        test = stats.wilcoxon_signed_rank(d, continuity=continuity, **options)
        assert (test.statistic, test.p_value) == (theirs.statistic, close(theirs.pvalue))


@pytest.mark.parametrize("alternative", ALTERNATIVES)
@pytest.mark.parametrize("seed", SEEDS)
def test_tests_of_counts_are_scipys(seed, alternative):
    rng = np.random.default_rng(seed)
    (n1, n2) = rng.integers(5, 40, 2)
    (x1, x2) = rng.integers(0, [n1 + 1, n2 + 1])
    table = np.array([[x1, x2], [n1 - x1, n2 - x2]])
    test, theirs = stats.fisher_exact(table, alternative=alternative), scipy_stats.fisher_exact(table, alternative)
    assert test.p_value == close(theirs.pvalue)
    if not test.empty_margin:
        assert test.statistic == close(theirs.statistic)
    if not test.empty_margin:
        theirs = scipy_stats.boschloo_exact(table, alternative, n=128)
        assert stats.boschloo_exact(table, alternative=alternative).p_value == pytest.approx(theirs.pvalue, rel=2e-3)

    theirs = scipy_stats.binomtest(int(x1), int(n1), alternative=alternative)
    assert stats.sign_test(x1, n1 - x1, alternative=alternative).p_value == close(theirs.pvalue)
    assert stats.mcnemar(x1, n1 - x1, alternative=alternative).p_value == close(theirs.pvalue)
    theirs = scipy_stats.binomtest(int(x1), int(n1))
    assert tuple(stats.clopper_pearson_interval(x1, n1)) == close(tuple(theirs.proportion_ci(0.95, "exact")))
    assert tuple(stats.wilson_interval(x1, n1, confidence=0.9)) == close(tuple(theirs.proportion_ci(0.9, "wilson")))


def test_chi_squares():
    counts, weights = [480, 55, 30], [0.85, 0.1, 0.05]
    theirs = scipy_stats.chisquare(counts, np.array(weights) * sum(counts))
    test = stats.chi_square_srm(np.array(counts), weights)
    assert (test.statistic, test.p_value, test.degrees_of_freedom) == (close(theirs.statistic), close(theirs.pvalue), 2)
    for continuity, statistic in [(False, 36 / 20), (True, 25 / 20)]:
        test = stats.mcnemar(13, 7, exact=False, continuity=continuity)
        assert (test.statistic, test.p_value) == (close(statistic), close(scipy_stats.chi2.sf(statistic, 1)))
    half = scipy_stats.binom.pmf(7, 20, 0.5)
    assert stats.mcnemar(13, 7, mid_p=True).p_value == close(stats.mcnemar(13, 7).p_value - half)


def test_two_proportions():
    # By the book: the z of 20 of 1,000 and 35 of 1,000.
    rate, difference = 55 / 2000, 15 / 1000
    z = -difference / math.sqrt(rate * (1 - rate) * 2 / 1000)
    test = stats.two_proportion_z(20, 1000, 35, 1000)
    assert (test.statistic, test.difference) == (close(z), close(difference))
    assert test.p_value == close(2 * scipy_stats.norm.cdf(z))
    assert test.interval == stats.newcombe_interval(20, 1000, 35, 1000)
    unpooled = stats.two_proportion_z(20, 1000, 35, 1000, pooled=False, alternative="less")
    error = math.sqrt((0.02 * 0.98 + 0.035 * 0.965) / 1000)
    assert unpooled.p_value == close(scipy_stats.norm.cdf(-difference / error))
    ends = stats.miettinen_nurminen_interval(20, 1000, 35, 1000)
    for end in ends:
        test = stats.miettinen_nurminen_test(20, 1000, 35, 1000, margin=end)
        assert (test.p_value, test.interval) == (pytest.approx(0.05, abs=1e-6), ends)


def test_a_judges_errors_are_taken_out_of_a_rate():
    found = stats.rogan_gladen((150, 1000), sensitivity=(90, 100), specificity=(190, 200))
    assert found.rate == close((0.15 + 0.95 - 1) / (0.9 + 0.95 - 1)) and found.rate in found.interval
    assert stats.rogan_gladen((150, 1000), sensitivity=(5, 10), specificity=(5, 10)) is None


@pytest.mark.parametrize("seed", SEEDS)
def test_effects_are_b_minus_a(seed):
    a, b = samples(seed, ties=True)
    n, m = len(a), len(b)
    pooled = math.sqrt(((n - 1) * a.var(ddof=1) + (m - 1) * b.var(ddof=1)) / (n + m - 2))
    d = (b.mean() - a.mean()) / pooled
    assert stats.cohens_d(a, b) == close(d) == stats.welch_t(a, b).cohens_d
    k = n + m - 2
    correction = math.exp(math.lgamma(k / 2) - math.lgamma((k - 1) / 2)) / math.sqrt(k / 2)
    assert stats.hedges_g(a, b) == close(d * correction)
    gaps = np.subtract.outer(b, a)
    wins = np.mean(gaps > 0) + np.mean(gaps == 0) / 2
    assert stats.win_rate(a, b) == close(wins)
    assert stats.cliffs_delta(a, b) == close(2 * wins - 1)
    assert stats.hodges_lehmann(a, b).estimate == close(np.median(gaps))
    for effect in [stats.cohens_d, stats.hedges_g, stats.cliffs_delta, stats.hodges_lehmann, stats.win_rate]:
        narrow, wide = effect(a, b, confidence=0.5), effect(a, b, confidence=0.99)
        assert narrow.estimate == wide.estimate in narrow.interval
        assert wide.interval.low <= narrow.interval.low and narrow.interval.high <= wide.interval.high


def test_without_spread_there_is_no_effect_size():
    assert stats.cohens_d([1.0, 1.0], [2.0, 2.0]) is None is stats.hedges_g([1.0, 1.0], [2.0, 2.0])
    assert stats.welch_t([1.0, 1.0], [2.0, 2.0]).constant


def test_samples_that_say_nothing_are_told_by_a_flag():
    same, none = [1.0, 1.0, 1.0], [0.0, 0.0]
    for test, flag in [
        (stats.welch_t(same, same), "constant"),
        (stats.mann_whitney_u(same, same), "all_tied"),
        (stats.wilcoxon_signed_rank(none), "all_zero"),
        (stats.two_proportion_z(0, 10, 0, 20), "all_alike"),
        (stats.fisher_exact([[0, 0], [3, 4]]), "empty_margin"),
        (stats.boschloo_exact([[0, 3], [0, 4]]), "empty_column"),
    ]:
        assert (test.p_value, getattr(test, flag)) == (1.0, True), flag
    assert stats.bootstrap_bca(same, resamples=20).degenerate
    a, b = [1.0, 2.0, 4.0], [3.0, 5.0, 6.0]
    for test, flag in [
        (stats.welch_t(a, b), "constant"),
        (stats.mann_whitney_u(a, b), "all_tied"),
        (stats.wilcoxon_signed_rank(a), "all_zero"),
        (stats.two_proportion_z(1, 10, 0, 20), "all_alike"),
        (stats.fisher_exact([[1, 2], [3, 4]]), "empty_margin"),
        (stats.boschloo_exact([[1, 2], [3, 4]]), "empty_column"),
        (stats.bootstrap_bca(a, resamples=20), "degenerate"),
        (stats.brunner_munzel(a, b), "apart"),
        (stats.chi_square_srm([9, 1], [0.9, 0.1]), "impossible"),
    ]:
        assert getattr(test, flag) is False, flag
    apart = stats.brunner_munzel([1.0, 2.0], [3.0, 4.0])
    assert (apart.apart, apart.degrees_of_freedom, apart.win_rate) == (True, None, 1.0)
    assert apart.p_value == stats.mann_whitney_u([1.0, 2.0], [3.0, 4.0]).p_value
    assert stats.chi_square_srm([9, 1, 1], [0.9, 0.1, 0.0]).impossible


def test_what_tests_tell_beside_their_p_value():
    d = [3.0, -1.0, 4.0, 2.5, -0.5, 6.0]
    test = stats.wilcoxon_signed_rank(d)
    assert test.rank_biserial == close((18 - 3) / 21)
    assert test.centre == close(np.median([(d[i] + d[j]) / 2 for i in range(6) for j in range(i + 1)]))
    assert test.centre in test.interval
    signs = stats.sign_test(9, 3)
    assert (signs.statistic, signs.win_share) == (9.0, 0.75)
    assert signs.interval == stats.clopper_pearson_interval(9, 12)
    pairs = stats.mcnemar(9, 3, confidence=0.9)
    assert (pairs.statistic, pairs.share) == (3.0, 0.75)
    assert pairs.interval == stats.clopper_pearson_interval(9, 12, confidence=0.9)
    low, high = [1.0, 2.0, 3.0], [2.5, 3.5, 4.5]
    assert stats.kolmogorov_smirnov(low, high).a_below and not stats.kolmogorov_smirnov(high, low).a_below
    test = stats.mann_whitney_u(low, high)
    assert (test.win_rate, test.cliffs_delta) == (close(8 / 9), close(7 / 9))


@pytest.mark.parametrize("method", get_args(order_statistics.QuantileMethod))
@pytest.mark.parametrize("size", [10, 501])  # of 10 values no two methods give the same
def test_quantiles_are_numpys(method, size):
    values = np.random.default_rng(3).lognormal(size=size)
    qs = [0.0, 0.123, 0.5, 0.99, 1.0]
    expected = np.quantile(values, qs, method=method)
    assert stats.quantiles(values, qs, method=method) == close(list(expected))
    assert [stats.quantile(values, q, method=method) for q in qs] == close(list(expected))


def test_other_quantiles():
    values = np.random.default_rng(4).normal(size=200)
    theirs = scipy_stats.mstats.hdquantiles(values, prob=[0.9])[0]
    assert stats.harrell_davis(values, 0.9) == pytest.approx(theirs, rel=1e-7)
    found = stats.quantile_interval(values, 0.5, confidence=0.9)
    theirs = scipy_stats.quantile_test(values, p=0.5).confidence_interval(0.9)
    assert tuple(found.interval) == tuple(theirs) and found.coverage >= 0.9


def test_many_tests_at_once():
    p_values = np.random.default_rng(5).beta(0.4, 2.0, size=40)
    adjusted = stats.benjamini_hochberg(p_values)
    assert adjusted == close(list(scipy_stats.false_discovery_control(p_values)))
    holm, hochberg = stats.holm(p_values), stats.hochberg(p_values)
    order = np.argsort(p_values)
    expected = np.minimum(np.maximum.accumulate(p_values[order] * np.arange(40, 0, -1)), 1.0)
    assert np.array(holm)[order] == close(expected)
    assert all(bh <= ho <= h for bh, ho, h in zip(adjusted, hochberg, holm, strict=True))
    assert stats.holm([]) == []
    assert stats.e_benjamini_hochberg([100.0, 1.0, 45.0]) == [True, False, True]


def test_a_covariate_takes_noise_away():
    rng = np.random.default_rng(6)
    x_a, x_b = rng.normal(size=400), rng.normal(size=380)
    y_a, y_b = x_a + 0.3 * rng.normal(size=400), x_b + 0.2 + 0.3 * rng.normal(size=380)
    found = stats.cuped(y_a, x_a)
    assert found.theta == close(np.cov(y_a, x_a)[0, 1] / x_a.var(ddof=1))
    assert np.mean(found.adjusted) == close(y_a.mean())
    assert found.variance_reduction == close(np.corrcoef(y_a, x_a)[0, 1] ** 2)
    test = stats.cuped_welch_t(y_a, x_a, y_b, x_b, alternative="less")
    theta = stats.cuped_theta(y_a, x_a, y_b, x_b)
    theirs = scipy_stats.ttest_ind(y_a - theta * x_a, y_b - theta * x_b, equal_var=False, alternative="less")
    assert (test.theta, test.test.p_value) == (theta, close(theirs.pvalue))
    assert test.test.p_value < stats.welch_t(y_a, y_b, alternative="less").p_value


@pytest.mark.parametrize("statistic", ["mean", "median", "standard_deviation"])
def test_the_bootstrap_agrees_with_scipys_to_within_chance(statistic):
    a = np.random.default_rng(7).lognormal(size=80)
    deviation = partial(np.std, ddof=1)
    function = {"mean": np.mean, "median": np.median, "standard_deviation": deviation}[statistic]
    found = stats.bootstrap_bca(a, statistic=statistic, resamples=9999, seed=3)
    rng = np.random.default_rng(1)
    theirs = scipy_stats.bootstrap((a,), function, n_resamples=9999, method="BCa", rng=rng)
    tolerance = 0.15 * theirs.standard_error
    assert tuple(found.interval) == pytest.approx(tuple(theirs.confidence_interval), abs=tolerance)
    assert found.standard_error == pytest.approx(theirs.standard_error, rel=0.05)
    assert found == stats.bootstrap_bca(a, statistic=statistic, resamples=9999, seed=3)
    assert found != stats.bootstrap_bca(a, statistic=statistic, resamples=9999, seed=4)


def test_the_bootstrap_takes_functions_and_quantiles():
    a, b = samples(1)
    by_name = stats.bootstrap_bca(a, statistic="median", resamples=300)
    assert stats.bootstrap_bca(a, statistic=np.median, resamples=300).estimate == by_name.estimate
    by_function = stats.bootstrap_bca(a, statistic=lambda x: float(np.median(x)), resamples=300)
    assert tuple(by_function.interval) == close(tuple(by_name.interval))
    assert stats.bootstrap_bca(a, statistic="quantile", q=0.5, resamples=300) == by_name
    variance = stats.bootstrap_bca(a, statistic="variance", resamples=300)
    by_function = stats.bootstrap_bca(a, statistic=lambda x: float(np.var(x, ddof=1)), resamples=300)
    assert (variance.estimate, tuple(variance.interval)) == (close(a.var(ddof=1)), close(tuple(by_function.interval)))
    percentile = stats.bootstrap_bca(a, resamples=300, method="percentile")
    assert percentile.acceleration == 0.0
    gap = stats.bootstrap_difference(a, b, resamples=300)
    assert gap.estimate == close(b.mean() - a.mean())


def test_what_a_function_raises_comes_through_and_it_is_not_called_again():
    calls = []

    def broken(values):
        calls.append(len(values))
        if len(calls) == 5:
            raise KeyError("the statistic")
        return sum(values)

    with pytest.raises(KeyError, match="the statistic"):
        stats.bootstrap_bca([1.0, 2.0, 3.0], statistic=broken, resamples=1000)
    assert len(calls) == 5
    with pytest.raises(KeyError):
        stats.permutation_test([1.0, 2.0], [3.0], statistic=lambda a, b: {}["no such key"])
    with pytest.raises(TypeError):
        stats.bootstrap_bca([1.0, 2.0], statistic=lambda a: "no number")

    # Of a part of the sample alone, as the jackknife asks for.
    def part(values):
        if len(values) < 3:
            raise KeyError("two")
        return sum(values)

    with pytest.raises(KeyError, match="two"):
        stats.bootstrap_bca([1.0, 2.0, 3.0], statistic=part, resamples=100)


@pytest.mark.parametrize("alternative", ALTERNATIVES)
def test_permutations_are_scipys(alternative):
    a, b = [12.0, 15.0, 11.0, 18.0], [13.0, 25.0, 19.0, 30.0]
    theirs = scipy_stats.permutation_test(
        (a, b), lambda a, b: np.mean(a) - np.mean(b), alternative=alternative, vectorized=False, n_resamples=np.inf
    )
    test = stats.permutation_test(a, b, alternative=alternative)
    assert (test.statistic, test.p_value, test.exact, test.deals) == (theirs.statistic, close(theirs.pvalue), True, 70)
    by_function = stats.permutation_test(a, b, statistic=lambda a, b: sum(a) / 4 - sum(b) / 4, alternative=alternative)
    assert by_function == test


def test_sample_sizes():
    sizes = {"paired": 3140, "two-sample": 6280, "mann-whitney": 6576}
    for design, size in sizes.items():
        assert stats.sample_size(effect=0.05, alpha=0.05, power=0.80, design=design).per_group == size
        assert stats.power(effect=0.05, n=size, design=design) >= 0.80
        assert stats.power(effect=0.05, n=size - 1, design=design) < 0.80
        assert stats.minimum_detectable_effect(n=size, design=design) == pytest.approx(0.05, rel=1e-3)
    assert stats.sample_size(0.05, design="mann-whitney-bound").per_group == pytest.approx(6280 / 0.864, abs=1)
    assert stats.sample_size(0.05, design="win-rate").per_group == pytest.approx(7.849 / (6 * 0.05**2), rel=0.02)
    canary = stats.sample_size(0.05, canary_share=0.1)
    assert (canary.a, canary.b, canary.total) == (31_401, 3_489, 34_890)
    assert stats.time_needed(stats.sample_size(0.05), requests_per_hour=1000.0) == pytest.approx(12.56 * 3600)
    rates = stats.sample_size(0.01, design="two-proportions", baseline=0.02, alternative="less")
    assert rates.per_group < stats.sample_size(0.01, design="two-proportions", baseline=0.02).per_group


def test_moments_merge_and_are_shared_by_threads():
    values = np.random.default_rng(8).normal(1e6, 1.0, 20_000)
    whole = stats.Moments()

    def take_in(part):
        whole.update_many(part[:-1])
        whole.update(part[-1])

    threads = [threading.Thread(target=take_in, args=(part,)) for part in np.split(values, 8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (whole.count, whole.mean, whole.variance) == (20_000, close(values.mean()), close(values.var(ddof=1)))
    again = pickle.loads(pickle.dumps(whole))
    assert again == whole and repr(again) == repr(whole) and type(again) is stats.Moments
    again.merge(again)
    assert (again.count, again.mean) == (40_000, close(whole.mean)) and again != whole
    with pytest.raises(sr.StatisticsError):
        again.update_many([1.0, float("nan")])
    assert again.count == 40_000
    assert stats.Moments().mean is None
