//! A layer: tests that share no user.

use serde::{Deserialize, Serialize};

use super::AbTest;
use super::split::POINTS;

/// Tests that share no user: each owns points of the layer's circle.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Layer {
    pub(super) running: Vec<Running>,
}

/// A running test and its points.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Running {
    pub(super) slices: Vec<Slice>,
    pub(super) test: AbTest,
}

/// Points from `start` up to, and without, `end`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(super) struct Slice {
    start: u64,
    end: u64,
}

impl Slice {
    const fn points(self) -> u64 {
        self.end - self.start
    }
}

impl Layer {
    /// The test that owns a point.
    pub(super) fn at(&self, point: u32) -> Option<&Running> {
        let point = u64::from(point);
        self.running.iter().find(|running| running.slices.iter().any(|slice| (slice.start..slice.end).contains(&point)))
    }

    /// Points that no test owns.
    pub(super) fn left(&self) -> u64 {
        self.gaps().into_iter().map(Slice::points).sum()
    }

    /// The first so many points that no test owns; `None` if there are not as many.
    pub(super) fn room(&self, mut points: u64) -> Option<Vec<Slice>> {
        let mut slices = Vec::new();
        for gap in self.gaps() {
            if points == 0 {
                break;
            }
            let taken = points.min(gap.points());
            slices.push(Slice { start: gap.start, end: gap.start + taken });
            points -= taken;
        }
        (points == 0).then_some(slices)
    }

    /// Whether slices are proper and no point is owned twice.
    pub(super) fn is_sound(&self) -> bool {
        let slices = self.owned();
        let proper = |slice: &Slice| slice.start < slice.end && slice.end <= POINTS;
        slices.iter().all(proper) && slices.windows(2).all(|pair| pair[0].end <= pair[1].start)
    }

    fn owned(&self) -> Vec<Slice> {
        let mut slices: Vec<Slice> = self.running.iter().flat_map(|running| running.slices.iter().copied()).collect();
        slices.sort_unstable();
        slices
    }

    fn gaps(&self) -> Vec<Slice> {
        let mut gaps = Vec::new();
        let mut start = 0;
        for slice in self.owned().into_iter().chain([Slice { start: POINTS, end: POINTS }]) {
            if start < slice.start {
                gaps.push(Slice { start, end: slice.start });
            }
            start = slice.end;
        }
        gaps
    }
}
