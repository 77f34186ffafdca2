"""Times the package `serinus` beside what one would write or use without it, in one run: medians, on one core.

Needs serinus, numpy and scipy. The plain splitter is the usual first draft: a lock, a dictionary that remembers each user, and a
shared counter."""

import os
import sys

for name in ["OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"]:
    os.environ[name] = "1"

import numpy as np
import scipy
import serinus as sr
from scipy import stats as scipy_stats
from serinus import stats
from shared import PlainSplitter, spread, write

USERS = [f"user-{n:08x}-0123-4567-89ab-cdef" for n in range(10_000)]


versions = {
    "Python": sys.version.split()[0],
    "NumPy": np.__version__,
    "SciPy": scipy.__version__,
    "serinus": sr.__version__,
}
ns = {}


def row(name, ours, peer=None, of=1, unit="ns"):
    scale = {"ns": 1.0, "us": 1e3, "ms": 1e6}[unit]
    ns[name] = {"serinus": spread(ours, of)}
    mine = ns[name]["serinus"]["median"]
    if peer is None:
        print(f"| {name} | {mine / scale:,.3g} {unit} | | |", flush=True)
        return
    ns[name]["without"] = spread(peer, of)
    theirs = ns[name]["without"]["median"]
    print(f"| {name} | {mine / scale:,.3g} {unit} | {theirs / scale:,.3g} {unit} | {theirs / mine:,.1f} |", flush=True)


print(", ".join(f"{package} {version}" for package, version in versions.items()))
print("\n| work | serinus | without it | ratio |\n|---|---|---|---|")

splitter, plain = sr.Splitter({"v1": 0.95, "v2": 0.05}, salt="chat"), PlainSplitter({"v1": 0.95, "v2": 0.05})


def version_for():
    choose = splitter.version_for
    for user in USERS:
        choose(user)


def plain_warm():
    choose = plain.route
    for user in USERS:
        choose({"user_id": user})


def plain_cold():
    plain.users.clear()
    plain_warm()


def with_block():
    route = splitter.route
    for user in USERS:
        with route(user) as lease:
            lease.finish(latency_ms=830.0)


def without_block():
    route = splitter.route
    for user in USERS:
        route(user).finish(latency_ms=830.0)


def every_measure():
    route = splitter.route
    for user in USERS:
        with route(user_id=user) as lease:
            lease.finish(ttft_ms=41.0, latency_ms=830.0, tokens=212, passed=True)


n = len(USERS)
row("`version_for`, users known to the plain splitter", version_for, plain_warm, n)
row("`version_for`, users not known to it", version_for, plain_cold, n)
row("`route` and `finish` in a `with` block", with_block, plain_warm, n)
row("`route` and `finish`", without_block, plain_warm, n)
row("`route` and `finish` with every measure", every_measure, None, n)
row("`assign`, a key", lambda: splitter.assign(USERS), plain_warm, n)

rng = np.random.default_rng(1)
rows = 100_000
latency, ttft, quality = rng.lognormal(7.0, 0.5, rows), rng.lognormal(4.0, 0.5, rows), rng.uniform(0.0, 1.0, rows)
failed, passed = rng.random(rows) < 0.01, rng.random(rows) < 0.97
tokens = rng.integers(1, 500, rows).astype(float)
arrived = np.linspace(0.0, 3_600.0, rows)


def observe_many():
    evaluator = sr.CanaryEvaluator(stable="v1", canary="v2", min_requests=50)
    for version in ["v1", "v2"]:
        evaluator.observe_many(
            version=version,
            latency_ms=latency,
            ttft_ms=ttft,
            tokens=tokens,
            error=failed,
            quality=quality,
            passed=passed,
            arrived_at=arrived,
        )
    return evaluator


row("`observe_many`, a value (seven columns, the evidence included)", observe_many, None, 2 * rows * 7)

evaluator = observe_many()


def numpy_rule():
    a, b = latency[:1_000], latency[1_000:2_000]
    return [np.percentile(values, q) for values in (a, b) for q in (50, 99)] + [
        failed[:1_000].mean(),
        failed[1_000:2_000].mean(),
        scipy_stats.mannwhitneyu(a, b).pvalue,
    ]


row(
    "`evaluate()`; percentiles, rates and one rank test of 1,000 requests in NumPy and SciPy",
    lambda: evaluator.evaluate(now=3_600.0),
    numpy_rule,
    unit="us",
)
for size in [1_000, 100_000]:
    a, b = rng.normal(size=size), rng.normal(0.02, size=size)
    row(
        f"`stats.mann_whitney_u`, {size:,} values a sample",
        lambda: stats.mann_whitney_u(a, b),
        lambda: scipy_stats.mannwhitneyu(a, b),
        unit="us",
    )
row(
    "`stats.welch_t`, 100,000 values a sample",
    lambda: stats.welch_t(a, b),
    lambda: scipy_stats.ttest_ind(a, b, equal_var=False),
    unit="us",
)
write("python", {"versions": versions, "ns": ns})
