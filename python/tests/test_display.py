"""Evaluations and plans in notebooks and as tables."""

import math
import xml.etree.ElementTree

import pytest
import serinus as sr


def evaluator(**options):
    return sr.CanaryEvaluator(stable="v1", canary="v2", **options)


class Own:
    name = 'a<b>&"c"\x07'
    increase = 0.5
    noun = "<script>"

    def failed(self, outcome):
        return None if outcome.tokens is None else outcome.tokens < 5


def fed():
    ev = evaluator(guardrails=[Own()])
    ev.observe_many(version="v1", tokens=[9] * 2_000, arrived_at=1.0)
    ev.observe_many(version="v2", tokens=[3] * 2_000, arrived_at=1.0)
    return ev


def parsed(html):
    assert "<script" not in html
    return xml.etree.ElementTree.fromstring(html)


def test_an_evaluation_shows_itself_in_a_notebook():
    ev = fed()
    for evaluation in (
        ev.evaluate(now=2.0),
        evaluator().evaluate(),
        sr.ThresholdEvaluator(stable="a", canary="b").evaluate(),
    ):
        root = parsed(evaluation._repr_html_())
        assert str(evaluation.verdict) in "".join(root.itertext())
        bars = root.findall(".//{http://www.w3.org/2000/svg}rect")
        assert len(bars) == len(evaluation.guardrails)
    labels = [text.text for text in parsed(ev.evaluate(now=2.0)._repr_html_()).iter("{http://www.w3.org/2000/svg}text")]
    assert Own.name.replace("\x07", "\ufffd") in labels


@pytest.mark.parametrize("strategy", list(sr.Strategy))
def test_a_plan_shows_itself_in_a_notebook(strategy):
    v1 = sr.ModelVersion(model_id="chat", version="v<1>&", base_model="llama", weight_hash="aa", gpu_memory_gb=16.0)
    planner = sr.RiskPlanner(strategies={sr.Risk.MEDIUM: strategy})
    fleet = sr.Fleet(replicas=4, gpu_memory_gb=40.0, spare_replicas=4)
    plan = planner.plan(v1, v1.replace(version="v2", weight_hash="bb"), fleet=fleet)
    root = parsed(plan._repr_html_())
    assert "v<1>& → v2" in "".join(root.itertext())
    assert len(root.findall(".//tbody/tr")) == len(plan.stages)
    assert root.find(".//{http://www.w3.org/2000/svg}path").get("d").count("V") == len(plan.stages) + 1


def test_guardrails_are_tables_of_other_libraries():
    pytest.importorskip("pandas")
    pytest.importorskip("pyarrow")
    r = fed().evaluate(now=2.0)
    frame, table = r.to_frame(), r.to_arrow()
    assert list(frame.index) == table["guardrail"].to_pylist() == list(r.guardrails)
    own = r.guardrails[Own.name]
    assert frame.loc[Own.name, "e_value"] == own.e_value
    assert frame.loc[Own.name, "low"] == own.interval.low
    assert math.isnan(frame.loc["score", "canary"])
    assert table.to_pylist()[list(r.guardrails).index(Own.name)]["canary_requests"] == own.canary.requests == 2_000
    empty = sr.ThresholdEvaluator(stable="v1", canary="v2").evaluate()
    assert len(empty.to_frame()) == empty.to_arrow().num_rows == 0
    assert list(empty.to_frame().columns) == list(frame.columns) and empty.to_arrow().schema == table.schema


@pytest.mark.parametrize(
    ("method", "library", "extra"), [("to_frame", "pandas", "pandas"), ("to_arrow", "pyarrow", "arrow")]
)
def test_a_library_that_is_not_there_is_named(monkeypatch, method, library, extra):
    monkeypatch.setitem(__import__("sys").modules, library, None)
    with pytest.raises(ImportError, match=rf"pip install serinus\[{extra}\]"):
        getattr(evaluator().evaluate(), method)()
