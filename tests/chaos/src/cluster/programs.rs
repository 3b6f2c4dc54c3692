//! Which revision's program each process runs: a link that is pointed elsewhere while the process is down.

use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use anyhow::Context as _;

/// The links, one directory per process.
pub struct Programs {
    at: PathBuf,
    /// What processes run that were not told otherwise.
    bin_dir: PathBuf,
}

impl Programs {
    /// Links below `at`, to the programs in `bin_dir`.
    pub fn new(at: PathBuf, bin_dir: PathBuf) -> Self {
        Self { at, bin_dir }
    }

    /// The directory that the process `name` is started from.
    pub fn of(&self, name: &str) -> anyhow::Result<PathBuf> {
        self.point(name, &self.bin_dir)?;
        Ok(self.at.join(name).join("bin"))
    }

    /// From its next start on the process `name` runs a program of `bin_dir`.
    pub fn point(&self, name: &str, bin_dir: &Path) -> anyhow::Result<()> {
        let directory = self.at.join(name);
        std::fs::create_dir_all(&directory).with_context(|| format!("could not create {}", directory.display()))?;
        // In one step: the supervisor may start the process at any moment.
        let next = directory.join("next");
        symlink(bin_dir, &next).with_context(|| format!("could not create {}", next.display()))?;
        std::fs::rename(&next, directory.join("bin")).with_context(|| format!("could not point {name} at {}", bin_dir.display()))
    }
}
