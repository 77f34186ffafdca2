//! How values are written: JSON under a format number, so that a release knows what it cannot read.

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::error::FleetError;

/// The format of all values that this release writes.
const FORMAT: u32 = 1;

#[derive(Serialize)]
struct Written<'a, T> {
    format: u32,
    value: &'a T,
}

#[derive(Deserialize)]
struct Head {
    format: u32,
}

#[derive(Deserialize)]
struct Read<T> {
    value: T,
}

pub(crate) fn encode<T: Serialize>(key: &str, value: &T) -> Result<Vec<u8>, FleetError> {
    serde_json::to_vec(&Written { format: FORMAT, value }).map_err(|error| unreadable(key, &error))
}

pub(crate) fn decode<T: DeserializeOwned>(key: &str, bytes: &[u8]) -> Result<T, FleetError> {
    let Head { format } = serde_json::from_slice(bytes).map_err(|error| unreadable(key, &error))?;
    if format != FORMAT {
        let problem = format!("it has format {format}, and this release knows format {FORMAT}");
        return Err(FleetError::Unreadable { key: key.to_owned(), problem });
    }
    serde_json::from_slice(bytes).map(|Read { value }| value).map_err(|error| unreadable(key, &error))
}

fn unreadable(key: &str, problem: &dyn ToString) -> FleetError {
    FleetError::Unreadable { key: key.to_owned(), problem: problem.to_string() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_later_format_is_named_and_not_guessed_at() {
        assert_eq!(decode::<u64>("k", &encode("k", &7u64).unwrap()), Ok(7));
        let later = decode::<u64>("k", br#"{"format":2,"value":{"new":1}}"#).unwrap_err();
        assert!(later.to_string().contains("format 2"), "{later}");
        assert!(decode::<u64>("k", b"{").is_err());
        assert!(decode::<u64>("k", br#"{"format":1,"value":"x"}"#).is_err());
    }
}
