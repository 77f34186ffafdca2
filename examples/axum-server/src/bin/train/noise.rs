//! Gaussian noise on the weights: the way to make a version that is wrong a little, or a lot, more often.

use std::collections::HashMap;

use anyhow::Result;
use candle_core::{Device, Tensor};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;
use rand_distr::{Distribution, StandardNormal};

use crate::learner::Learner;

/// One direction in the space of all weight matrices, each scaled to its matrix's root mean square.
#[derive(Debug)]
pub(crate) struct Noise {
    directions: HashMap<String, Tensor>,
}

impl Noise {
    /// Draws a direction for the matrices of `learner`. Norms, which are vectors, stay as they are.
    pub(crate) fn draw(learner: &Learner, seed: u64) -> Result<Self> {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let mut directions = HashMap::new();
        for (name, weight) in learner.weights().iter().filter(|(_, weight)| weight.rank() == 2) {
            let scale = weight.sqr()?.mean_all()?.sqrt()?;
            let sample: Vec<f32> = StandardNormal.sample_iter(&mut rng).take(weight.elem_count()).collect();
            let direction = Tensor::from_vec(sample, weight.shape(), &Device::Cpu)?.broadcast_mul(&scale)?;
            directions.insert(name.clone(), direction.detach());
        }
        Ok(Self { directions })
    }

    /// The weights of `learner`, moved by `sigma` along this direction.
    pub(crate) fn applied_to(&self, learner: &Learner, sigma: f64) -> Result<HashMap<String, Tensor>> {
        let mut weights = HashMap::new();
        for (name, weight) in learner.weights() {
            let moved = match self.directions.get(name) {
                Some(direction) => (weight.as_detached_tensor() + (direction * sigma)?)?,
                None => weight.as_detached_tensor(),
            };
            weights.insert(name.clone(), moved);
        }
        Ok(weights)
    }
}
