"""A/B tests of versions: which of two or more gives the better answers."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from . import _serinus
from .analysis import AbAnalysis, AbStatus
from .errors import StatisticsError
from .stats._result import Alternative, Floats, Result

__all__ = ["AbAssignment", "AbLength", "AbTest", "Experiments"]


@dataclass(frozen=True, kw_only=True)
class AbLength(Result):
    """What a test takes.

    Attributes
    ----------
    samples_per_arm : int
        In the arm with the least traffic: what a test takes as ``target_samples``. Of pairs, the number of prompts.
    samples : tuple of int
        In each arm, the control first.
    total : int
        In all arms. A prompt that both versions answer makes two.
    seconds : float
        How long traffic takes to bring them.
    """

    samples_per_arm: int
    samples: tuple[int, ...]
    total: int
    seconds: float

    @property
    def hours(self) -> float:
        """The same in hours."""
        return self.seconds / 3600


class AbTest(_serinus.AbTest):
    """Which of two or more versions gives the better answers, by scores in [0, 1].

    ``model_a`` is the control. Scores are recorded as they come; :meth:`analyze` may be called at any time. Scores
    beyond the planned sample still count as anytime-valid evidence; the fixed analysis stays that of the planned
    sample. The unit is the score: scores of one user are alike, so take one a user, or few, and the same number in each
    arm. May be used from several threads, and pickled.

    Parameters
    ----------
    name : str
        Also draws the users' arms: another name, another draw.
    model_a, model_b : str
        Control and challenger.
    target_samples : int, optional
        Scores planned in the arm with the least traffic (pairs, if the test is paired), from 30 on. By default 6280, or
        3140 pairs, for an effect of 0.05 standard deviations; :meth:`plan` says it for others.
    more_models : sequence of str
        Further arms.
    shares : sequence of float, optional
        The arms' shares of traffic, as weights of any sum, the control's first. Equal ones by default.
    design : {"unpaired", "cuped", "paired"}
        Who answers what: each request by one arm; the same, with a covariate to each score; each prompt by both
        versions.
    rule : {"planned_size", "anytime"}
        What the decision rests on: the fixed analysis, once, at the planned size; or the anytime-valid evidence, as
        soon as it suffices.
    clip : float
        For pairs: differences count for no more than this in the evidence, in (0, 1].

    Raises
    ------
    StatisticsError
        If a setting makes no sense; from what records, if a score is not in [0, 1], a version is no arm, or the design
        is another, and nothing is then taken in.

    Examples
    --------
    >>> import serinus as sr
    >>> test = sr.AbTest("chat-v2", model_a="v1", model_b="v2", target_samples=100)
    >>> test.record("v1", 0.81)
    >>> test.record_many("v1", [0.70, 0.75, 0.80] * 33)
    >>> test.record_many("v2", [0.76, 0.81, 0.86, 0.80] * 25)
    >>> analysis = test.analyze(alpha=0.05)
    >>> analysis.decision, analysis.winner, round(analysis.win_rate_b, 2)
    (<AbDecision.ADOPT: 'adopt'>, 'v2', 0.87)
    """

    def analyze(
        self,
        *,
        alpha: float = 0.05,
        alternative: Alternative = "two-sided",
        indifference: float | None = None,
    ) -> AbAnalysis:
        """What the scores so far say. Looking changes nothing.

        Parameters
        ----------
        alpha : float
            The probability, in (0, 1), of finding a difference that is not there, over all arms.
        alternative : {"two-sided", "less", "greater"}
            What is looked for, stated of ``model_a`` as in SciPy: "less" looks for a better challenger only. Choose it
            before the first look.
        indifference : float, optional
            A difference of mean scores, in (0, 1), below which it does not matter which version serves. Anytime
            evidence then ends a test once its interval lies within ± this.

        Raises
        ------
        StatisticsError
            If an argument is out of range.
        """
        return AbAnalysis._read(json.loads(self.analysis_json(alpha, alternative, indifference)))

    @property
    def status(self) -> AbStatus:
        """How far the test has come."""
        return AbStatus._read(json.loads(self.status_json()))

    @staticmethod
    def plan(
        effect: float,
        *,
        requests_per_hour: float,
        compared_by: Literal["means", "ranks", "pairs"] = "means",
        alpha: float = 0.05,
        power: float = 0.80,
        alternative: Alternative = "two-sided",
        shares: Floats | None = None,
    ) -> AbLength:
        """How many samples and how long a test takes to find an effect.

        Parameters
        ----------
        effect : float
            In standard deviations of the scores (of the *differences*, for "pairs"), arm minus control.
        requests_per_hour : float
            Those that take part and bring a score.
        compared_by : {"means", "ranks", "pairs"}
            How versions are compared.
        alpha, power : float
            The probabilities of finding a difference that is not there, and one that is.
        alternative : {"two-sided", "less", "greater"}
            What is looked for, stated of the control.
        shares : sequence of float, optional
            The arms' shares of traffic, the control's first. Two equal ones by default.

        Raises
        ------
        StatisticsError
            If an argument is out of range.

        Examples
        --------
        >>> import serinus as sr
        >>> length = sr.AbTest.plan(0.05, requests_per_hour=1000.0)
        >>> length.samples_per_arm, length.hours
        (6280, 12.56)
        """
        return AbLength._of(
            _serinus.test_length(effect, requests_per_hour, compared_by, alpha, power, alternative, shares)
        )

    def __reduce__(self) -> tuple[Any, ...]:
        return (_restore, (type(self), self.state_json()))

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.name!r}, models={self.models}, samples={self._samples()})"

    def _samples(self) -> tuple[int, ...]:
        return tuple(arm.samples for arm in self.status.arms)


def _restore(kind: type[AbTest], state: str) -> AbTest:
    test = kind("restored", model_a="a", model_b="b")
    test.restore(state)
    return test


@dataclass(frozen=True, kw_only=True)
class AbAssignment(Result):
    """One test that a user is in: the layer, the test, and the version that the user gets."""

    layer: str
    test: str
    version: str


class Experiments:
    """Several tests on the same users, in layers.

    Tests of one layer share no user: each owns a share of the layer's users. Layers are drawn independently of each
    other, so a user may be in one test of each. A user's tests and arms are hashes: nothing is kept per user, and every
    process that has the same tests, begun and ended in the same order, gives the same answer.

    Parameters
    ----------
    layers : iterable of str
        Their names, which draw their users.

    Examples
    --------
    >>> import serinus as sr
    >>> experiments = sr.Experiments(["prompt", "model"])
    >>> experiments.add(sr.AbTest("chat-v2", model_a="v1", model_b="v2"), layer="model", share=0.5)
    >>> experiments.room("model"), experiments.room("prompt")
    (0.5, 1.0)
    >>> for mine in experiments.assign("u42"):
    ...     experiments[mine.test].record(mine.version, 0.8)
    """

    def __init__(self, layers: Iterable[str]) -> None:
        self._layers = _serinus.Experiments(list(layers))
        self._tests: dict[str, AbTest] = {}

    def add(self, test: AbTest, *, layer: str, share: float) -> None:
        """Begins a test on this share of a layer's users, in (0, 1]. Scores are recorded in the test itself.

        Raises
        ------
        StatisticsError
            If there is no such layer, a test of the same name is running, or the layer has less left; then nothing
            changes.
        """
        self._layers.add(layer, share, test)
        self._tests[test.name] = test

    def end(self, test: str) -> AbTest:
        """Ends a test and gives it back. Its share of the layer is free again; no other test's users move.

        Raises
        ------
        StatisticsError
            If no such test is running.
        """
        self._layers.end(test)
        return self._tests.pop(test)

    def assign(self, user_id: str) -> tuple[AbAssignment, ...]:
        """The tests that a user is in, at most one of each layer, and the version in each. Counts nothing."""
        return tuple(AbAssignment._of(fields) for fields in self._layers.assign(user_id))

    def room(self, layer: str) -> float | None:
        """The share of a layer's users that is in no test, in [0, 1]; None without such a layer."""
        return self._layers.room(layer)

    @property
    def tests(self) -> Sequence[AbTest]:
        """The running tests, in the order in which they began."""
        return tuple(self._tests.values())

    def __getitem__(self, test: str) -> AbTest:
        try:
            return self._tests[test]
        except KeyError:
            known = ", ".join(self._tests) or "none"
            what = f"no test {test!r} is running; running are: {known}"
            raise StatisticsError(what, expected=known, got=test) from None

    def __reduce__(self) -> tuple[Any, ...]:
        return (_restore_experiments, (self._layers.state_json(), self._tests))

    def __repr__(self) -> str:
        return f"Experiments(tests={list(self._tests)})"


def _restore_experiments(state: str, tests: dict[str, AbTest]) -> Experiments:
    experiments = Experiments([])
    experiments._layers = _serinus.Experiments.from_json(state)
    experiments._tests = tests
    return experiments
