"""Guardrails: built-in ones, and those written in Python."""

import logging
import subprocess
import sys
import uuid

import pytest
import serinus as sr


def evaluator(**options):
    return sr.CanaryEvaluator(stable="v1", canary="v2", **options)


def request(version, **fields):
    return sr.Observation(version=version, **fields)


def test_guardrails_are_chosen_and_margins_count():
    tight = sr.StandardGuardrail.latency(0.1, weight=1.0, granting=0.0)
    defaults = set(evaluator().evaluate().guardrails)
    assert defaults == {"error_rate", "failure_rate", "latency", "ttft", "score", "length", "abandoned_rate"}
    assert set(evaluator(guardrails=[tight]).evaluate().guardrails) == defaults
    chosen = [
        tight,
        sr.StandardGuardrail.error_rate(1.0),
        sr.StandardGuardrail.failure_rate(1.0),
        sr.StandardGuardrail.ttft(0.2),
        sr.StandardGuardrail.score(0.05),
        sr.StandardGuardrail.length(0.2, alerts_only=True),
        sr.StandardGuardrail.abandoned_rate(0.5),
        sr.StandardGuardrail.unhappy_rate(0.5),
        sr.StandardGuardrail.pairwise(0.05),
        sr.StandardGuardrail.text_check("refusal", 0.5),
    ]
    r = evaluator(guardrails=chosen, default_guardrails=False).evaluate()
    assert set(r.guardrails) == defaults | {"unhappy_rate", "pairwise", "refusal_rate"}
    assert {name for name, report in r.guardrails.items() if report.alerts_only} == {"length", "unhappy_rate"}
    assert r.ledger.shares["latency"].weight == pytest.approx(4.0 * r.ledger.shares["ttft"].weight)
    assert "refusal_rate" in evaluator(text_checks=True).evaluate().guardrails
    refusals = evaluator(guardrails=[sr.StandardGuardrail.text_check(sr.Check.REFUSAL, 0.5)])
    for i in range(1_000):
        refusals.observe(request("v1", checks={"refusal": True}), now=i / 10)
        refusals.observe(request("v2", checks={"refusal": i % 4 > 0}), now=i / 10)
    assert refusals.evaluate(now=100.0).guardrails["refusal_rate"].verdict == "degraded"


def test_options_stand_where_they_are_not_given():
    kinds = sr.StandardGuardrail
    assert kinds.latency(0.2) == kinds(kind="latency", change=0.2)
    assert kinds.ttft(0.2, weight=0.5, granting=0.0, required=False, alerts_only=True) == kinds(
        kind="ttft", change=0.2, weight=0.5, granting=0.0, required=False, alerts_only=True
    )
    assert kinds.unhappy_rate(0.5).alerts_only and not kinds.unhappy_rate(0.5, alerts_only=False).alerts_only
    assert not kinds.pairwise(0.05).required and kinds.pairwise(0.05, required=True).required
    refusals = kinds.text_check("refusal", 0.5)
    assert (refusals.check, refusals.required) == (sr.Check.REFUSAL, False)
    with pytest.raises(sr.StatisticsError, match="empty, truncated") as refused:
        kinds.text_check("beauty", 0.5)
    assert isinstance(refused.value, ValueError) and refused.value.got == "beauty"
    for unknown in ({"wieght": 1.0}, {"kind": "ttft"}, {"check": sr.Check.JSON}):
        with pytest.raises(TypeError):
            kinds.latency(0.2, **unknown)


class TooShort:
    name = "too_short"
    increase = 0.5
    noun = "answers of fewer than five tokens"

    def failed(self, outcome):
        return None if outcome.tokens is None else outcome.tokens < 5


def test_a_guardrail_of_ones_own():
    assert isinstance(TooShort(), sr.Guardrail) and not isinstance(object(), sr.Guardrail)
    ev = evaluator(guardrails=[TooShort()])
    ev.observe_many(version="v1", tokens=[200] * 2_000, arrived_at=1.0)
    ev.observe_many(version="v2", tokens=[3 if i % 5 == 0 else 200 for i in range(2_000)], arrived_at=1.0)
    r = ev.evaluate(now=2.0)
    assert r.guardrails["too_short"].verdict == "degraded" and r.guardrails["too_short"].canary.value == 0.2
    assert r.reasons[0].startswith("answers of fewer than five tokens: 20")
    absolute = type("Absolute", (TooShort,), {"absolute": True, "increase": 0.3, "alerts_only": True})
    assert evaluator(guardrails=[absolute()]).evaluate().guardrails["too_short"].alerts_only


def test_a_guardrail_that_raises_breaks_no_request(caplog):
    unique = f"broken-{uuid.uuid4().hex}"

    class Broken:
        name = unique
        increase = 0.5

        def failed(self, outcome):
            if outcome.tokens == 7:
                raise KeyError("no such thing")
            return False

    ev = evaluator(guardrails=[Broken()])
    with caplog.at_level(logging.ERROR, logger="serinus.evaluation"):
        for version in ("v1", "v2"):
            ev.observe_many(version=version, tokens=[7] * 30 + [8] * 30, now=1.0)
            ev.observe(request(version, tokens=7), now=1.0)
    logged = [record for record in caplog.records if unique in record.getMessage()]
    assert len(logged) == 1 and logged[0].exc_info[0] is KeyError
    assert ev.guardrail_errors == {unique: 62}
    ev.set_traffic(0.1, now=2.0)
    r = ev.evaluate(now=2.0)
    assert (r.guardrails[unique].canary.requests, r.canary_requests) == (30, 61)


def test_a_guardrail_of_ones_own_may_have_a_kind():
    ev = evaluator(guardrails=[type("Typed", (TooShort,), {"kind": "latency"})()])
    assert "too_short" in ev.evaluate().guardrails


def test_a_guardrail_must_not_use_an_evaluator():
    refused = []

    class Curious(TooShort):
        def failed(self, outcome):
            if outcome.tokens != 7:
                return False
            uses = [
                ev.evaluate,
                lambda: ev.observe(request("v1")),
                lambda: ev.observe_many(version="v1", error=[True]),
                lambda: ev.set_traffic(0.5),
                ev.promoted,
                lambda: repr(ev),
            ]
            for use in uses:
                try:
                    use()
                except sr.StatisticsError as error:
                    refused.append(str(error))
            return False

    ev = evaluator(guardrails=[Curious()])
    ev.observe(request("v1", tokens=7), now=1.0)
    assert len(refused) == 6 and all("must not use an evaluator" in error for error in refused)
    assert ev.guardrail_errors == {"too_short": 0}


INTERRUPTED = """
import serinus as sr

class Interrupted:
    name = "interrupted"
    increase = 0.5

    def failed(self, outcome):
        if outcome.tokens == 7:
            raise KeyboardInterrupt

ev = sr.CanaryEvaluator(stable="v1", canary="v2", guardrails=[Interrupted()])
try:
    ev.observe(sr.Observation(version="v1", tokens=7), now=1.0)
    while True:
        pass
except KeyboardInterrupt:
    print(ev.guardrail_errors)
"""


def test_an_interrupt_in_a_guardrail_is_for_the_main_thread():
    program = [sys.executable, "-c", INTERRUPTED]
    ended = subprocess.run(program, capture_output=True, text=True, timeout=60, check=True)
    assert (ended.stdout, ended.stderr) == ("{'interrupted': 1}\n", "")
