//! Tests that may be looked at all the time.

use pyo3::prelude::*;
use serde::{Deserialize, Serialize};
use serinus_stats::sequential::{
    Decision, Direction, DominanceTest, EProcess, EValue, ExceedanceTest, Margin, MeanTest, PairedTest, QuantileTest,
    RateBlock, RateTest, SampleRatioTest, WinRateTest, WinsorizedMeanTest,
};
use serinus_stats::{Interval, StatisticsError};

use super::accumulators::check_alpha;
use super::counts::{Whole, count};
use super::shared::{Shared, from_json};
use super::{Ends, compute, ends, words};
use crate::errors;
use crate::json;
use crate::numbers::Floats;

pub(super) fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_class::<SequentialTest>()
}

#[derive(Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Test {
    Rates(RateTest),
    Means(MeanTest),
    WinsorizedMeans(WinsorizedMeanTest),
    Dominance(Box<DominanceTest>),
    Exceedance(ExceedanceTest),
    Quantile(QuantileTest),
    WinRate(WinRateTest),
    Pairs(PairedTest),
    SampleRatio(SampleRatioTest),
}

impl Test {
    fn e_value(&self) -> EValue {
        match self {
            Self::Rates(test) => test.e_value(),
            Self::Means(test) => test.e_value(),
            Self::WinsorizedMeans(test) => test.e_value(),
            Self::Dominance(test) => test.e_value(),
            Self::Exceedance(test) => test.e_value(),
            Self::Quantile(test) => test.e_value(),
            Self::WinRate(test) => test.e_value(),
            Self::Pairs(test) => test.e_value(),
            Self::SampleRatio(test) => test.e_value(),
        }
    }

    fn estimate(&self) -> Option<f64> {
        match self {
            Self::Rates(test) => test.estimate(),
            Self::Means(test) => test.estimate(),
            Self::WinsorizedMeans(test) => test.estimate(),
            Self::Dominance(test) => test.strongest().estimate,
            Self::Exceedance(test) => test.estimate(),
            Self::Quantile(test) => test.estimate(),
            Self::WinRate(test) => test.estimate(),
            Self::Pairs(test) => test.estimate(),
            Self::SampleRatio(test) => test.estimate(0),
        }
    }

    fn interval(&self, confidence: f64) -> Result<Interval, StatisticsError> {
        match self {
            Self::Rates(test) => test.interval(confidence),
            Self::Means(test) => test.interval(confidence),
            Self::WinsorizedMeans(test) => test.interval(confidence),
            Self::Dominance(test) => test.interval(confidence),
            Self::Exceedance(test) => test.interval(confidence),
            Self::Quantile(test) => test.interval(confidence),
            Self::WinRate(test) => test.interval(confidence),
            Self::Pairs(test) => test.interval(confidence),
            Self::SampleRatio(test) => test.interval(0, confidence),
        }
    }

    /// Takes in a block of values, if this is a test of values.
    fn update_values(&mut self, stable: &[f64], canary: &[f64]) -> Result<(), Refused> {
        let taken_in = match self {
            Self::Means(test) => test.update(stable, canary),
            Self::WinsorizedMeans(test) => test.update(stable, canary),
            Self::Dominance(test) => test.update(stable, canary),
            Self::Exceedance(test) => test.update(stable, canary),
            Self::Quantile(test) => test.update(stable, canary),
            Self::WinRate(test) => test.update(stable, canary),
            Self::Pairs(test) => test.update_many(stable, canary),
            Self::Rates(_) | Self::SampleRatio(_) => return Err(Refused::Misfit),
        };
        Ok(taken_in?)
    }
}

#[derive(Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Watched {
    alpha: f64,
    test: Test,
    /// Of a test of rates whose shares of traffic are known: whether traffic is split so.
    traffic: Option<SampleRatioTest>,
}

/// Any of the tests, with its level. The package has a class for each kind of data.
#[pyclass(frozen, module = "serinus._serinus")]
pub(crate) struct SequentialTest(Shared<Watched>);

impl SequentialTest {
    fn of(py: Python<'_>, alpha: f64, test: Result<Test, StatisticsError>) -> PyResult<Self> {
        check_alpha(py, alpha)?;
        let test = test.map_err(|error| errors::statistics(py, &error))?;
        Ok(Self(Shared::new(Watched { alpha, test, traffic: None })))
    }

    fn change(&self, py: Python<'_>, change: impl FnOnce(&mut Watched) -> Result<(), Refused> + Send) -> PyResult<()> {
        self.0.change(py, change).map_err(|refused| refused.raise(py))
    }

    fn find<T: Send>(&self, py: Python<'_>, find: impl FnOnce(&Watched) -> T + Send) -> T {
        let watched = self.0.now(py);
        py.detach(|| find(&watched))
    }
}

fn margin(increase: f64, relative: bool) -> Result<Margin, StatisticsError> {
    if relative { Margin::relative(increase) } else { Margin::absolute(increase) }
}

/// Why nothing was taken in.
enum Refused {
    /// It is no test of such data. The package's classes do not let it come to that.
    Misfit,
    Statistics(StatisticsError),
}

impl From<StatisticsError> for Refused {
    fn from(error: StatisticsError) -> Self {
        Self::Statistics(error)
    }
}

impl Refused {
    fn raise(&self, py: Python<'_>) -> PyErr {
        match self {
            Self::Misfit => errors::raise(py, "StatisticsError", "this test takes other data", None, None),
            Self::Statistics(error) => errors::statistics(py, error),
        }
    }
}

/// What one quantile contributes: the quantile, the threshold, the evidence, the estimate.
type Contribution = (f64, Option<f64>, f64, Option<f64>);

#[pymethods]
impl SequentialTest {
    #[staticmethod]
    fn rates(
        py: Python<'_>,
        direction: &str,
        increase: f64,
        relative: bool,
        expected_rate: Option<f64>,
        weight: Option<f64>,
        alpha: f64,
    ) -> PyResult<Self> {
        let direction = words::direction(py, direction)?;
        let test = margin(increase, relative).and_then(|margin| {
            let test = RateTest::new(direction, margin);
            expected_rate.map_or(Ok(test.clone()), |rate| test.expecting(rate)).map(Test::Rates)
        });
        let this = Self::of(py, alpha, test)?;
        if let Some(got) = weight {
            if !(got > 0.0 && got < 1.0) {
                let error = StatisticsError { argument: "weight", expected: "above 0 and below 1", got };
                return Err(errors::statistics(py, &error));
            }
            let shares = SampleRatioTest::new(&[1.0 - got, got]).map_err(|error| errors::statistics(py, &error))?;
            this.0.quickly(py, |watched| watched.traffic = Some(shares));
        }
        Ok(this)
    }

    /// Of values in [0, 1] of which more is worse.
    #[staticmethod]
    fn losses(py: Python<'_>, direction: &str, increase: f64, relative: bool, alpha: f64) -> PyResult<Self> {
        let direction = words::direction(py, direction)?;
        let test = margin(increase, relative).map(|margin| Test::Means(MeanTest::of_losses(direction, margin)));
        Self::of(py, alpha, test)
    }

    /// Of values in [0, 1] of which more is better.
    #[staticmethod]
    fn scores(py: Python<'_>, direction: &str, decrease: f64, alpha: f64) -> PyResult<Self> {
        let direction = words::direction(py, direction)?;
        Self::of(py, alpha, MeanTest::of_scores(direction, decrease).map(Test::Means))
    }

    #[staticmethod]
    fn winsorized_means(
        py: Python<'_>,
        direction: &str,
        increase: f64,
        cap: Option<f64>,
        alpha: f64,
    ) -> PyResult<Self> {
        let direction = words::direction(py, direction)?;
        let test = WinsorizedMeanTest::new(direction, increase);
        let test = test.and_then(|test| cap.map_or(Ok(test.clone()), |cap| test.capped_at(cap)));
        Self::of(py, alpha, test.map(Test::WinsorizedMeans))
    }

    #[staticmethod]
    fn dominance(py: Python<'_>, direction: &str, increase: f64, alpha: f64) -> PyResult<Self> {
        let direction = words::direction(py, direction)?;
        Self::of(py, alpha, DominanceTest::new(direction, increase).map(|test| Test::Dominance(Box::new(test))))
    }

    #[staticmethod]
    fn exceedance(py: Python<'_>, direction: &str, q: f64, increase: f64, alpha: f64) -> PyResult<Self> {
        let direction = words::direction(py, direction)?;
        Self::of(py, alpha, ExceedanceTest::new(direction, q, increase).map(Test::Exceedance))
    }

    #[staticmethod]
    fn quantile(py: Python<'_>, direction: &str, q: f64, increase: f64, alpha: f64) -> PyResult<Self> {
        let direction = words::direction(py, direction)?;
        Self::of(py, alpha, QuantileTest::new(direction, q, increase).map(Test::Quantile))
    }

    #[staticmethod]
    fn win_rate(py: Python<'_>, direction: &str, margin: f64, alpha: f64) -> PyResult<Self> {
        let direction: Direction = words::direction(py, direction)?;
        Self::of(py, alpha, WinRateTest::new(direction, margin).map(Test::WinRate))
    }

    #[staticmethod]
    fn pairs(py: Python<'_>, direction: &str, decrease: f64, clip: f64, alpha: f64) -> PyResult<Self> {
        let direction = words::direction(py, direction)?;
        Self::of(py, alpha, PairedTest::new(direction, decrease, clip).map(Test::Pairs))
    }

    #[staticmethod]
    fn sample_ratio(py: Python<'_>, weights: Floats, alpha: f64) -> PyResult<Self> {
        Self::of(py, alpha, SampleRatioTest::new(weights.as_slice()).map(Test::SampleRatio))
    }

    fn update_rates(
        &self,
        py: Python<'_>,
        canary_failed: Whole,
        canary_total: Whole,
        stable_failed: Whole,
        stable_total: Whole,
        stratum: Whole,
    ) -> PyResult<()> {
        let Ok(stratum) = u8::try_from(stratum.0) else {
            let error = StatisticsError { argument: "stratum", expected: "from 0 to 255", got: stratum.0 as f64 };
            return Err(errors::statistics(py, &error));
        };
        let canary = count(py, canary_failed, canary_total)?;
        let stable = count(py, stable_failed, stable_total)?;
        self.change(py, |watched| {
            let Test::Rates(test) = &mut watched.test else { return Err(Refused::Misfit) };
            test.update_in(stratum, RateBlock { stable, canary });
            if let Some(traffic) = &mut watched.traffic {
                traffic.update(&[stable.trials(), canary.trials()])?;
            }
            Ok(())
        })
    }

    fn update_values(&self, py: Python<'_>, stable: Floats, canary: Floats) -> PyResult<()> {
        self.change(py, |watched| watched.test.update_values(stable.as_slice(), canary.as_slice()))
    }

    fn update_counts(&self, py: Python<'_>, counts: Vec<Whole>) -> PyResult<()> {
        let counts: Vec<u64> = counts.iter().map(|count| count.0).collect();
        self.change(py, |watched| {
            let Test::SampleRatio(test) = &mut watched.test else { return Err(Refused::Misfit) };
            Ok(test.update(&counts)?)
        })
    }

    /// Changes the shares of a test of the sample ratio.
    fn set_shares(&self, py: Python<'_>, weights: Floats) -> PyResult<()> {
        self.change(py, |watched| {
            let Test::SampleRatio(test) = &mut watched.test else { return Err(Refused::Misfit) };
            Ok(test.set_shares(weights.as_slice())?)
        })
    }

    /// Only the accumulators that count and nothing else merge.
    fn merge(&self, py: Python<'_>, other: &Self) -> PyResult<()> {
        let theirs = other.0.now(py);
        self.change(py, |watched| match (&mut watched.test, &theirs.test) {
            (Test::Quantile(test), Test::Quantile(other)) => Ok(test.merge(other)?),
            (Test::SampleRatio(test), Test::SampleRatio(other)) => Ok(test.merge(other)?),
            _ => Err(Refused::Misfit),
        })
    }

    #[getter]
    fn alpha(&self, py: Python<'_>) -> f64 {
        self.0.quickly(py, |watched| watched.alpha)
    }

    #[getter]
    fn log_e_value(&self, py: Python<'_>) -> f64 {
        self.find(py, |watched| watched.test.e_value().log())
    }

    #[getter]
    fn e_value(&self, py: Python<'_>) -> f64 {
        self.find(py, |watched| watched.test.e_value().value())
    }

    #[getter]
    fn p_value(&self, py: Python<'_>) -> f64 {
        self.find(py, |watched| watched.test.e_value().p_value())
    }

    #[getter]
    fn rejects(&self, py: Python<'_>) -> PyResult<bool> {
        let decision = self.find(py, |watched| watched.test.e_value().decision(watched.alpha));
        decision.map(|decision| decision == Decision::Reject).map_err(|error| errors::statistics(py, &error))
    }

    /// The evidence that traffic is not split as said, where that was said.
    #[getter]
    fn traffic_e_value(&self, py: Python<'_>) -> Option<f64> {
        self.find(py, |watched| watched.traffic.as_ref().map(|traffic| traffic.e_value().value()))
    }

    #[getter]
    fn estimate(&self, py: Python<'_>) -> Option<f64> {
        self.find(py, |watched| watched.test.estimate())
    }

    #[getter]
    fn ends(&self, py: Python<'_>) -> PyResult<Ends> {
        let watched = self.0.now(py);
        compute(py, || watched.test.interval(1.0 - watched.alpha)).map(ends)
    }

    /// Of each version's share.
    #[getter]
    fn shares(&self, py: Python<'_>) -> PyResult<Vec<(Option<f64>, Ends)>> {
        let watched = self.0.now(py);
        let Test::SampleRatio(test) = &watched.test else { return Err(Refused::Misfit.raise(py)) };
        compute(py, || {
            let mut shares = Vec::new();
            while let Ok(interval) = test.interval(shares.len(), 1.0 - watched.alpha) {
                shares.push((test.estimate(shares.len()), ends(interval)));
            }
            Ok(shares)
        })
    }

    /// The quantile, threshold, evidence and estimate of each part of a test of dominance.
    #[getter]
    fn quantiles(&self, py: Python<'_>) -> PyResult<Vec<Contribution>> {
        let watched = self.0.now(py);
        let Test::Dominance(test) = &watched.test else { return Err(Refused::Misfit.raise(py)) };
        let each = test.quantiles();
        Ok(each.map(|of| (of.quantile, of.threshold, of.e_value.value(), of.estimate)).to_vec())
    }

    #[getter]
    fn cap(&self, py: Python<'_>) -> PyResult<Option<f64>> {
        match &self.0.now(py).test {
            Test::WinsorizedMeans(test) => Ok(test.cap()),
            _ => Err(Refused::Misfit.raise(py)),
        }
    }

    #[getter]
    fn threshold(&self, py: Python<'_>) -> PyResult<Option<f64>> {
        match &self.0.now(py).test {
            Test::Exceedance(test) => Ok(test.threshold()),
            _ => Err(Refused::Misfit.raise(py)),
        }
    }

    fn __eq__(&self, py: Python<'_>, other: &Self) -> bool {
        self.0.now(py) == other.0.now(py)
    }

    fn to_json(&self, py: Python<'_>) -> PyResult<String> {
        json::write(py, &self.0.now(py))
    }

    #[staticmethod]
    fn from_json(py: Python<'_>, state: &str) -> PyResult<Self> {
        let watched: Watched = from_json(py, state)?;
        check_alpha(py, watched.alpha)?;
        Ok(Self(Shared::new(watched)))
    }
}
