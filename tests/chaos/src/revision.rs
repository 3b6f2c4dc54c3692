//! Another revision of RelayHub, built beside this one.

use std::path::{Path, PathBuf};
use std::process::Stdio;

use anyhow::{Context as _, bail};
use relay_dev_servers::workspace;
use tokio::process::Command;

/// A revision whose programs can be run.
#[derive(Debug, Clone)]
pub struct Revision {
    /// As in messages.
    pub name: String,
    /// Where its programs are.
    pub bin_dir: PathBuf,
}

impl Revision {
    /// The one that this program is of.
    pub fn own() -> anyhow::Result<Self> {
        Ok(Self { name: "this revision".to_owned(), bin_dir: workspace::bin_dir()? })
    }

    /// Builds `name`, a commit of this checkout's repository, below `.relay/upgrade/<commit>`, as this program was built; or finds
    /// it there. Blocks the run for as long as cargo takes.
    pub async fn build(name: &str) -> anyhow::Result<Self> {
        let root = workspace::root()?;
        let commit = git(&root, &["rev-parse", "--verify", "--quiet", "--end-of-options", &format!("{name}^{{commit}}")]).await;
        let commit = commit.with_context(|| format!("{name} is no commit of this repository"))?;
        let tree = workspace::state_dir(&root).join("upgrade").join(&commit);
        if !tree.join("Cargo.toml").is_file() {
            let path = tree.to_str().context("the checkout's path is not UTF-8")?;
            git(&root, &["worktree", "add", "--force", "--detach", path, &commit]).await?;
        }
        let profile = if cfg!(debug_assertions) { "dev" } else { "measure" };
        let target = tree.join("target");
        tracing::info!(revision = name, commit, "building it");
        let mut cargo = Command::new("cargo");
        cargo.args(["build", "--quiet", "--profile", profile]);
        for program in ["relay-gateway", "relay-api", "relay-worker"] {
            cargo.args(["--bin", program]);
        }
        cargo.current_dir(&tree).env("CARGO_TARGET_DIR", &target).stdin(Stdio::null()).kill_on_drop(true);
        if !cargo.status().await.context("could not run cargo")?.success() {
            bail!("{name} does not build");
        }
        let bin_dir = target.join(if profile == "dev" { "debug" } else { profile });
        Ok(Self { name: format!("{name} ({})", commit.get(..9).unwrap_or(&commit)), bin_dir })
    }
}

async fn git(root: &Path, arguments: &[&str]) -> anyhow::Result<String> {
    let output = Command::new("git").args(arguments).current_dir(root).stdin(Stdio::null()).output().await.context("could not run git")?;
    if !output.status.success() {
        bail!("git {} failed: {}", arguments.join(" "), String::from_utf8_lossy(&output.stderr).trim());
    }
    Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}
