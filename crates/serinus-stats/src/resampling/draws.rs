//! Places of a sample, drawn at random.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

/// Samples up to this size are drawn from with 16 random bits a place.
const FEW: usize = 4_096;

/// Places drawn at random, each as likely as the others (D. Lemire, ACM Transactions on Modeling and Computer Simulation 29,
/// 2019, <https://doi.org/10.1145/3230636>).
pub(super) struct Draws {
    rng: ChaCha8Rng,
    /// Random bits that are left over.
    bits: u64,
    pieces: u32,
}

impl Draws {
    pub(super) fn new(seed: u64) -> Self {
        Self { rng: ChaCha8Rng::seed_from_u64(seed), bits: 0, pieces: 0 }
    }

    /// Calls `visit` with `count` places below `n`, which is above 0.
    #[inline]
    pub(super) fn each(&mut self, n: usize, count: usize, mut visit: impl FnMut(usize)) {
        if n <= FEW {
            #[expect(clippy::cast_possible_truncation, reason = "few")]
            let n = n as u32;
            // Of the 65,536 pieces of 16 bits so many are left out that every place has as many.
            let left_out = (1 << 16) % n;
            for _ in 0..count {
                visit(loop {
                    let scaled = self.sixteen_bits() * n;
                    if scaled & 0xffff >= left_out {
                        break (scaled >> 16) as usize;
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
    #[expect(clippy::cast_possible_truncation, reason = "halves of a product, the upper of which is below `n`")]
    pub(super) fn below(&mut self, n: usize) -> usize {
        let n = n as u64;
        let left_out = n.wrapping_neg() % n;
        loop {
            let scaled = u128::from(self.rng.next_u64()) * u128::from(n);
            if scaled as u64 >= left_out {
                return (scaled >> 64) as usize;
            }
        }
    }

    #[inline]
    fn sixteen_bits(&mut self) -> u32 {
        if self.pieces == 0 {
            self.bits = self.rng.next_u64();
            self.pieces = 4;
        }
        let piece = self.bits & 0xffff;
        self.bits >>= 16;
        self.pieces -= 1;
        piece as u32
    }
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
        assert_eq!(places, [53, 549, 300, 402, 556, 984, 596_560]);
    }
}
