#![allow(missing_docs, unreachable_pub, dead_code, unused_imports, clippy::all, clippy::pedantic)]
use crate::observe::Count;

#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RateMargin {
    ratio: f64,
    offset: f64,
}
impl RateMargin {
    pub fn new(ratio: f64, offset: f64) -> Result<Self, ()> {
        if ratio > 0.0 && ratio.is_finite() && offset >= 0.0 && offset < 1.0 {
            Ok(Self { ratio, offset })
        } else {
            Err(())
        }
    }
    pub fn ratio(self) -> f64 {
        self.ratio
    }
    pub fn offset(self) -> f64 {
        self.offset
    }
}
#[derive(Clone, Copy, Debug, Default)]
pub struct RateBlock {
    pub stable: Count,
    pub canary: Count,
}
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Direction {
    Worse,
    Safe,
}
const K: usize = 24;
#[derive(Clone, Debug)]
pub struct RateTest {
    direction: Direction,
    margin: RateMargin,
    failures: f64,
    trials: f64,
    restarted: [f64; K],
    unstarted: f64,
    blocks: u64,
    etas: [f64; K],
    prior: [f64; K],
}
fn logit(p: f64) -> f64 {
    (p / (1.0 - p)).ln()
}
fn logistic(x: f64) -> f64 {
    1.0 / (1.0 + (-x).exp())
}
impl RateTest {
    pub fn new(direction: Direction, margin: RateMargin) -> Self {
        let mut etas = [0.0; K];
        let mut prior = [0.0; K];
        for i in 0..K {
            etas[i] = (0.08f64.ln() + (4f64 / 0.08).ln() * i as f64 / (K - 1) as f64).exp();
            prior[i] = etas[i] * etas[i] * (-etas[i] / 0.7).exp();
        }
        let sum: f64 = prior.iter().sum();
        prior.iter_mut().for_each(|p| *p /= sum);
        Self {
            direction,
            margin,
            failures: 0.5,
            trials: 10.0,
            restarted: [0.0; K],
            unstarted: 1.0,
            blocks: 0,
            etas,
            prior,
        }
    }
    pub fn baseline_rate(&self) -> f64 {
        (self.failures / self.trials).clamp(1e-4, 0.9)
    }
    fn bet(&mut self, log_e: impl Fn(f64) -> f64) {
        self.blocks += 1;
        let j = self.blocks as f64;
        let w = if self.blocks == 1 { 0.5 } else { 0.5 / (j * (j - 1.0)) };
        self.unstarted = (self.unstarted - w).max(0.0);
        for i in 0..K {
            self.restarted[i] = (self.restarted[i] + w) * log_e(self.etas[i]).exp();
        }
    }
    pub fn update(&mut self, block: RateBlock) {
        let (ns, nc) = (block.stable.trials() as f64, block.canary.trials() as f64);
        if ns == 0.0 || nc == 0.0 {
            return;
        }
        let (ys, yc) = (block.stable.failures() as f64, block.canary.failures() as f64);
        let (a, d) = (self.margin.ratio, self.margin.offset);
        let ts = self.baseline_rate();
        let b0 = (a * ts + d).clamp(1e-4, 0.95);
        let worse = self.direction == Direction::Worse;
        self.bet(|eta| {
            let tc = logistic(logit(b0) + if worse { eta } else { -eta });
            let (mut lo, mut hi) = if worse { (ts, (tc - d) / a) } else { (((tc - d) / a).max(1e-9), ts) };
            if lo >= hi {
                return 0.0;
            }
            for _ in 0..40 {
                let m = 0.5 * (lo + hi);
                let b = a * m + d;
                let g = ns * (m - ts) / (m * (1.0 - m)) + a * nc * (b - tc) / (b * (1.0 - b));
                if g > 0.0 { hi = m } else { lo = m }
            }
            let ms = 0.5 * (lo + hi);
            let mc = a * ms + d;
            yc * (tc / mc).ln()
                + (nc - yc) * ((1.0 - tc) / (1.0 - mc)).ln()
                + ys * (ts / ms).ln()
                + (ns - ys) * ((1.0 - ts) / (1.0 - ms)).ln()
        });
        self.failures = 0.95 * self.failures + ys;
        self.trials = 0.95 * self.trials + ns;
    }
    pub fn update_against_limit(&mut self, canary: Count, limit: f64) -> Result<(), ()> {
        if !(limit > 0.0 && limit < 1.0) {
            return Err(());
        }
        let (n, y) = (canary.trials() as f64, canary.failures() as f64);
        self.bet(|eta| {
            let t = logistic(logit(limit) + eta);
            y * (t / limit).ln() + (n - y) * ((1.0 - t) / (1.0 - limit)).ln()
        });
        Ok(())
    }
    pub fn log_e_value(&self) -> f64 {
        (self.unstarted + self.restarted.iter().zip(&self.prior).map(|(r, p)| r * p).sum::<f64>()).ln()
    }
}
