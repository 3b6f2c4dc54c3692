//! `relayctl outbox list|redrive`: decisions that the log did not take.

use relay_domain::ports::LogAddress;
use relay_store::TroubledRow;
use relay_types::{Clock as _, SystemClock};

use super::migrate::missing_postgres;
use crate::config::Config;
use crate::failure::CheckFailed;
use crate::output;

/// Rows shown at most.
const SHOWN: u32 = 100;

/// What to do about decisions that the log did not take.
#[derive(clap::Subcommand)]
pub enum OutboxCommand {
    /// Show events that were tried in vain and are not in the log; exit with status 1 if there are any.
    List,
    /// Let them go out again, after what kept the log from taking them has been repaired.
    Redrive(Redrive),
}

#[derive(clap::Args)]
pub struct Redrive {
    /// Which, as `list` names them.
    #[arg(required_unless_present = "all", conflicts_with = "all")]
    ids: Vec<i64>,
    /// Every one.
    #[arg(long)]
    all: bool,
}

pub async fn run(command: OutboxCommand, config: &Config) -> anyhow::Result<()> {
    let postgres = config.postgres()?;
    let store = relay_bootstrap::open_store(postgres)?;
    let away = |error: relay_domain::ports::StoreError| missing_postgres(&postgres.url, error.into());
    match command {
        OutboxCommand::List => list(&store.troubled(SHOWN).await.map_err(away)?),
        OutboxCommand::Redrive(redrive) => {
            let ids = (!redrive.all).then_some(redrive.ids.as_slice());
            let rows = store.redrive(ids).await.map_err(away)?;
            if ids.is_some_and(|ids| rows < ids.len() as u64) {
                return Err(CheckFailed(format!("{rows} of them were there to let go; `relayctl outbox list` shows which are")).into());
            }
            output::line(format_args!("{rows} events are let go; the worker publishes them within seconds"));
            Ok(())
        }
    }
}

fn list(rows: &[TroubledRow]) -> anyhow::Result<()> {
    if rows.is_empty() {
        output::line("every event that was tried is in the log");
        return Ok(());
    }
    for row in rows {
        let (kind, target) = match row.address {
            LogAddress::Conversation { id, .. } => ("conversation", id.to_string()),
            LogAddress::User { id, .. } => ("user", id.to_string()),
        };
        let state = if row.parked { "parked" } else { "retried" };
        let age_s = SystemClock.now_ms().saturating_sub(row.created_at_ms) / 1_000;
        output::line(format_args!(
            "{}  {state}  shard {}  {kind} {target}  {age_s} s old  tried {}  {} behind it  {}",
            row.id,
            row.address.shard(),
            row.attempts,
            row.behind,
            row.failure
        ));
    }
    let parked = rows.iter().filter(|row| row.parked).count();
    Err(CheckFailed(format!("{} events did not reach the log, {parked} of them refused", rows.len())).into())
}
