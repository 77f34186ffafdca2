//! A byte-level Llama, small enough to answer 1,000 questions a second on one core and real in every other way.
//!
//! Tokens are the 256 bytes and two marks. A [`Checkpoint`] is a safetensors file with Hugging Face's tensor names, a
//! [`Llama`] runs it on the CPU through candle with a key-value cache, and [`Llama::decode`] hands out one byte at a time.

mod checkpoint;
mod decode;
mod llama;

pub use checkpoint::{Checkpoint, CheckpointError, Fingerprint};
pub use decode::{Decode, PromptTooLong};
pub use llama::Llama;

/// Stands before every prompt.
pub const BOS: u32 = 256;
/// Ends every answer.
pub const EOS: u32 = 257;
/// Bytes and the two marks.
pub const VOCAB: usize = 258;
/// Width of the residual stream.
pub const HIDDEN: usize = 64;
/// Width inside the feed-forward blocks.
pub const FEED_FORWARD: usize = 192;
/// Transformer blocks.
pub const LAYERS: usize = 2;
/// Attention heads in a block.
pub const HEADS: usize = 4;
/// Width of one head.
pub const HEAD: usize = HIDDEN / HEADS;
/// Longest prompt and answer together, in tokens, [`BOS`] included.
pub const CONTEXT: usize = 64;
/// Base of the rotary embedding's wavelengths.
pub const ROPE_THETA: f32 = 10_000.0;
/// Keeps the root-mean-square norm away from a division by zero.
pub const NORM_EPSILON: f32 = 1e-5;

/// Name and shape of every tensor in a checkpoint.
pub fn tensors() -> Vec<(String, Vec<usize>)> {
    let mut tensors = vec![
        ("model.embed_tokens.weight".to_owned(), vec![VOCAB, HIDDEN]),
        ("model.norm.weight".to_owned(), vec![HIDDEN]),
        ("lm_head.weight".to_owned(), vec![VOCAB, HIDDEN]),
    ];
    for layer in 0..LAYERS {
        let mut push = |name: &str, shape: &[usize]| {
            tensors.push((format!("model.layers.{layer}.{name}.weight"), shape.to_vec()));
        };
        for projection in ["q_proj", "k_proj", "v_proj", "o_proj"] {
            push(&format!("self_attn.{projection}"), &[HIDDEN, HIDDEN]);
        }
        push("mlp.gate_proj", &[FEED_FORWARD, HIDDEN]);
        push("mlp.up_proj", &[FEED_FORWARD, HIDDEN]);
        push("mlp.down_proj", &[HIDDEN, FEED_FORWARD]);
        push("input_layernorm", &[HIDDEN]);
        push("post_attention_layernorm", &[HIDDEN]);
    }
    tensors
}

/// Cosines and sines of the rotary embedding, each [`CONTEXT`] × half a [`HEAD`].
///
/// # Errors
/// Only what candle reports for tensors of a wrong size, which these are not.
pub fn rotary_tables() -> candle_core::Result<(candle_core::Tensor, candle_core::Tensor)> {
    let angles: Vec<f32> = (0..CONTEXT)
        .flat_map(|position| {
            (0..HEAD / 2).map(move |pair| position as f32 / ROPE_THETA.powf(2.0 * pair as f32 / HEAD as f32))
        })
        .collect();
    let angles = candle_core::Tensor::from_vec(angles, (CONTEXT, HEAD / 2), &candle_core::Device::Cpu)?;
    Ok((angles.cos()?, angles.sin()?))
}
