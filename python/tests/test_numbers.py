"""How sequences of numbers are taken: arrays where they are, everything else as what it says it is."""

import array
import operator
import sys
import threading
import weakref
from functools import partial

import numpy as np
import pandas as pd
import pytest
import serinus as sr
from serinus import _serinus, stats

VALUES = [3, 1, 4, 1, 5, 9, 2, 6, 5, 3, 5, 8, 9, 7, 9]


def strided(values):
    return np.repeat(np.array(values, float), 2)[::2]


@pytest.mark.parametrize(
    "form",
    [
        list,
        tuple,
        lambda values: np.array(values, float),
        lambda values: np.array(values, np.float32),
        lambda values: np.array(values, np.int64),
        lambda values: np.array(values, np.uint8),
        lambda values: np.array(values, ">f8"),
        strided,
        lambda values: np.array(values[::-1], float)[::-1],
        lambda values: np.array([values, values], float)[1],
        lambda values: np.array([values, values], float).T[:, 0],
        lambda values: array.array("d", values),
        lambda values: array.array("f", values),
        lambda values: array.array("i", values),
        lambda values: memoryview(array.array("d", values)),
        lambda values: pd.Series(values),
        lambda values: pd.Series(values, dtype="float64"),
        lambda values: pd.DataFrame({"x": values, "y": values})["y"],
    ],
)
def test_the_form_makes_no_difference(form):
    given = form(VALUES)
    assert stats.welch_t(given, [1.0, 2.0, 4.0]) == stats.welch_t([float(value) for value in VALUES], [1.0, 2.0, 4.0])
    assert stats.hodges_lehmann([0.0], given).estimate == 5.0


def test_truth_values_are_numbers():
    passed = np.array([True, False, True, True])
    assert stats.moments(passed).mean == 0.75 == stats.moments([True, False, True, True]).mean


@pytest.mark.parametrize(
    "form",
    [
        list,
        tuple,
        np.array,
        lambda flags: np.array(flags, np.uint8),
        lambda flags: np.array(flags, float),
        lambda flags: np.repeat(np.array(flags), 2)[::2],
        lambda flags: np.array(["timeout" if flag else "" for flag in flags]),
        lambda flags: ["timeout" if flag else None for flag in flags],
        pd.Series,
        bytes,
    ],
)
def test_the_form_of_truth_values_makes_no_difference(form):
    evaluator = sr.CanaryEvaluator(stable="v1", canary="v2")
    evaluator.observe_many(version="v2", error=form([True, False, False, True, False] * 20), arrived_at=1.0)
    evaluator.observe_many(version="v1", error=[False] * 100, arrived_at=1.0)
    assert evaluator.evaluate(now=2.0).errors.canary_rate == 0.4
    with pytest.raises(sr.StatisticsError, match="2 dimensions"):
        evaluator.observe_many(version="v2", error=np.zeros((2, 2), bool))


def test_an_array_is_read_and_left_as_it_is():
    values = np.array(VALUES, float)
    before = values.copy()
    for function in [stats.mann_whitney_u, stats.hodges_lehmann, stats.kolmogorov_smirnov, stats.permutation_test]:
        function(values, values)
    stats.bootstrap_bca(values, statistic="median", resamples=50)
    stats.quantile(values, 0.5)
    assert np.array_equal(values, before), "nothing is sorted in place"
    values.flags.writeable = False
    assert stats.moments(values) == stats.moments(before)


def test_a_contiguous_array_is_not_copied():
    # A bytearray cannot grow while its memory is shown to someone: it is while a function runs, and not after it.
    held = bytearray(np.array(VALUES, float).tobytes())
    refused = []

    def grows(values):
        try:
            held.extend(bytes(8))
        except BufferError:
            refused.append(True)
        return values[0]

    stats.bootstrap_bca(np.frombuffer(held), statistic=grows, resamples=3)
    assert len(refused) > 3
    held.extend(bytes(8))
    refused.clear()

    # Of every second number there is a copy, and what was shown is let go before the computation.
    every_second = np.frombuffer(held)[::2].copy()
    assert stats.bootstrap_bca(every_second, statistic=grows, resamples=3).estimate == every_second[0]
    assert not refused


def test_nothing_is_held_after_the_call():
    values = np.array(VALUES, float)
    references = sys.getrefcount(values)
    for wrong in [np.array([np.nan]), "ab"]:
        with pytest.raises((sr.StatisticsError, TypeError)):
            stats.welch_t(values, wrong)
    stats.welch_t(values, values)
    assert sys.getrefcount(values) == references
    gone = weakref.ref(values)
    del values
    assert gone() is None


@pytest.mark.parametrize(
    "wrong, error",
    [
        (np.zeros((2, 2)), sr.StatisticsError),
        (np.zeros((2, 2), np.float32), sr.StatisticsError),
        (np.zeros((2, 2), int), sr.StatisticsError),
        (np.float64(1.0), TypeError),
        (np.array(1.0), TypeError),
        (np.array(["a"]), TypeError),
        (pd.Series([1.0, "b"]), TypeError),
        ([[1.0, 2.0]], TypeError),
        ([1.0, None], TypeError),
        (["1.0"], TypeError),
        ({"a": 1.0}, TypeError),
        (1.0, TypeError),
        (None, TypeError),
        (object(), TypeError),
    ],
)
def test_what_is_no_sequence_of_numbers(wrong, error):
    with pytest.raises(error):
        stats.quantile(wrong, 0.5)


def quantile_test():
    return _serinus.SequentialTest.quantile("worse", 0.9, 0.1, 0.05)


@pytest.mark.parametrize(
    "compute",
    [
        lambda a: partial(_serinus.bootstrap, a, "median", None, ("bca", 0.95, 2_000, 1)),
        lambda a: partial(_serinus.hodges_lehmann, a, a, 0.95),
        lambda a: partial(_serinus.mann_whitney_u, a, a, "two-sided", "asymptotic", True),
        lambda a: partial(stats.ConfidenceSequence.mean().update_many, np.tile(1 / (1 + np.exp(-a)), 40)),
        lambda a: partial(quantile_test().update_values, np.tile(abs(a), 40), []),
    ],
)
def test_other_threads_run_while_it_computes(compute):
    # From one look at the counter to the other this thread runs no bytecode, so it is not made to give way: the counter
    # moves between them only if the computation lets go of the interpreter.
    compute = compute(np.random.default_rng(1).normal(size=2_000))
    counted, end = [0], threading.Event()
    look = partial(operator.getitem, counted, 0)

    def count():
        while not end.is_set():
            counted[0] += 1

    counter = threading.Thread(target=count)
    counter.start()
    try:
        for _ in range(500):
            before, _, after = list(map(operator.call, [look, compute, look]))
            if after > before:
                break
        else:
            pytest.fail("the counter stood still")
    finally:
        end.set()
        counter.join()
