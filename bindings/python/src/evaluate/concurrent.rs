//! Batches of the two versions become concurrent requests.
//!
//! Evidence comes from requests that both versions served over the same stretch of time. Batches come one after the other:
//! all of one version's, then all of the other's. So a batch waits until there is one of the other version, and the two are
//! fed in the order in which their requests arrived, or, where that is not known, evenly.

use std::ops::Range;

use serinus::clock::Timestamp;
use serinus::observe::Arm;

use super::rows::Rows;

/// Of one version no more than these wait while more of them come.
const LONGEST: usize = 1 << 16;
/// A pair of batches is divided into at most this many blocks, or one for each minute: a block costs as much as some thousand
/// requests.
const BLOCKS: usize = 64;
const MINUTE: f64 = 60.0;
/// What a block holds of each version, at least: what the evaluators' own rule wants.
const LEAST: usize = 20;

/// Rows of one version.
pub(super) type Part<'a> = (Arm, &'a Rows<'a>, Range<usize>);

/// A batch that waits for the other version's.
#[derive(Debug, Default)]
pub(super) struct Waiting(Option<(Arm, Rows<'static>)>);

impl Waiting {
    /// Takes in a batch, and feeds what is concurrent with what waited, block by block.
    pub(super) fn add(&mut self, arm: Arm, rows: Rows<'_>, feed: &mut impl FnMut(&[Part<'_>])) {
        let rows = rows.sorted();
        if rows.len == 0 {
            return;
        }
        match self.0.take() {
            None => self.0 = Some((arm, rows.rest(0))),
            Some((waits, waited)) if waits == arm && waited.len >= LONGEST => {
                one_by_one(waits, &waited, feed);
                self.0 = Some((arm, rows.rest(0)));
            }
            Some((waits, mut waited)) if waits == arm => {
                waited.append(&rows);
                self.0 = Some((arm, waited.sorted()));
            }
            Some((waits, waited)) => {
                let (of_waited, of_rows) = pair((waits, &waited), (arm, &rows), feed);
                let rest = (of_waited < waited.len).then(|| (waits, waited.rest(of_waited)));
                self.0 = rest.or_else(|| (of_rows < rows.len).then(|| (arm, rows.rest(of_rows))));
            }
        }
    }

    /// Feeds what waits, concurrent or not: the shares of the traffic change.
    pub(super) fn release(&mut self, feed: &mut impl FnMut(&[Part<'_>])) {
        if let Some((arm, rows)) = self.0.take() {
            one_by_one(arm, &rows, feed);
        }
    }
}

/// Feeds one version's rows.
fn one_by_one(arm: Arm, rows: &Rows<'_>, feed: &mut impl FnMut(&[Part<'_>])) {
    let blocks = (rows.len / LEAST).clamp(1, BLOCKS);
    for block in 0..blocks {
        feed(&[(arm, rows, share(rows.len, block, blocks)..share(rows.len, block + 1, blocks))]);
    }
}

/// Feeds two versions' rows as far as both are known; says how far that is of each.
fn pair(a: (Arm, &Rows<'_>), b: (Arm, &Rows<'_>), feed: &mut impl FnMut(&[Part<'_>])) -> (usize, usize) {
    let is_timed = a.1.is_timed() && b.1.is_timed();
    let (of_a, of_b) = if is_timed {
        let known = a.1.last().min(b.1.last());
        (a.1.until(known), b.1.until(known))
    } else {
        (a.1.len, b.1.len)
    };
    // Divided by the rarer one: each block has enough of it, and of the other what arrived by then.
    let ((rare, few), (other, many)) = if of_a <= of_b { ((a, of_a), (b, of_b)) } else { ((b, of_b), (a, of_a)) };
    let minutes = if is_timed { minutes(rare.1, few) } else { 0 };
    let blocks = (few / LEAST).clamp(1, BLOCKS.max(minutes));
    let (mut from, mut other_from) = (0, 0);
    for block in 1..=blocks {
        let to = share(few, block, blocks);
        let other_to = match rare.1.arrival(to) {
            _ if block == blocks => many,
            next if is_timed => other.1.before(next).clamp(other_from, many),
            _ => share(many, block, blocks),
        };
        feed(&[(other.0, other.1, other_from..other_to), (rare.0, rare.1, from..to)]);
        (from, other_from) = (to, other_to);
    }
    (of_a, of_b)
}

/// How many of these come into the first of equal blocks.
const fn share(of: usize, block: usize, blocks: usize) -> usize {
    (of as u128 * block as u128 / blocks as u128) as usize
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a number of minutes; it saturates")]
fn minutes(rows: &Rows<'_>, len: usize) -> usize {
    let (first, last): (Timestamp, Timestamp) = (rows.arrival(0), rows.arrival(len.saturating_sub(1)));
    (last.since(first).as_secs_f64() / MINUTE) as usize
}
