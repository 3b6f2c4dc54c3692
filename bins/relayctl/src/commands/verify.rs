//! `relayctl verify`: everything that the log has against everything that Postgres has, and repairing what can be repaired.

mod unread;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use relay_bus::audit::NatsAudit;
use relay_bus::tail::NatsTails;
use relay_domain::ports::{AuditedLog as _, AuditedProjection as _};
use relay_store::Store;
use relay_types::{Seq, ShardId};
use relay_workers::audit::{Auditor, Ends, Finding, Kind};
use serde_json::json;

use crate::config::Config;
use crate::failure::CheckFailed;
use crate::output;

/// The two sides are not read at one moment: what differs is looked at again after this.
const SECOND_LOOK: Duration = Duration::from_secs(2);
/// Rounds of repair.
const REPAIRS: usize = 3;
/// Sequences named per kind.
const SAMPLES: usize = 10;

#[derive(clap::Args)]
#[command(args_conflicts_with_subcommands = true)]
pub struct VerifyArguments {
    #[command(subcommand)]
    what: Option<What>,
    /// Only this shard.
    #[arg(long)]
    shard: Option<u16>,
    /// Write the rows that Postgres lacks, from the log. What only Postgres has is never deleted.
    #[arg(long)]
    repair: bool,
    /// One JSON object instead of sentences.
    #[arg(long)]
    json: bool,
}

#[derive(clap::Subcommand)]
enum What {
    /// Compare the unread counts of all lists with the messages; exit with status 1 if one is wrong.
    Unread(unread::UnreadArguments),
}

struct Verified {
    messages: u64,
    dead_lettered: usize,
    findings: Vec<Finding>,
    /// Durable consumers that are missing: the reconcile worker makes them.
    without_consumer: usize,
    /// Differences beyond those that are named.
    more: u64,
}

pub async fn run(mut arguments: VerifyArguments, config: &Config) -> anyhow::Result<()> {
    if let Some(What::Unread(arguments)) = arguments.what.take() {
        return unread::run(arguments, config).await;
    }
    let bus = relay_bootstrap::connect_nats(config.nats()?, "relayctl").await?;
    let store = Arc::new(relay_bootstrap::open_store(config.postgres()?)?);
    let log = Arc::new(NatsAudit::new(bus.clone()));
    let tails = Arc::new(NatsTails::new(bus));
    let auditor = Auditor { tails, log: log.clone(), projection: store.clone(), watermarks: store.clone(), people: store.clone() };
    let shards: Vec<ShardId> = config.topology.shard_ids().filter(|shard| arguments.shard.is_none_or(|only| only == shard.0)).collect();
    anyhow::ensure!(!shards.is_empty(), "there is no such shard");

    let mut verified = verify(&auditor, &shards).await?;
    let mut repaired = 0;
    if arguments.repair {
        // Whether a message counts follows from who was in: a repaired joining may show what else is missing.
        for _ in 0..REPAIRS {
            let now = repair(&log, &store, &verified.findings).await?;
            if now == 0 {
                break;
            }
            repaired += now;
            verified = verify(&auditor, &shards).await?;
        }
    }
    show(&arguments, &verified, repaired);
    if verified.findings.is_empty() {
        Ok(())
    } else {
        Err(CheckFailed(format!("{} differences between the log and Postgres", verified.findings.len())).into())
    }
}

async fn verify(auditor: &Auditor, shards: &[ShardId]) -> anyhow::Result<Verified> {
    let mut verified = Verified { messages: 0, dead_lettered: 0, findings: Vec::new(), without_consumer: 0, more: 0 };
    for shard in shards {
        let ends = auditor.ends(*shard).await?;
        if !ends.findings.is_empty() {
            verified.findings.extend(ends.findings);
            continue;
        }
        let oldest = Seq(ends.head.first.0.saturating_sub(1));
        let compared = auditor.range(*shard, oldest, ends.watermark.min(ends.head.last)).await?;
        verified.messages += compared.messages;
        verified.more += compared.more;
        verified.dead_lettered += auditor.log.dead_lettered(*shard).await?.len();
        if !compared.findings.is_empty() {
            tokio::time::sleep(SECOND_LOOK).await;
            verified.findings.extend(auditor.confirm(*shard, &compared.findings).await?);
        }
        verified.without_consumer += consumers(auditor, *shard, &ends, &mut verified.findings).await?;
    }
    let mut after = None;
    loop {
        let (found, next) = auditor.marks(after).await?;
        verified.findings.extend(found.into_iter().filter(|finding| shards.contains(&finding.shard)));
        after = next;
        if after.is_none() {
            return Ok(verified);
        }
    }
}

/// Looks at everybody's durable consumers. How many have none who should.
async fn consumers(auditor: &Auditor, shard: ShardId, ends: &Ends, findings: &mut Vec<Finding>) -> anyhow::Result<usize> {
    let (mut after, mut missing) = (None, 0);
    loop {
        let mut found = auditor.consumers(shard, &ends.head, after).await?;
        findings.append(&mut found.ahead);
        if !found.missing.is_empty() {
            // Somebody who has just come gets theirs in a moment.
            tokio::time::sleep(SECOND_LOOK).await;
            missing += auditor.still_missing(shard, &found.missing).await?.len();
        }
        after = found.next;
        if after.is_none() {
            return Ok(missing);
        }
    }
}

/// Projects anew what is missing.
async fn repair(log: &NatsAudit, store: &Store, findings: &[Finding]) -> anyhow::Result<u64> {
    let mut repaired = 0;
    let mut missing: BTreeMap<ShardId, BTreeSet<Seq>> = BTreeMap::new();
    for finding in findings.iter().filter(|finding| finding.kind == Kind::MissingRow) {
        missing.entry(finding.shard).or_default().insert(finding.seq);
    }
    for (shard, seqs) in missing {
        for (after, upto) in relay_workers::audit::runs(&seqs) {
            let events = log.page(shard, after, upto, usize::MAX).await?.events;
            let events: Vec<_> = events.into_iter().filter(|event| seqs.contains(&event.seq)).collect();
            repaired += store.repair(shard, &events).await?;
        }
    }
    Ok(repaired)
}

fn show(arguments: &VerifyArguments, verified: &Verified, repaired: u64) {
    let mut kinds: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for finding in &verified.findings {
        kinds.entry(finding.kind.name()).or_default().push(format!("{}:{}", finding.shard.0, finding.seq));
    }
    if arguments.json {
        let counts: BTreeMap<&str, usize> = kinds.iter().map(|(kind, seqs)| (*kind, seqs.len())).collect();
        let samples: BTreeMap<&str, Vec<&String>> = kinds.iter().map(|(kind, seqs)| (*kind, seqs.iter().take(SAMPLES).collect())).collect();
        output::line(
            json!({ "messages": verified.messages, "dead_lettered": verified.dead_lettered, "repaired": repaired, "without_consumer": verified.without_consumer, "findings": counts, "samples": samples }),
        );
        return;
    }
    if repaired > 0 {
        output::line(format_args!("{repaired} events that Postgres lacked were projected anew"));
    }
    for (kind, seqs) in &kinds {
        let shown = seqs.iter().take(SAMPLES).cloned().collect::<Vec<_>>().join(", ");
        output::line(format_args!("{kind}: {} ({}), such as {shown}", seqs.len(), meaning(kind)));
    }
    if verified.without_consumer > 0 {
        output::line(format_args!(
            "{} durable consumers of users who were seen lately are missing: the reconcile worker makes them, unless `relayctl doctor` says \
             that there is no place left",
            verified.without_consumer
        ));
    }
    if verified.more > 0 {
        output::line(format_args!("and {} more differences that are not listed", verified.more));
    }
    if verified.dead_lettered > 0 {
        output::line(format_args!(
            "{} events could not be processed and are not in Postgres: they are on the stream DEAD, with their reasons",
            verified.dead_lettered
        ));
    }
    if kinds.is_empty() {
        output::line(format_args!("{} messages: the log and Postgres agree", verified.messages));
    }
}

/// What an operator does about it.
fn meaning(kind: &str) -> &'static str {
    match kind {
        "missing_row" => "in the log and not in Postgres: --repair projects it anew",
        "phantom_row" => "in Postgres and not in the log: the log lost it, or somebody wrote it; keep the row until that is known",
        "other_message" => "the log and Postgres have different messages there: compare with a backup",
        "another_log" => "Postgres follows another log: `relayctl log reseed`, or the wrong database is configured",
        "log_too_short" => "the log ends before what Postgres has: it was cut off or restored; `relayctl log reseed`",
        "consumer_ahead" => {
            "a user's durable consumer is ahead of the log: it counts too little until the log has grown past it; report it"
        }
        _ => "a read mark lies beyond its conversation: it counts too little until the conversation has grown past it; report it",
    }
}
