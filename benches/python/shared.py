"""What the benches share: the plain splitter, how a call is timed, and where results are written."""

import json
import os
import pathlib
import random
import statistics
import threading
import time
import timeit


class PlainSplitter:
    def __init__(self, weights):
        self.weights = weights
        self.users = {}
        self.counts = dict.fromkeys(weights, 0)
        self.lock = threading.Lock()

    def route(self, request):
        user = request.get("user_id")
        category, forced = request.get("category"), request.get("force_version")
        if forced in self.weights:
            return forced
        version = self.users.get(user)
        if category is None and version in self.weights:
            self.counts[version] += 1
            return version
        with self.lock:
            version = random.choices(list(self.weights), list(self.weights.values()))[0]
            if user:
                self.users[user] = version
            self.counts[version] += 1
        return version


def spread(work, of=1, least_seconds=0.7, most_times=None, timer=time.perf_counter):
    """Nanoseconds of one of the `of` things that `work` does: the median and the quartiles, without garbage collection."""
    work()
    times = []
    begin = time.perf_counter()
    while len(times) < 5 or time.perf_counter() - begin < least_seconds and len(times) != most_times:
        times.append(timeit.timeit(work, timer=timer, number=1) / of * 1e9)
    low, median, high = statistics.quantiles(times, n=4, method="inclusive")
    return {"median": median, "low": low, "high": high}


def per_call(work, of, least_seconds=0.7, timer=time.perf_counter):
    """The median alone."""
    return spread(work, of, least_seconds, timer=timer)["median"]


def folder():
    """Where results are put, made if need be: `bench` in the target folder."""
    own = pathlib.Path(__file__).parents[2] / "target"
    results = pathlib.Path(os.environ.get("CARGO_TARGET_DIR", own)) / "bench"
    results.mkdir(parents=True, exist_ok=True)
    return results


def write(name, results):
    """Writes `NAME.json`, for the report."""
    (folder() / f"{name}.json").write_text(json.dumps(results, indent=2))
