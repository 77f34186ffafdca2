"""How the Python benches time, and where they write what they find."""

import json
import os
import pathlib
import time
import timeit

import numpy as np


def spread(work, of=1, least_seconds=1.0, most_times=None):
    """Nanoseconds of one of the `of` things that `work` does: the median and the quartiles, without garbage collection."""
    work()
    times = []
    begin = time.perf_counter()
    while len(times) < 5 or time.perf_counter() - begin < least_seconds and len(times) != most_times:
        times.append(timeit.timeit(work, number=1) / of * 1e9)
    low, median, high = (float(value) for value in np.percentile(times, [25, 50, 75]))
    return {"median": median, "low": low, "high": high}


def write(name, results):
    """Writes `bench/NAME.json` in the target folder, for the report."""
    own = pathlib.Path(__file__).parents[2] / "target"
    folder = pathlib.Path(os.environ.get("CARGO_TARGET_DIR", own)) / "bench"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{name}.json").write_text(json.dumps(results, indent=2))
