//! What the processes tell the one that started them: lines of JSON.

use std::collections::BTreeMap;
use std::io::{self, Write};

use anyhow::Result;
use serde::{Deserialize, Serialize};

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) enum Line {
    Router(RouterLine),
    Controller(String),
}

/// A router's counts since its process began.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct RouterLine {
    pub(crate) served: u64,
    /// Requests for a version that was not loaded: none may be.
    pub(crate) lost: u64,
    pub(crate) by_version: BTreeMap<String, u64>,
    pub(crate) weights: BTreeMap<String, f64>,
    pub(crate) staleness_ms: u128,
    pub(crate) controller: Option<String>,
}

impl RouterLine {
    /// Whether what it follows was the latest publication a moment ago: longer than two of its own publications take.
    pub(crate) fn is_in_touch(&self) -> bool {
        self.staleness_ms < 600
    }
}

pub(crate) fn tell(line: &Line) -> Result<()> {
    let mut out = io::stdout().lock();
    serde_json::to_writer(&mut out, line)?;
    writeln!(out)?;
    out.flush()?;
    Ok(())
}
