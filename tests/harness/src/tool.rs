//! Running relayctl.

use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context as _, bail};

const WITHIN: Duration = Duration::from_mins(1);

/// Runs `relayctl --config <config> <args>` and returns what it printed.
pub(crate) async fn relayctl(bin_dir: &Path, config: &Path, args: &[&str]) -> anyhow::Result<String> {
    relayctl_with(bin_dir, config, args, Vec::new()).await
}

/// The same with more in its environment.
pub(crate) async fn relayctl_with(bin_dir: &Path, config: &Path, args: &[&str], env: Vec<(String, String)>) -> anyhow::Result<String> {
    let program = bin_dir.join("relayctl");
    if !program.is_file() {
        bail!("{} does not exist: build the programs first (cargo build --workspace --bins; ./relay test does)", program.display());
    }
    let mut command = tokio::process::Command::new(&program);
    command.arg("--config").arg(config).args(args).envs(env).stdin(Stdio::null()).kill_on_drop(true);
    let output = tokio::time::timeout(WITHIN, command.output()).await;
    let output = output.with_context(|| format!("relayctl {} did not end within {WITHIN:?}", args.join(" ")))??;
    if !output.status.success() {
        let (said, complained) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        bail!("relayctl {} failed ({}): {}\n{}", args.join(" "), output.status, said.trim(), complained.trim());
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}
