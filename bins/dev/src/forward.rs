//! Commands that other programs carry out, with the local stack's addresses.

use std::os::unix::process::CommandExt as _;
use std::process::{Command, ExitCode};

use anyhow::{Context as _, bail};

use crate::cargo::{self, Profile};
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
    let bin_dir = State::load(&layout)?.map_or_else(|| Profile::Dev.bin_dir(), |state| Ok(state.bin_dir))?;
    if !layout.config().is_file() {
        bail!("there is no configuration yet; ./relay up writes it");
    }
    replace_with(Command::new(bin_dir.join("relayctl")).arg("--config").arg(layout.config()).args(&rest.arguments))
}

/// Builds everything optimised and measures. Progress goes to standard error: standard output is the figures'.
pub async fn bench(rest: &Rest) -> anyhow::Result<ExitCode> {
    run_optimised("relay-bench", rest).await
}

/// Builds everything optimised and torments a cluster of its own. Progress goes to standard error: standard output is the
/// report's.
pub async fn chaos(rest: &Rest) -> anyhow::Result<ExitCode> {
    run_optimised("relay-chaos", rest).await
}

/// One build serves both programs, so that either may follow the other without another build.
async fn run_optimised(program: &str, rest: &Rest) -> anyhow::Result<ExitCode> {
    let layout = Layout::open()?;
    complain!("building optimised programs (the first time takes some minutes)");
    cargo::build_for_measuring(&layout.root).await?;
    replace_with(Command::new(Profile::Measure.bin_dir()?.join(program)).args(&rest.arguments).current_dir(&layout.root))
}

/// Becomes `command`; returns only if that fails.
fn replace_with(command: &mut Command) -> anyhow::Result<ExitCode> {
    let error = command.exec();
    Err(error).with_context(|| format!("could not run {}", command.get_program().display()))
}
