//! Reading a checkpoint from disk, and knowing which one was read.

use std::collections::HashMap;
use std::fmt;
use std::path::{Path, PathBuf};

use candle_core::{DType, Device, Tensor};
use xxhash_rust::xxh3::xxh3_128;

use super::tensors;

/// XXH3 (128 bits) of a checkpoint file, printed as 32 hexadecimal digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Fingerprint(u128);

impl Fingerprint {
    /// The fingerprint of a file with this content.
    pub fn of(bytes: &[u8]) -> Self {
        Self(xxh3_128(bytes))
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", self.0)
    }
}

/// The weights of one model, complete and of the right shapes.
#[derive(Debug, Clone)]
pub struct Checkpoint {
    fingerprint: Fingerprint,
    weights: HashMap<String, Tensor>,
}

impl Checkpoint {
    /// Reads a safetensors file.
    ///
    /// # Errors
    /// [`CheckpointError`] if the file cannot be read, is not safetensors, or holds another model.
    pub fn read(path: &Path) -> Result<Self, CheckpointError> {
        let bytes =
            std::fs::read(path).map_err(|source| CheckpointError::Unreadable { path: path.to_owned(), source })?;
        Self::from_bytes(&bytes).map_err(|fault| CheckpointError::Unusable { path: path.to_owned(), fault })
    }

    /// What was read.
    pub fn fingerprint(&self) -> Fingerprint {
        self.fingerprint
    }

    /// Every tensor by its Hugging Face name.
    pub fn weights(&self) -> &HashMap<String, Tensor> {
        &self.weights
    }

    fn from_bytes(bytes: &[u8]) -> Result<Self, String> {
        let weights = candle_core::safetensors::load_buffer(bytes, &Device::Cpu).map_err(|error| error.to_string())?;
        for (name, shape) in tensors() {
            let tensor = weights.get(&name).ok_or_else(|| format!("tensor {name} is missing"))?;
            if tensor.dims() != shape || tensor.dtype() != DType::F32 {
                return Err(format!(
                    "tensor {name} should be F32 {shape:?} and is {:?} {:?}",
                    tensor.dtype(),
                    tensor.dims()
                ));
            }
        }
        Ok(Self { fingerprint: Fingerprint::of(bytes), weights })
    }
}

/// Why a checkpoint could not be loaded.
#[derive(Debug, thiserror::Error)]
pub enum CheckpointError {
    /// The file system refused.
    #[error("cannot read checkpoint {path}: {source}", path = path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the file system said.
        source: std::io::Error,
    },
    /// The file is not a checkpoint of this model.
    #[error("checkpoint {path} does not hold this model: {fault}", path = path.display())]
    Unusable {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        fault: String,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_that_hold_no_model_are_refused_with_the_reason() {
        assert!(matches!(Checkpoint::read(Path::new("/nowhere/at/all")), Err(CheckpointError::Unreadable { .. })));
        assert!(Checkpoint::from_bytes(b"not safetensors").is_err());
        let bytes = safetensors_with("model.norm.weight");
        assert!(Checkpoint::from_bytes(&bytes).unwrap_err().contains("is missing"));
        let bytes = safetensors_with("model.embed_tokens.weight");
        assert!(Checkpoint::from_bytes(&bytes).unwrap_err().contains("should be F32 [258, 64]"));
    }

    fn safetensors_with(name: &str) -> Vec<u8> {
        let header = format!(r#"{{"{name}":{{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}}}"#);
        let mut bytes = (header.len() as u64).to_le_bytes().to_vec();
        bytes.extend(header.as_bytes());
        bytes.extend(1.0_f32.to_le_bytes());
        bytes
    }
}
