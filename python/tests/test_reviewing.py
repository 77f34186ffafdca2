"""The reviewer under a rollout, at the end of the interpreter, and across forks."""

import os
import subprocess
import sys
import textwrap
import threading
import time

import pytest
import serinus as sr
from judges import Knows, KnowsLater, Says
from service import FLEET, V1, V2, Host


def plan(shadow=None):
    """A plan that takes longer than any test."""
    return sr.RiskPlanner(shadow=shadow).plan(V1, V2, fleet=FLEET)


def served(splitter, reviewer, until, **texts):
    """Serves requests until the reviewer has done what is waited for."""
    splitter.reviewer = reviewer
    leases = []
    deadline = time.monotonic() + 20.0
    while not until(reviewer.stats()):
        assert time.monotonic() < deadline, reviewer.stats()
        with splitter.route(f"u{len(leases)}", request_id=f"r{len(leases)}") as lease:
            lease.finish(latency_ms=5.0, **texts)
        leases.append(lease)
        time.sleep(0.001)
    return leases


class Rollouts:
    """Begins rollouts from v1 to v2, each with a reviewer, and ends them."""

    def __init__(self):
        self.running = []

    def __call__(self, reviewer, **options):
        splitter = sr.Splitter({"v1": 1.0}, salt="chat")
        deployment = sr.Deployment(plan(**options), host=Host(), splitter=splitter, judge=reviewer, tick_seconds=0.02)
        thread = threading.Thread(target=deployment.run, daemon=True)
        thread.start()
        self.running.append((deployment, thread))
        return splitter

    def end(self):
        while self.running:
            deployment, thread = self.running.pop()
            deployment.abort("the test is over")
            thread.join(20.0)


@pytest.fixture
def rollout():
    rollouts = Rollouts()
    yield rollouts
    rollouts.end()


TEXTS = {"prompt": "The capital of France?", "response": "Paris."}


@pytest.mark.parametrize("judge", [Knows(), KnowsLater()], ids=["plain", "async"])
def test_sampled_answers_are_judged_and_checked(rollout, judge):
    reviewer = sr.Reviewer(judge, sr.StandardChecks(), workers=2)
    leases = served(rollout(reviewer), reviewer, lambda stats: stats.canary.reviewed and stats.stable.reviewed, **TEXTS)
    assert any(lease.sampled for lease in leases)
    assert reviewer.stats().judge_failures == 0


def test_a_sampled_request_without_an_answer_is_unanswered(rollout):
    reviewer = sr.Reviewer(Knows(), workers=1)
    served(rollout(reviewer), reviewer, lambda stats: stats.stable.unanswered > 3)
    assert reviewer.stats().stable.reviewed == 0
    failed = sr.Reviewer(Knows(), workers=1)
    served(rollout(failed), failed, lambda stats: stats.stable.unanswered > 3, error="timeout", **TEXTS)
    assert failed.stats().stable.reviewed == 0


@pytest.mark.parametrize("kind", list(sr.JudgeErrorKind))
def test_failures_of_a_judge_are_counted_by_their_kind(rollout, kind):
    reviewer = sr.Reviewer(Says(sr.JudgeError("no", kind=kind)), workers=0)
    splitter = rollout(reviewer)
    served(splitter, reviewer, lambda stats: stats.held > 3, **TEXTS)
    reviewer.work_off()
    counted = {name: count for name, count in reviewer.stats().to_dict().items() if name.startswith("judge_") and count}
    assert list(counted) == [f"judge_{kind.value}"]


def test_a_redactor_is_asked_first_and_one_that_fails_keeps_back(rollout):
    class Sees(Knows):
        def __init__(self):
            self.seen = []

        def score(self, prompt, answer):
            self.seen.append((prompt, answer))
            return 0.5

    class Redacts:
        def redact(self, prompt, answer):
            return "a question", sr.Answer(answer.text.upper(), tokens=1)

    judge = Sees()
    reviewer = sr.Reviewer(judge, redactor=Redacts(), workers=1)
    served(rollout(reviewer), reviewer, lambda stats: stats.stable.reviewed, **TEXTS)
    assert judge.seen[0] == (sr.Prompt("a question"), sr.Answer("PARIS.", tokens=1))
    for said in [None, ValueError("cannot"), "nonsense"]:
        judge = Sees()
        keeps = sr.Reviewer(judge, redactor=Says(said), workers=1)
        served(rollout(keeps), keeps, lambda stats: stats.stable.kept_back > 1, **TEXTS)
        assert not judge.seen


def test_prompts_are_tried_in_the_shadow(rollout):
    class Generates:
        async def generate(self, version, prompt):
            assert version == "v2"
            return "Paris, too."

    reviewer = sr.Reviewer(Knows(), generate=Generates(), workers=2)
    assert reviewer.can_shadow
    served(rollout(reviewer, shadow=sr.Shadow()), reviewer, lambda stats: stats.pairs > 1, **TEXTS)
    broken = sr.Reviewer(Knows(), generate=Says(OSError("no replica")), workers=2)
    served(rollout(broken, shadow=sr.Shadow()), broken, lambda stats: stats.replays_failed > 1, **TEXTS)


def test_users_say_what_they_think_later(rollout):
    reviewer = sr.Reviewer(feedback=sr.Feedback(), workers=0)
    splitter = rollout(reviewer)
    leases = served(splitter, reviewer, lambda stats: stats.stable.sampled > 3, **TEXTS)
    last = f"r{len(leases) - 1}"
    splitter.feedback(request_id=last, score=0.0)
    assert reviewer.stats().feedback == 1
    with pytest.raises(sr.FeedbackError) as unknown:
        splitter.feedback(last, 1.0)  # the first word counts
    assert unknown.value.kind is sr.FeedbackErrorKind.UNKNOWN
    for score in [1.5, -0.1, float("nan")]:
        with pytest.raises(sr.FeedbackError) as invalid:
            splitter.feedback("r0", score)
        assert invalid.value.kind is sr.FeedbackErrorKind.INVALID


def test_a_reviewer_stays_when_its_rollout_has_ended_and_samples_nothing():
    rollout = Rollouts()
    reviewer = sr.Reviewer(Knows(), feedback=sr.Feedback(), workers=0)
    splitter = rollout(reviewer)
    served(splitter, reviewer, lambda stats: stats.held > 3, **TEXTS)
    rollout.end()
    assert splitter.reviewer is reviewer and reviewer.stats().held == 0
    sampled = reviewer.stats().stable.sampled
    for n in range(200):
        with splitter.route(f"u{n}", request_id=f"later-{n}") as lease:
            lease.finish(latency_ms=5.0, **TEXTS)
        assert not lease.sampled
    assert reviewer.stats().stable.sampled == sampled
    with pytest.raises(sr.FeedbackError) as unknown:
        splitter.feedback("later-1", 1.0)
    assert unknown.value.kind is sr.FeedbackErrorKind.UNKNOWN


def run(code):
    """Runs a program to its end; gives its output."""
    done = subprocess.run(
        [sys.executable, "-X", "dev", "-c", textwrap.dedent(code)], capture_output=True, text=True, timeout=60
    )
    assert (done.returncode, done.stderr) == (0, ""), done
    return done.stdout


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_reviewer_of_the_parent_is_inert_in_a_child():
    said = run("""
        import os
        import serinus as sr

        class Knows:
            async def score(self, prompt, answer):
                return 1.0
            def prefer(self, prompt, first, second):
                return "first"

        reviewer = sr.Reviewer(Knows(), checks=sr.StandardChecks(), feedback=sr.Feedback(), workers=2)
        splitter = sr.Splitter({"v1": 1.0}, salt="chat")
        splitter.reviewer = reviewer
        assert sr.Calibration.measure(Knows(), [("?", "!", True)]).specificity == 1.0
        child = os.fork()
        if child == 0:
            with splitter.route("u1", request_id="r1") as lease:
                lease.finish(prompt="?", response="!")
            assert not lease.sampled and not reviewer.can_shadow
            for use in [reviewer.stats, reviewer.work_off, lambda: splitter.feedback("r1", 1.0)]:
                try:
                    use()
                except sr.JudgeConfigError as error:
                    assert "make one in each process" in str(error)
                else:
                    raise AssertionError(use)
            splitter.reviewer = sr.Reviewer(Knows(), workers=1)
            assert splitter.reviewer.stats().held == 0
            assert sr.Calibration.measure(Knows(), [("?", "!", True)]).specificity == 1.0
            del reviewer
        else:
            assert os.waitpid(child, 0)[1] == 0
            assert reviewer.stats().held == 0
            print("right")
    """)
    assert said == "right\n"


@pytest.mark.parametrize("busy", ["time.sleep(0.01)", "time.sleep(30)", "sum(range(200_000))", "raise OSError"])
@pytest.mark.parametrize("kind", ["def", "async def"])
def test_the_interpreter_ends_while_judges_are_busy(busy, kind):
    run(f"""
        import contextlib, logging, sys, threading, time
        sys.path.insert(0, {os.path.dirname(__file__)!r})
        import serinus as sr
        import test_reviewing as here

        logging.getLogger("serinus").setLevel(logging.CRITICAL)

        class Busy:
            {kind} score(self, prompt, answer):
                {busy}
                return 0.5
            def prefer(self, prompt, first, second):
                return "neither"

        reviewer = sr.Reviewer(Busy(), workers=3)
        splitter = sr.Splitter({{"v1": 1.0}}, salt="chat")
        deployment = sr.Deployment(here.plan(), host=here.Host(), splitter=splitter, judge=reviewer, tick_seconds=0.02)

        def update():
            with contextlib.suppress(sr.RolloutError):  # it does not come to its end
                deployment.run()

        threading.Thread(target=update, daemon=True).start()
        here.served(splitter, reviewer, lambda stats: stats.stable.sampled > 5, **here.TEXTS)
    """)


def test_workers_end_with_their_reviewer():
    before = set(threading.enumerate())
    reviewer = sr.Reviewer(Knows(), workers=3)
    crew = [thread for thread in set(threading.enumerate()) - before if thread.name.startswith("serinus-judging")]
    assert len(crew) >= 3 and all(thread.daemon for thread in crew)
    del reviewer
    deadline = time.monotonic() + 10.0
    while sum(thread.is_alive() for thread in crew) > len(crew) - 3:
        assert time.monotonic() < deadline
        time.sleep(0.01)
