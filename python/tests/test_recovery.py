"""What survives the process, from Python."""

import dataclasses
import pathlib
import pickle
import subprocess
import sys
import threading
import xml.etree.ElementTree

import pytest
import serinus as sr
from service import Host, Service, short_plan

HERE = pathlib.Path(__file__).parent

DIES = f"""
import dataclasses, os, signal, sys
sys.path.insert(0, {str(HERE)!r})
from service import Host, Service, short_plan
import serinus as sr

path, phase = sys.argv[1:]
plan = short_plan(bake_seconds=600.0)
if phase.startswith("stage"):
    plan = plan.replace(stages=[dataclasses.replace(stage, hold_seconds=600.0) for stage in plan.stages])
with Service() as service:
    running = sr.Deployment(plan, host=Host(), splitter=service.splitter, journal=path, tick_seconds=0.005)
    events = running.events()
    import threading
    threading.Thread(target=running.run, daemon=True).start()
    for event in events:
        if running.phase == phase:
            os.kill(os.getpid(), signal.SIGKILL)
"""


def die(path, phase):
    done = subprocess.run([sys.executable, "-c", DIES, str(path), phase], capture_output=True, text=True, timeout=60)
    assert done.returncode == -9, done


def test_a_rollout_goes_on_after_its_process_was_killed(tmp_path):
    path = tmp_path / "rollouts.redb"
    die(path, "stage 0")
    (left,) = sr.history(path)
    assert (left.phase, left.serving, left.status, left.ended_at) == ("stage 0", "v1", None, None)
    host = Host()
    with Service() as service:
        twice = [sr.StandardGuardrail.latency(0.2), sr.StandardGuardrail.latency(0.3)]
        with pytest.raises(sr.StatisticsError, match="latency"):
            sr.Deployment.recover(path, host=host, splitter=service.splitter, guardrails=twice)
        running = sr.Deployment.recover(path, host=host, splitter=service.splitter, tick_seconds=0.005)
        events = running.events()
        driver = threading.Thread(target=running.run)
        driver.start()
        recovered = next(event for event in events if event.kind is sr.EventKind.RECOVERED)
        assert recovered.stage == 0
        next(event for event in events if event.kind is sr.EventKind.WEIGHT)
        assert ("load", "v2", 2) in host.calls
        running.abort("enough")
        driver.join()
        assert sr.Deployment.recover(path, host=host, splitter=service.splitter) is None, "nothing is left"
    (ended,) = sr.history(path)
    assert ended.status is sr.Status.ABORTED and ended.recoveries == 1 and ended.rollback.total_ms > 0.0


def test_a_new_version_that_was_baking_keeps_its_traffic(tmp_path):
    path = tmp_path / "rollouts.redb"
    die(path, "baking")
    (left,) = sr.history(str(path))
    assert left.serving == "v2"
    wrong = sr.Splitter({"v1": 1.0}, salt="chat")
    with pytest.raises(sr.RolloutError, match="begin with all traffic on it"):
        sr.Deployment.recover(path, host=Host(), splitter=wrong)
    splitter = sr.Splitter({"v2": 1.0}, salt="chat")
    running = sr.Deployment.recover(path, host=Host(), splitter=splitter, tick_seconds=0.005)
    driver = threading.Thread(target=running.run)
    driver.start()
    while running.phase != "baking":
        pass
    running.end_bake()
    driver.join()
    assert sr.history(path)[0].status == "completed"


def test_a_journal_can_be_shared_and_is_a_table(tmp_path):
    path = tmp_path / "rollouts.redb"
    for failing in ("", "v2"):
        with Service(failing) as service:
            sr.Deployment(short_plan(), host=Host(), splitter=service.splitter, journal=path, tick_seconds=0.005).run()
    history = sr.history(path)
    assert [one.status for one in history] == ["completed", "rolled_back"]
    assert [one.serving for one in history] == ["v2", "v1"] and history[-1].reason
    assert pickle.loads(pickle.dumps(history)) == history
    pandas = pytest.importorskip("pandas")
    assert list(history.to_frame()["status"]) == ["completed", "rolled_back"]
    assert isinstance(history.to_frame(), pandas.DataFrame)
    xml.etree.ElementTree.fromstring(history._repr_html_())


def test_a_journal_of_ones_own_can_be_recovered_from():
    class Ledger:
        def __init__(self):
            self.lines, self.kept = [], {}

        def append(self, entry):
            self.lines.append(entry)

        def rollouts(self):
            return list(dict.fromkeys(entry.rollout for entry in self.lines))

        def entries(self, rollout):
            return [entry for entry in self.lines if entry.rollout == rollout]

        def keep(self, snapshot):
            self.kept[snapshot.rollout] = sr.JournalSnapshot.from_json(snapshot.to_json())

        def snapshot(self, rollout):
            return self.kept.get(rollout)

    ledger = Ledger()
    splitter = sr.Splitter({"v1": 1.0}, salt="chat")
    begun = sr.Deployment(short_plan(), host=Host(), splitter=splitter, journal=ledger)
    name = begun.rollout
    del begun
    with Service() as service:
        left = sr.Deployment.recover(ledger, host=Host(), splitter=service.splitter, rollout=name, tick_seconds=0.005)
        assert left.run().status == "completed"
    assert sr.history(ledger)[0].recoveries == 1
    with pytest.raises(sr.JournalError, match="knows no rollout"):
        sr.Deployment.recover(ledger, host=Host(), splitter=splitter, rollout="another")


def test_what_is_no_journal_is_said(tmp_path):
    page = tmp_path / "page.html"
    page.write_text("<p>" * 2_000)
    with pytest.raises(sr.JournalError, match="is not a journal"):
        sr.history(page)
    with pytest.raises(sr.JournalError, match="is not a journal"):
        sr.Deployment(short_plan(), host=Host(), splitter=sr.Splitter({"v1": 1.0}, salt="chat"), journal=page)
    with pytest.raises(sr.JournalError, match="No such file"):
        sr.history(tmp_path / "nothing")


def test_each_stage_leaves_what_it_saw(tmp_path):
    with Service() as service:
        outcome = sr.Deployment(short_plan(), host=Host(), splitter=service.splitter, tick_seconds=0.005).run()
    assert [(stage.stage, stage.weight) for stage in outcome.stages] == [(0, 0.2), (1, 0.5)]
    assert all(stage.began_at < stage.ended_at for stage in outcome.stages)
    assert outcome.stages[1].evaluation.canary_requests > outcome.stages[0].evaluation.canary_requests >= 200
    pytest.importorskip("pandas")
    frame = outcome.to_frame()
    assert set(frame["stage"]) == {0, 1} and "error_rate" in set(frame["guardrail"])
    assert dataclasses.replace(outcome, stages=()).to_frame().empty
