//! Strangers' tools that tests hold the served documents against: a validator, and a generator of clients.

use std::path::{Path, PathBuf};

use anyhow::Context as _;

use crate::install::{find_python, installed, pip_install};
use crate::workspace;

/// What `deploy/dev-servers/checks.txt` pins, installed.
#[derive(Debug, Clone)]
pub struct DocumentTools {
    home: PathBuf,
    python: &'static str,
}

impl DocumentTools {
    /// Installs below `.relay/tools`, or finds it there. Blocks for as long as pip takes.
    pub fn install(root: &Path) -> anyhow::Result<Self> {
        let requirements = root.join("deploy/dev-servers/checks.txt");
        let home = installed(root, "tools", &requirements, |target| pip_install(target, &requirements))?;
        Ok(Self { home, python: find_python()? })
    }

    /// [`Self::install`] for the checkout that the working directory is in, off the async threads.
    ///
    /// # Cancel safety
    /// Cancel safe; the installation goes on in the background.
    pub async fn ready() -> anyhow::Result<Self> {
        tokio::task::spawn_blocking(|| Self::install(&workspace::root()?)).await.context("the installation was aborted")?
    }

    /// For `PYTHONPATH`.
    pub fn home(&self) -> &Path {
        &self.home
    }

    /// The interpreter.
    pub fn python(&self) -> &'static str {
        self.python
    }
}
