//! Running cargo with one line of progress now and then.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use relay_dev_servers::workspace;
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::Command;

/// The programs that `up` runs.
const PROGRAMS: [&str; 4] = ["relay-gateway", "relay-api", "relay-worker", "relayctl"];
/// Between two lines of progress.
const TELL_EVERY: Duration = Duration::from_secs(5);
/// Lines of cargo's words kept for the failure message.
const MAX_LINES: usize = 400;

/// How cargo builds, by the profiles of the workspace's `Cargo.toml`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Profile {
    Dev,
    Release,
    /// Optimised, and built in minutes: for the bench and chaos.
    Measure,
}

impl Profile {
    const fn name(self) -> &'static str {
        match self {
            Self::Dev => "dev",
            Self::Release => "release",
            Self::Measure => "measure",
        }
    }

    /// Where the programs are, given where we are: `…/debug` and `…/release` are siblings.
    pub fn bin_dir(self) -> anyhow::Result<PathBuf> {
        let ours = workspace::bin_dir()?;
        let profiles = ours.parent().context("the running program is not in a target directory")?;
        Ok(profiles.join(if self == Self::Dev { "debug" } else { self.name() }))
    }
}

/// Builds the programs that `up` runs.
pub async fn build_programs(root: &Path, profile: Profile) -> anyhow::Result<()> {
    let mut args = vec!["build", "--profile", profile.name()];
    for program in PROGRAMS {
        args.extend(["--bin", program]);
    }
    run_quietly(root, &args).await
}

/// Builds every program of the workspace for measuring. Cargo's own progress goes to standard error.
pub async fn build_for_measuring(root: &Path) -> anyhow::Result<()> {
    let mut command = Command::new("cargo");
    command.args(["build", "--quiet", "--profile", Profile::Measure.name(), "--bins", "--workspace"]).current_dir(root);
    let status = command.kill_on_drop(true).status().await.context("could not run cargo")?;
    if !status.success() {
        bail!("the build failed");
    }
    Ok(())
}

/// Runs cargo, telling how many crates it has compiled, and shows what it said only if it fails.
pub async fn run_quietly(root: &Path, args: &[&str]) -> anyhow::Result<()> {
    let mut command = Command::new("cargo");
    command.args(args).current_dir(root).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped()).kill_on_drop(true);
    let mut child = command.spawn().context("could not run cargo")?;
    let stderr = child.stderr.take().context("cargo has no standard error")?;
    let mut lines = BufReader::new(stderr).lines();
    let (mut said, mut compiled, mut told) = (Vec::new(), 0_u32, Instant::now());
    while let Some(line) = lines.next_line().await.context("could not read what cargo says")? {
        if line.trim_start().starts_with("Compiling ") {
            compiled += 1;
            if told.elapsed() >= TELL_EVERY {
                told = Instant::now();
                say!("  building: {compiled} crates so far ({})", line.trim_start().trim_start_matches("Compiling "));
            }
        } else if line.trim_start().starts_with("Blocking ") {
            say!("  building: waiting for another cargo to finish");
        } else if said.len() < MAX_LINES {
            said.push(line);
        }
    }
    let status = child.wait().await?;
    if !status.success() {
        bail!("cargo {} failed:\n{}", args.join(" "), said.join("\n"));
    }
    Ok(())
}
