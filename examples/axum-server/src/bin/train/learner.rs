//! The same model as the server's, written with operations that have a backward pass.
//!
//! candle's fused `rms_norm`, `rope` and `softmax_last_dim` have none and cut the gradient without a word, so the slow
//! forms stand here. Its CPU random numbers cannot be seeded either: the first weights come from a generator of our own.

use std::collections::BTreeMap;

use anyhow::Result;
use axum_server::model::{CONTEXT, HEAD, HEADS, HIDDEN, LAYERS, NORM_EPSILON, rotary_tables, tensors};
use candle_core::{D, Device, Tensor, Var};
use candle_nn::ops::{rms_norm_slow, softmax};
use candle_nn::rotary_emb::rope_slow;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;
use rand_distr::{Distribution, Normal};

/// A model whose weights can be trained.
#[derive(Debug)]
pub(crate) struct Learner {
    weights: BTreeMap<String, Var>,
    cos: Tensor,
    sin: Tensor,
    mask: Tensor,
}

impl Learner {
    /// A model that knows nothing.
    pub(crate) fn new(seed: u64) -> Result<Self> {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let mut weights = BTreeMap::new();
        for (name, shape) in tensors() {
            let count = shape.iter().product();
            let data: Vec<f32> = match shape[..] {
                [_, inputs] => Normal::new(0.0, spread(&name, inputs))?.sample_iter(&mut rng).take(count).collect(),
                _ => vec![1.0; count],
            };
            weights.insert(name, Var::from_tensor(&Tensor::from_vec(data, shape, &Device::Cpu)?)?);
        }
        let (cos, sin) = rotary_tables()?;
        let mask = (0..CONTEXT)
            .flat_map(|row| (0..CONTEXT).map(move |column| if column > row { f32::NEG_INFINITY } else { 0.0 }))
            .collect();
        Ok(Self { weights, cos, sin, mask: Tensor::from_vec(mask, (CONTEXT, CONTEXT), &Device::Cpu)? })
    }

    /// Every weight by name.
    pub(crate) fn weights(&self) -> &BTreeMap<String, Var> {
        &self.weights
    }

    /// Logits (batch × length × vocabulary) for tokens (batch × length).
    pub(crate) fn forward(&self, tokens: &Tensor) -> Result<Tensor> {
        let (batch, length) = tokens.dims2()?;
        let (cos, sin) = (self.cos.narrow(0, 0, length)?, self.sin.narrow(0, 0, length)?);
        let mask = self.mask.narrow(0, 0, length)?.narrow(1, 0, length)?.contiguous()?;
        let embedding = self.weight("model.embed_tokens.weight");
        let mut hidden = embedding.index_select(&tokens.flatten_all()?, 0)?.reshape((batch, length, HIDDEN))?;
        for layer in 0..LAYERS {
            let name = |name: &str| format!("model.layers.{layer}.{name}.weight");

            let normed = self.norm(&hidden, &name("input_layernorm"))?;
            let heads = |projection: &str| -> Result<Tensor> {
                let projected = self.linear(&normed, &name(projection))?.reshape((batch, length, HEADS, HEAD))?;
                Ok(projected.transpose(1, 2)?.contiguous()?)
            };
            let queries = rope_slow(&heads("self_attn.q_proj")?, &cos, &sin)?.contiguous()?;
            let keys = rope_slow(&heads("self_attn.k_proj")?, &cos, &sin)?.contiguous()?;
            let scores = (queries.matmul(&keys.t()?.contiguous()?)? / (HEAD as f64).sqrt())?.broadcast_add(&mask)?;
            let attended = softmax(&scores, D::Minus1)?.matmul(&heads("self_attn.v_proj")?)?;
            let attended = attended.transpose(1, 2)?.reshape((batch, length, HIDDEN))?;
            hidden = (hidden + self.linear(&attended, &name("self_attn.o_proj"))?)?;

            let normed = self.norm(&hidden, &name("post_attention_layernorm"))?;
            let gate = self.linear(&normed, &name("mlp.gate_proj"))?.silu()?;
            let gated = (gate * self.linear(&normed, &name("mlp.up_proj"))?)?;
            hidden = (hidden + self.linear(&gated, &name("mlp.down_proj"))?)?;
        }
        self.linear(&self.norm(&hidden, "model.norm.weight")?, "lm_head.weight")
    }

    fn weight(&self, name: &str) -> &Tensor {
        self.weights[name].as_tensor()
    }

    fn norm(&self, hidden: &Tensor, name: &str) -> Result<Tensor> {
        Ok(rms_norm_slow(&hidden.contiguous()?, self.weight(name), NORM_EPSILON)?)
    }

    fn linear(&self, input: &Tensor, name: &str) -> Result<Tensor> {
        let (batch, length, width) = input.dims3()?;
        let output = input.reshape((batch * length, width))?.matmul(&self.weight(name).t()?)?;
        Ok(output.reshape((batch, length, ()))?)
    }
}

/// Standard deviation of a matrix's first weights: what goes back into the residual stream starts at half strength.
fn spread(name: &str, inputs: usize) -> f32 {
    let balanced = 1.0 / (inputs as f32).sqrt();
    if name.contains("embed_tokens") {
        0.5
    } else if name.contains("o_proj") || name.contains("down_proj") {
        0.5 * balanced
    } else {
        balanced
    }
}
