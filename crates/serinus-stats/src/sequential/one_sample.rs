//! One mean against a fixed number, value by value.

use serde::{Deserialize, Serialize};

use super::bets::{self, BETS, PerBet};
use super::capital::Capital;
use super::drift::Drift;
use super::spread::Spread;
use super::{Direction, EValue};
use crate::{Interval, StatisticsError};

/// No bet takes more than this share of what it could lose.
const AT_RISK: f64 = 0.95;
/// Bets are sized anew when there are twice as many values, and after so many.
const BLOCK: f64 = 32.0;

/// An e-process on the mean of values in [`low`, `high`]. Null hypothesis of [`Direction::Worse`]: it is at most `limit`;
/// of [`Direction::Safe`]: at least.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct OneSample {
    direction: Direction,
    limit: f64,
    low: f64,
    high: f64,
    past: Spread,
    capital: Capital,
    drift: Drift,
    /// The bets of the block under way and what they have made of it.
    sizes: Vec<f64>,
    products: Vec<f64>,
    values: Spread,
}

impl OneSample {
    pub(super) fn new(direction: Direction, limit: f64, low: f64, high: f64) -> Self {
        let range = high - low;
        // As wide a guess as values that are spread evenly.
        let past = Spread::guess(2.0, f64::midpoint(low, high), range * range / 12.0);
        let mut new = Self {
            direction,
            limit,
            low,
            high,
            past,
            capital: Capital::new(BETS),
            drift: Drift::new(),
            sizes: Vec::new(),
            products: vec![1.0; BETS],
            values: Spread::default(),
        };
        new.sizes = new.next_sizes().to_vec();
        new
    }

    /// Takes in a value, which the caller has found to lie in the range.
    pub(super) fn update(&mut self, value: f64) {
        let distance = value - self.limit;
        for (product, size) in self.products.iter_mut().zip(&self.sizes) {
            *product *= 1.0 + size * distance;
        }
        self.values.add(value);
        if self.values.n >= self.past.n.min(BLOCK) {
            self.close_block();
        }
    }

    pub(super) fn e_value(&self) -> EValue {
        if self.values.n == 0.0 {
            return self.capital.e_value(bets::weights());
        }
        let mut capital = self.capital.clone();
        capital.bet(self.products.iter().map(|product| product.ln()));
        capital.e_value(bets::weights())
    }

    pub(super) fn estimate(&self) -> Option<f64> {
        self.closed_drift().mean().map(|mean| self.low + mean * (self.high - self.low))
    }

    pub(super) fn interval(&self, confidence: f64) -> Result<Interval, StatisticsError> {
        let Interval { low, high } = self.closed_drift().interval(confidence, 0.0, 1.0)?;
        let range = self.high - self.low;
        Ok(Interval { low: self.low + range * low, high: self.low + range * high })
    }

    fn close_block(&mut self) {
        self.capital.bet(self.products.iter().map(|product| product.ln()));
        self.drift = self.closed_drift();
        self.past.merge(&self.values);
        self.values = Spread::default();
        self.products.fill(1.0);
        self.sizes = self.next_sizes().to_vec();
    }

    /// The drift with the values of the block under way.
    fn closed_drift(&self) -> Drift {
        let mut drift = self.drift.clone();
        if self.values.n > 0.0 {
            let range = self.high - self.low;
            let scaled = |mean: f64| (mean - self.low) / range;
            drift.shift(scaled(self.values.mean), self.values.n);
            let values =
                Spread::guess(self.values.n, scaled(self.values.mean), self.values.variance() / (range * range));
            drift.penalise(&values, scaled(self.past.mean), 1.0);
        }
        drift
    }

    fn next_sizes(&self) -> PerBet {
        let (sign, risk) = match self.direction {
            Direction::Worse => (1.0, self.limit - self.low),
            Direction::Safe => (-1.0, self.high - self.limit),
        };
        bets::sizes(&self.past, AT_RISK / risk).map(|size| sign * size)
    }
}
