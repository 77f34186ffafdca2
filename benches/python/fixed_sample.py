"""Times SciPy and statsmodels on the work of `cargo bench -p serinus-benches --bench fixed_sample`: medians, on one core.

Needs numpy, scipy and statsmodels; run it right before or after the bench, and compare as ratios."""

import os
import sys
import time

for name in ["OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"]:
    os.environ[name] = "1"

import numpy as np
import scipy
from scipy import stats
from statsmodels.stats.power import NormalIndPower

rng = np.random.default_rng(1)


def median_time(work, least_seconds=1.0):
    times = []
    begin = time.perf_counter()
    while len(times) < 5 or (time.perf_counter() - begin < least_seconds and len(times) < 200):
        start = time.perf_counter()
        work()
        times.append(time.perf_counter() - start)
    return float(np.median(times))


print(f"Python {sys.version.split()[0]}, NumPy {np.__version__}, SciPy {scipy.__version__}\n")
print("| work | median |\n|---|---|")


def row(name, work):
    print(f"| {name} | {median_time(work) * 1e3:.4f} ms |", flush=True)


for n in [1_000, 10_000, 100_000, 1_000_000]:
    a, b = rng.normal(size=n), rng.normal(0.02, size=n)
    c, d = np.round(100 + 20 * a), np.round(100 + 20 * b)
    row(f"mann_whitney_u/normal/{n}", lambda: stats.mannwhitneyu(a, b))
    row(f"mann_whitney_u/whole numbers/{n}", lambda: stats.mannwhitneyu(c, d))
a, b = rng.normal(size=1_000), rng.normal(0.02, size=1_000)
row("welch_t", lambda: stats.ttest_ind(a, b, equal_var=False))
row("brunner_munzel", lambda: stats.brunnermunzel(a, b))
row("wilcoxon_signed_rank", lambda: stats.wilcoxon(a - b))
row("kolmogorov_smirnov", lambda: stats.ks_2samp(a, b))
row("sample_size", lambda: NormalIndPower().solve_power(effect_size=0.05, alpha=0.05, power=0.8))
mean_difference = lambda a, b, axis: np.mean(b, axis=axis) - np.mean(a, axis=axis)
row("bootstrap mean", lambda: stats.bootstrap((a,), np.mean, n_resamples=9_999, method="BCa"))
row("bootstrap mean difference", lambda: stats.bootstrap((a, b), mean_difference, n_resamples=9_999, method="BCa"))
