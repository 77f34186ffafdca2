//! GPUs in a directory: a version is loaded where its file is. All processes see the same, and nobody's death unloads anything.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

use anyhow::Result;
use serinus::host::{HostError, ModelHost};
use serinus::model::{Fingerprint, ModelVersion, VersionId};
use serinus::plan::Fleet;

use crate::plan;

#[derive(Debug)]
pub(crate) struct Directory(PathBuf);

impl Directory {
    pub(crate) fn new(models: &Path) -> Result<Self> {
        fs::create_dir_all(models)?;
        Ok(Self(models.to_owned()))
    }

    pub(crate) fn is_loaded(&self, version: &VersionId) -> bool {
        self.0.join(version.as_str()).exists()
    }
}

fn failed(error: &io::Error) -> HostError {
    HostError::transient(error.to_string())
}

impl ModelHost for Directory {
    fn fleet(&self) -> Result<Fleet, HostError> {
        plan::fleet().map_err(|error| HostError::permanent(error.to_string()))
    }

    fn load(&self, version: &ModelVersion, replicas: u32) -> Result<(), HostError> {
        if !self.is_loaded(version.version()) {
            thread::sleep(Duration::from_millis(300)); // the weights are read
        }
        fs::write(self.0.join(version.version().as_str()), replicas.to_string()).map_err(|error| failed(&error))
    }

    fn warm_up(&self, _: &VersionId, _: u32) -> Result<(), HostError> {
        Ok(())
    }

    fn verify(&self, _: &VersionId) -> Result<Option<Fingerprint>, HostError> {
        Ok(None)
    }

    fn cancel_in_flight(&self, _: &VersionId) -> Result<u64, HostError> {
        Ok(0)
    }

    fn unload(&self, version: &VersionId, keep: u32) -> Result<(), HostError> {
        let file = self.0.join(version.as_str());
        match keep {
            0 if file.exists() => fs::remove_file(file).map_err(|error| failed(&error)),
            0 => Ok(()),
            _ => fs::write(file, keep.to_string()).map_err(|error| failed(&error)),
        }
    }
}
