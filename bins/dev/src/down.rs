//! `./relay down`: stops by recorded process only, and only what is still the recorded one.

use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::bail;
use relay_dev_servers::process;
use rustix::process::Signal;

use crate::layout::Layout;
use crate::state::{self, Identity, State};

/// Longer than every process together may take to stop.
const STOP_WITHIN: Duration = Duration::from_mins(3);
const KILL_AFTER: Duration = Duration::from_secs(20);
const POLL: Duration = Duration::from_millis(50);

/// Stops everything and waits until it is gone.
pub async fn down() -> anyhow::Result<ExitCode> {
    let layout = Layout::open()?;
    let Some(state) = State::load(&layout)? else {
        if state::try_lock(&layout)?.is_none() {
            bail!("./relay up is still building in another terminal; stop it there with Ctrl-C");
        }
        say!("RelayHub is not running.");
        return Ok(ExitCode::SUCCESS);
    };
    if state.supervisor.is_alive() && is_ours(state.supervisor) {
        say!(
            "stopping {} and the supervisor",
            state.services.iter().rev().map(|service| service.name.as_str()).collect::<Vec<_>>().join(", ")
        );
        process::send(state.supervisor.pid, Signal::TERM);
        if !gone_within(state.supervisor, STOP_WITHIN).await {
            process::send(state.supervisor.pid, Signal::KILL);
            bail!("the supervisor (pid {}) did not stop within {STOP_WITHIN:?} and was killed", state.supervisor.pid);
        }
    }
    // A supervisor that was killed leaves its processes to the guard; make sure all the same.
    for service in state.services.iter().rev() {
        let Some(identity) = service.identity.filter(|identity| identity.is_alive()) else { continue };
        process::send(identity.pid, Signal::TERM);
        if !gone_within(identity, KILL_AFTER).await {
            process::send(identity.pid, Signal::KILL);
        }
        say!("  {} stopped", service.name);
    }
    // Absent after a clean stop.
    let _ = std::fs::remove_file(layout.state());
    say!("RelayHub is down. Its data stays in .relay/data.");
    Ok(ExitCode::SUCCESS)
}

/// The supervisor is this program, perhaps rebuilt since (then the kernel adds a word to the path).
fn is_ours(identity: Identity) -> bool {
    let name = process::executable(identity.pid).and_then(|path| path.file_name().map(|name| name.to_string_lossy().into_owned()));
    name.is_some_and(|name| name.starts_with("relay-dev"))
}

async fn gone_within(identity: Identity, within: Duration) -> bool {
    let deadline = Instant::now() + within;
    while identity.is_alive() {
        if Instant::now() >= deadline {
            return false;
        }
        tokio::time::sleep(POLL).await;
    }
    true
}
