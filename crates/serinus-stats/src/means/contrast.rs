//! The difference of two means, and the scale it is measured on.

use crate::StatisticsError;

use super::Moments;

/// The difference of two means, and the scale it is measured on.
#[derive(Clone, Copy, Debug)]
pub(super) struct Contrast {
    /// The mean of `b` less that of `a`.
    pub(super) difference: f64,
    pub(super) counts: (f64, f64),
    /// The greater of the two deviations.
    unit: f64,
    /// Both deviations in that unit.
    deviations: (f64, f64),
}

impl Contrast {
    pub(super) fn new(a: &Moments, b: &Moments) -> Result<Self, StatisticsError> {
        a.at_least_two("a")?;
        b.at_least_two("b")?;
        let difference = b.minus(a);
        if !difference.is_finite() {
            let expected = "a sample whose mean is within the range of numbers from that of `a`";
            return Err(StatisticsError { argument: "b", expected, got: b.mean().unwrap_or_default() });
        }
        let unit = a.deviation().max(b.deviation());
        let deviations = if unit > 0.0 { (a.deviation() / unit, b.deviation() / unit) } else { (0.0, 0.0) };
        Ok(Self { difference, counts: (a.count() as f64, b.count() as f64), unit, deviations })
    }

    /// Whether neither sample varies.
    pub(super) fn constant(&self) -> bool {
        self.unit == 0.0
    }

    /// The squared standard error of each mean, in squared units.
    fn errors(&self) -> (f64, f64) {
        let error = |deviation: f64, count: f64| deviation * deviation / (count - 1.0);
        (error(self.deviations.0, self.counts.0), error(self.deviations.1, self.counts.1))
    }

    /// The difference in standard errors.
    pub(super) fn statistic(&self) -> f64 {
        let (a, b) = self.errors();
        self.difference / self.unit / (a + b).sqrt()
    }

    /// This many standard errors.
    pub(super) fn standard_errors(&self, many: f64) -> f64 {
        let (a, b) = self.errors();
        many * (a + b).sqrt() * self.unit
    }

    /// Welch and Satterthwaite's degrees of freedom.
    pub(super) fn degrees_of_freedom(&self) -> f64 {
        let (a, b) = self.errors();
        let (a, b) = (a / (a + b), b / (a + b));
        1.0 / (a * a / (self.counts.0 - 1.0) + b * b / (self.counts.1 - 1.0))
    }

    /// The difference in pooled standard deviations; `None` if that is no finite number.
    pub(super) fn cohens_d(&self) -> Option<f64> {
        if self.constant() {
            return None;
        }
        let squares = |deviation: f64, count: f64| count * deviation * deviation;
        let both = squares(self.deviations.0, self.counts.0) + squares(self.deviations.1, self.counts.1);
        let d = self.difference / self.unit / (both / (self.counts.0 + self.counts.1 - 2.0)).sqrt();
        d.is_finite().then_some(d)
    }
}
