"""Times a sticky 95 to 5 split of users by the package `serinus` and by what one would pick instead, in one run: medians
of a call, in CPU time of the calling thread.

Needs serinus and peers.txt. Each engine evaluates in this process, from its configuration in benches/splits, and is given
what favours it: its user or context object ready made, and neither events nor exposures to send. Each is timed only after
a look whether it does split, since an engine that fails does so fast. The table is also written to
$CARGO_TARGET_DIR/bench/python-peers.json."""

import json
import logging
import sys
import time
from importlib import metadata
from pathlib import Path

import eppo_client
import ldclient
import serinus as sr
from eppo_client import AssignmentLogger, ClientConfig, Configuration
from growthbook import GrowthBook
from ldclient.integrations import Files
from optimizely.optimizely import Optimizely
from shared import PlainSplitter, folder, per_call, write
from statsig_python_core import (
    DataStore,
    DataStoreResponse,
    ExperimentEvaluationOptions,
    FeatureGateEvaluationOptions,
    Statsig,
    StatsigOptions,
    StatsigUser,
)
from UnleashClient import UnleashClient
from UnleashClient.cache import FileCache

BENCHES = Path(__file__).parents[1]
SPLITS = BENCHES / "splits"
WEIGHTS = {"v1": 0.95, "v2": 0.05}
PEERS = [line.split("==")[0] for line in (BENCHES / "python/peers.txt").read_text().splitlines() if "==" in line]


def user_id(n):
    return f"8f14e45f-ceea-467f-a8c6-{n * 2_654_435_761 % 2**32:012x}"


USERS = [user_id(n) for n in range(1_024)]


def serinus_version_for():
    version_for = sr.Splitter(WEIGHTS, salt="chat").version_for
    return str, lambda users: [version_for(user) for user in users]


def serinus_with_block():
    route = sr.Splitter(WEIGHTS, salt="chat").route

    def ask(users):
        versions = []
        for user in users:
            with route(user) as lease:
                lease.finish(latency_ms=830.0)
            versions.append(lease.version)
        return versions

    return str, ask


def serinus_kept():
    route = sr.Splitter(WEIGHTS, salt="chat").route

    def ask(users):
        versions = []
        for user in users:
            lease = route(user)
            lease.finish(latency_ms=830.0)
            versions.append(lease.version)
        return versions

    return str, ask


def plain():
    route = PlainSplitter(WEIGHTS).route
    return lambda id: {"user_id": id}, lambda users: [route(user) for user in users]


def eppo():
    configuration = Configuration(flags_configuration=(SPLITS / "eppo.json").read_bytes())
    config = ClientConfig(
        api_key="bench",
        assignment_logger=AssignmentLogger(),
        poll_interval_seconds=None,
        initial_configuration=configuration,
    )
    assign, attributes = eppo_client.init(config).get_string_assignment, {}
    return str, lambda users: [assign("chat", user, attributes, "none") for user in users]


def statsig():
    class Specs(DataStore):
        def get(self, key):
            return DataStoreResponse(result=(SPLITS / "statsig.json").read_text(), time=1)

    options = StatsigOptions(
        data_store=Specs(),
        disable_network=True,
        disable_all_logging=True,
        disable_country_lookup=True,
        output_log_level="none",
    )
    client = Statsig("secret-bench", options)
    client.initialize().wait()
    return client


def statsig_gate():
    check, options = statsig().check_gate, FeatureGateEvaluationOptions(disable_exposure_logging=True)
    return StatsigUser, lambda users: ["v2" if check(user, "gate", options) else "v1" for user in users]


def statsig_experiment():
    get, options = statsig().get_experiment, ExperimentEvaluationOptions(disable_exposure_logging=True)
    return StatsigUser, lambda users: [get(user, "chat", options).get_string("version", "none") for user in users]


def growthbook():
    client = GrowthBook(features=json.loads((SPLITS / "growthbook.json").read_text()))

    def ask(users):
        versions = []
        for user in users:
            client.set_attributes(user)
            versions.append(client.get_feature_value("chat", "none"))
        return versions

    return lambda id: {"id": id}, ask


def launchdarkly():
    config = ldclient.Config(
        "bench",
        update_processor_class=Files.new_data_source(paths=[str(SPLITS / "launchdarkly.json")]),
        send_events=False,
    )
    variation = ldclient.LDClient(config).variation
    return ldclient.Context.create, lambda users: [variation("chat", user, "none") for user in users]


def unleash():
    cache = FileCache("unleash", directory=str(folder()))
    cache.bootstrap_from_dict(json.loads((SPLITS / "unleash.json").read_text()))
    client = UnleashClient("http://127.0.0.1", "bench", cache=cache, disable_metrics=True, disable_registration=True)
    client.initialize_client(fetch_toggles=False)
    return client


def unleash_user(id):
    return {"userId": id}


def unleash_enabled():
    is_enabled = unleash().is_enabled
    return unleash_user, lambda users: ["v2" if is_enabled("gradual", user) else "v1" for user in users]


def unleash_variant():
    get_variant = unleash().get_variant
    return unleash_user, lambda users: [get_variant("chat", user)["name"] for user in users]


def optimizely():
    client = Optimizely(datafile=(SPLITS / "optimizely.json").read_text())
    options = ["DISABLE_DECISION_EVENT"]
    return client.create_user_context, lambda users: [user.decide("chat", options).variation_key for user in users]


ENGINES = {
    "serinus version_for": serinus_version_for,
    "serinus route+finish, with block": serinus_with_block,
    "serinus route+finish, kept": serinus_kept,
    "plain splitter, warm": plain,
    "eppo-server-sdk": eppo,
    "statsig-python-core gate": statsig_gate,
    "statsig-python-core experiment": statsig_experiment,
    "growthbook": growthbook,
    "launchdarkly-server-sdk": launchdarkly,
    "UnleashClient enabled": unleash_enabled,
    "UnleashClient variant": unleash_variant,
    "optimizely-sdk": optimizely,
}


def check(name, user, ask):
    """5% of 4,000 users within four standard errors, none of whom moves."""
    versions, again = (ask([user(user_id(n)) for n in range(4_000)]) for _ in range(2))
    assert set(versions) == set(WEIGHTS), f"{name} answers {set(versions)}"
    assert 145 <= versions.count("v2") <= 255, f"{name} puts {versions.count('v2')} of 4,000 users on v2"
    assert versions == again, f"{name} is not sticky"


def median(name):
    user, ask = ENGINES[name]()
    check(name, user, ask)
    users = [user(id) for id in USERS]
    return per_call(lambda: ask(users), len(users), least_seconds=1.5, timer=time.thread_time)


logging.disable(logging.CRITICAL)
versions = {name: metadata.version(name) for name in ["serinus", *PEERS]}
print(
    f"Python {sys.version.split()[0]}, " + ", ".join(f"{name} {version}" for name, version in versions.items()) + "\n"
)
print("| engine | a call | serinus `version_for` = 1 |\n|---|---|---|")
ns = {}
for name in ENGINES:
    ns[name] = median(name)
    print(f"| {name} | {ns[name]:,.3g} ns | {ns[name] / ns['serinus version_for']:,.1f} |", flush=True)
write("python-peers", {"versions": versions, "ns": ns})
