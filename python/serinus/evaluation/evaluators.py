"""The evaluators, and what they are fed with."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Literal, Self

from .. import _serinus
from ..errors import StatisticsError
from ..planning import Margins, UpdatePlan
from .guardrails import Guardrail, StandardGuardrail
from .results import Evaluation

if TYPE_CHECKING:
    from ..judging import Calibration

__all__ = ["CanaryEvaluator", "Observation", "ThresholdEvaluator"]


class Observation(_serinus.Observation):
    """One request, reported after the fact. A frozen value; what is left out was not measured.

    A value that cannot be right (NaN, infinite, negative, a score outside [0, 1]) is no error: it counts as unmeasured,
    and an evaluation's reasons say how many there were.

    Parameters
    ----------
    version : str
        The version that served the request.
    latency_ms, ttft_ms : float, optional
        Time from its arrival to its last token, and to its first, in milliseconds.
    tokens : int, optional
        Tokens of the response.
    error : str, bool or exception, optional
        What went wrong; None, False and "" if nothing did.
    quality, feedback : float, optional
        A score of the answer, and what the user thought of it, in [0, 1]; higher is better.
    passed : bool, optional
        What a yes-or-no judgement of the answer said.
    checks : mapping of str to bool, optional
        Checks of its text that were made (:class:`Check`), and whether it passed each.
    stratum : int, optional
        What kind of request it was, from 0 to 15: only requests of one kind are compared.
    sticky_key : str, optional
        What keeps its user on one version. One user's requests are evidence up to a cap.
    request_id, prompt, response : str, optional
        The request's name, what was asked and what was answered.
    arrived_at : float, optional
        When it arrived, in seconds since the epoch; the time of the report if left out.

    Raises
    ------
    StatisticsError
        If the version's name, a check's name or the time is none.

    Examples
    --------
    >>> import serinus as sr
    >>> sr.Observation(version="v2", latency_ms=830.0, tokens=212, error="timeout")
    Observation(version='v2', latency_ms=830.0, tokens=212, error='timeout')
    """

    __slots__ = ()


class _Evaluator(_serinus.Evaluator):
    __slots__ = ()

    def evaluate(self, now: float | None = None, *, confidence: float = 0.95) -> Evaluation:
        """The verdict. It has no effects: asked any number of times, it says the same until more is reported.

        Parameters
        ----------
        now : float, optional
            The time, in seconds since the epoch; the system's clock if left out.
        confidence : float
            Of the guardrails' intervals, in (0, 1).

        Returns
        -------
        Evaluation

        Raises
        ------
        StatisticsError
            Unless `now` and `confidence` are in their ranges.
        """
        return Evaluation(self.report(now=now, confidence=confidence))


class CanaryEvaluator(_Evaluator):
    """Judges by sequential tests whose false rollbacks stay under a declared budget, however often one looks.

    Each guardrail is tested in both directions, block by block of concurrent requests, over the whole rollout. The canary is
    degraded once the weighted evidence of all guardrails that it is worse than half the margin reaches one over the budget
    (and stays so); it is healthy once each required guardrail that has data has shown it to be within the margin; before
    `min_requests` to each version nothing is said. E-processes: Turner & Grünwald, arXiv:2203.09785; the bound: Ville (1939).

    Parameters
    ----------
    stable, canary : str
        The two versions.
    margins : Margins
        What counts as a regression to the default guardrails.
    false_rollback_budget : float
        The probability that a healthy canary is ever rolled back, in (0, 1).
    false_promotion_budget : float
        The probability that a guardrail calls an unacceptable canary healthy, in (0, 1).
    min_requests : int
        Requests that each version must have had before anything is said.
    guardrails : iterable of StandardGuardrail or Guardrail, optional
        More guardrails. A built-in one takes the place of the default one of its name.
    default_guardrails : bool
        Whether there are the default ones: errors, judged failures, latency, time to the first token and scores, and, which
        only alert, the length of the answers and the rate of abandoned requests.
    text_checks : bool
        Whether the checks of texts (all but ``length`` and ``custom``) are guardrails, too.
    user_cap : int, "once" or None
        Requests of one user that are evidence in an hour (1 to 255); only the first one of each user; no cap. It needs
        `sticky_key`.
    cold_start_requests, cold_start_seconds : int, float
        The canary's times are left out in each stage until both have passed.
    calibration : Calibration, optional
        How far the judge is to be believed.

    Raises
    ------
    StatisticsError
        If the versions are the same, a budget, margin or weight is out of its range, or two guardrails have one name.

    Examples
    --------
    >>> import serinus as sr
    >>> ev = sr.CanaryEvaluator(stable="v1", canary="v2")
    >>> for i in range(2_000):
    ...     ev.observe(sr.Observation(version="v1", latency_ms=800.0, passed=i % 33 != 0), now=0.0)
    ...     if i % 10 == 0:
    ...         ev.observe(sr.Observation(version="v2", latency_ms=810.0, passed=i % 70 != 0), now=0.0)
    >>> evaluation = ev.evaluate(now=0.0)
    >>> evaluation.verdict, evaluation.rollback
    (<Verdict.DEGRADED: 'degraded'>, True)
    >>> evaluation.reasons[0]
    'judged failures: 14.5% of 200 canary requests against 3.1% of 1,991 stable ones; evidence 543 : 1, needed 421 : 1'
    """

    __slots__ = ()

    def __new__(
        cls,
        *,
        stable: str,
        canary: str,
        margins: Margins = Margins(),
        false_rollback_budget: float = 0.01,
        false_promotion_budget: float = 0.05,
        min_requests: int = 50,
        guardrails: Iterable[StandardGuardrail | Guardrail] | None = None,
        default_guardrails: bool = True,
        text_checks: bool = False,
        user_cap: int | Literal["once"] | None = 10,
        cold_start_requests: int = 0,
        cold_start_seconds: float = 0.0,
        calibration: Calibration | None = None,
    ) -> Self:
        if isinstance(user_cap, int) and not 1 <= user_cap <= 255:
            what = f"user_cap must be from 1 to 255, 'once' or None, got {user_cap!r}"
            raise StatisticsError(what, expected="from 1 to 255, 'once' or None", got=repr(user_cap))
        settings = {
            "false_rollback_budget": false_rollback_budget,
            "false_promotion_budget": false_promotion_budget,
            "default_guardrails": default_guardrails,
            "text_checks": text_checks,
            "user_cap": 0 if user_cap == "once" else user_cap,
            "cold_start_requests": cold_start_requests,
            "cold_start_seconds": cold_start_seconds,
            "calibration": calibration.to_json() if calibration else None,
        }
        return super().__new__(
            cls,
            stable=stable,
            canary=canary,
            margins=margins,
            min_requests=min_requests,
            guardrails=guardrails,
            settings=settings,
        )

    @classmethod
    def for_plan(
        cls, plan: UpdatePlan, *, guardrails: Iterable[StandardGuardrail | Guardrail] | None = None
    ) -> CanaryEvaluator:
        """The evaluator of a plan's rollout, with the plan's versions, margins, budgets and minimum of requests."""
        data = plan.to_dict()
        return cls(
            stable=plan.current.version,
            canary=plan.target.version,
            margins=plan.margins,
            false_rollback_budget=data["false_rollback_budget"],
            false_promotion_budget=data["false_promotion_budget"],
            min_requests=data["min_requests"],
            guardrails=guardrails,
        )


class ThresholdEvaluator(_Evaluator):
    """Judges by fixed thresholds on each version's latest 1,000 requests; the first one that is exceeded rolls back.

    **It should not be used to decide.** On windows of this size two identical versions differ by more than the thresholds at
    one look or another of nearly every rollout. It is here for comparison with :class:`CanaryEvaluator`, and for those who
    come from such a rule. The same methods, another rule.

    Parameters
    ----------
    stable, canary : str
        The two versions.
    margins : Margins
        The thresholds.
    min_requests : int
        Requests that each window must hold before anything is said.

    Raises
    ------
    StatisticsError
        If the versions are the same or a threshold is negative, infinite or NaN.

    Examples
    --------
    >>> import serinus as sr
    >>> sr.ThresholdEvaluator(stable="v1", canary="v2").evaluate(now=0.0).verdict
    <Verdict.INSUFFICIENT: 'insufficient'>
    """

    __slots__ = ()

    def __new__(cls, *, stable: str, canary: str, margins: Margins = Margins(), min_requests: int = 50) -> Self:
        return super().__new__(cls, stable=stable, canary=canary, margins=margins, min_requests=min_requests)
