"""What the benches share: the plain splitter, and how a call is timed."""

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


def per_call(work, of, least_seconds=0.7, timer=time.perf_counter):
    """Median nanoseconds of one of `of` things that `work` does."""
    work()
    times = []
    begin = time.perf_counter()
    while len(times) < 5 or time.perf_counter() - begin < least_seconds:
        times.append(timeit.timeit(work, timer=timer, number=1) / of * 1e9)
    return statistics.median(times)
