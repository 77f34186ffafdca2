"""Writes proportions.json: what SciPy, statsmodels and mpmath say of the cases that tests/proportions.rs checks.

Run with SciPy 1.17, statsmodels 0.15, mpmath 1.3:  python proportions.py
"""

import json
import math
import warnings
from pathlib import Path

import mpmath as mp
import numpy as np
from scipy import stats
from statsmodels.stats import contingency_tables, proportion

warnings.simplefilter("ignore")
mp.mp.dps = 50
cases = []


def add(function, args, expected):
    cases.append({"function": function, "args": args, "expected": expected})


# Failures and trials of a and b.
PAIRS = [
    (5, 83, 12, 99),
    (0, 20, 3, 20),
    (3, 20, 0, 20),
    (1, 2, 1, 3),
    (20, 20, 15, 20),
    (48, 80, 56, 70),
    (7, 5000, 19, 400),
    (1200, 40000, 1300, 38000),
    (10, 10**6, 1100, 10**6),
    (50_000, 10**5, 58_000, 10**5),
    (50_000, 10**5, 49_990, 10**5),
    (99_990, 10**5, 999_600, 10**6),
    (123_456_789, 10**9, 123_556_789, 10**9),
    (3, 10**9, 40, 10**9),
]
SIDES = {"two-sided": "two-sided", "greater": "larger", "less": "smaller"}


def exact_z(a, n, b, m, pooled):
    a, n, b, m = map(mp.mpf, (a, n, b, m))
    if pooled:
        p = (a + b) / (n + m)
        variance = p * (1 - p) * (1 / n + 1 / m)
    else:
        variance = a / n * (1 - a / n) / n + b / m * (1 - b / m) / m
    return (a / n - b / m) / mp.sqrt(variance)


def normal_p(z, side):
    if side == "two-sided":
        return mp.erfc(abs(z) / mp.sqrt(2))
    return mp.erfc((z if side == "greater" else -z) / mp.sqrt(2)) / 2


def two_proportion_z():
    for a, n, b, m in PAIRS:
        for side, name in SIDES.items():
            for pooled in (True, False):
                z = exact_z(a, n, b, m, pooled)
                if pooled:
                    z_statsmodels, p_statsmodels = proportion.proportions_ztest([a, b], [n, m], alternative=name)
                    assert math.isclose(z, z_statsmodels, rel_tol=1e-7), (a, n, b, m)
                    assert math.isclose(normal_p(z, side), p_statsmodels, rel_tol=1e-6), (a, n, b, m)
                add(
                    "two_proportion_z",
                    {"a": [a, n], "b": [b, m], "alternative": side, "pooled": pooled},
                    {
                        "statistic": float(z),
                        "p_value": float(normal_p(z, side)),
                        "difference": float(mp.mpf(b) / m - mp.mpf(a) / n),
                    },
                )


def newcombe():
    for a, n, b, m in PAIRS:
        for confidence in (0.5, 0.9, 0.95, 0.999):
            interval = proportion.confint_proportions_2indep(b, m, a, n, method="newcomb", alpha=1 - confidence)
            add("newcombe", {"a": [a, n], "b": [b, m], "confidence": confidence}, [float(x) for x in interval])


def wilson():
    for a, n in [(0, 1), (1, 1), (0, 50), (50, 50), (3, 20), (2, 100), (500, 1000), (7, 10**6), (10**6 - 7, 10**6)]:
        for confidence in (0.5, 0.95, 0.999):
            z = mp.sqrt(2) * mp.erfinv(mp.mpf(confidence))
            p = mp.mpf(a) / n
            root = z * mp.sqrt(p * (1 - p) / n + z * z / (4 * mp.mpf(n) ** 2))
            ends = [(p + z * z / (2 * n) + sign * root) / (1 + z * z / n) for sign in (-1, 1)]
            expected = [float(ends[0]) if a else 0.0, float(ends[1]) if a < n else 1.0]
            known = proportion.proportion_confint(a, n, alpha=1 - confidence, method="wilson")
            assert np.allclose(expected, known, rtol=1e-9, atol=1e-14), (a, n, expected, known)
            add("wilson", {"count": [a, n], "confidence": confidence}, expected)


def clopper_pearson():
    counts = [(0, 1), (1, 1), (0, 50), (50, 50), (3, 20), (2, 100), (500, 1000), (7, 10**6), (10**6 - 7, 10**6)]
    for a, n in [*counts, (0, 10**9), (12345, 10**7), (10**9, 3 * 10**9)]:
        for confidence in (0.5, 0.95, 0.999999):
            interval = proportion.proportion_confint(a, n, alpha=1 - confidence, method="beta")
            add("clopper_pearson", {"count": [a, n], "confidence": confidence}, [float(x) for x in interval])


# Newcombe 1998, table II, method 6. statsmodels 0.15 is no reference here: its cubic for the likeliest rates has a count
# (`count0 * diff`) where Miettinen and Nurminen have trials, so its score statistic is off unless the margin is 0.
PUBLISHED = {
    (48, 80, 56, 70, 0.95): (0.0528, 0.3382),
    (3, 10, 9, 10, 0.95): (0.1700, 0.8406),
    (2, 7, 6, 7, 0.95): (0.0342, 0.8534),
    (0, 29, 5, 56, 0.95): (-0.0326, 0.1933),
    (0, 20, 0, 10, 0.95): (-0.1658, 0.2844),
}


def likeliest(a, n, b, m, margin):
    """The likeliest rate of a, given that the rate of b is margin above it: by bisection of the slope."""
    low, high = max(mp.mpf(0), -margin), min(mp.mpf(1), 1 - margin)

    def slope(x):
        parts = [(a, x, 1), (n - a, 1 - x, -1), (b, x + margin, 1), (m - b, 1 - x - margin, -1)]
        return sum(sign * count / rate for count, rate, sign in parts if count)

    for _ in range(130):
        middle = (low + high) / 2
        low, high = (middle, high) if slope(middle) > 0 else (low, middle)
    return (low + high) / 2


def score(a, n, b, m, margin):
    margin = mp.mpf(margin)
    p = mp.mpf(a + b) / (n + m) if margin == 0 else likeliest(a, n, b, m, margin)
    q = p + margin
    variance = (p * (1 - p) / n + q * (1 - q) / m) * mp.mpf(n + m) / (n + m - 1)
    excess = mp.mpf(a) / n - mp.mpf(b) / m + margin
    return excess / mp.sqrt(variance) if excess else excess


def miettinen_nurminen():
    for a, n, b, m in PAIRS:
        for margin in (0.0, 0.03, -0.2, 0.875):
            z = score(a, n, b, m, margin)
            if margin == 0:
                known = proportion.test_proportions_2indep(b, m, a, n, value=margin, method="score").statistic
                assert abs(float(z) + known) < 1e-7 * (1 + abs(known)), (a, n, b, m, margin, z, known)
            for side in SIDES:
                p = normal_p(z, side)
                if p > 1e-300:
                    add(
                        "miettinen_nurminen_test",
                        {"a": [a, n], "b": [b, m], "margin": margin, "alternative": side},
                        {"statistic": float(z), "p_value": float(p)},
                    )


def miettinen_nurminen_interval():
    published = [key[:4] for key in PUBLISHED if key[:4] not in PAIRS]
    for a, n, b, m in [*PAIRS, *published, (0, 5, 0, 9), (4, 4, 6, 6), (0, 3, 3, 3), (0, 1, 1, 1)]:
        for confidence in (0.5, 0.95):
            z = mp.sqrt(2) * mp.erfinv(mp.mpf(confidence))
            ends = []
            for target in (-z, z):
                low, high = mp.mpf(-1), mp.mpf(1)
                for _ in range(60):
                    middle = (low + high) / 2
                    low, high = (middle, high) if score(a, n, b, m, middle) < target else (low, middle)
                ends.append(float((low + high) / 2))
            if (a, n, b, m, confidence) in PUBLISHED:
                assert np.allclose(ends, PUBLISHED[a, n, b, m, confidence], atol=6e-5), ends
            add("miettinen_nurminen", {"a": [a, n], "b": [b, m], "confidence": confidence}, ends)


TABLES = [
    [[8, 2], [1, 5]],
    [[6, 2], [1, 4]],
    [[0, 5], [7, 0]],
    [[7, 0], [0, 5]],
    [[1, 0], [0, 1]],
    [[3, 3], [3, 3]],
    [[2, 2], [2, 1]],
    [[0, 2], [30, 40]],
    [[10, 20], [30, 40]],
    [[12, 5], [5, 12]],
    [[74, 31], [43, 32]],
    [[1, 200], [9, 190]],
    [[1000, 2000], [3000, 4000]],
    [[500, 700], [500, 300]],
    [[7, 19], [4993, 381]],
    [[40, 90], [99_960, 99_910]],
    [[1, 1_000_000], [900, 999_000]],
    [[1_000_000, 990_000], [1_000_000, 1_010_000]],
    [[1_000_000, 1_027_000], [1_000_000, 973_000]],
    [[500_000, 525_900], [500_000, 474_100]],
    [[3_000_000, 1_000_000], [1_500_000, 480_000]],
]


def exact_fisher(table):
    (a, b), (c, d) = table
    drawn, marked, total = a + c, a + b, a + b + c + d
    low, high = max(0, drawn - (c + d)), min(drawn, marked)
    observed = mp.binomial(marked, a) * mp.binomial(c + d, c) / mp.binomial(total, drawn)

    def walk(k, step):
        """All masses from k on, in units of the observed one."""
        mass = mp.mpf(1)
        while low <= k <= high:
            yield k, mass
            i = k if step > 0 else k - 1
            if not low <= i < high:
                return
            ratio = mp.mpf((marked - i) * (drawn - i)) / ((i + 1) * (total - marked - drawn + i + 1))
            mass = mass * ratio if step > 0 else mass / ratio
            if mass < mp.mpf(10) ** -25:
                return
            k += step

    up, down = dict(walk(a, 1)), dict(walk(a, -1))
    limit = 1 + mp.mpf(10) ** -30
    both = sum(mass for mass in {**up, **down}.values() if mass <= limit)
    greater, less = observed * sum(up.values()), observed * sum(down.values())
    # A tail that holds the bulk is the complement of the other one.
    if greater > less:
        greater = 1 - less + observed
    else:
        less = 1 - greater + observed
    return {"two-sided": min(mp.mpf(1), observed * both), "greater": greater, "less": less}


def fisher():
    for table in TABLES:
        p = exact_fisher(table)
        for side in SIDES:
            known = stats.fisher_exact(table, alternative=side)
            small = np.sum(table) < 10**5
            assert not small or math.isclose(known.pvalue, p[side], rel_tol=1e-10), (table, side, known.pvalue, p[side])
            odds = None if math.isinf(known.statistic) else float(known.statistic)
            add("fisher_exact", {"table": table, "alternative": side}, {"statistic": odds, "p_value": float(p[side])})


def boschloo():
    tables = [table for table in TABLES if np.sum(table) < 1000]
    for table in [*tables, [[5, 0], [0, 300]], [[20, 45], [180, 155]], [[3, 4], [3, 2]], [[0, 30], [40, 10]]]:
        for side in SIDES:
            known = stats.boschloo_exact(table, alternative=side, n=256)
            expected = {"statistic": float(known.statistic), "p_value": float(known.pvalue)}
            add("boschloo_exact", {"table": table, "alternative": side}, expected)


def mcnemar():
    pairs = [(5, 17), (0, 1), (0, 6), (6, 0), (4, 4), (13, 12), (150, 90), (0, 990), (4200, 5100), (500_000, 518_000)]
    for b, c in pairs:
        n = b + c
        table = [[0, b], [c, 0]]
        rows, term = [], mp.binomial(n, min(b, c))
        for k in range(min(b, c), -1, -1):
            rows.append(term)
            if term < rows[0] * mp.mpf(10) ** -40:
                break
            term = term * k / (n - k + 1)
        tail, own = mp.fsum(rows) / mp.mpf(2) ** n, rows[0] / mp.mpf(2) ** n
        if n < 10**4:
            assert math.isclose(min(1, 2 * tail), contingency_tables.mcnemar(table).pvalue, rel_tol=1e-10)
        up, down = (1 - tail + own, tail) if b < c else (tail, 1 - tail + own)
        for side, exact in (("greater", up), ("less", down), ("two-sided", min(mp.mpf(1), 2 * tail))):
            if n < 10**4:
                known = stats.binomtest(b, n, 0.5, alternative=side)
                assert math.isclose(known.pvalue, exact, rel_tol=1e-9), (b, c, side)
            mid = exact - own / 2 if side != "two-sided" else 2 * tail - own if b != c else mp.mpf(1)
            for method, p in {"exact": exact, "mid-p": mid}.items():
                args = {"b": b, "c": c, "method": method, "alternative": side}
                add("mcnemar", args, {"statistic": min(b, c), "p_value": float(p)})
        for continuity in (False, True):
            if b != c or not continuity:
                known = contingency_tables.mcnemar(table, exact=False, correction=continuity)
                z = (abs(mp.mpf(b) - c) - continuity) / mp.sqrt(n)
                p = mp.erfc(z / mp.sqrt(2))
                assert math.isclose(p, known.pvalue, rel_tol=1e-7), (b, c, p, known.pvalue)
                args = {"b": b, "c": c, "method": {"chi-squared": {"continuity": continuity}}, "alternative": "two-sided"}
                add("mcnemar", args, {"statistic": float(z * z), "p_value": float(p)})


def chi_square_srm():
    splits = [
        ([50, 50], [1.0, 1.0]),
        ([60, 40], [0.5, 0.5]),
        ([9480, 520], [95.0, 5.0]),
        ([9300, 700], [95.0, 5.0]),
        ([3, 0, 1], [0.25, 0.25, 0.5]),
        ([1000, 1100, 980, 1024, 901], [0.1, 0.1, 0.1, 0.1, 0.1]),
        ([510_000, 490_000], [1.0, 1.0]),
        ([500_000, 526_250], [1.0, 1.0]),
        ([10**12 + 3 * 10**6, 10**12 - 3 * 10**6], [1.0, 1.0]),
        ([7 * 10**14 + 10**8, 10**14], [0.875, 0.125]),
        ([9 * 10**18 + 5 * 10**9, 9 * 10**18], [1e300, 1e300]),
        ([9 * 10**18, 9 * 10**18 + 1], [5e-324, 5e-324]),
        ([100_000 + 7 * i for i in range(40)], [3.0] * 40),
    ]
    for counts, weights in splits:
        exact = [mp.mpf(weight) for weight in weights]
        expected = [sum(counts) * weight / sum(exact) for weight in exact]
        statistic = sum((count - e) ** 2 / e for count, e in zip(counts, expected))
        p = mp.gammainc(mp.mpf(len(counts) - 1) / 2, statistic / 2, regularized=True)
        if sum(counts) < 10**9:
            known = stats.chisquare(counts, [float(e) for e in expected])
            assert math.isclose(known.statistic, statistic, rel_tol=1e-9, abs_tol=1e-12)
            assert math.isclose(known.pvalue, p, rel_tol=1e-9)
        args = {"counts": counts, "weights": weights}
        add("chi_square_srm", args, {"statistic": float(statistic), "p_value": float(p)})


two_proportion_z()
newcombe()
wilson()
clopper_pearson()
miettinen_nurminen()
miettinen_nurminen_interval()
fisher()
boschloo()
mcnemar()
chi_square_srm()

with Path(__file__).with_suffix(".json").open("w") as file:
    file.write("[\n" + ",\n".join(json.dumps(case) for case in cases) + "\n]\n")
print(len(cases), "cases")
