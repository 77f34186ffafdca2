"""Judging from Python: values, judges, checks, and what they are worth."""

import copy
import json
import logging
import pickle
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
import serinus as sr
from judges import Knows, KnowsLater, Says


def test_prompts_and_answers_are_values_that_show_no_text():
    tool = sr.Tool("weather", {"type": "object"})
    prompt = sr.Prompt("secret words", context="secret", tools=[tool])
    assert "secret" not in repr(prompt) and repr(prompt) == "Prompt(12 characters, context, tools)"
    assert prompt == pickle.loads(pickle.dumps(prompt)) != sr.Prompt("secret words")
    assert prompt.to_dict()["tools"] == [{"name": "weather", "parameters": {"type": "object"}}]
    answer = sr.Answer("secret", cut_off=True, tokens=3, tool_calls=[sr.ToolCall("weather", '{"city": "secret"}')])
    assert "secret" not in repr(answer) and "secret" not in repr(answer.tool_calls[0])
    assert answer == pickle.loads(pickle.dumps(answer))


def test_what_makes_no_sense_is_refused():
    for wrong in [lambda: sr.Prompt(5), lambda: sr.Answer(None), lambda: sr.Answer("a", tokens="3")]:
        with pytest.raises(TypeError):
            wrong()
    with pytest.raises(sr.JudgeConfigError, match="not both") as refused:
        sr.Prompt("?", json=True, tools=[])
    assert isinstance(refused.value, ValueError) and refused.value.got == "both"
    with pytest.raises(sr.JudgeConfigError, match="schema"):
        sr.Prompt("?", json={"type": object()})
    for quality in [-0.1, 1.1, float("nan"), float("inf")]:
        with pytest.raises(sr.JudgeConfigError, match="0 to 1"):
            sr.Score(quality)


def test_errors_keep_their_kind():
    error = sr.JudgeError("no key", kind="refused")
    restored = pickle.loads(pickle.dumps(error))
    assert (str(restored), restored.kind) == ("no key", sr.JudgeErrorKind.REFUSED)
    assert sr.JudgeError("down").kind is sr.JudgeErrorKind.UNAVAILABLE
    late = pickle.loads(pickle.dumps(sr.FeedbackError("late", kind="late")))
    assert late.kind is sr.FeedbackErrorKind.LATE
    config = pickle.loads(pickle.dumps(sr.JudgeConfigError("no", expected="a", got="b")))
    assert (config.expected, config.got) == ("a", "b")
    with pytest.raises(ValueError, match="tired"):
        sr.JudgeError("?", kind="tired")


@pytest.mark.parametrize("judge", [Knows(), KnowsLater()], ids=["plain", "async"])
def test_answers_are_compared_in_both_orders(judge):
    def verdict(stable, canary):
        found = sr.compare_in_both_orders(judge, "The capital of France?", stable, canary)
        return found.pair, found.flipped

    assert verdict("Paris", "Rome") == (sr.Pair.LOSS, False)
    assert verdict("Rome", sr.Answer("Paris.")) == (sr.Pair.WIN, False)
    assert verdict("Paris", "It is Paris.") == (sr.Pair.TIE, False)


def test_a_judge_that_prefers_a_place_flips():
    verdict = sr.compare_in_both_orders(Says("first"), "?", "a", "b")
    assert verdict == sr.PairVerdict(pair=sr.Pair.TIE, flipped=True)
    assert verdict == pickle.loads(pickle.dumps(verdict))
    noise = sr.measure_noise(Says("first"), [("?", "a", "b")] * 3)
    assert (noise.flipped, noise.first_place) == (sr.Count(3, 3), sr.Count(3, 3))
    assert noise.failed == sr.Count(6, 12), "'first' is no score"
    assert noise == pickle.loads(pickle.dumps(noise))


@pytest.mark.parametrize("kind", list(sr.JudgeErrorKind))
def test_an_error_of_a_judge_keeps_its_kind(kind, caplog):
    with pytest.raises(sr.JudgeError, match="my words") as raised:
        sr.compare_in_both_orders(Says(sr.JudgeError("my words", kind=kind)), "?", "a", "b")
    assert raised.value.kind is kind
    assert "my words" not in caplog.text, "the judge said it itself"


def test_any_other_exception_is_unavailable_and_logged(caplog):
    oops = f"oops {threading.get_ident()}"
    with caplog.at_level(logging.WARNING, "serinus.judging"), pytest.raises(sr.JudgeError) as raised:
        sr.Calibration.measure(Says(ZeroDivisionError(oops)), [("?", "a", True)])
    assert raised.value.kind is sr.JudgeErrorKind.UNAVAILABLE
    assert f"ZeroDivisionError: {oops}" in str(raised.value)
    (record,) = [record for record in caplog.records if oops in record.message]
    assert record.exc_info[0] is ZeroDivisionError


@pytest.mark.parametrize("said", [None, "good", True, 1.5, float("nan"), -1, (0.5, True, 1), object()], ids=repr)
def test_a_score_that_is_none_is_unparsable(said):
    with pytest.raises(sr.JudgeError) as raised:
        sr.Calibration.measure(Says(said), [("?", "a", True)])
    assert raised.value.kind is sr.JudgeErrorKind.UNPARSABLE


def test_an_interrupt_ends_the_measurement():
    for ends in [KeyboardInterrupt(), SystemExit(3)]:
        with pytest.raises(type(ends)):
            sr.measure_noise(Says(ends), [("?", "a", "b")] * 3)
    assert sr.measure_noise(Says(0.5), []) == sr.JudgeNoise(
        flipped=sr.Count(), first_place=sr.Count(), undecided=sr.Count(), score_difference=0.0, failed=sr.Count()
    )


def test_a_calibration_takes_the_judges_errors_out():
    labelled = [("?", "Paris", True)] * 9 + [("?", "Paris", False)] + [("?", "Rome", False)] * 9
    calibration = sr.Calibration.measure(Knows(), labelled)
    assert (calibration.sensitivity, calibration.specificity) == (0.9, 1.0)
    assert calibration == pickle.loads(pickle.dumps(calibration))
    corrected = calibration.correct(90, 1_000)
    assert corrected.rate == pytest.approx(0.1)
    assert corrected.interval[0] < 0.1 < corrected.interval[1]
    blind = sr.Calibration.from_labels([(True, True), (False, True)])
    assert blind.correct(1, 2) is None, "no better than chance"
    assert sr.Calibration().sensitivity is None
    for wrong in [
        lambda: sr.Calibration().correct(1, 2),
        lambda: calibration.correct(3, 2),
        lambda: calibration.correct(1, 2, confidence=1.0),
        lambda: calibration.correct(1, 2, confidence=float("nan")),
    ]:
        with pytest.raises(sr.StatisticsError):
            wrong()


def test_wrong_types_are_named():
    for wrong in [(5, "a", "b"), ("?", None, "b"), (sr.Answer("?"), "a", "b")]:
        with pytest.raises(TypeError, match="expected a str or a serinus"):
            sr.compare_in_both_orders(Knows(), *wrong)
    with pytest.raises(TypeError, match="method score"):
        sr.Reviewer(judge=object())
    with pytest.raises(TypeError, match="redact"):
        sr.Reviewer(redactor="x")


def test_standard_checks_are_made_where_they_apply():
    checks = sr.StandardChecks(without=["language"], chars=(1, 40))
    found = checks.check("The capital of France?", "Paris.")
    assert found[sr.Check.EMPTY] and found[sr.Check.LENGTH] and sr.Check.JSON not in found
    schema = sr.Prompt("As JSON", json={"type": "array"})
    assert checks.check(schema, "[1]")[sr.Check.JSON]
    assert not checks.check(schema, "{}")[sr.Check.JSON]
    tools = sr.Prompt("Weather?", tools=[sr.Tool("weather", {"type": "object", "required": ["city"]})])
    called = {
        arguments: checks.check(tools, sr.Answer("", tool_calls=[sr.ToolCall("weather", arguments)]))
        for arguments in ['{"city": "Paris"}', "{}"]
    }
    assert [found[sr.Check.TOOL_CALL] for found in called.values()] == [True, False]
    assert not checks.check("?", sr.Answer("a b", cut_off=True))[sr.Check.TRUNCATED]
    for wrong in [{"chars": (9, 1)}, {"only": ["nothing"]}, {"refusals": "[refusals]\n*"}]:
        with pytest.raises(sr.JudgeConfigError):
            sr.StandardChecks(**wrong)


def test_a_reviewer_says_what_it_can_and_refuses_what_makes_no_sense():
    reviewer = sr.Reviewer(Knows(), sr.StandardChecks(), sampling=sr.Sampling(per_minute=5), workers=0)
    assert (reviewer.has_checks, reviewer.can_shadow) == (True, False)
    stats = reviewer.stats()
    assert (stats.stable.sampled, stats.held, stats.judge_failures) == (0, 0, 0)
    assert stats == pickle.loads(pickle.dumps(stats))
    reviewer.work_off()
    with pytest.raises(sr.RoutingError, match=r"feedback=Feedback\(\)"):
        reviewer.feedback("r1", 1.0)
    for wrong in [{"per_minute": 0}, {"per_minute": float("nan")}, {"max_held": -1}, {"deadline_seconds": -1.0}]:
        with pytest.raises(sr.JudgeConfigError):
            sr.Reviewer(sampling=sr.Sampling(**wrong))
    with pytest.raises(sr.JudgeConfigError):
        sr.Reviewer(feedback=sr.Feedback(window_seconds=float("inf")))


class Endpoint(BaseHTTPRequestHandler):
    """Answers as the model's name says."""

    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.seen.append((self.path, self.headers["Authorization"], body))
        verdict = '{"better": "B"}' if "answer_A" in json.dumps(body) else '{"score": 5}'
        status, content = {"down": (500, ""), "locked": (401, "s3cret"), "babbles": (200, "no JSON")}.get(
            body["model"], (200, verdict)
        )
        said = {"choices": [{"message": {"content": content}}], "usage": {"prompt_tokens": 50, "completion_tokens": 5}}
        sent = json.dumps(said).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(sent)))
        self.end_headers()
        self.wfile.write(sent)

    def log_message(self, *_):
        pass


@pytest.fixture
def endpoint():
    server = ThreadingHTTPServer(("127.0.0.1", 0), Endpoint)
    server.seen = []
    server.url = f"http://127.0.0.1:{server.server_port}/v1"
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


def test_a_model_behind_an_endpoint_judges(endpoint):
    judge = sr.OpenAiJudge(
        endpoint=endpoint.url,
        model="m",
        api_key="s3cret",
        budget=sr.Budget(calls=3),
        prices=sr.Prices(input_per_million=1.0, output_per_million=10.0),
        parameters={"seed": 1},
    )
    assert judge.score("The capital of France?", sr.Answer("Paris")) == sr.Score(1.0, True)
    assert judge.prefer("The capital of France?", "Rome", "Paris") is sr.Preference.SECOND
    path, key, body = endpoint.seen[0]
    assert (path, key, body["model"], body["seed"]) == ("/v1/chat/completions", "Bearer s3cret", "m", 1)
    spent = judge.spent
    assert (spent.calls, spent.input_tokens, spent.output_tokens) == (2, 100, 10)
    assert spent.money == pytest.approx(0.0002)
    assert judge.remaining == sr.Budget(calls=1)
    judge.set_budget(sr.Budget(calls=2))
    with pytest.raises(sr.JudgeError, match="2 of 2 calls") as raised:
        judge.score("?", "!")
    assert raised.value.kind is sr.JudgeErrorKind.OUT_OF_BUDGET


@pytest.mark.parametrize(
    ("model", "kind"),
    [
        ("down", sr.JudgeErrorKind.UNAVAILABLE),
        ("locked", sr.JudgeErrorKind.REFUSED),
        ("babbles", sr.JudgeErrorKind.UNPARSABLE),
    ],
)
def test_what_an_endpoint_does_wrong_has_its_kind(endpoint, model, kind):
    judge = sr.OpenAiJudge(endpoint=endpoint.url, model=model, api_key="s3cret", retries=0)
    with pytest.raises(sr.JudgeError) as raised:
        judge.score("?", "!")
    assert raised.value.kind is kind and "s3cret" not in str(raised.value)
    labelled = [("?", "!", True)]
    with pytest.raises(sr.JudgeError) as raised:
        sr.Calibration.measure(judge, labelled)
    assert raised.value.kind is kind


def test_no_key_is_ever_shown(monkeypatch):
    judge = sr.OpenAiJudge(endpoint="http://h/v1", model="m", api_key="s3cret", rubric=sr.Rubric("hallucination"))
    assert "s3cret" not in repr(judge) and "s3cret" not in repr(vars(judge))
    for leak in [pickle.dumps, copy.copy]:
        with pytest.raises(TypeError, match="holds a key") as raised:
            leak(judge)
        assert "s3cret" not in str(raised.value)
    for wrong in [
        {"endpoint": "http://user:s3cret@h/v1"},
        {"api_key": "s3cret key"},
        {"api_key_env": "SERINUS_NO_SUCH_KEY"},
        {"timeout_seconds": float("nan")},
        {"concurrency": 0},
        {"answer_format": "xml"},
        {"rubric": "name = 1"},
        {"budget": sr.Budget(money=1.0)},
    ]:
        with pytest.raises(sr.JudgeConfigError) as refused:
            sr.OpenAiJudge(**{"endpoint": "http://h/v1", "model": "m", **wrong})
        assert "s3cret" not in str(refused.value)
    monkeypatch.setenv("SERINUS_TEST_KEY", "s3cret")
    sr.OpenAiJudge(endpoint="http://h/v1", model="m", api_key_env="SERINUS_TEST_KEY")


def test_a_rubric_is_read_when_it_is_made(tmp_path):
    text = """
    name = "short"
    question = "Is it short?"
    compare = "Which is shorter?"
    pass_at = 0.5
    levels = [{ score = 0, meaning = "No." }, { score = 1, meaning = "Yes." }]
    """
    (tmp_path / "short.toml").write_text(text)
    rubric = sr.Rubric.from_path(tmp_path / "short.toml")
    assert (rubric.name, rubric.pass_at) == ("short", 0.5)
    assert rubric == sr.Rubric(text) == pickle.loads(pickle.dumps(rubric))
    with pytest.raises(sr.JudgeConfigError, match="pass_at"):
        sr.Rubric(text.replace("0.5", "1.5"))
