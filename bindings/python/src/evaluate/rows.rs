//! The requests of a batch, column by column.

use std::borrow::Cow;

use serinus::clock::Timestamp;
use serinus::observe::Outcome;

use super::observation::{stratum, tokens};

type Numbers<'a> = Option<Cow<'a, [f64]>>;

/// Requests of one version. In columns of numbers NaN stands for what was not measured.
#[derive(Clone, Debug, Default)]
pub(super) struct Rows<'a> {
    pub(super) len: usize,
    pub(super) latency_ms: Numbers<'a>,
    pub(super) ttft_ms: Numbers<'a>,
    pub(super) tokens: Numbers<'a>,
    pub(super) error: Option<Cow<'a, [bool]>>,
    pub(super) quality: Numbers<'a>,
    /// Of each whether it passed, as 1 or 0.
    pub(super) passed: Numbers<'a>,
    pub(super) feedback: Numbers<'a>,
    pub(super) stratum: Numbers<'a>,
    pub(super) sticky_key: Option<Cow<'a, [Option<Box<str>>]>>,
    pub(super) arrived_at: Numbers<'a>,
    /// When those arrived that do not say themselves.
    pub(super) at: Timestamp,
}

fn number(column: &Numbers<'_>, row: usize) -> Option<f64> {
    column.as_ref()?.get(row).copied().filter(|value| !value.is_nan())
}

impl Rows<'_> {
    pub(super) fn outcome(&self, row: usize) -> Outcome {
        Outcome {
            latency_ms: number(&self.latency_ms, row),
            ttft_ms: number(&self.ttft_ms, row),
            tokens: number(&self.tokens, row).and_then(tokens),
            error: self.error.as_ref().and_then(|errors| errors.get(row)).is_some_and(|error| *error),
            quality: number(&self.quality, row),
            passed: number(&self.passed, row).map(|passed| passed != 0.0),
            feedback: number(&self.feedback, row),
            stratum: number(&self.stratum, row).map(stratum),
            ..Outcome::ok()
        }
    }

    pub(super) fn key(&self, row: usize) -> Option<&str> {
        self.sticky_key.as_ref()?.get(row)?.as_deref()
    }

    pub(super) fn arrival(&self, row: usize) -> Timestamp {
        match number(&self.arrived_at, row) {
            Some(seconds) if (0.0..=f64::MAX).contains(&seconds) => Timestamp::from_secs_f64(seconds),
            _ => self.at,
        }
    }

    /// Whether it is known when each of them arrived.
    pub(super) fn is_timed(&self) -> bool {
        self.len > 0 && self.arrival(0) != self.arrival(self.len - 1)
    }

    /// When the last of them arrived.
    pub(super) fn last(&self) -> Timestamp {
        self.arrival(self.len.saturating_sub(1))
    }

    /// How many had arrived by this time; they are in order.
    pub(super) fn until(&self, time: Timestamp) -> usize {
        self.partition(|at| at <= time)
    }

    /// How many arrived before this time.
    pub(super) fn before(&self, time: Timestamp) -> usize {
        self.partition(|at| at < time)
    }

    fn partition(&self, is_first: impl Fn(Timestamp) -> bool) -> usize {
        let (mut low, mut high) = (0, self.len);
        while low < high {
            let middle = usize::midpoint(low, high);
            if is_first(self.arrival(middle)) { low = middle + 1 } else { high = middle }
        }
        low
    }

    /// Those from this one on, in places of their own.
    pub(super) fn rest(&self, from: usize) -> Rows<'static> {
        self.mapped(
            self.len.saturating_sub(from),
            |numbers| numbers.get(from..).unwrap_or_default().to_vec(),
            |errors| errors.get(from..).unwrap_or_default().to_vec(),
            |keys| keys.get(from..).unwrap_or_default().to_vec(),
        )
    }

    /// In the order of their arrival.
    pub(super) fn sorted(self) -> Self {
        // Times that are none compare with nothing, and so are not in order.
        let in_order = |times: &Cow<'_, [f64]>| {
            let (first, last) = (times.first().copied(), times.last().copied());
            first >= Some(0.0) && last <= Some(f64::MAX) && times.is_sorted()
        };
        if self.arrived_at.as_ref().is_none_or(in_order) {
            return self;
        }
        let mut order: Vec<usize> = (0..self.len).collect();
        order.sort_by_key(|row| self.arrival(*row));
        let numbers = |column: &[f64]| order.iter().filter_map(|row| column.get(*row).copied()).collect();
        let errors = |column: &[bool]| order.iter().filter_map(|row| column.get(*row).copied()).collect();
        let keys = |column: &[Option<Box<str>>]| order.iter().filter_map(|row| column.get(*row).cloned()).collect();
        self.mapped(self.len, numbers, errors, keys)
    }

    fn mapped(
        &self,
        len: usize,
        numbers: impl Fn(&[f64]) -> Vec<f64>,
        errors: impl Fn(&[bool]) -> Vec<bool>,
        keys: impl Fn(&[Option<Box<str>>]) -> Vec<Option<Box<str>>>,
    ) -> Rows<'static> {
        let numbers = |column: &Numbers<'_>| column.as_ref().map(|column| Cow::Owned(numbers(column)));
        Rows {
            len,
            latency_ms: numbers(&self.latency_ms),
            ttft_ms: numbers(&self.ttft_ms),
            tokens: numbers(&self.tokens),
            error: self.error.as_ref().map(|column| Cow::Owned(errors(column))),
            quality: numbers(&self.quality),
            passed: numbers(&self.passed),
            feedback: numbers(&self.feedback),
            stratum: numbers(&self.stratum),
            sticky_key: self.sticky_key.as_ref().map(|column| Cow::Owned(keys(column))),
            arrived_at: numbers(&self.arrived_at),
            at: self.at,
        }
    }
}

impl Rows<'static> {
    /// Adds another batch's.
    pub(super) fn append(&mut self, other: &Rows<'_>) {
        let lens = (self.len, other.len);
        if self.arrived_at.is_some() || other.arrived_at.is_some() || self.at != other.at {
            let seconds = |rows: &Rows<'_>| (0..rows.len).map(|row| rows.arrival(row).as_secs_f64()).collect();
            let (known, more): (_, Vec<f64>) = (self.arrived_at.take(), seconds(other));
            let mut times = known.unwrap_or_else(|| Cow::Owned(seconds(self))).into_owned();
            times.extend(more);
            self.arrived_at = Some(times.into());
        }
        extend(&mut self.latency_ms, other.latency_ms.as_deref(), lens, f64::NAN);
        extend(&mut self.ttft_ms, other.ttft_ms.as_deref(), lens, f64::NAN);
        extend(&mut self.tokens, other.tokens.as_deref(), lens, f64::NAN);
        extend(&mut self.error, other.error.as_deref(), lens, false);
        extend(&mut self.quality, other.quality.as_deref(), lens, f64::NAN);
        extend(&mut self.passed, other.passed.as_deref(), lens, f64::NAN);
        extend(&mut self.feedback, other.feedback.as_deref(), lens, f64::NAN);
        extend(&mut self.stratum, other.stratum.as_deref(), lens, f64::NAN);
        extend(&mut self.sticky_key, other.sticky_key.as_deref(), lens, None);
        self.len += other.len;
    }
}

fn extend<T: Clone>(column: &mut Option<Cow<'static, [T]>>, more: Option<&[T]>, lens: (usize, usize), none: T) {
    if column.is_none() && more.is_none() {
        return;
    }
    let values = column.get_or_insert_with(|| vec![none.clone(); lens.0].into()).to_mut();
    match more {
        Some(more) => values.extend_from_slice(more),
        None => values.resize(lens.0 + lens.1, none),
    }
}
