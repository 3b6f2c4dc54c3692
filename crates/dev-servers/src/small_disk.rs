//! A disk of limited size, so that it can run full.

use std::fs;
use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Context as _;

use crate::guard;

const FILLER: &str = "filler";
const PIECE: usize = 1 << 20;

/// A mounted memory disk. Unmounted when dropped, or when our process is gone.
#[derive(Debug)]
pub struct SmallDisk {
    path: PathBuf,
}

impl SmallDisk {
    /// Mounts one of `bytes` at `path`; `None`, with the reason in the log, where that is not permitted.
    pub fn mount(path: &Path, bytes: u64) -> anyhow::Result<Option<Self>> {
        fs::create_dir_all(path).with_context(|| format!("could not create {}", path.display()))?;
        let options = format!("size={bytes},mode=0755");
        let mounted = Command::new("mount").args(["-t", "tmpfs", "-o", &options, "relayhub-small-disk"]).arg(path).output();
        match mounted {
            Ok(output) if output.status.success() => {
                guard::unmount_at_exit(path);
                Ok(Some(Self { path: path.to_owned() }))
            }
            Ok(output) => {
                tracing::info!(reason = %String::from_utf8_lossy(&output.stderr).trim(), "no small disk: mounting is not permitted");
                Ok(None)
            }
            Err(error) => {
                tracing::info!(%error, "no small disk: there is no mount program");
                Ok(None)
            }
        }
    }

    /// Where it is mounted.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Takes all the room that is left.
    pub fn fill(&self) -> anyhow::Result<()> {
        let mut filler = fs::File::create(self.path.join(FILLER))?;
        filler.set_permissions(fs::Permissions::from_mode(0o600))?;
        let piece = vec![0; PIECE];
        // Ends with "no space left", which is what is wanted.
        for size in [PIECE, 4096, 1] {
            while filler.write_all(piece.get(..size).unwrap_or_default()).is_ok() {}
        }
        Ok(())
    }

    /// Gives the room back.
    pub fn free(&self) -> anyhow::Result<()> {
        fs::remove_file(self.path.join(FILLER)).context("the disk was not filled")
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        // Lazily: whoever still has a file open there is about to end.
        if let Err(error) = Command::new("umount").arg("--lazy").arg(&self.path).status() {
            tracing::debug!(%error, path = %self.path.display(), "not unmounted");
        }
    }
}
