//! The forward pass: one prompt or one token at a time, with a key-value cache.
//!
//! Projections that read the same input are stacked into one matrix when the model is built, and the attention's
//! 1/√head is folded into the queries: at this size the time goes into starting operations, not into arithmetic.

use candle_core::{D, DType, Device, Result, Tensor};
use candle_nn::ops::{rms_norm, softmax_last_dim};
use candle_nn::rotary_emb::rope_thd;

use super::{CONTEXT, Checkpoint, FEED_FORWARD, HEAD, HEADS, HIDDEN, LAYERS, NORM_EPSILON, rotary_tables};

/// A model that is ready to answer. Sharing one between threads is safe; each answer has its own cache.
#[derive(Debug, Clone)]
pub struct Llama {
    embedding: Tensor,
    layers: Vec<Layer>,
    norm: Tensor,
    head: Tensor,
    cos: Tensor,
    sin: Tensor,
    mask: Tensor,
}

impl Llama {
    /// Arranges the weights of a checkpoint for inference. The model owns its copy of them.
    ///
    /// # Errors
    /// What candle reports if memory or a shape is wrong; a [`Checkpoint`] has been checked for the latter.
    pub fn new(checkpoint: &Checkpoint) -> Result<Self> {
        let weight = |name: &str| -> Result<Tensor> {
            let tensor = checkpoint.weights().get(name);
            tensor.ok_or_else(|| candle_core::Error::Msg(format!("no tensor {name}")))?.copy()
        };
        let (cos, sin) = rotary_tables()?;
        let mask = (0..CONTEXT)
            .flat_map(|row| (0..CONTEXT).map(move |column| if column > row { f32::NEG_INFINITY } else { 0.0 }))
            .collect();
        Ok(Self {
            embedding: weight("model.embed_tokens.weight")?,
            layers: (0..LAYERS)
                .map(|layer| Layer::new(&|name| weight(&format!("model.layers.{layer}.{name}.weight"))))
                .collect::<Result<_>>()?,
            norm: weight("model.norm.weight")?,
            head: weight("lm_head.weight")?.t()?,
            cos,
            sin,
            mask: Tensor::from_vec(mask, (CONTEXT, CONTEXT), &Device::Cpu)?,
        })
    }

    /// The most likely token after `tokens`, which follow what `cache` already holds.
    pub(super) fn next_token(&self, tokens: &[u32], cache: &mut Cache) -> Result<u32> {
        let (past, count) = (cache.length, tokens.len());
        let cos = self.cos.narrow(0, past, count)?;
        let sin = self.sin.narrow(0, past, count)?;
        let mask = match count {
            1 => None,
            _ => Some(self.mask.narrow(0, past, count)?.narrow(1, 0, past + count)?),
        };
        let mut hidden = self.embedding.index_select(&Tensor::new(tokens, &Device::Cpu)?, 0)?;
        for (layer, cached) in self.layers.iter().zip(&cache.layers) {
            hidden = layer.forward(&hidden, &cos, &sin, mask.as_ref(), cached, past)?;
        }
        cache.length += count;
        let last = hidden.narrow(0, count - 1, 1)?;
        let logits = rms_norm(&last, &self.norm, NORM_EPSILON)?.matmul(&self.head)?;
        logits.argmax(D::Minus1)?.squeeze(0)?.to_scalar()
    }
}

/// The keys and values of one answer in progress.
#[derive(Debug)]
pub(super) struct Cache {
    length: usize,
    layers: Vec<LayerCache>,
}

impl Cache {
    /// An empty cache with room for a whole context.
    pub(super) fn new() -> Result<Self> {
        let layers = (0..LAYERS).map(|_| LayerCache::new()).collect::<Result<_>>()?;
        Ok(Self { length: 0, layers })
    }

    /// Tokens held.
    pub(super) fn length(&self) -> usize {
        self.length
    }
}

#[derive(Debug)]
struct LayerCache {
    keys: Tensor,
    values: Tensor,
}

impl LayerCache {
    fn new() -> Result<Self> {
        let empty = || Tensor::zeros((HEADS, CONTEXT, HEAD), DType::F32, &Device::Cpu);
        Ok(Self { keys: empty()?, values: empty()? })
    }
}

#[derive(Debug, Clone)]
struct Layer {
    attention_norm: Tensor,
    queries_keys_values: Tensor,
    output: Tensor,
    feed_forward_norm: Tensor,
    gate_up: Tensor,
    down: Tensor,
}

impl Layer {
    fn new(weight: &dyn Fn(&str) -> Result<Tensor>) -> Result<Self> {
        let queries = (weight("self_attn.q_proj")? / (HEAD as f64).sqrt())?;
        let (keys, values) = (weight("self_attn.k_proj")?, weight("self_attn.v_proj")?);
        Ok(Self {
            attention_norm: weight("input_layernorm")?,
            queries_keys_values: Tensor::cat(&[queries, keys, values], 0)?.t()?,
            output: weight("self_attn.o_proj")?.t()?,
            feed_forward_norm: weight("post_attention_layernorm")?,
            gate_up: Tensor::cat(&[weight("mlp.gate_proj")?, weight("mlp.up_proj")?], 0)?.t()?,
            down: weight("mlp.down_proj")?.t()?,
        })
    }

    fn forward(
        &self,
        hidden: &Tensor,
        cos: &Tensor,
        sin: &Tensor,
        mask: Option<&Tensor>,
        cache: &LayerCache,
        past: usize,
    ) -> Result<Tensor> {
        let count = hidden.dim(0)?;
        let heads = |tensor: Tensor| tensor.transpose(0, 1)?.contiguous();

        let normed = rms_norm(hidden, &self.attention_norm, NORM_EPSILON)?;
        let projected = normed.matmul(&self.queries_keys_values)?;
        let rotated = projected.narrow(1, 0, 2 * HIDDEN)?.contiguous()?.reshape((1, count, 2 * HEADS, HEAD))?;
        let rotated = rope_thd(&rotated, cos, sin)?.squeeze(0)?;
        let queries = heads(rotated.narrow(1, 0, HEADS)?)?;
        cache.keys.slice_set(&heads(rotated.narrow(1, HEADS, HEADS)?)?, 1, past)?;
        let values = projected.narrow(1, 2 * HIDDEN, HIDDEN)?.reshape((count, HEADS, HEAD))?;
        cache.values.slice_set(&heads(values)?, 1, past)?;

        let keys = cache.keys.narrow(1, 0, past + count)?;
        let values = cache.values.narrow(1, 0, past + count)?;
        let mut scores = queries.matmul(&keys.t()?)?;
        if let Some(mask) = mask {
            scores = scores.broadcast_add(mask)?;
        }
        let attended = softmax_last_dim(&scores)?.matmul(&values)?.transpose(0, 1)?.reshape((count, HIDDEN))?;
        let hidden = (hidden + attended.matmul(&self.output)?)?;

        let gate_up = rms_norm(&hidden, &self.feed_forward_norm, NORM_EPSILON)?.matmul(&self.gate_up)?;
        let gate = gate_up.narrow(1, 0, FEED_FORWARD)?.silu()?;
        let gated = (gate * gate_up.narrow(1, FEED_FORWARD, FEED_FORWARD)?)?;
        hidden + gated.matmul(&self.down)?
    }
}
