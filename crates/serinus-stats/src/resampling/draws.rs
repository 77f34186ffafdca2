//! Places of a sample, drawn at random.

use rand_xoshiro::Xoshiro256PlusPlus;
use rand_xoshiro::rand_core::{Rng, SeedableRng};

/// Samples up to this size are drawn from with 16 random bits a place.
const FEW: usize = 4_096;

/// Places drawn at random, each as likely as the others (D. Lemire, ACM Transactions on Modeling and Computer Simulation 29,
/// 2019, <https://doi.org/10.1145/3230636>).
pub(super) struct Draws {
    rng: Xoshiro256PlusPlus,
    /// Pieces of 16 bits that are left of the last word.
    bits: u64,
    pieces: u32,
}

impl Draws {
    pub(super) fn new(seed: u64) -> Self {
        Self { rng: Xoshiro256PlusPlus::seed_from_u64(seed), bits: 0, pieces: 0 }
    }

    /// The sum of as many values as there are, each drawn from all of them.
    pub(super) fn sum(&mut self, values: &[f64]) -> f64 {
        let mut sums = [0.0; 4];
        let mut count = values.len();
        if values.len() <= FEW && self.pieces == 0 {
            let (n, left_out) = (values.len() as u64, (1 << 16) % values.len() as u64);
            while count >= 4 {
                // Four places of one word, unless one of them has to be drawn again.
                let word = self.rng.next_u64();
                let scaled: [u64; 4] = std::array::from_fn(|i| (word >> (16 * i) & 0xffff) * n);
                if scaled.iter().any(|scaled| scaled & 0xffff < left_out) {
                    for scaled in scaled.into_iter().filter(|scaled| scaled & 0xffff >= left_out) {
                        sums[0] += values[index(scaled >> 16)];
                        count -= 1;
                    }
                    continue;
                }
                for (sum, scaled) in sums.iter_mut().zip(scaled) {
                    *sum += values[index(scaled >> 16)];
                }
                count -= 4;
            }
        }
        self.each(values.len(), count, |place| sums[0] += values[place]);
        // What is left of a word is not carried on: every sum begins with a new one.
        self.pieces = 0;
        sums.iter().sum()
    }

    /// Calls `visit` with `count` places below `n`, which is above 0.
    pub(super) fn each(&mut self, n: usize, count: usize, mut visit: impl FnMut(usize)) {
        if n <= FEW {
            // Of the 65,536 pieces of 16 bits so many are left out that every place has as many.
            let (n, left_out) = (n as u64, (1 << 16) % n as u64);
            for _ in 0..count {
                visit(loop {
                    let scaled = self.sixteen_bits() * n;
                    if scaled & 0xffff >= left_out {
                        break index(scaled >> 16);
                    }
                });
            }
        } else {
            for _ in 0..count {
                visit(self.below(n));
            }
        }
    }

    /// A place below `n`, which is above 0.
    pub(super) fn below(&mut self, n: usize) -> usize {
        let n = n as u64;
        let left_out = n.wrapping_neg() % n;
        loop {
            let scaled = u128::from(self.rng.next_u64()) * u128::from(n);
            #[expect(clippy::cast_possible_truncation, reason = "the lower half")]
            if scaled as u64 >= left_out {
                #[expect(clippy::cast_possible_truncation, reason = "the upper half, below `n`")]
                return (scaled >> 64) as usize;
            }
        }
    }

    #[inline]
    fn sixteen_bits(&mut self) -> u64 {
        if self.pieces == 0 {
            self.bits = self.rng.next_u64();
            self.pieces = 4;
        }
        let piece = self.bits & 0xffff;
        self.bits >>= 16;
        self.pieces -= 1;
        piece
    }
}

/// A place, which is below the length of a sample.
#[expect(clippy::cast_possible_truncation, reason = "below the length of a slice")]
const fn index(place: u64) -> usize {
    place as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_even() {
        for n in [1, 7, 1_000, 5_000] {
            let mut counts = vec![0u64; n];
            let each = 200;
            Draws::new(3).each(n, n * each, |place| counts[place] += 1);
            let squares: f64 = counts.iter().map(|count| (*count as f64 - each as f64).powi(2) / each as f64).sum();
            let (mean, deviation) = ((n - 1) as f64, (2.0 * (n - 1) as f64).sqrt());
            assert!((squares - mean).abs() <= 4.0 * deviation, "{n}: {squares}");
        }
    }

    #[test]
    fn the_generator_is_pinned() {
        let mut places = Vec::new();
        let mut draws = Draws::new(1);
        draws.each(1_000, 6, |place| places.push(place));
        places.push(draws.below(1_000_000));
        assert_eq!(places, [760, 433, 814, 811, 877, 586, 100_150]);
    }
}
