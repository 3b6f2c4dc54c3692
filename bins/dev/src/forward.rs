//! Commands that other programs carry out, with the local stack's addresses.

use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Command, ExitCode};

use anyhow::{Context as _, bail};

use crate::cargo;
use crate::layout::Layout;
use crate::state::State;

/// Everything after the command's name.
#[derive(Debug, clap::Args)]
pub struct Rest {
    /// Passed on as they are
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    arguments: Vec<String>,
}

/// `relayctl chat` against the local stack.
pub fn chat(rest: &Rest) -> anyhow::Result<ExitCode> {
    let layout = Layout::open()?;
    let Some(state) = State::load_live(&layout)? else { bail!("RelayHub is not running; start it with ./relay up --detach") };
    let mut command = Command::new(state.bin_dir.join("relayctl"));
    command.arg("--config").arg(layout.config()).args(["chat", "--api", &state.urls.api, "--gateway", &state.urls.gateway]);
    replace_with(command.args(&rest.arguments))
}

/// Any relayctl command with the local configuration.
pub fn ctl(rest: &Rest) -> anyhow::Result<ExitCode> {
    let layout = Layout::open()?;
    let bin_dir = State::load(&layout)?.map_or_else(|| cargo::bin_dir(false), |state| Ok(state.bin_dir))?;
    if !layout.config().is_file() {
        bail!("there is no configuration yet; ./relay up writes it");
    }
    replace_with(Command::new(bin_dir.join("relayctl")).arg("--config").arg(layout.config()).args(&rest.arguments))
}

/// Builds everything optimised and measures. Progress goes to standard error: standard output is the figures'.
pub async fn bench(rest: &Rest) -> anyhow::Result<ExitCode> {
    let layout = Layout::open()?;
    complain!("building optimised programs (the first time takes some minutes)");
    build_release(&layout.root, &[]).await?;
    replace_with(Command::new(cargo::bin_dir(true)?.join("relay-bench")).args(&rest.arguments).current_dir(&layout.root))
}

async fn build_release(root: &Path, features: &[&str]) -> anyhow::Result<()> {
    let mut command = tokio::process::Command::new("cargo");
    command.args(["build", "--quiet", "--release", "--bins", "--workspace"]).args(features).current_dir(root).kill_on_drop(true);
    let status = command.status().await.context("could not run cargo")?;
    if !status.success() {
        bail!("the build failed");
    }
    Ok(())
}

/// Builds everything optimised and torments a cluster of its own. Progress goes to standard error: standard output is the
/// report's.
pub async fn chaos(rest: &Rest) -> anyhow::Result<ExitCode> {
    let layout = Layout::open()?;
    complain!("building optimised programs (the first time takes some minutes)");
    // With failpoints: one of the gateways dies between the log's acknowledgement and its own.
    build_release(&layout.root, &["--features", "relay-gateway-bin/failpoints"]).await?;
    replace_with(Command::new(cargo::bin_dir(true)?.join("relay-chaos")).args(&rest.arguments).current_dir(&layout.root))
}

/// Becomes `command`; returns only if that fails.
fn replace_with(command: &mut Command) -> anyhow::Result<ExitCode> {
    let error = command.exec();
    Err(error).with_context(|| format!("could not run {}", command.get_program().display()))
}
