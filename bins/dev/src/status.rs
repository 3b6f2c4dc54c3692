//! `./relay status`: every process, its health now, and since when it runs.

use std::process::ExitCode;
use std::time::Duration;

use crate::layout::Layout;
use crate::state::{Phase, State, now_ms};

/// Prints the table; success only if every process is healthy.
pub async fn status() -> anyhow::Result<ExitCode> {
    let layout = Layout::open()?;
    let Some(state) = State::load_live(&layout)? else {
        if let Some(Phase::Failed { reason }) = State::load(&layout)?.map(|state| state.phase) {
            say!("RelayHub is not running; the last start failed: {reason}");
        } else {
            say!("RelayHub is not running; start it with ./relay up");
        }
        return Ok(ExitCode::FAILURE);
    };
    let mut healthy = state.phase == Phase::Ready && !state.services.is_empty();
    say!("{:<10} {:>8}  {:<9} {:>9}  {:>8}", "process", "pid", "health", "uptime", "restarts");
    for service in &state.services {
        let alive = service.identity.filter(|identity| identity.is_alive());
        let answer = match alive {
            Some(_) => service.probe.check().await,
            None => Err("does not run".to_owned()),
        };
        let health = match (&answer, alive) {
            (Ok(()), _) => "healthy",
            (Err(_), Some(_)) => "unhealthy",
            (Err(_), None) => "down",
        };
        let pid = alive.map_or_else(|| "-".to_owned(), |identity| identity.pid.to_string());
        let uptime = alive.map_or_else(|| "-".to_owned(), |_| human(Duration::from_millis(now_ms().saturating_sub(service.since_ms))));
        say!("{:<10} {pid:>8}  {health:<9} {uptime:>9}  {:>8}", service.name, service.restarts);
        if let Err(reason) = answer {
            say!("           {reason}");
            healthy = false;
        }
    }
    match state.phase {
        Phase::Ready => {}
        Phase::Starting => say!("still starting"),
        Phase::Stopping => say!("stopping"),
        Phase::Failed { reason } => say!("failed: {reason}"),
    }
    Ok(if healthy { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn human(time: Duration) -> String {
    let seconds = time.as_secs();
    match seconds {
        0..60 => format!("{seconds} s"),
        60..3_600 => format!("{} min", seconds / 60),
        3_600..86_400 => format!("{} h {} min", seconds / 3_600, seconds / 60 % 60),
        _ => format!("{} d {} h", seconds / 86_400, seconds / 3_600 % 24),
    }
}

#[cfg(test)]
mod tests {
    use super::human;
    use std::time::Duration;

    #[test]
    fn uptimes_are_short() {
        let shown = [59, 60, 3_599, 3_661, 90_061].map(|seconds| human(Duration::from_secs(seconds)));
        assert_eq!(shown, ["59 s", "1 min", "59 min", "1 h 1 min", "1 d 1 h"]);
    }
}
