//! Which account Postgres runs as: it refuses to run as root.

use std::fs;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, chown};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, bail};
use sha2::{Digest as _, Sha256};

/// An unprivileged account to run a server as.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Account {
    uid: u32,
    gid: u32,
}

impl Account {
    /// `None` for an ordinary user, who runs everything as themselves; `nobody` for root.
    pub fn for_postgres() -> Option<Self> {
        rustix::process::geteuid().is_root().then(|| Self::named("nobody").unwrap_or(Self { uid: 65_534, gid: 65_534 }))
    }

    fn named(name: &str) -> Option<Self> {
        let passwd = fs::read_to_string("/etc/passwd").ok()?;
        passwd.lines().find_map(|line| {
            let mut fields = line.split(':');
            if fields.next()? != name {
                return None;
            }
            Some(Self { uid: fields.nth(1)?.parse().ok()?, gid: fields.next()?.parse().ok()? })
        })
    }

    /// Makes `command` run as this account, without root's supplementary groups.
    pub(crate) fn apply(self, command: &mut Command) {
        command.uid(self.uid).gid(self.gid);
    }

    /// Gives `path` (not what is below it) to this account.
    pub(crate) fn own(self, path: &Path) -> anyhow::Result<()> {
        chown(path, Some(self.uid), Some(self.gid)).with_context(|| format!("could not give {} to uid {}", path.display(), self.uid))
    }

    /// Whether this account may walk down to `path`, as far as it exists.
    fn reaches(self, path: &Path) -> bool {
        path.ancestors().filter_map(|part| fs::metadata(part).ok()).all(|meta| {
            let mode = meta.permissions().mode();
            match (meta.uid() == self.uid, meta.gid() == self.gid) {
                (true, _) => mode & 0o100 != 0,
                (false, true) => mode & 0o010 != 0,
                (false, false) => mode & 0o001 != 0,
            }
        })
    }
}

/// `path` itself where `account` can reach it; otherwise a directory in `/var/tmp` that stands for it, for checkouts in
/// places like `/root`.
pub(crate) fn reachable(account: Option<Account>, path: &Path) -> anyhow::Result<PathBuf> {
    let Some(account) = account else { return Ok(path.to_owned()) };
    if account.reaches(path) {
        return Ok(path.to_owned());
    }
    let digest = Sha256::digest(path.as_os_str().as_encoded_bytes());
    let name = digest.iter().take(6).fold(String::new(), |name, byte| format!("{name}{byte:02x}"));
    let stand_in = PathBuf::from(format!("/var/tmp/relayhub-{name}"));
    fs::create_dir_all(&stand_in).with_context(|| format!("could not create {}", stand_in.display()))?;
    // Anybody may create names in /var/tmp: use only what is ours.
    let meta = fs::symlink_metadata(&stand_in)?;
    if !meta.is_dir() || meta.uid() != rustix::process::geteuid().as_raw() {
        bail!("{} exists and belongs to somebody else", stand_in.display());
    }
    fs::set_permissions(&stand_in, fs::Permissions::from_mode(0o711))?;
    Ok(stand_in)
}
