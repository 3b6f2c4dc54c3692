//! Where things are below `.relay/`.

use std::fs::{self, Permissions};
use std::io::Write as _;
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use relay_dev_servers::workspace;

/// The checkout and its state directory.
#[derive(Debug, Clone)]
pub struct Layout {
    /// The checkout.
    pub root: PathBuf,
    home: PathBuf,
}

impl Layout {
    /// Finds the checkout and creates what is missing of its state directory.
    pub fn open() -> anyhow::Result<Self> {
        let root = workspace::root()?;
        let layout = Self { home: workspace::state_dir(&root), root };
        for directory in [layout.home.clone(), layout.data(), layout.logs(), layout.keys()] {
            fs::create_dir_all(&directory).with_context(|| format!("could not create {}", directory.display()))?;
        }
        // Postgres may run as another account, which passes through but does not look around.
        fs::set_permissions(layout.data(), Permissions::from_mode(0o711))?;
        for private in [layout.keys(), layout.logs()] {
            fs::set_permissions(private, Permissions::from_mode(0o700))?;
        }
        Ok(layout)
    }

    /// The servers' data.
    pub fn data(&self) -> PathBuf {
        self.home.join("data")
    }

    /// One file per process.
    pub fn logs(&self) -> PathBuf {
        self.home.join("logs")
    }

    /// Signing keys.
    pub fn keys(&self) -> PathBuf {
        self.home.join("keys")
    }

    /// The operators' configuration, for relayctl.
    pub fn config(&self) -> PathBuf {
        self.home.join("relay.toml")
    }

    /// The configuration of one kind of process, with its own credentials and nobody else's.
    pub fn config_of(&self, process: &str) -> PathBuf {
        self.home.join(format!("{process}.toml"))
    }

    /// What the supervisor says about itself.
    pub fn state(&self) -> PathBuf {
        self.home.join("state.json")
    }

    /// Passwords and ports that stay over runs.
    pub fn settings(&self) -> PathBuf {
        self.home.join("settings.json")
    }

    /// Held by the supervisor for as long as it lives.
    pub fn lock(&self) -> PathBuf {
        self.home.join("up.lock")
    }

    /// The detached supervisor's own words.
    pub fn supervisor_log(&self) -> PathBuf {
        self.logs().join("supervisor.log")
    }
}

/// Writes a file that only we can read, complete or not at all.
pub fn write_private(path: &Path, text: &str) -> anyhow::Result<()> {
    let temporary = path.with_extension("tmp");
    let mut file = fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&temporary)?;
    file.write_all(text.as_bytes())?;
    fs::rename(&temporary, path).with_context(|| format!("could not write {}", path.display()))
}
