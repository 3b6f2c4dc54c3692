//! A directory for one run, removed afterwards even if the run is killed.

use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use anyhow::Context as _;

use crate::guard;

/// A temporary directory that other accounts may pass through but not list: Postgres may run as another one.
#[derive(Debug)]
pub struct Scratch {
    directory: tempfile::TempDir,
}

impl Scratch {
    /// Creates `<temporary directory>/relayhub-<name>-XXXXXX`.
    pub fn new(name: &str) -> anyhow::Result<Self> {
        let directory = tempfile::Builder::new()
            .prefix(&format!("relayhub-{name}-"))
            .permissions(Permissions::from_mode(0o711))
            .tempdir()
            .context("could not create a temporary directory")?;
        guard::remove_at_exit(directory.path());
        Ok(Self { directory })
    }

    /// The directory.
    pub fn path(&self) -> &Path {
        self.directory.path()
    }
}
