//! A server whose models outlive the process that drives it: its books are in a file.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use parking_lot::Mutex;
use serde::{Deserialize, Serialize};
use serinus::host::{HostError, ModelHost};
use serinus::model::{Fingerprint, ModelVersion, VersionId};
use serinus::plan::Fleet;

/// What a server has, and what it has done.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Books {
    pub(crate) replicas: BTreeMap<String, u32>,
    fingerprints: BTreeMap<String, Fingerprint>,
    /// Replicas that were really loaded, by version; one that was there already does not count.
    pub(crate) loaded: BTreeMap<String, u32>,
}

impl Books {
    pub(crate) fn read(path: &Path) -> Self {
        serde_json::from_slice(&fs::read(path).unwrap()).unwrap()
    }

    pub(crate) fn of(&self, version: &VersionId) -> u32 {
        self.replicas.get(version.as_str()).copied().unwrap_or(0)
    }
}

#[derive(Debug)]
pub(crate) struct FileHost {
    path: PathBuf,
    fleet: Fleet,
    lock: Mutex<()>,
}

impl FileHost {
    /// The server as it is, or one that serves this version, if there is none yet.
    pub(crate) fn at(path: PathBuf, fleet: Fleet, version: &ModelVersion) -> Self {
        let host = Self { path, fleet, lock: Mutex::new(()) };
        if !host.path.exists() {
            host.write(&Books::default());
            host.load(version, host.fleet.replicas()).unwrap();
        }
        host
    }

    pub(crate) fn books(&self) -> Books {
        let _lock = self.lock.lock();
        Books::read(&self.path)
    }

    fn write(&self, books: &Books) {
        let new = self.path.with_extension("new");
        fs::write(&new, serde_json::to_vec(books).unwrap()).unwrap();
        fs::rename(&new, &self.path).unwrap();
    }

    fn change(&self, change: impl FnOnce(&mut Books)) {
        let _lock = self.lock.lock();
        let mut books = Books::read(&self.path);
        change(&mut books);
        self.write(&books);
    }
}

impl ModelHost for FileHost {
    fn fleet(&self) -> Result<Fleet, HostError> {
        Ok(self.fleet.clone())
    }

    fn load(&self, version: &ModelVersion, replicas: u32) -> Result<(), HostError> {
        self.change(|books| {
            let name = version.version().to_string();
            let have = books.replicas.entry(name.clone()).or_default();
            *books.loaded.entry(name.clone()).or_default() += replicas.saturating_sub(*have);
            *have = (*have).max(replicas);
            books.fingerprints.insert(name, version.expected_fingerprint().clone());
        });
        Ok(())
    }

    fn warm_up(&self, version: &VersionId, _: u32) -> Result<(), HostError> {
        if self.books().of(version) == 0 { Err(HostError::permanent("it is not loaded")) } else { Ok(()) }
    }

    fn verify(&self, version: &VersionId) -> Result<Option<Fingerprint>, HostError> {
        let found = self.books().fingerprints.get(version.as_str()).cloned();
        found.map(Some).ok_or_else(|| HostError::permanent("it is not loaded"))
    }

    fn cancel_in_flight(&self, _: &VersionId) -> Result<u64, HostError> {
        Ok(0)
    }

    fn unload(&self, version: &VersionId, keep: u32) -> Result<(), HostError> {
        self.change(|books| {
            if let Some(have) = books.replicas.get_mut(version.as_str()) {
                *have = (*have).min(keep);
            }
            books.replicas.retain(|_, replicas| *replicas > 0);
        });
        Ok(())
    }
}
