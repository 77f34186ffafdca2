"""A server in service, for tests: requests keep coming, and one version can be told to fail a third of them."""

import dataclasses
import threading

import serinus as sr

FLEET = sr.Fleet(replicas=4, gpu_memory_gb=24.0, spare_replicas=4)
V1 = sr.ModelVersion(
    model_id="chat", version="v1", base_model="llama-8b", weight_hash="aa", gpu_memory_gb=16.0, warmup_tokens=8
)
V2 = V1.replace(version="v2", weight_hash="bb")


def short_plan(**changes):
    """A canary of two short stages."""
    plan = sr.RiskPlanner(bake_seconds=0.05, drain_timeout_seconds=0.2).plan(V1, V2, fleet=FLEET)
    stages = [
        dataclasses.replace(plan.stages[0], weight=weight, hold_seconds=0.03, min_requests=200, canary_replicas=2)
        for weight in (0.2, 0.5)
    ]
    return plan.replace(**{"stages": stages, **changes})


class Host:
    """GPUs that only write down what they were asked."""

    def __init__(self):
        self.calls = []
        self.loaded = {}

    def fleet(self):
        return sr.Fleet(replicas=4, gpu_memory_gb=24.0, spare_replicas=4, loaded=self.loaded)

    def load(self, version, replicas):
        self.calls.append(("load", version.version, replicas))
        self.loaded[version.version] = max(self.loaded.get(version.version, 0), replicas)

    def warm_up(self, version, tokens):
        self.calls.append(("warm_up", version, tokens))
        if version not in self.loaded:
            raise sr.HostError(f"{version} is not loaded")

    def verify(self, version):
        self.calls.append(("verify", version))
        return {"v1": "aa", "v2": "bb"}[version]

    def cancel_in_flight(self, version):
        self.calls.append(("cancel_in_flight", version))
        return 0

    def unload(self, version, keep):
        self.calls.append(("unload", version, keep))
        self.loaded[version] = min(self.loaded.get(version, keep), keep)
        if keep == 0:
            del self.loaded[version]


class Service:
    """A splitter with users, until the end of the ``with`` block."""

    def __init__(self, failing=""):
        self.splitter = sr.Splitter({"v1": 1.0}, salt="chat")
        self.failing = failing
        self.served = 0
        self._stop = threading.Event()
        self._users = threading.Thread(target=self._serve)

    def __enter__(self):
        self._users.start()
        return self

    def __exit__(self, *_):
        self._stop.set()
        self._users.join()

    def _serve(self):
        while not self._stop.wait(0.001):
            for _ in range(40):
                self.served += 1
                with self.splitter.route(user_id=f"user-{self.served * 2_654_435_761 % 2**32}") as lease:
                    bad = lease.version == self.failing and self.served % 3 == 0
                    lease.finish(latency_ms=10.0, error="boom" if bad else None)
