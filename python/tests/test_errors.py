"""Errors keep what they say, also across processes."""

import copy
import pickle

import pytest
import serinus as sr

ERRORS = [
    sr.SerinusError("no", expected="a", got="b"),
    sr.PlanError("no", expected="a", got="b"),
    sr.RoutingError("no", expected="a", got="b"),
    sr.HostError("no", transient=True, expected="a", got="b"),
    sr.JournalError("no", expected="a", got="b"),
    sr.JudgeError("no", kind="out_of_budget", expected="a", got="b"),
    sr.JudgeConfigError("no", expected="a", got="b"),
    sr.FeedbackError("no", kind="late"),
    sr.StatisticsError("no", expected="a", got="b"),
    sr.SimulationError("no", expected="a", got="b"),
    sr.RolloutError("no", expected="a", got="b"),
    sr.RolloutConfigError("no", expected="a", got="b"),
]


@pytest.mark.parametrize("error", ERRORS, ids=lambda error: type(error).__name__)
@pytest.mark.parametrize("again", [lambda error: pickle.loads(pickle.dumps(error)), copy.copy])
def test_an_error_is_the_same_elsewhere(error, again):
    there = again(error)
    assert type(there) is type(error) and str(there) == "no" and vars(there) == vars(error)
    assert isinstance(there, sr.SerinusError)


def test_all_errors_are_here():
    assert {type(error) for error in ERRORS} == {
        found for found in vars(sr).values() if isinstance(found, type) and issubclass(found, sr.SerinusError)
    }


class HouseError(sr.HostError):
    """One of a host's own."""


def test_an_error_of_ones_own_stays_what_it_is():
    error = HouseError("the rack is dark", transient=True)
    again = pickle.loads(pickle.dumps(error))
    assert type(again) is HouseError and again.transient


def test_a_bad_argument_is_a_value_error():
    refused = {sr.PlanError, sr.RoutingError, sr.FeedbackError, sr.StatisticsError, sr.SimulationError}
    assert all(issubclass(error, ValueError) for error in refused | {sr.JudgeConfigError, sr.RolloutConfigError})
