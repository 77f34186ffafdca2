"""Makes ranks.json with SciPy, and by counting every case where SciPy has no exact answer."""

import json
import warnings
from fractions import Fraction
from itertools import combinations, product
from math import comb
from pathlib import Path

import numpy as np
from scipy import stats

ALTERNATIVES = ["two-sided", "greater", "less"]
NAN_FREE = dict(separators=(",", ":"), allow_nan=False)


def lcg(seed, n, scale=1.0, shift=0.0, step=0.0):
    """As tests/ranks.rs makes them: uniform, scaled, shifted, and rounded to whole steps if asked."""
    state, values = seed, []
    for _ in range(n):
        state = (state * 6364136223846793005 + 1442695040888963407) % 2**64
        x = (state >> 40) / 2.0**24 * scale + shift
        values.append(float(np.floor(x / step) * step) if step else x)
    return values


def spec(seed, n, scale=1.0, shift=0.0, step=0.0):
    return {"seed": seed, "n": n, "scale": scale, "shift": shift, "step": step}


def values(s):
    return s if isinstance(s, list) else lcg(s["seed"], s["n"], s["scale"], s["shift"], s["step"])


PAIRS = [
    ([1.0, 2.0, 3.0], [4.0, 5.0, 6.0]),
    ([1.0], [2.0, 3.0, 0.5]),
    ([1.0, 2.0, 2.0, 3.0], [2.0, 3.0, 3.0, 4.0, 5.0]),
    (spec(1, 5), spec(2, 7)),
    (spec(3, 8), spec(4, 30, 1.0, 0.2)),
    (spec(5, 6), spec(6, 2000, 1.0, 0.3)),
    (spec(7, 12, 4.0, 0.0, 1.0), spec(8, 15, 5.0, 0.0, 1.0)),
    (spec(9, 40), spec(10, 60, 1.0, 0.1)),
    (spec(11, 300, 10.0, 0.0, 1.0), spec(12, 200, 10.0, 1.0, 1.0)),
    (spec(13, 1000, 1.0, 1e9), spec(14, 800, 1.0, 1e9 + 0.05)),
    (spec(15, 3000, 1.0, -0.5), spec(16, 2000, 1.0, 0.1)),
    (spec(17, 1500), spec(18, 1500, 1.0, 0.6)),
]
EXACT_TIED = [
    ([1.0, 2.0, 2.0, 3.0], [2.0, 3.0, 3.0, 4.0, 5.0]),
    ([1.0, 1.0, 1.0], [1.0, 2.0]),
    ([2.0, 2.0, 5.0, 5.0, 5.0], [1.0, 2.0, 3.0, 5.0, 6.0, 6.0]),
]
DIFFERENCES = [
    [6.0, 8.0, 14.0, 16.0, 23.0, 24.0, 28.0, 29.0, 41.0, -48.0, 49.0, 56.0, 60.0, -67.0, 75.0],
    [0.0, 1.0, -1.0, 2.0, 3.0, -2.0, 5.0],
    [0.0, 0.0, 1.0, 1.0, 4.0, -1.0, 2.0, 2.5, 3.0],
    spec(21, 10, 1.0, -0.3),
    spec(22, 40, 1.0, -0.45),
    spec(23, 50, 1.0, -0.5),
    spec(24, 80, 8.0, -3.0, 1.0),
    spec(25, 500, 1.0, -0.4),
    spec(26, 2500, 1.0, -0.1),
]

cases = []


def case(function, args, **expected):
    cases.append({"function": function, "args": args, "expected": {k: float(v) for k, v in expected.items()}})


def two_u(a, b):
    return sum(2 * (x > y) + (x == y) for x in a for y in b)


for sa, sb in PAIRS:
    a, b = values(sa), values(sb)
    for alternative in ALTERNATIVES:
        for method in ["auto", "asymptotic"]:
            for continuity in [True, False]:
                r = stats.mannwhitneyu(a, b, alternative=alternative, method=method, use_continuity=continuity)
                args = {"a": sa, "b": sb, "alternative": alternative, "method": method, "continuity": continuity}
                case("mann_whitney_u", args, statistic=r.statistic, p_value=r.pvalue)
        if min(len(a), len(b)) > 1:
            r = stats.brunnermunzel(a, b, alternative=alternative)
            if np.isfinite(r.statistic):
                case("brunner_munzel", {"a": sa, "b": sb, "alternative": alternative}, statistic=r.statistic, p_value=r.pvalue)
        for method in ["exact", "asymp"]:
            with warnings.catch_warnings():
                warnings.simplefilter("error")
                try:
                    r = stats.ks_2samp(a, b, alternative=alternative, method=method)
                except RuntimeWarning:
                    continue  # SciPy says that it gave up being exact
            args = {"a": sa, "b": sb, "alternative": alternative, "method": {"exact": "exact", "asymp": "asymptotic"}[method]}
            case("kolmogorov_smirnov", args, statistic=r.statistic, p_value=r.pvalue, location=r.statistic_location)
    differences = np.subtract.outer(b, a).ravel()
    case("hodges_lehmann", {"a": sa, "b": sb}, estimate=np.median(differences))
    case("win_rate", {"a": sa, "b": sb}, estimate=two_u(b, a) / (2 * len(a) * len(b)))

for a, b in EXACT_TIED:
    pool, observed = a + b, two_u(a, b)
    dealt = []
    for chosen in combinations(range(len(pool)), len(a)):
        rest = [pool[i] for i in range(len(pool)) if i not in chosen]
        dealt.append(two_u([pool[i] for i in chosen], rest))
    upper = Fraction(sum(u >= observed for u in dealt), comb(len(pool), len(a)))
    lower = Fraction(sum(u <= observed for u in dealt), comb(len(pool), len(a)))
    for alternative, p in [("two-sided", min(1, 2 * min(upper, lower))), ("greater", upper), ("less", lower)]:
        args = {"a": a, "b": b, "alternative": alternative, "method": "exact", "continuity": True}
        case("mann_whitney_u", args, statistic=observed / 2, p_value=p)

for sd in DIFFERENCES:
    d = values(sd)
    for alternative in ALTERNATIVES:
        for zero_method in ["wilcox", "pratt", "zsplit"]:
            for continuity in [False, True]:
                for method in ["auto", "asymptotic"]:
                    r = stats.wilcoxon(d, zero_method=zero_method, correction=continuity, alternative=alternative, method=method)
                    args = {"d": sd, "alternative": alternative, "zero_method": zero_method, "continuity": continuity, "method": method}
                    case("wilcoxon", args, statistic=r.statistic, p_value=r.pvalue)
    walsh = [(d[i] + d[j]) / 2 for i in range(len(d)) for j in range(i, len(d))] if len(d) <= 500 else None
    if walsh:
        case("walsh", {"d": sd}, estimate=np.median(walsh))

for wins, losses in [(0, 0), (3, 3), (17, 5), (5, 17), (0, 10), (600, 400), (5000, 100), (1200, 10)]:
    for alternative in ALTERNATIVES:
        n = wins + losses
        p = stats.binomtest(wins, n, 0.5, alternative=alternative).pvalue if n else 1.0
        case("sign_test", {"wins": wins, "losses": losses, "alternative": alternative}, p_value=p)

text = json.dumps(cases, **NAN_FREE).replace("},{\"function", "},\n{\"function")
Path(__file__).with_suffix(".json").write_text(text + "\n")
print(len(cases), "cases")
