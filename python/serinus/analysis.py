"""What is said of an A/B test: values, read from the extension's JSON.

Effects are *arm minus control*: positive where the arm is better.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

from .errors import StatisticsError
from .stats._result import Alternative, Interval, Result

__all__ = [
    "AbAnalysis",
    "AbComparison",
    "AbDecision",
    "AbEstimate",
    "AbFinding",
    "AbProgress",
    "AbStatus",
    "AnytimeAnalysis",
    "ArmProgress",
    "ArmSummary",
    "FixedAnalysis",
    "SampleRatioCheck",
]

Design: TypeAlias = Literal["unpaired", "cuped", "paired"]
Rule: TypeAlias = Literal["planned_size", "anytime"]


class AbProgress(enum.StrEnum):
    """How far a test has come."""

    INSUFFICIENT_DATA = "insufficient_data"
    """An arm has fewer than 30 scores; nothing is said."""
    RUNNING = "running"
    """Every arm has 30 scores, and not all have their planned sample."""
    COMPLETE = "complete"
    """Every arm has its planned sample."""


class AbDecision(enum.StrEnum):
    """What to do."""

    ADOPT = "adopt"
    """A version is better than the control."""
    KEEP_CONTROL = "keep_control"
    """No version is better, and at least one is worse."""
    NO_DIFFERENCE = "no_difference"
    """None was found at the planned size, or none that matters is left."""
    UNDECIDED = "undecided"
    """The evidence does not suffice yet."""
    BLOCKED = "blocked"
    """Traffic is not split as configured, so the scores cannot be compared."""
    INSUFFICIENT_DATA = "insufficient_data"
    """An arm has fewer than 30 scores."""


class AbFinding(enum.StrEnum):
    """What is known of an arm against the control."""

    BETTER = "better"
    WORSE = "worse"
    ALIKE = "alike"
    """No difference was found at the planned size, or none that matters is left."""
    OPEN = "open"
    """Nothing yet."""


@dataclass(frozen=True, kw_only=True)
class AbEstimate(Result):
    """An estimate, and the values that the data do not contradict."""

    estimate: float
    interval: Interval

    @classmethod
    def _read(cls, data: dict[str, Any] | None) -> AbEstimate | None:
        return None if data is None else cls(estimate=data["estimate"], interval=Interval(**data["interval"]))


@dataclass(frozen=True, kw_only=True)
class ArmProgress(Result):
    """How far an arm has come: users who were given it as far as they were counted, scores taken in, scores planned."""

    version: str
    assigned: int
    samples: int
    target: int


@dataclass(frozen=True, kw_only=True)
class AbStatus(Result):
    """A test's running status.

    Attributes
    ----------
    progress : AbProgress
        How far it has come.
    arms : tuple of ArmProgress
        Each arm, the control first.
    fraction : float
        Of the planned sample, in the arm that has the least of its own; in [0, 1].
    """

    progress: AbProgress
    arms: tuple[ArmProgress, ...]
    fraction: float

    @classmethod
    def _read(cls, data: dict[str, Any]) -> AbStatus:
        arms = tuple(ArmProgress(**arm) for arm in data["arms"])
        return cls(progress=AbProgress(data["progress"]), arms=arms, fraction=data["fraction"])


@dataclass(frozen=True, kw_only=True)
class ArmSummary(Result):
    """One arm's scores: how many, their mean (None without any) and standard deviation (None below two)."""

    version: str
    samples: int
    mean: float | None
    standard_deviation: float | None


@dataclass(frozen=True, kw_only=True)
class FixedAnalysis(Result):
    """What the planned sample says of an arm.

    It holds once, at the planned size: each look before is one more chance to be wrong.

    Attributes
    ----------
    holds : bool
        Whether the planned sample is complete, and so p-values and intervals mean what they say.
    caveat : str
        The same in a sentence.
    control_samples, arm_samples : int
        Scores that it is made of.
    p_value : float
        Of the design's test: Mann and Whitney's; Welch's of the adjusted scores; Wilcoxon's.
    adjusted_p_value : float
        The same by Holm's adjustment for all arms.
    significant : bool
        Whether that is at most α, whether it holds or not.
    finding : AbFinding
        What is found; open unless it holds.
    mean_difference : AbEstimate
        Mean score of the arm less that of the control.
    cohens_d, hedges_g : AbEstimate or None
        The difference in standard deviations. None if scores do not vary; no ``hedges_g`` of pairs.
    win_rate : AbEstimate
        P(arm > control) + ½ P(arm = control).
    tests : mapping of str to float, int or dict
        The tests in detail: their p-values, and what else the design has.
    """

    holds: bool
    caveat: str
    control_samples: int
    arm_samples: int
    p_value: float
    adjusted_p_value: float
    significant: bool
    finding: AbFinding
    mean_difference: AbEstimate
    cohens_d: AbEstimate | None
    hedges_g: AbEstimate | None
    win_rate: AbEstimate
    tests: Mapping[str, Any]

    @classmethod
    def _read(cls, data: dict[str, Any]) -> FixedAnalysis:
        names = ("mean_difference", "cohens_d", "hedges_g", "win_rate")
        estimates = {name: AbEstimate._read(data[name]) for name in names}
        (tests,) = data["tests"].values()
        return cls(**{**data, **estimates, "finding": AbFinding(data["finding"]), "tests": tests})


@dataclass(frozen=True, kw_only=True)
class AnytimeAnalysis(Result):
    """What anytime-valid evidence says of an arm. It may be looked at as often as one likes, and acted on at any look.

    Attributes
    ----------
    evidence_better, evidence_worse : float
        E-values against "its mean is no higher" and "no lower than the control's".
    needed : float
        The evidence at which something is found.
    p_value : float
        Valid at any time, for all arms together.
    finding : AbFinding
        What is found now.
    mean_difference, win_rate : AbEstimate or None
        By what was matched, with intervals valid at all times together; None before the first block.
    samples : int
        Scores of both arms that were evidence.
    """

    evidence_better: float
    evidence_worse: float
    needed: float
    p_value: float
    finding: AbFinding
    mean_difference: AbEstimate | None
    win_rate: AbEstimate | None
    samples: int

    @classmethod
    def _read(cls, data: dict[str, Any]) -> AnytimeAnalysis:
        estimates = {name: AbEstimate._read(data[name]) for name in ("mean_difference", "win_rate")}
        return cls(**{**data, **estimates, "finding": AbFinding(data["finding"])})


@dataclass(frozen=True, kw_only=True)
class AbComparison(Result):
    """One arm against the control: by the planned sample, and by anytime-valid evidence."""

    control: str
    arm: str
    fixed: FixedAnalysis
    anytime: AnytimeAnalysis

    @classmethod
    def _read(cls, data: dict[str, Any]) -> AbComparison:
        fixed, anytime = FixedAnalysis._read(data["fixed"]), AnytimeAnalysis._read(data["anytime"])
        return cls(control=data["control"], arm=data["arm"], fixed=fixed, anytime=anytime)


@dataclass(frozen=True, kw_only=True)
class SampleRatioCheck(Result):
    """Whether the arms got the shares of traffic that they were to get. If not, the test decides nothing.

    Attributes
    ----------
    counted : {"assignments", "scores"}
        What was counted: scores, where no assignment was.
    counts, shares : tuple
        Counts and configured shares in the arms' order.
    mismatch : bool
        Whether they do not match: from evidence of 1,000 on.
    evidence : float
        An e-value against the configured shares, valid at any time.
    chi_square_p_value : float
        Of the same counts, for a single look.
    """

    counted: Literal["assignments", "scores"]
    counts: tuple[int, ...]
    shares: tuple[float, ...]
    mismatch: bool
    evidence: float
    chi_square_p_value: float

    @classmethod
    def _read(cls, data: dict[str, Any] | None) -> SampleRatioCheck | None:
        if data is None:
            return None
        return cls(**{**data, "counts": tuple(data["counts"]), "shares": tuple(data["shares"])})


@dataclass(frozen=True, kw_only=True)
class AbAnalysis(Result):
    """A test, analysed.

    Numbers without more words are those of the planned sample, of ``model_b`` against ``model_a``; they are None while
    an arm has fewer than 30 scores. With more than two versions, ``comparisons`` has the others.

    Attributes
    ----------
    test, design, rule : str
        Its name, who answers what, and what the decision rests on.
    alpha, alternative
        What was asked.
    status : AbProgress
        How far it has come.
    n_a, n_b : int
        Scores taken in.
    mean_a, mean_b : float or None
        Their means.
    p_value : float or None
        Of the design's test, adjusted for all arms; holds once, at the planned size.
    significant : bool
        Whether that is at most α. Before the planned size it is no reason to act: that is what ``decision`` is for.
    mean_difference, cohens_d, win_rate_b : float or None
        Mean of b less that of a; in standard deviations; P(b > a) + ½ P(b = a).
    decision : AbDecision
        What to do.
    winner : str or None
        The version to adopt or to keep.
    reasons : tuple of str
        Why, in words with the numbers.
    arms : tuple of ArmSummary
        Each arm, the control first.
    comparisons : tuple of AbComparison
        Each other arm against the control, by the planned sample and by anytime-valid evidence.
    sample_ratio : SampleRatioCheck or None
        Whether traffic is split as configured; None of a paired test.
    """

    test: str
    design: Design
    rule: Rule
    alpha: float
    alternative: Alternative
    status: AbProgress
    n_a: int
    n_b: int
    mean_a: float | None
    mean_b: float | None
    p_value: float | None
    significant: bool
    mean_difference: float | None
    cohens_d: float | None
    win_rate_b: float | None
    decision: AbDecision
    winner: str | None
    reasons: tuple[str, ...]
    arms: tuple[ArmSummary, ...]
    comparisons: tuple[AbComparison, ...]
    sample_ratio: SampleRatioCheck | None

    def comparison(self, model: str) -> AbComparison:
        """An arm against the control.

        Raises
        ------
        StatisticsError
            Of the control itself, of a version that is no arm, and while there is too little data.
        """
        for comparison in self.comparisons:
            if comparison.arm == model:
                return comparison
        known = ", ".join(comparison.arm for comparison in self.comparisons)
        instead = f"there are: {known}" if known else "there is none while an arm has fewer than 30 scores"
        what = f"there is no comparison of {model!r} with the control; {instead}"
        raise StatisticsError(what, expected=known, got=model)

    def __str__(self) -> str:
        decision = self.decision.value if self.winner is None else f"{self.decision.value} {self.winner}"
        return "\n".join([decision, *self.reasons])

    @classmethod
    def _read(cls, data: dict[str, Any]) -> AbAnalysis:
        arms = tuple(ArmSummary(**arm) for arm in data["arms"])
        comparisons = tuple(AbComparison._read(comparison) for comparison in data["comparisons"])
        fixed = comparisons[0].fixed if comparisons else None
        decision = data["decision"]
        word, of = (decision, {}) if isinstance(decision, str) else next(iter(decision.items()))
        return cls(
            test=data["test"],
            design=data["design"],
            rule=data["rule"],
            alpha=data["options"]["alpha"],
            alternative=data["options"]["alternative"],
            status=AbProgress(data["status"]["progress"]),
            n_a=arms[0].samples,
            n_b=arms[1].samples,
            mean_a=arms[0].mean,
            mean_b=arms[1].mean,
            p_value=fixed.adjusted_p_value if fixed else None,
            significant=fixed.significant if fixed else False,
            mean_difference=fixed.mean_difference.estimate if fixed else None,
            cohens_d=fixed.cohens_d.estimate if fixed and fixed.cohens_d else None,
            win_rate_b=fixed.win_rate.estimate if fixed else None,
            decision=AbDecision(word),
            winner=of.get("version"),
            reasons=tuple(data["reasons"]),
            arms=arms,
            comparisons=comparisons,
            sample_ratio=SampleRatioCheck._read(data["sample_ratio"]),
        )
