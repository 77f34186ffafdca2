"""Times SciPy and statsmodels on the work of `cargo bench -p serinus-benches --bench fixed_sample`: medians, on one core.

Needs numpy, scipy and statsmodels; run it right before or after the bench, and compare as ratios."""

import os
import sys

for name in ["OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"]:
    os.environ[name] = "1"

import numpy as np
import scipy
import statsmodels
from scipy import stats
from shared import spread, write
from statsmodels.stats.power import NormalIndPower

rng = np.random.default_rng(1)
versions = {
    "Python": sys.version.split()[0],
    "NumPy": np.__version__,
    "SciPy": scipy.__version__,
    "statsmodels": statsmodels.__version__,
}
ns = {}
print(", ".join(f"{package} {version}" for package, version in versions.items()))
print("\n| work | median |\n|---|---|")


def row(name, work):
    ns[name] = spread(work, least_seconds=1.0, most_times=200)
    print(f"| {name} | {ns[name]['median'] / 1e6:.4f} ms |", flush=True)


for n in [1_000, 10_000, 100_000, 1_000_000]:
    a, b = rng.normal(size=n), rng.normal(0.02, size=n)
    c, d = np.round(100 + 20 * a), np.round(100 + 20 * b)
    row(f"mann_whitney_u/normal/{n}", lambda: stats.mannwhitneyu(a, b))
    row(f"mann_whitney_u/whole numbers/{n}", lambda: stats.mannwhitneyu(c, d))
a, b = rng.normal(size=1_000), rng.normal(0.02, size=1_000)
row("fixed_sample/welch_t", lambda: stats.ttest_ind(a, b, equal_var=False))
row("fixed_sample/brunner_munzel", lambda: stats.brunnermunzel(a, b))
row("fixed_sample/wilcoxon_signed_rank", lambda: stats.wilcoxon(a - b))
row("fixed_sample/kolmogorov_smirnov", lambda: stats.ks_2samp(a, b))
row("fixed_sample/sample_size", lambda: NormalIndPower().solve_power(effect_size=0.05, alpha=0.05, power=0.8))
mean_difference = lambda a, b, axis: np.mean(b, axis=axis) - np.mean(a, axis=axis)
row("fixed_sample/bootstrap mean", lambda: stats.bootstrap((a,), np.mean, n_resamples=9_999, method="BCa"))
row(
    "fixed_sample/bootstrap mean difference",
    lambda: stats.bootstrap((a, b), mean_difference, n_resamples=9_999, method="BCa"),
)
write("scipy", {"versions": versions, "ns": ns})
