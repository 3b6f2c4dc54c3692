//! `relayctl doctor`: is everything there, and what would be lost in which accident?

mod durability;
mod keys;
mod log;
mod monitor;
mod postgres;
mod valkey;

use std::fmt;
use std::time::Duration;

use crate::config::Config;
use crate::failure::CheckFailed;
use crate::output;

/// For one answer of one server.
const PATIENCE: Duration = Duration::from_secs(5);
/// Clocks that differ by more than this are worth a warning, in milliseconds.
const CLOCK_TOLERANCE_MS: i64 = 1_000;

/// Arguments of `relayctl doctor`.
#[derive(clap::Args)]
pub struct DoctorArguments {
    /// A NATS server's monitoring address, such as `http://127.0.0.1:8222`, for what NATS tells only there: how it writes
    /// to disk. Name every server of a cluster.
    #[arg(long)]
    nats_monitor: Vec<String>,
}

/// How one check went.
enum Finding {
    Fine(String),
    /// It works, but something acknowledged may be lost, or soon will not work.
    Warning(String),
    /// It does not work.
    Broken(String),
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Fine(text) => write!(f, "ok       {text}"),
            Self::Warning(text) => write!(f, "warning  {text}"),
            Self::Broken(text) => write!(f, "broken   {text}"),
        }
    }
}

/// Runs every check, whatever the others say. Status 1 if anything is broken.
pub async fn run(arguments: DoctorArguments, config: &Config) -> anyhow::Result<()> {
    output::line(Finding::Fine("the configuration is valid".to_owned()));
    let mut findings = vec![keys::check(config)];
    findings.extend(postgres::check(config).await);
    findings.extend(log::check(config).await);
    let (writes, on_servers) = monitor::check(&arguments.nats_monitor, usize::from(config.topology.replicas)).await;
    findings.extend(on_servers);
    findings.push(durability::check(writes, config.topology.replicas));
    findings.push(valkey::check(config).await);
    let broken = findings.iter().filter(|finding| matches!(finding, Finding::Broken(_))).count();
    for finding in findings {
        output::line(finding);
    }
    if broken > 0 {
        return Err(CheckFailed(format!("{broken} of the checks failed")).into());
    }
    Ok(())
}

/// A server's clock against ours, which was read before (`asked`) and after the answer.
fn clock(whose: &str, theirs_ms: i64, asked_ms: i64, answered_ms: i64) -> Option<Finding> {
    let off = if theirs_ms < asked_ms { theirs_ms - asked_ms } else { (theirs_ms - answered_ms).max(0) };
    (off.abs() > CLOCK_TOLERANCE_MS).then(|| {
        Finding::Warning(format!(
            "{whose}'s clock is {:.1} s {} this host's: tokens and sessions end that much too early or too late; let NTP set both",
            std::time::Duration::from_millis(off.unsigned_abs()).as_secs_f64(),
            if off > 0 { "ahead of" } else { "behind" }
        ))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_clocks_that_cannot_be_explained_by_the_way_are_wrong() {
        assert!(clock("Postgres", 1_000, 900, 1_100).is_none());
        assert!(clock("Postgres", 2_000, 900, 1_100).is_none());
        assert!(matches!(clock("Postgres", 9_000, 900, 1_100), Some(Finding::Warning(text)) if text.contains("7.9 s ahead of")));
        assert!(matches!(clock("Postgres", 9_000, 19_000, 19_500), Some(Finding::Warning(text)) if text.contains("10.0 s behind")));
    }
}
