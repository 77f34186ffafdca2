import asyncio
import dataclasses
import io
import pathlib
import pickle
import signal
import subprocess
import sys
import threading
import time
import types
import xml.etree.ElementTree

import pytest
import serinus as sr
from serinus.testing import check_host
from service import V1, V2, Host, Service, short_plan

HERE = pathlib.Path(__file__).parent


def deployment(service, host=None, plan=None, **options):
    return sr.Deployment(
        plan or short_plan(), host=host or Host(), splitter=service.splitter, **{"tick_seconds": 0.005, **options}
    )


def held_plan():
    """Stays in its first stage until somebody says otherwise."""
    plan = short_plan()
    return plan.replace(stages=[dataclasses.replace(stage, hold_seconds=600.0) for stage in plan.stages])


def wait_for(true, seconds=30.0):
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.002)


def test_a_good_version_goes_through_and_the_old_one_goes():
    host = Host()
    with Service() as service:
        outcome = deployment(service, host).run()
    assert (outcome.status, outcome.serving, outcome.stages_passed) == (sr.Status.COMPLETED, "v2", 2)
    assert outcome.status == "completed"
    assert outcome.rollback is None and outcome.warnings == () and outcome.host_failures == ()
    assert [share for _, share in outcome.weights] == [0.2, 0.5, 1.0]
    assert [at for at, _ in outcome.weights] == sorted(at for at, _ in outcome.weights)
    assert outcome.started_at < outcome.finished_at
    assert host.calls[-1] == ("unload", "v1", 0)
    assert service.splitter.weights == {"v2": 1.0}
    assert pickle.loads(pickle.dumps(outcome)) == outcome


def test_a_bad_version_is_rolled_back_with_reason_times_and_alert():
    told = []
    with Service(failing="v2") as service:
        outcome = deployment(service, alerts=[told.append]).run()
        wait_for(lambda: told)
    assert (outcome.status, outcome.serving, outcome.stages_passed) == (sr.Status.ROLLED_BACK, "v1", 0)
    assert "error" in outcome.reason
    back = outcome.rollback
    assert [step.step for step in back.steps] == ["shift_traffic", "drain", "unload", "restore"]
    assert back.timing.total_ms >= back.timing.traffic_shift_ms > 0.0
    assert outcome.weights[-1][1] == 0.0
    assert told[0].severity is sr.Severity.CRITICAL and told[0].rollout.startswith("chat/v1-v2@")
    assert outcome.to_dict()["rollback"]["canary"] == "v2"


class AsyncHost(Host):
    """Every method is async, and must run on this loop."""

    def __init__(self):
        super().__init__()
        self.loops = set()

    def __getattribute__(self, name):
        found = super().__getattribute__(name)
        if name not in ("load", "warm_up", "verify", "cancel_in_flight", "unload"):
            return found

        async def call(*arguments):
            self.loops.add(asyncio.get_running_loop())
            await asyncio.sleep(0)
            return found(*arguments)

        return call


def test_an_async_host_runs_on_the_callers_loop():
    host = AsyncHost()

    async def update(service):
        outcome = await deployment(service, host).run_async()
        return outcome, asyncio.get_running_loop()

    with Service() as service:
        outcome, loop = asyncio.run(update(service))
    assert outcome.status == "completed" and host.loops == {loop}


def test_an_async_host_runs_without_a_loop_of_the_callers():
    host = AsyncHost()
    with Service() as service:
        assert deployment(service, host).run().status == "completed"
    assert len(host.loops) == 1


def test_what_a_host_raises_arrives_with_its_traceback():
    class Broken(Host):
        def load(self, version, replicas):
            raise OSError(f"{version.version}.safetensors is truncated")

    with Service() as service:
        outcome = deployment(service, Broken()).run()
    assert outcome.status is sr.Status.ROLLED_BACK and "v2.safetensors is truncated" in outcome.reason
    failure = outcome.host_failures[0]
    assert (failure.method, failure.message) == ("load", "OSError: v2.safetensors is truncated")
    assert isinstance(failure.exception, OSError) and "in load" in failure.traceback
    assert pickle.loads(pickle.dumps(outcome)) == outcome


def test_what_fails_for_a_moment_is_tried_again():
    class Shaky(Host):
        tried = 0

        def load(self, version, replicas):
            self.tried += 1
            if self.tried == 1:
                raise ConnectionError("the weight store is away")
            if self.tried == 2:
                raise sr.HostError("no memory for a moment", transient=True)
            super().load(version, replicas)

    host = Shaky()
    with Service() as service:
        outcome = deployment(service, host).run()
    assert outcome.status == "completed" and host.tried > 2
    assert [failure.method for failure in outcome.host_failures] == ["load", "load"]


@pytest.mark.parametrize("found", ["cc", 7, object()])
def test_what_is_not_what_was_meant_never_serves(found):
    class Wrong(Host):
        def verify(self, version):
            return found

    with Service() as service:
        outcome = deployment(service, Wrong()).run()
        stats = service.splitter.stats()
    assert all(version == "v1" or counts.count == 0 for version, counts in stats.items())
    assert outcome.status is sr.Status.ROLLED_BACK and outcome.stages_passed == 0
    assert all(share == 0.0 for _, share in outcome.weights) and outcome.stages == ()


def test_a_host_without_a_method_is_a_type_error():
    class Half:
        def load(self, version, replicas): ...

    with pytest.raises(TypeError, match="lacks warm_up, verify, cancel_in_flight, unload"):
        sr.Deployment(short_plan(), host=Half(), splitter=sr.Splitter({"v1": 1.0}, salt="chat"))


def test_bad_arguments_are_typed():
    splitter = sr.Splitter({"v1": 1.0}, salt="chat")
    for tick in (0.0, -1.0, float("nan"), float("inf")):
        with pytest.raises(sr.RolloutConfigError, match="tick_seconds must be") as refused:
            sr.Deployment(short_plan(), host=Host(), splitter=splitter, tick_seconds=tick)
        assert isinstance(refused.value, ValueError) and refused.value.expected == "finite and above 0"
    with pytest.raises(sr.RolloutError, match="starts from v1, but the splitter serves v9"):
        sr.Deployment(short_plan(), host=Host(), splitter=sr.Splitter({"v9": 1.0}, salt="chat"))
    with pytest.raises(sr.PlanError):
        short_plan(bake_seconds=-1.0)


def test_a_deployment_runs_once():
    with Service() as service:
        one = deployment(service)
        one.run()
        with pytest.raises(sr.RolloutError, match="has run already"):
            one.run()
        with pytest.raises(sr.RolloutError):
            one.abort()


def test_the_next_request_after_an_abort_is_on_the_old_version():
    with Service() as service:
        running = deployment(service, plan=held_plan())
        ended = []
        driver = threading.Thread(target=lambda: ended.append(running.run()))
        driver.start()
        wait_for(lambda: running.phase == "stage 0")
        running.abort("the wrong button")
        assert {service.splitter.version_for(f"u{n}") for n in range(100)} == {"v1"}
        driver.join()
    assert ended[0].status is sr.Status.ABORTED and "the wrong button" in ended[0].reason


def test_a_person_pauses_resumes_and_approves():
    with Service() as service:
        running = deployment(service, plan=short_plan(require_approval=True))
        running.pause("not yet")
        events = running.events()
        driver = threading.Thread(target=running.run)
        driver.start()
        running.resume()
        seen = []
        for event in events:
            seen.append(event.kind)
            if event.kind is sr.EventKind.PAUSED and "waits for approval" in event.text:
                running.approve()
        driver.join()
    assert seen[-1] is sr.EventKind.FINISHED and sr.EventKind.RESUMED in seen


def test_events_tell_the_story_to_threads_and_tasks():
    async def follow(events):
        return [event async for event in events]

    async def update(running):
        following = asyncio.create_task(follow(running.events()))
        outcome = await running.run_async()
        return outcome, await following

    with Service() as service:
        running = deployment(service)
        before = running.events()
        outcome, told = asyncio.run(update(running))
        assert [event.kind for event in before if event.kind is not sr.EventKind.JUDGED] == [
            event.kind for event in told if event.kind is not sr.EventKind.JUDGED
        ]
        assert list(running.events()) == []
    assert [event.weight for event in told if event.kind is sr.EventKind.WEIGHT] == [0.2, 0.5, 1.0]
    assert [event.stage for event in told if event.kind is sr.EventKind.PHASE and event.stage is not None] == [0, 1]
    assert told[-1].outcome.status is outcome.status
    assert any(event.evaluation for event in told)
    assert all(str(event) and pickle.loads(pickle.dumps(event)) == event for event in told)


class Office:
    def __init__(self):
        self.views = []

    def decide(self, view):
        self.views.append(view)
        return view.default


def test_a_policy_of_ones_own_decides():
    policy = Office()
    with Service() as service:
        assert deployment(service, policy=policy).run().status == "completed"
    view = policy.views[-1]
    assert view.is_last and view.stage.weight == 0.5 and view.requests >= 200 and view.plan.risk is sr.Risk.MEDIUM
    assert policy.views[0].default.action is sr.Action.HOLD
    assert view.default == sr.Decision.advance() and view.evaluation.canary_requests >= 200
    assert pickle.loads(pickle.dumps(view)) == view and view.to_dict()["held_seconds"] > 0.0


def test_a_policy_can_roll_back():
    class Nervous:
        def decide(self, view):
            return sr.Decision.roll_back("a feeling")

    with Service() as service:
        outcome = deployment(service, policy=Nervous()).run()
    assert outcome.status is sr.Status.ROLLED_BACK and "a feeling" in outcome.reason


def raises(view):
    raise KeyError("threshold")


@pytest.mark.parametrize(
    ("decide", "why"),
    [
        (raises, "KeyError: 'threshold'"),
        (lambda view: None, "decide() gave what it should not: AttributeError"),
        (lambda view: sr.Decision("wait"), 'there is no action "wait"'),
    ],
)
def test_a_policy_that_says_nothing_pauses_for_a_person(decide, why):
    policy = types.SimpleNamespace(decide=decide)
    with Service() as service:
        running = deployment(service, policy=policy)
        events = running.events()
        driver = threading.Thread(target=running.run)
        driver.start()
        paused = next(event for event in events if event.kind is sr.EventKind.PAUSED)
        assert "the policy failed: " in paused.text and why in paused.text
        running.abort()
        driver.join()


class Ledger:
    """A journal in a list, as text."""

    def __init__(self, full_after=None):
        self.lines, self.full_after = [], full_after

    def append(self, entry):
        if self.full_after is not None and len(self.lines) >= self.full_after:
            raise OSError("no space left on device")
        self.lines.append(entry.to_json())

    def rollouts(self):
        return list(dict.fromkeys(entry.rollout for entry in map(sr.JournalEntry.from_json, self.lines)))

    def entries(self, rollout):
        return [entry for entry in map(sr.JournalEntry.from_json, self.lines) if entry.rollout == rollout]


def test_a_journal_of_ones_own_has_every_decision():
    journal = Ledger()
    with Service() as service:
        running = deployment(service, journal=journal)
        outcome = running.run()
    entries = journal.entries(running.rollout)
    assert [entry.sequence for entry in entries] == list(range(len(entries)))
    assert "begun" in entries[0].what and entries[-1].what["finished"]["status"] == "completed"
    assert [share for _, share in outcome.weights] == [0.2, 0.5, 1.0], "read from the journal"


@pytest.mark.parametrize("full_after", [1, 3, 8])
def test_a_full_disk_stops_an_update_and_harms_nobody(full_after):
    with Service() as service:
        outcome = deployment(service, journal=Ledger(full_after)).run()
        assert service.splitter.weights == {"v1": 1.0}
    assert outcome.status is sr.Status.ROLLED_BACK and "no space left on device" in outcome.reason


def test_a_journal_that_is_full_from_the_start_begins_nothing():
    host = Host()
    with pytest.raises(sr.JournalError, match="no space left"):
        sr.Deployment(short_plan(), host=host, splitter=sr.Splitter({"v1": 1.0}, salt="chat"), journal=Ledger(0))
    assert host.calls == []


def test_a_cancelled_task_leaves_the_old_version_serving():
    journal = Ledger()

    async def update(service):
        running = deployment(service, plan=held_plan(), journal=journal)
        task = asyncio.create_task(running.run_async())
        while running.phase != "stage 0":
            await asyncio.sleep(0.002)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    with Service() as service:
        asyncio.run(update(service))
        assert {service.splitter.version_for(f"u{n}") for n in range(100)} == {"v1"}
        assert sr.history(journal)[0].ended_at is None
        left = sr.Deployment.recover(journal, host=Host(), splitter=service.splitter, tick_seconds=0.005)
        events = left.events()
        driver = threading.Thread(target=left.run)
        driver.start()
        assert next(event for event in events if event.kind is sr.EventKind.RECOVERED).stage == 0
        left.abort()
        driver.join()
    assert sr.history(journal)[0].status is sr.Status.ABORTED


INTERRUPTED = """
import pathlib, sys, threading, time
sys.path.insert(0, {here!r})
from serinus.testing import check_host
from service import V1, V2, Host, Service, short_plan
import serinus as sr

class Slow(Host):
    def {method}(self, *arguments):
        print("waiting", flush=True)
        time.sleep({hang})
        return super().{method}(*arguments)

def update(service):
    running = sr.Deployment(
        short_plan(), host=Slow(), splitter=service.splitter, journal={journal!r}, tick_seconds=0.005
    )
    return running.run()

service = Service()
{body}
"""


def subprocess_of(method, body, journal, hang=60):
    code = INTERRUPTED.format(here=str(HERE), method=method, body=body, journal=str(journal), hang=hang)
    return subprocess.Popen(
        [sys.executable, "-X", "dev", "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def goes_on_from(journal):
    """Whether what the journal has left comes to its end in another process."""
    with Service() as service:
        left = sr.Deployment.recover(journal, host=Host(), splitter=service.splitter, tick_seconds=0.005)
        return left.run().status is sr.Status.COMPLETED and sr.history(journal)[0].recoveries == 1


def test_ctrl_c_in_the_middle_leaves_the_old_version_serving_and_can_be_gone_on_with(tmp_path):
    body = """
with service:
    try:
        update(service)
    except KeyboardInterrupt:
        print("serving", {service.splitter.version_for(f"u{n}") for n in range(100)}, flush=True)
"""
    process = subprocess_of("warm_up", body, tmp_path / "journal")
    assert process.stdout.readline() == "waiting\n"
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=30)
    assert (out, err, process.returncode) == ("serving {'v1'}\n", "", 0)
    assert goes_on_from(tmp_path / "journal")


@pytest.mark.parametrize("method", ["load", "verify"])
def test_an_interpreter_that_ends_in_the_middle_ends_cleanly_and_can_be_gone_on_with(method, tmp_path):
    body = """
with service:
    threading.Thread(target=update, args=(service,), daemon=True).start()
    time.sleep(0.5)
print("left", flush=True)
"""
    process = subprocess_of(method, body, tmp_path / "journal")
    out, err = process.communicate(timeout=30)
    assert (out, process.returncode) == ("waiting\nleft\n", 0), err
    assert "Fatal" not in err and "panicked" not in err
    assert goes_on_from(tmp_path / "journal")


def test_progress_is_shown_in_lines(capsys):
    with Service() as service:
        running = deployment(service)
        with running.progress(rich=False):
            running.run()
    shown = capsys.readouterr().out
    assert "weight 20.0%" in shown and "finished completed" in shown
    assert "judged" not in shown


def test_progress_is_shown_live():
    rich_console = pytest.importorskip("rich.console")
    screen = io.StringIO()
    with Service(failing="v2") as service:
        running = deployment(service)
        with running.progress(console=rich_console.Console(file=screen, force_terminal=True, width=120)):
            running.run()
    shown = screen.getvalue()
    assert "chat/v1-v2@" in shown and "canary's share" in shown and "degraded" in shown and "rolled back" in shown


class Short:
    """Answers of fewer than five tokens."""

    name, increase, noun = "short", 0.5, "short answers"

    def failed(self, outcome):
        return None if outcome.tokens is None else outcome.tokens < 5


def test_a_guardrail_of_ones_own_rolls_back():
    stop = threading.Event()

    def users(splitter):
        n = 0
        while not stop.wait(0.001):
            for _ in range(40):
                n += 1
                with splitter.route(f"user-{n}") as lease:
                    lease.finish(tokens=3 if lease.version == "v2" else 200)

    splitter = sr.Splitter({"v1": 1.0}, salt="chat")
    serving = threading.Thread(target=users, args=(splitter,))
    serving.start()
    try:
        running = sr.Deployment(held_plan(), host=Host(), splitter=splitter, guardrails=[Short()], tick_seconds=0.005)
        outcome = running.run()
    finally:
        stop.set()
        serving.join()
    assert outcome.status is sr.Status.ROLLED_BACK and "short answers" in outcome.reason
    seen = outcome.rollback.evaluation
    assert (
        seen.verdict is sr.Verdict.DEGRADED and seen.guardrails["short"].e_value >= seen.guardrails["short"].threshold
    )


TWICE = [sr.StandardGuardrail.latency(0.2), sr.StandardGuardrail.latency(0.3)]


@pytest.mark.parametrize(("wrong", "error"), [([object()], TypeError), (TWICE, sr.StatisticsError)])
def test_guardrails_that_make_no_sense_are_refused(wrong, error):
    with pytest.raises(error):
        sr.Deployment(short_plan(), host=Host(), splitter=sr.Splitter({"v1": 1.0}, salt="chat"), guardrails=wrong)


class Right:
    """A judge that knows the answer."""

    async def score(self, prompt, answer):
        return float(answer.text == "42")

    async def prefer(self, prompt, first, second):
        right = [answer.text == "42" for answer in (first, second)]
        return "neither" if right[0] == right[1] else ("first" if right[0] else "second")


class Generating(Host):
    """Also answers prompts, and the new version a third of them wrongly."""

    def generate(self, version, prompt):
        return "41" if version == "v2" and int(prompt.text) % 3 == 0 else "42"


def test_a_version_that_answers_wrongly_is_found_before_any_user_meets_it():
    stop = threading.Event()

    def users(splitter):
        n = 0
        while not stop.wait(0.001):
            n += 1
            with splitter.route(f"user-{n}", request_id=f"r{n}") as lease:
                lease.finish(latency_ms=5.0, prompt=str(n), response="42")

    splitter = sr.Splitter({"v1": 1.0}, salt="chat")
    serving = threading.Thread(target=users, args=(splitter,))
    serving.start()
    try:
        host = Generating()
        sampling = sr.Sampling(per_minute=60_000.0, replays_per_second=2_000.0)
        reviewer = sr.Reviewer(Right(), generate=host, sampling=sampling)
        running = sr.Deployment(held_plan(), host=host, splitter=splitter, judge=reviewer, tick_seconds=0.02)
        events = running.events()
        outcome = running.run()
    finally:
        stop.set()
        serving.join()
    assert outcome.status is sr.Status.ROLLED_BACK and outcome.rollback.evaluation.pairs >= 20
    assert "v2" not in splitter.stats() or splitter.stats()["v2"].count == 0
    kinds = [event.kind for event in events]
    assert sr.EventKind.SHADOWING in kinds and sr.EventKind.HOLDING not in kinds


def test_a_judge_alone_is_given_a_reviewer():
    splitter = sr.Splitter({"v1": 1.0}, salt="chat")
    sr.Deployment(short_plan(), host=Generating(), splitter=splitter, judge=Right())
    assert splitter.reviewer.can_shadow
    plain = sr.Splitter({"v1": 1.0}, salt="chat")
    sr.Deployment(short_plan(), host=Host(), splitter=plain, judge=Right())
    assert not plain.reviewer.can_shadow


def test_an_outcome_shows_itself_in_a_notebook():
    with Service(failing="v2") as service:
        outcome = deployment(service).run()
    shown = outcome._repr_html_()
    xml.etree.ElementTree.fromstring(shown)
    assert "rolled back" in shown and "error_rate" in shown and "over time" in shown


def test_a_host_is_held_to_the_contract():
    check_host(Host(), V1, V2)
    check_host(AsyncHost(), V1, V2)

    class Greedy(Host):
        def load(self, version, replicas):
            self.loaded = {version.version: replicas}

    with pytest.raises(sr.HostError, match="leaves the others as they were") as broken:
        check_host(Greedy(), V1, V2)
    assert broken.value.got == "v1 has 0 replicas, expected 1"


class HouseRules:
    """A planner that holds each stage for as long as the house wants."""

    def plan(self, current, target, *, fleet):
        plan = sr.RiskPlanner(bake_seconds=0.05, drain_timeout_seconds=0.2).plan(current, target, fleet=fleet)
        first = dataclasses.replace(plan.stages[0], weight=0.3, hold_seconds=0.01, min_requests=50, canary_replicas=2)
        return plan.replace(stages=[first])


def test_a_planner_of_ones_own_is_carried_out():
    planner: sr.Planner = HouseRules()
    with Service() as service:
        outcome = deployment(service, plan=planner.plan(V1, V2, fleet=Host().fleet())).run()
    assert outcome.status == "completed" and [share for _, share in outcome.weights] == [0.3, 1.0]


class Pager:
    """A sink whose method is async."""

    def __init__(self):
        self.told = []

    async def send(self, alert):
        await asyncio.sleep(0)
        self.told.append(alert)


def test_alert_sinks_are_awaited_and_one_that_fails_holds_nothing_up():
    def breaks(alert):
        raise ConnectionError("nobody is on call")

    pager = Pager()
    with Service(failing="v2") as service:
        outcome = deployment(service, alerts=[breaks, pager]).run()
        wait_for(lambda: pager.told)
    assert outcome.status is sr.Status.ROLLED_BACK
    assert pager.told[0].title and "boom" not in pager.told[0].title
    assert pickle.loads(pickle.dumps(pager.told)) == pager.told


def test_what_is_no_line_of_a_journal_is_said():
    for text in ("", "[]", "{}", '{"rollout": "r", "sequence": 0, "at": 0, "what": {}, "more": 1}'):
        for line in (sr.JournalEntry, sr.JournalSnapshot):
            with pytest.raises(sr.JournalError, match=f"not a {line.__name__}"):
                line.from_json(text)
