"""Writes power.json: what mpmath and statsmodels say of the cases that tests/power.rs checks.

Run with statsmodels 0.15, mpmath 1.4:  python power.py
"""

import itertools
import json
from pathlib import Path

import mpmath as mp
from statsmodels.stats import power as smp
from statsmodels.stats import proportion

mp.mp.dps = 60
cases = []
DEFAULTS = {"alpha": 0.05, "power": 0.8, "alternative": "two-sided", "margin": 0.0, "ratio": 1.0}


def add(function, source, expected, **args):
    cases.append({"function": function, "source": source, "args": {**DEFAULTS, **args}, "expected": expected})


# The formulas, to 60 digits.


def isf(p):
    """The z with P(Z > z) = p, by the asymptotic start and Newton's steps on the logarithm."""
    p = mp.mpf(p)
    if p > 0.5:
        return -isf(1 - p)
    z = mp.sqrt(-2 * mp.log(2 * p)) if p < 0.5 else mp.mpf(0)
    for _ in range(200):
        tail = mp.erfc(z / mp.sqrt(2)) / 2
        step = (mp.log(tail) - mp.log(p)) * tail / mp.npdf(z)
        z += step
        if abs(step) < mp.mpf(10) ** -45:
            return z
    raise ArithmeticError(p)


def cdf(z):
    return mp.erfc(-z / mp.sqrt(2)) / 2


def times(ratio):
    """How many of a and b for each one in the smaller arm."""
    ratio = mp.mpf(ratio)
    return (mp.mpf(1), ratio) if ratio >= 1 else (1 / ratio, mp.mpf(1))


def null_rates(p_a, p_b, k_a, k_b, margin):
    """The likeliest rates that are the margin apart, by bisection of the likelihood's slope."""
    if margin == 0:
        pooled = (k_a * p_a + k_b * p_b) / (k_a + k_b)
        return pooled, pooled
    low, high = max(mp.mpf(0), -margin), min(mp.mpf(1), 1 - margin)

    def slope(x):
        y = x + margin
        return k_a * (p_a / x - (1 - p_a) / (1 - x)) + k_b * (p_b / y - (1 - p_b) / (1 - y))

    for _ in range(150):
        x = (low + high) / 2
        low, high = (x, high) if slope(x) > 0 else (low, x)
    return low, low + margin


def spreads(design, effect, ratio=1.0, margin=0.0, baseline=None, **_):
    k_a, k_b = times(ratio)
    arms = 1 / k_a + 1 / k_b
    if design == "two-proportions":
        p_a, margin = mp.mpf(baseline), mp.mpf(margin)
        p_b = p_a + effect
        x, y = null_rates(p_a, p_b, k_a, k_b, margin)
        deviation = lambda p, q: mp.sqrt(p * (1 - p) / k_a + q * (1 - q) / k_b)
        return deviation(x, y), deviation(p_a, p_b)
    variance = {
        "paired": mp.mpf(1),
        "two-sample": arms,
        "mann-whitney": arms * mp.pi / 3,
        "mann-whitney-bound": arms / mp.mpf("0.864"),
        "win-rate": arms / 12,
    }[design]
    return mp.sqrt(variance), mp.sqrt(variance)


def z_alpha(alpha, alternative):
    return isf(mp.mpf(alpha) / (2 if alternative == "two-sided" else 1))


def exact_power(effect, n, **args):
    args = {**DEFAULTS, **args}
    null, there = spreads(effect=mp.mpf(effect), **args)
    distance = abs(mp.mpf(effect) - mp.mpf(args["margin"]))
    return cdf((distance * mp.sqrt(n) - z_alpha(args["alpha"], args["alternative"]) * null) / there)


def exact_size(effect, **args):
    args = {**DEFAULTS, **args}
    null, there = spreads(effect=mp.mpf(effect), **args)
    distance = abs(mp.mpf(effect) - mp.mpf(args["margin"]))
    needed = z_alpha(args["alpha"], args["alternative"]) * null - isf(args["power"]) * there
    return (max(needed, 0) / distance) ** 2


def exact_effect(n, **args):
    """The least effect, by bisection of the power over the design's range; None if the range has none."""
    args = {**DEFAULTS, **args}
    sign = -1 if args["alternative"] == "greater" else 1
    margin = mp.mpf(args["margin"])
    low, high = mp.mpf(0), mp.mpf(100)
    if args["design"] == "two-proportions":
        high = (1 - mp.mpf(args["baseline"]) if sign > 0 else -mp.mpf(args["baseline"])) * sign - margin * sign
    if args["design"] == "win-rate":
        high = mp.mpf("0.5") - margin * sign
    z_a, z_b = z_alpha(args["alpha"], args["alternative"]), -isf(args["power"])

    def reached(distance):
        null, there = spreads(effect=margin + sign * distance, **args)
        return distance * mp.sqrt(n) >= z_a * null + z_b * there

    if not reached(high):
        return None
    for _ in range(150):
        distance = (low + high) / 2
        low, high = (low, distance) if reached(distance) else (distance, high)
    return float(margin + sign * high)


def all_three(effect, n, **args):
    add("power", "mpmath", float(exact_power(effect, n, **args)), effect=effect, n=n, **args)
    if {**DEFAULTS, **args}["power"] > {**DEFAULTS, **args}["alpha"]:
        size = exact_size(effect, **args)
        assert abs(size - mp.nint(size)) > 1e-13 * size or size < 1, (effect, args)
        if size < 2**52:
            add("sample_size", "mpmath", max(2, int(mp.ceil(size))), effect=effect, **args)
        add("minimum_detectable_effect", "mpmath", exact_effect(n, **args), n=n, **args)


SHAPES = ["paired", "two-sample", "mann-whitney", "mann-whitney-bound", "win-rate"]
for design in SHAPES:
    for effect in (0.01, 0.02, 0.05, 0.1, 0.15, 0.2):
        all_three(effect, 3140, design=design)
    all_three(-0.3, 57, design=design, alpha=0.01, power=0.95)
    all_three(0.04, 900, design=design, alternative="less", alpha=0.1, power=0.5)
    all_three(-0.04, 900, design=design, alternative="greater", alpha=0.001, power=0.999)
    all_three(0.0, 5000, design=design, alternative="less", margin=-0.05)
    all_three(0.01, 5000, design=design, alternative="greater", margin=0.05, alpha=0.025, power=0.9)
    all_three(1e-4, 10**10, design=design, alpha=1e-12, power=1 - 1e-12)
    # Far into the tails.
    all_three(0.02, 300, design=design, alpha=1e-300, power=0.5)
    all_three(0.02, 300, design=design, alpha=1e-290, power=1e-280, alternative="less")
    if design != "paired":
        for ratio in (0.25, 3.0, 1 / 49):
            all_three(0.05, 2000, design=design, ratio=ratio)
            all_three(-0.02, 400, design=design, ratio=ratio, alternative="greater", margin=0.03)

for baseline, effect in [
    (0.03, 0.01),
    (0.03, -0.01),
    (0.03, -0.03),
    (0.001, 0.0005),
    (0.5, 0.05),
    (0.9, 0.05),
    (0.9, 0.099),
    (0.25, 0.7),
    (1e-6, 3e-6),
]:
    for ratio in (1.0, 0.25, 3.0, 1 / 49):
        args = {"design": "two-proportions", "baseline": baseline, "ratio": ratio}
        n = 20_000 if abs(effect) < 0.2 else 40
        if baseline == 1e-6:
            n = 10**8
        all_three(effect, n, **args)
        side = "less" if effect > 0 else "greater"
        all_three(effect, n, **args, alternative=side, alpha=0.01, power=0.95)
        all_three(effect, n, **args, alternative=side, alpha=1e-250, power=0.6)
    for margin, side in [(0.3, "greater"), (0.3, "less"), (-0.2, "greater"), (-0.2, "less")]:
        margin *= 1 - baseline if margin > 0 else baseline
        if (effect > margin) != (side == "less"):
            continue
        for ratio in (1.0, 0.1, 9.0):
            args = {"baseline": baseline, "ratio": ratio, "margin": margin, "alternative": side}
            all_three(effect, n, design="two-proportions", **args)
for baseline, margin, side in itertools.product((0.02, 0.4, 0.95), (-0.01, 0.015), ("less", "greater")):
    if (margin < 0) == (side == "less"):
        all_three(0.0, 3000, design="two-proportions", baseline=baseline, margin=margin, alternative=side)

# statsmodels. Its two-sided power adds what falls beyond the wrong critical value.
ONE_SIDED = {"two-sided": 0.5, "less": 1.0}
ind = smp.NormalIndPower()
for effect, n, ratio, alpha, alternative in itertools.product(
    (0.02, 0.05, 0.2), (100, 3140), (1.0, 2.0, 9.0), (0.05, 0.001), ("two-sided", "less")
):
    args = {"design": "two-sample", "alpha": alpha, "ratio": ratio, "alternative": alternative}
    one = ind.power(effect, n, alpha * ONE_SIDED[alternative], ratio=ratio, alternative="larger")
    add("power", "statsmodels NormalIndPower", float(one), effect=effect, n=n, **args)
    if alternative == "two-sided":
        both = ind.power(effect, n, alpha, ratio=ratio)
        add("power_of_both_tails", "statsmodels NormalIndPower", float(both), effect=effect, n=n, **args)
    if n == 100:
        size = smp.zt_ind_solve_power(
            effect, None, alpha, 0.8, ratio=ratio, alternative="two-sided" if alternative == "two-sided" else "larger"
        )
        add("sample_size", "statsmodels zt_ind_solve_power", -int(-size // 1), effect=effect, **args)

for baseline, effect, ratio, alternative in itertools.product(
    (0.02, 0.3), (0.01, 0.04), (1.0, 0.25), ("two-sided", "less")
):
    # Its first group has the effect: that is b here.
    alpha = 0.05 * ONE_SIDED[alternative]
    args = {"design": "two-proportions", "baseline": baseline, "ratio": ratio, "alternative": alternative}
    size = proportion.samplesize_proportions_2indep_onetail(
        effect, baseline, 0.8, ratio=1 / ratio, alpha=alpha, alternative="larger"
    )
    add("sample_size", "statsmodels samplesize_proportions_2indep_onetail", -int(-size // 1), effect=effect, **args)
    got = proportion.power_proportions_2indep(effect, baseline, 500, ratio=1 / ratio, alpha=alpha, alternative="larger")
    add("power", "statsmodels power_proportions_2indep", float(got.power), effect=effect, n=500, **args)

path = Path(__file__).with_suffix(".json")
path.write_text("[\n" + ",\n".join(json.dumps(case) for case in cases) + "\n]\n")
print(len(cases), path.stat().st_size)
