"""The library's events in Python's `logging`."""

import logging
import os
import subprocess
import sys

import pytest
import serinus as sr
from serinus import _logging

SIMULATION = """
import logging, os, sys
import serinus as sr

v1 = sr.ModelVersion(model_id="chat", version="v1", base_model="llama-8b", weight_hash="aa", gpu_memory_gb=16.0)
fleet = sr.Fleet(replicas=10, gpu_memory_gb=40.0)
plan = sr.RiskPlanner().plan(v1, v1.replace(version="v2", weight_hash="bb"), fleet=fleet)
good = sr.Behaviour(error_rate=0.01)
bad = sr.Simulation(plan, traffic=sr.Traffic(requests_per_hour=2000), stable=good, canary=good.replace(error_rate=0.5))
"""


def bad(**changes):
    names = {}
    exec(SIMULATION, names)
    return names["bad"].replace(**changes)


def python(code, *options):
    command = [sys.executable, *options, "-c", SIMULATION + code]
    return subprocess.run(command, capture_output=True, text=True, timeout=60)


@pytest.mark.thread_unsafe(reason="it expects the events of one rollout, in order")
def test_events_come_to_the_logger_of_their_target_with_their_fields(caplog):
    caplog.set_level(logging.INFO, logger="serinus")
    _logging.forget_levels()  # another test has perhaps had events dropped a moment ago
    bad(faults=sr.Faults(loads=[sr.Mishap.TRANSIENT])).run_one()
    assert _logging.flush(60.0)
    records = [record for record in caplog.records if record.name == "serinus.rollout"]
    phases = [record.serinus["phase"] for record in records if record.serinus.keys() == {"rollout", "phase"}]
    assert "stage 0" in phases and phases[-1] == "rolled back"
    weights = [record.serinus["weight"] for record in records if "weight" in record.serinus]
    assert 0.1 in weights and all(type(weight) is float for weight in weights)
    finished = next(record for record in records if record.getMessage().startswith("finished "))
    assert finished.levelno == logging.INFO and "status=RolledBack" in finished.getMessage()
    assert finished.serinus["rollout"] == "simulated" and "errors" in finished.serinus["reason"]
    retrying = next(record for record in records if record.getMessage().startswith("retrying"))
    assert (retrying.levelno, retrying.levelname) == (logging.WARNING, "WARNING")
    assert "the disk is busy" in retrying.serinus["error"]


def test_many_rollouts_are_not_logged(caplog):
    caplog.set_level(logging.DEBUG, logger="serinus.rollout")
    _logging.forget_levels()
    before = len(caplog.records)
    bad(seed=5).run(runs=3)
    assert _logging.flush(60.0) and len(caplog.records) == before


def test_a_level_is_heeded_and_nothing_is_printed_of_its_own_accord():
    quiet = python("bad.run_one()")
    assert (quiet.returncode, quiet.stdout, quiet.stderr) == (0, "", "")
    code = "logging.basicConfig(level='WARNING', format='%(name)s %(levelname)s %(message)s')\n"
    code += "bad.replace(faults=sr.Faults(loads=[sr.Mishap.TRANSIENT])).run_one()"
    loud = python(code)
    assert loud.stderr.startswith("serinus.rollout WARNING retrying rollout=simulated ")
    assert "phase" not in loud.stderr and loud.returncode == 0


LOWERED = """
heard = []
class Handler(logging.Handler):
    def emit(self, record):
        heard.append(record.getMessage())

logging.basicConfig(level="WARNING", handlers=[Handler()])
bad.run_one()
sr._logging.flush()
logging.getLogger().setLevel("INFO")
"""


def test_a_level_that_was_lowered_is_noticed_in_the_end():
    assert python(LOWERED + "while not heard:\n    bad.run_one()\n    sr._logging.flush()").returncode == 0


def test_a_level_that_was_lowered_is_noticed_at_once_where_those_known_are_forgotten():
    done = python(LOWERED + "sr._logging.forget_levels()\nbad.run_one()\nsr._logging.flush()\nprint(heard[-1])")
    assert done.stdout.startswith("finished rollout=simulated status=RolledBack"), done.stderr


def test_the_last_words_before_the_end_are_heard():
    code = "logging.basicConfig(level='INFO', format='%(message)s')\nbad.run_one()"
    done = python(code, "-X", "dev")
    assert done.returncode == 0 and done.stderr.rstrip().splitlines()[-1].startswith("finished "), done.stderr


def test_a_handler_may_use_the_library():
    code = """
class Handler(logging.Handler):
    def emit(self, record):
        if record.getMessage().startswith("finished"):
            print(bad.run(runs=2).rollback_rate, flush=True)

logging.getLogger("serinus").addHandler(Handler())
logging.getLogger("serinus").setLevel("INFO")
bad.run_one()
assert sr._logging.flush(60.0)
"""
    done = python(code)
    assert (done.returncode, done.stdout, done.stderr) == (0, "1.0\n", "")


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")
def test_a_child_process_logs_too():
    code = """
logging.basicConfig(level="INFO", format="%(process)d %(message)s")
bad.run_one()
sr._logging.flush()
child = os.fork()
bad.run_one()
if child == 0:
    sys.exit(0)
assert os.waitpid(child, 0)[1] == 0
print(child)
"""
    done = python(code, "-W", "ignore")
    assert done.returncode == 0 and f"{done.stdout.strip()} finished " in done.stderr, done.stderr
