//! The circle as the request path reads it: which slot owns a point, in the same time however many arcs there are.

use super::routes::Slot;

/// The circle is cut into this many equal parts.
const PARTS: usize = 256;
const PART_BITS: u32 = u32::BITS - PARTS.ilog2();
/// So many arcs are looked at one after the other: a processor that foresees where the search ends goes on before the hash is
/// known, which beats all look-ups.
const FEW: usize = 5;

/// The arcs in rising order.
#[derive(Debug)]
pub(super) struct Arcs {
    arcs: Vec<Arc>,
    /// By part of the circle the arc of its first point, where there are more than a few (the guide table of Chen and Asau,
    /// 1974). Most parts lie within one arc, so the first one looked at is the right one.
    guide: Option<Box<[u16; PARTS]>>,
}

#[derive(Debug)]
struct Arc {
    last_point: u32,
    owner: Slot,
}

impl Arcs {
    /// Of each arc its last point and its owner, in rising order up to the last point of the circle.
    pub(super) fn new(arcs: impl Iterator<Item = (u32, Slot)>) -> Self {
        let arcs: Vec<_> = arcs.map(|(last_point, owner)| Arc { last_point, owner }).collect();
        let arc_of_part = |part: usize| {
            let first_point = (part as u64) << PART_BITS;
            let arc = arcs.partition_point(|arc| u64::from(arc.last_point) < first_point);
            // Beyond what fits, the search begins early, which finds the same.
            u16::try_from(arc).unwrap_or(u16::MAX)
        };
        let guide = (arcs.len() > FEW).then(|| Box::new(std::array::from_fn(arc_of_part)));
        Self { arcs, guide }
    }

    /// Whose the point is.
    #[inline]
    pub(super) fn owner(&self, point: u32) -> Slot {
        let arcs = match &self.guide {
            None => &self.arcs[..],
            Some(guide) => self.arcs.get(usize::from(guide[(point >> PART_BITS) as usize])..).unwrap_or_default(),
        };
        arcs.iter().find(|arc| point <= arc.last_point).map_or(0, |arc| arc.owner)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Arcs that end at these points and at the circle's last, each with an owner of its own.
    fn arcs(mut ends: Vec<u32>) -> (Vec<u32>, Arcs) {
        ends.push(u32::MAX);
        ends.sort_unstable();
        ends.dedup();
        let arcs = Arcs::new(ends.iter().enumerate().map(|(slot, end)| (*end, slot)));
        (ends, arcs)
    }

    /// Every arc's first and last point, and the neighbours of the parts' limits.
    fn assert_owned(ends: &[u32], arcs: &Arcs) {
        let limits = (0..256).flat_map(|part| {
            let first: u32 = part << PART_BITS;
            [first, first.wrapping_sub(1)]
        });
        for point in ends.iter().flat_map(|end| [*end, end.wrapping_add(1)]).chain(limits) {
            assert_eq!(arcs.owner(point), ends.partition_point(|end| *end < point), "{point:#x}");
        }
    }

    #[test]
    fn more_arcs_than_the_guide_can_number_are_found_all_the_same() {
        let (ends, arcs) = arcs((0..70_000).map(|arc| arc * 60_000).collect());
        assert_eq!(arcs.owner(u32::MAX), 70_000);
        assert_eq!(arcs.owner(69_000 * 60_000), ends.partition_point(|end| *end < 69_000 * 60_000));
    }

    proptest! {
        #[test]
        fn a_point_belongs_to_the_arc_that_it_lies_in(ends in prop::collection::vec(any::<u32>(), 0..90)) {
            let (ends, arcs) = arcs(ends);
            assert_owned(&ends, &arcs);
        }

        #[test]
        fn also_where_arcs_are_shorter_than_parts(ends in prop::collection::vec(0..1u32 << 26, 0..90)) {
            let (ends, arcs) = arcs(ends);
            assert_owned(&ends, &arcs);
        }
    }
}
