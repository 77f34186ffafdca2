"""Makes multiple.json with statsmodels."""

import json
from pathlib import Path

import numpy as np
from statsmodels.stats.multitest import multipletests

METHODS = {"holm": "holm", "hochberg": "simes-hochberg", "benjamini_hochberg": "fdr_bh"}


def lcg(seed, n):
    state, values = seed, []
    for _ in range(n):
        state = (state * 6364136223846793005 + 1442695040888963407) % 2**64
        values.append((state >> 40) / 2.0**24)
    return values


LISTS = [
    [0.03],
    [0.0],
    [1.0, 1.0],
    [0.01, 0.04, 0.03, 0.005],
    [0.04, 0.04, 0.04, 0.01, 0.01],
    [1e-300, 1e-310, 0.5, 1e-5, 0.0, 1.0],
    [0.9, 0.8, 0.7, 0.6, 0.5],
    [i / 64 for i in range(1, 33)],
    lcg(1, 200),
    [p * p * p for p in lcg(2, 150)],
    [p * 2.0**-200 for p in lcg(3, 40)] + lcg(4, 40),
    [int(p * 16) / 256 for p in lcg(5, 100)],
]

cases = []
for p_values in LISTS:
    for function, method in METHODS.items():
        adjusted = multipletests(np.array(p_values), method=method)[1]
        cases.append({"function": function, "args": {"p_values": p_values}, "expected": {"adjusted": adjusted.tolist()}})

Path(__file__).with_suffix(".json").write_text(json.dumps(cases, separators=(",", ":")).replace("},{", "},\n{") + "\n")
