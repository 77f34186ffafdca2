"""Tests that stay honest however often one looks.

An e-process for a null hypothesis is evidence against it whose expectation, at every time at which one may stop, is at
most 1 under that hypothesis. So the probability that it ever reaches 1/α is at most α (Ville's inequality), and a test
may be read continuously.
"""

from __future__ import annotations

from typing import Literal, TypeAlias

from .. import _serinus
from ._result import Floats
from .e_processes import (
    ExceedanceTest,
    LatencyTest,
    PairedTest,
    QuantileTest,
    RateTest,
    SampleRatioTest,
    ValueTest,
    WinsorizedMeanTest,
)

__all__ = ["SequentialTest"]

Direction: TypeAlias = Literal["worse", "safe"]


class SequentialTest:
    """A test of a canary against a stable version that may be looked at all the time.

    Each function begins a test of the kind of data that it is for: an :class:`EProcess`. It has one
    ``direction``: "worse" proves that the canary is worse than the margin, "safe" that it is not. Data come in
    *blocks*: what both versions did over the same stretch of time, closed by time and arrivals and never by outcomes.
    May be used from several threads, pickled, and compared.

    Examples
    --------
    >>> from serinus import stats
    >>> test = stats.SequentialTest.two_proportions(margin=0.5, relative=True, alpha=0.01)
    >>> for minute in range(10):
    ...     test.update(canary_failed=3, canary_total=20, stable_failed=12, stable_total=400)
    >>> test.decision, test.e_value > 100
    (<Decision.REJECT: 'reject'>, True)
    """

    @staticmethod
    def two_proportions(
        *,
        margin: float = 0.0,
        relative: bool = True,
        alpha: float = 0.05,
        weight: float | None = None,
        direction: Direction = "worse",
        expected_rate: float | None = None,
    ) -> RateTest:
        """Do more requests fail?

        Exact, without need of large samples; rates may drift from block to block as long as they drift for both
        versions. R. J. Turner, A. Ly and P. D. Grünwald, https://arxiv.org/abs/2106.02693.

        Parameters
        ----------
        margin : float
            The increase that is allowed: 0.5 is half as many again if ``relative`` (from −0.999 to 999), else a fixed
            amount in [0, 1), such as 0.02 for two points.
        relative : bool
            Which of the two.
        alpha : float
            The probability, in (0, 1), with which a canary within the margin is ever called worse.
        weight : float, optional
            The canary's configured share of the requests, in (0, 1). The evidence on failures has no need of it, as
            each block counts both versions' requests. It is what :attr:`RateTest.traffic_e_value` holds these counts
            against; for that, requests must be assigned one by one, not by user.
        direction : {"worse", "safe"}
            What is to be proved.
        expected_rate : float, optional
            What the stable version's rate is taken to be before its first requests, in (0, 1). A bad guess costs a few
            requests and never the level.

        Raises
        ------
        StatisticsError
            If an argument is out of range.
        """
        return RateTest._with(_serinus.SequentialTest.rates(direction, margin, relative, expected_rate, weight, alpha))

    @staticmethod
    def scores(*, decrease: float = 0.0, alpha: float = 0.05, direction: Direction = "worse") -> ValueTest:
        """Are scores in [0, 1], of which more is better, lower on average, by more than ``decrease``?"""
        return ValueTest._with(_serinus.SequentialTest.scores(direction, decrease, alpha))

    @staticmethod
    def losses(
        *,
        margin: float = 0.0,
        relative: bool = True,
        alpha: float = 0.05,
        direction: Direction = "worse",
    ) -> ValueTest:
        """Are values in [0, 1], of which more is worse, greater on average, by more than a margin?

        The margin is as for :meth:`two_proportions`.
        """
        return ValueTest._with(_serinus.SequentialTest.losses(direction, margin, relative, alpha))

    @staticmethod
    def winsorized_mean(
        *,
        increase: float = 0.0,
        cap: float | None = None,
        alpha: float = 0.05,
        direction: Direction = "worse",
    ) -> WinsorizedMeanTest:
        """Are lengths or costs, which have no upper limit, greater on average, by more than a share ``increase``?

        What exceeds the cap counts as the cap: twice the 0.999 quantile of the first 200 stable values, unless it is
        given.
        """
        return WinsorizedMeanTest._with(_serinus.SequentialTest.winsorized_means(direction, increase, cap, alpha))

    @staticmethod
    def win_rate(*, margin: float = 0.0, alpha: float = 0.05, direction: Direction = "worse") -> ValueTest:
        """Are values, of which more is worse, greater by ranks alone: is P(canary > stable) above ½ + ``margin``?

        Values of a block must be in an order that has nothing to do with their sizes, such as that of arrival.
        """
        return ValueTest._with(_serinus.SequentialTest.win_rate(direction, margin, alpha))

    @staticmethod
    def exceedance(
        *, q: float = 0.99, increase: float = 0.0, alpha: float = 0.05, direction: Direction = "worse"
    ) -> ExceedanceTest:
        """Do more canary values, less the share ``increase``, exceed the stable version's recent quantile at ``q``?"""
        return ExceedanceTest._with(_serinus.SequentialTest.exceedance(direction, q, increase, alpha))

    @staticmethod
    def latency(*, increase: float = 0.0, alpha: float = 0.05, direction: Direction = "worse") -> LatencyTest:
        """Are latencies longer, by more than a share ``increase``, at the quantile 0.5, 0.75, 0.9, 0.95 or 0.99?

        A shift of the whole is found as soon as the median shows it, a regression of the tail by the tail.
        """
        return LatencyTest._with(_serinus.SequentialTest.dominance(direction, increase, alpha))

    @staticmethod
    def quantile(
        *, q: float = 0.99, increase: float = 0.0, alpha: float = 0.05, direction: Direction = "worse"
    ) -> QuantileTest:
        """Is the canary's quantile at ``q`` more than a share ``increase`` above the stable version's?

        The strict counterpart of :meth:`exceedance`: it needs two to four times the requests, takes each version's
        values to come from one distribution all along, and merges.
        """
        return QuantileTest._with(_serinus.SequentialTest.quantile(direction, q, increase, alpha))

    @staticmethod
    def paired(
        *, decrease: float = 0.0, clip: float = 1.0, alpha: float = 0.05, direction: Direction = "worse"
    ) -> PairedTest:
        """Does the canary score lower on the same prompts, by more than ``decrease`` on average?

        Scores are in [0, 1]; the loss of a pair is stable − canary, clipped to ±``clip``. A win of a pairwise judge is
        the pair (0, 1), a tie (½, ½). A clip of 0.25 suits graded scores, 1 a pairwise judge.
        """
        return PairedTest._with(_serinus.SequentialTest.pairs(direction, decrease, clip, alpha))

    @staticmethod
    def sample_ratio(weights: Floats, *, alpha: float = 0.001) -> SampleRatioTest:
        """Is traffic split as configured? ``weights`` are the versions' shares, of any sum.

        M. Lindon and A. Malek, NeurIPS 2022, https://arxiv.org/abs/2011.03567. The unit is what is assigned by chance:
        with sticky assignment the *user*, once each, not the request.
        """
        return SampleRatioTest._with(_serinus.SequentialTest.sample_ratio(weights, alpha))
