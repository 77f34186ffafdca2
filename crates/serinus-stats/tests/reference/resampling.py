"""Makes resampling.json with SciPy: BCa's acceleration, which is not random, and intervals from many resamples, which agree with
another generator's within the resampling error."""

import json
from pathlib import Path

import numpy as np
from scipy import stats
from scipy.stats._resampling import _bca_interval

RESAMPLES = 400_000


def lcg(seed, n):
    state, values = seed, []
    for _ in range(n):
        state = (state * 6364136223846793005 + 1442695040888963407) % 2**64
        values.append((state >> 40) / 2.0**24)
    return values


SAMPLES = {
    "uniform": lcg(1, 40),
    "skewed": [-np.log(1 - x) for x in lcg(2, 60)],
    "heavy": [(1 - x) ** -0.4 for x in lcg(3, 80)],
}
STATISTICS = {
    "mean": lambda x, axis=-1: np.mean(x, axis=axis),
    "variance": lambda x, axis=-1: np.var(x, axis=axis, ddof=1),
}


def difference(statistic):
    return lambda a, b, axis=-1: statistic(b, axis=axis) - statistic(a, axis=axis)


cases = []


def case(samples, statistic, name, of):
    generator = np.random.default_rng(7)
    for method in ["bca", "percentile"]:
        r = stats.bootstrap(samples, of, n_resamples=RESAMPLES, method=method, rng=generator, batch=2000)
        case = {"samples": [list(map(float, s)) for s in samples], "statistic": name, "interval": method}
        case["low"], case["high"] = map(float, r.confidence_interval)
        case["standard_error"] = float(r.standard_error)
        if method == "bca":
            data = [np.asarray(s) for s in samples]
            acceleration = _bca_interval(data, of, -1, 0.025, r.bootstrap_distribution, 2000, np)[2]
            case["acceleration"] = float(np.squeeze(acceleration))
        cases.append(case)


for name, statistic in STATISTICS.items():
    for sample in SAMPLES.values():
        case((sample,), statistic, name, statistic)
    case((SAMPLES["skewed"], SAMPLES["heavy"]), statistic, name, difference(statistic))

Path(__file__).with_suffix(".json").write_text(json.dumps(cases, separators=(",", ":")).replace("},{", "},\n{") + "\n")
