//! What is kept: JSON behind its checksum, so that a changed byte is never taken for a decision.

use serde::Serialize;
use serde::de::DeserializeOwned;
use xxhash_rust::xxh3::xxh3_64;

use super::problem::Problem;

const CHECKSUM: usize = size_of::<u64>();

/// The bytes of a value. `what` names it in errors.
pub(super) fn seal(value: &impl Serialize, what: &str) -> Result<Vec<u8>, Problem> {
    let mut bytes = vec![0; CHECKSUM];
    serde_json::to_writer(&mut bytes, value)
        .map_err(|error| Problem::Damaged(format!("{what} has no form in JSON: {error}")))?;
    let checksum = xxh3_64(&bytes[CHECKSUM..]).to_le_bytes();
    bytes[..CHECKSUM].copy_from_slice(&checksum);
    Ok(bytes)
}

/// The value of bytes that [`seal`] made.
pub(super) fn unseal<T: DeserializeOwned>(bytes: &[u8], what: &str) -> Result<T, Problem> {
    let (checksum, json) = bytes
        .split_first_chunk::<CHECKSUM>()
        .ok_or_else(|| Problem::Damaged(format!("{what} has {} bytes, fewer than its checksum", bytes.len())))?;
    if u64::from_le_bytes(*checksum) != xxh3_64(json) {
        return Err(Problem::Damaged(format!("{what} does not match its checksum")));
    }
    serde_json::from_slice(json).map_err(|error| Problem::Damaged(format!("{what} cannot be understood: {error}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_sealed_comes_back_and_no_changed_byte_does() {
        let value = vec![(String::from("héllo"), 0.1_f64), (String::new(), f64::MIN_POSITIVE)];
        let sealed = seal(&value, "it").unwrap();
        assert_eq!(unseal::<Vec<(String, f64)>>(&sealed, "it").unwrap(), value);
        for place in 0..sealed.len() {
            let mut changed = sealed.clone();
            changed[place] ^= 1;
            assert!(matches!(unseal::<Vec<(String, f64)>>(&changed, "it"), Err(Problem::Damaged(_))), "{place}");
            assert!(matches!(unseal::<Vec<(String, f64)>>(&sealed[..place], "it"), Err(Problem::Damaged(_))));
        }
    }
}
