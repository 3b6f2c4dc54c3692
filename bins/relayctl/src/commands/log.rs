//! `relayctl log reseed`: a shard whose stream was lost goes on from what Postgres has.

use anyhow::Context as _;
use relay_bus::Bus;
use relay_bus::log::NatsMessageLog;
use relay_bus::topology::{FoundLog, Topology};
use relay_domain::ports::{LogAddress, MessageLog as _};
use relay_protocol::log::{LogEvent, SessionRevoked};
use relay_store::Store;
use relay_types::{Clock as _, EventId, IdGen as _, Seq, ShardId, SystemClock, SystemIds};

use super::migrate::missing_postgres;
use crate::config::Config;
use crate::failure::CheckFailed;
use crate::output;

/// The new log begins this far behind the last event that Postgres has. What the lost log had acknowledged beyond that has
/// sequences, too, and somebody may have seen them: they are never given to another message. At 10,000 messages a second it
/// takes five days without a projection to come so far; two million lost logs stay within what a JSON number says exactly.
const MARGIN: u64 = 1 << 32;
/// Clocks may differ by this when the age of an ended session is judged, in seconds.
const CLOCKS_S: u64 = 300;

#[derive(clap::Subcommand)]
pub enum LogCommand {
    /// Begin a shard's log anew after its stream was lost, from what Postgres has. What was acknowledged and had not reached
    /// Postgres is lost with the stream.
    Reseed(Reseed),
}

#[derive(clap::Args)]
pub struct Reseed {
    /// Which shard's log was lost.
    #[arg(long)]
    shard: u16,
    /// Do it; without, only say what would be done.
    #[arg(long)]
    yes: bool,
    /// Delete a stream that stands in the place of the lost one and does not continue it, with all its events.
    #[arg(long)]
    replace: bool,
}

/// Where the new log begins, and whether it is there already.
struct Plan {
    epoch: String,
    first: Seq,
    create: bool,
    delete: bool,
}

pub async fn reseed(arguments: Reseed, config: &Config) -> anyhow::Result<()> {
    let shard = ShardId(arguments.shard);
    let topology = Topology::declared(&config.topology)?;
    let bus = relay_bootstrap::connect_nats(config.nats()?, "relayctl").await?;
    let postgres = config.postgres()?;
    let store = relay_bootstrap::open_store(postgres)?;
    let projected = store.projected(shard).await.map_err(|error| missing_postgres(&postgres.url, error.into()))?;
    let Some((seq, lost)) = projected else {
        return no(format!("Postgres knows of no log of shard {}; `relayctl topology apply` begins one", shard.0));
    };
    let found = topology.find_log(&bus, shard).await?;
    let plan = match plan(seq, &lost, found, arguments.replace) {
        Ok(plan) => plan,
        Err(reason) => return no(reason),
    };
    output::line(format_args!("Postgres has shard {} up to {seq}, of the log {lost}.", shard.0));
    output::line(format_args!("The next log is {} and begins with {}.", plan.epoch, plan.first));
    output::line("Lost with the stream is what was acknowledged and had not reached Postgres; how much that was, nobody knows any more.");
    output::line("Gateways and workers start anew, devices reload, users' counts of undelivered events begin at nothing.");
    if !arguments.yes {
        return no("nothing was changed; --yes does it".to_owned());
    }
    carry_out(&plan, shard, (seq, &lost), &topology, &bus, &store, config).await?;
    output::line("done: the log goes on");
    Ok(())
}

fn no(reason: String) -> anyhow::Result<()> {
    Err(CheckFailed(reason).into())
}

/// Decides from what is found. An interrupted run is gone on with.
fn plan(seq: Seq, lost: &str, found: Option<FoundLog>, replace: bool) -> Result<Plan, String> {
    let anew = |delete| {
        let epoch = SystemIds::default().next_ulid().to_string();
        Ok(Plan { epoch, first: Seq(seq.0 + 1 + MARGIN), create: true, delete })
    };
    match found {
        None => anew(false),
        Some(FoundLog { epoch: Some(epoch), .. }) if epoch == lost => {
            Err(format!("the log {epoch} is there, and it is the one that Postgres follows: there is nothing to reseed"))
        }
        Some(FoundLog { epoch: Some(epoch), first: Some(first), .. }) if first > seq => {
            Ok(Plan { epoch, first, create: false, delete: false })
        }
        Some(_) if replace => anew(true),
        Some(FoundLog { epoch, events, .. }) => Err(format!(
            "a stream with {events} events stands in the place of the lost one and does not continue it (epoch {}); --replace deletes it",
            epoch.as_deref().unwrap_or("none")
        )),
    }
}

/// The consumers come last: until Postgres expects the new log, nobody may project it.
async fn carry_out(
    plan: &Plan,
    shard: ShardId,
    from: (Seq, &str),
    topology: &Topology,
    bus: &Bus,
    store: &Store,
    config: &Config,
) -> anyhow::Result<()> {
    if plan.delete {
        topology.delete_log(bus, shard).await?;
    }
    if plan.create {
        topology.continue_log(bus, shard, &plan.epoch, plan.first).await?;
    }
    let ended = tell_of_ended_sessions(plan, shard, bus, store, config).await?;
    output::line(format_args!("{ended} sessions that ended a short while ago are named again"));
    store.continue_in(shard, from, &plan.epoch, plan.first).await.context("Postgres was not moved to the new log; run this again")?;
    topology.apply(bus, &plan.epoch).await.context("the consumers are missing; `relayctl topology apply` makes them")?;
    Ok(())
}

/// Gateways learn from the log which sessions ended while their access tokens are still valid.
async fn tell_of_ended_sessions(plan: &Plan, shard: ShardId, bus: &Bus, store: &Store, config: &Config) -> anyhow::Result<usize> {
    let log = NatsMessageLog::new(bus.clone(), &config.topology);
    let ids = SystemIds::default();
    let ended = store.revoked_since(shard, config.tokens.access_ttl_s + CLOCKS_S).await?;
    for (user, session) in &ended {
        let event_id = EventId::new(ids.next_ulid());
        let event = SessionRevoked { event_id, actor_id: None, at_ms: SystemClock.now_ms(), user_id: *user, session_id: *session };
        let payload = serde_json::to_vec(&LogEvent::SessionRevoked(event))?.into();
        let dedup_id = format!("{}.{session}", plan.epoch);
        log.append(LogAddress::User { shard, id: *user }, &dedup_id, payload, None).await?;
    }
    Ok(ended.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(epoch: &str, first: Option<u64>) -> FoundLog {
        FoundLog { epoch: Some(epoch.to_owned()), first: first.map(Seq), events: 3 }
    }

    #[test]
    fn a_lost_log_is_continued_behind_a_margin() {
        let plan = plan(Seq(41), "old", None, false).unwrap_or_else(|reason| panic!("{reason}"));
        assert_eq!((plan.first, plan.create, plan.delete), (Seq(42 + MARGIN), true, false));
        assert_ne!(plan.epoch, "old");
    }

    #[test]
    fn an_interrupted_run_is_gone_on_with_and_anything_else_is_refused() {
        assert!(plan(Seq(41), "old", Some(found("old", None)), true).is_err(), "the log is there");
        let going_on = plan(Seq(41), "old", Some(found("new", Some(1_000_042))), false).unwrap_or_else(|reason| panic!("{reason}"));
        assert_eq!((going_on.epoch.as_str(), going_on.first, going_on.create), ("new", Seq(1_000_042), false));
        assert!(plan(Seq(41), "old", Some(found("new", None)), false).is_err(), "one that begins at 1");
        let replacing = plan(Seq(41), "old", Some(found("new", None)), true).unwrap_or_else(|reason| panic!("{reason}"));
        assert!(replacing.delete && replacing.create);
    }
}
