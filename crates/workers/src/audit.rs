//! Comparing the log with its projection, all the time: what was acknowledged is there, and nothing else is.
//!
//! [`Auditor`] compares; [`Audit`] does it again and again and shows the outcome as metrics. The two sides are not read at one
//! moment, so a difference counts only when it is still there a while later.

mod compare;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

use relay_domain::ports::{AuditedLog, AuditedProjection, LogHead, Projection, TailSource};
use relay_runtime::Task;
use relay_types::{Seq, ShardId};

pub use compare::{Finding, Kind};

/// Events compared at once.
const PAGE: usize = 2_000;
/// Differences remembered; beyond, only their number is known.
const MAX_OPEN: usize = 10_000;
/// A starting auditor looks back this far; [`Audit::full_every`] looks at everything.
const LOOK_BACK: u64 = 100_000;

/// Compares.
#[derive(Clone)]
pub struct Auditor {
    /// The log's ends.
    pub tails: Arc<dyn TailSource>,
    /// The log's events.
    pub log: Arc<dyn AuditedLog>,
    /// The projection's rows.
    pub projection: Arc<dyn AuditedProjection>,
    /// How far the projection is.
    pub watermarks: Arc<dyn Projection>,
}

/// What a run over a range came to.
#[derive(Debug, Default)]
pub struct Compared {
    /// Messages in the range.
    pub messages: u64,
    /// Differences, ascending.
    pub findings: Vec<Finding>,
}

/// A shard's two ends.
#[derive(Debug, Clone)]
pub struct Ends {
    /// The log's.
    pub head: LogHead,
    /// The projection's.
    pub watermark: Seq,
    /// What does not fit.
    pub findings: Vec<Finding>,
}

impl Auditor {
    /// Looks at both ends: the projection may be behind the log, never before it, and in the same life of it.
    ///
    /// # Cancel safety
    /// Cancel safe.
    pub async fn ends(&self, shard: ShardId) -> anyhow::Result<Ends> {
        // The projection first: the log only grows meanwhile.
        let (watermark, epoch) = self.watermarks.watermark(shard).await?;
        let head = self.tails.head(shard).await?;
        let mut findings = Vec::new();
        match epoch {
            Some(epoch) if epoch != head.epoch => findings.push(Finding { kind: Kind::AnotherLog, shard, seq: watermark }),
            _ if watermark > head.last => findings.push(Finding { kind: Kind::LogTooShort, shard, seq: watermark }),
            _ => {}
        }
        Ok(Ends { head, watermark, findings })
    }

    /// Compares everything after `after` up to `upto`, which both sides have.
    ///
    /// # Cancel safety
    /// Cancel safe.
    pub async fn range(&self, shard: ShardId, after: Seq, upto: Seq) -> anyhow::Result<Compared> {
        let mut compared = Compared::default();
        let mut at = after;
        while at < upto {
            let page = self.log.page(shard, at, upto, PAGE).await?;
            let rows = self.projection.projected_events(shard, at, page.upto).await?;
            compare::page(shard, &page.events, &rows, &mut compared);
            at = page.upto;
        }
        if compared.findings.iter().any(|finding| finding.kind == Kind::MissingRow) {
            let put_aside: BTreeSet<Seq> = self.log.put_aside(shard).await?.into_iter().collect();
            compared.findings.retain(|finding| finding.kind != Kind::MissingRow || !put_aside.contains(&finding.seq));
        }
        Ok(compared)
    }

    /// Cursors that claim more than there is.
    ///
    /// # Cancel safety
    /// Cancel safe.
    pub async fn cursors(&self, shard: ShardId, head: &LogHead) -> anyhow::Result<Vec<Finding>> {
        let ahead = self.log.consumers_ahead(shard, head.last, MAX_OPEN).await?;
        let mut findings: Vec<Finding> = ahead.iter().map(|_| Finding { kind: Kind::ConsumerAhead, shard, seq: head.last }).collect();
        let marks = self.projection.marks_ahead(shard).await?;
        findings.extend((0..marks.min(MAX_OPEN as u64)).map(|_| Finding { kind: Kind::MarkAhead, shard, seq: head.last }));
        Ok(findings)
    }

    /// Those of `findings` that are still there.
    ///
    /// # Cancel safety
    /// Cancel safe.
    pub async fn confirm(&self, shard: ShardId, findings: &[Finding]) -> anyhow::Result<Vec<Finding>> {
        let places: BTreeSet<Seq> = findings.iter().map(|finding| finding.seq).collect();
        let mut confirmed = Vec::new();
        for (after, upto) in runs(&places) {
            let found = self.range(shard, after, upto).await?.findings;
            confirmed.extend(found.into_iter().filter(|finding| places.contains(&finding.seq)));
        }
        Ok(confirmed)
    }
}

/// Ranges that hold all of `places` and are read at once each: places that are near each other are looked at together.
pub fn runs(places: &BTreeSet<Seq>) -> Vec<(Seq, Seq)> {
    let mut runs: Vec<(Seq, Seq)> = Vec::new();
    for place in places {
        match runs.last_mut() {
            Some((after, upto)) if place.0 - after.0 <= PAGE as u64 => *upto = *place,
            _ => runs.push((Seq(place.0.saturating_sub(1)), *place)),
        }
    }
    runs
}

/// The continuous audit.
#[derive(Clone)]
pub struct Audit {
    /// Compares.
    pub auditor: Auditor,
    /// Every shard.
    pub shards: Vec<ShardId>,
    /// What is new is compared this often.
    pub every: Duration,
    /// Everything that the log still has is compared this often, for the first time at a random moment within it: workers that
    /// were started together do not all read the whole log at once, and one that is restarted daily does so too.
    pub full_every: Duration,
}

/// What is known of one shard.
#[derive(Default)]
struct Known {
    epoch: Option<String>,
    /// Compared up to here.
    upto: Option<Seq>,
    /// Seen once; they count when they are seen again.
    suspected: Vec<Finding>,
    /// Seen twice.
    open: Vec<Finding>,
    /// Of cursors and marks, as of the last full comparison.
    cursors: Vec<Finding>,
    full_due: Option<Instant>,
}

impl Audit {
    /// Compares until told to stop. What cannot be read now is compared later.
    ///
    /// # Cancel safety
    /// Cancel safe.
    pub async fn run(&self, task: Task) -> anyhow::Result<()> {
        let mut shards: BTreeMap<ShardId, Known> = self.shards.iter().map(|shard| (*shard, Known::default())).collect();
        task.health.up();
        loop {
            let began = Instant::now();
            let mut all = Vec::new();
            let mut missed = None;
            for (shard, known) in &mut shards {
                match self.look(*shard, known).await {
                    Ok(findings) => all.extend(findings),
                    Err(error) => {
                        tracing::info!(shard = shard.0, error = %format!("{error:#}"), "not audited now");
                        missed = Some(format!("{shard}: {error:#}"));
                    }
                }
            }
            if let Some(reason) = missed {
                task.health.degraded(reason);
            } else {
                task.health.up();
                show(&all);
                metrics::histogram!("relay_audit_seconds").record(began.elapsed().as_secs_f64());
            }
            tokio::select! {
                () = task.stop.cancelled() => return Ok(()),
                () = tokio::time::sleep(self.every) => {}
            }
        }
    }

    async fn look(&self, shard: ShardId, known: &mut Known) -> anyhow::Result<Vec<Finding>> {
        let ends = self.auditor.ends(shard).await?;
        if known.epoch.as_ref() != Some(&ends.head.epoch) {
            *known = Known { epoch: Some(ends.head.epoch.clone()), ..Known::default() };
        }
        if !ends.findings.is_empty() {
            return Ok(ends.findings);
        }
        // Events that have run out since stay in Postgres for as long as its own retention says.
        let oldest = Seq(ends.head.first.0.saturating_sub(1));
        let upto = ends.watermark.min(ends.head.last);
        let now = Instant::now();
        let due = *known.full_due.get_or_insert_with(|| now + self.full_every.mul_f64(rand::random()));
        let full = now >= due;
        let from = known.upto.unwrap_or(Seq(upto.0.saturating_sub(LOOK_BACK))).max(oldest);
        let again = self.auditor.confirm(shard, &known.suspected).await?;
        let still = self.auditor.confirm(shard, &known.open).await?;
        let mut compared = self.auditor.range(shard, from, upto).await?;
        metrics::counter!("relay_messages_acked_total").increment(compared.messages);
        if full {
            compared.findings.extend(self.auditor.range(shard, oldest, from).await?.findings);
        }
        known.open = still;
        for finding in again {
            if !known.open.contains(&finding) {
                tracing::error!(shard = shard.0, stream.seq = finding.seq.0, kind = finding.kind.name(), "log and projection differ");
                known.open.push(finding);
            }
        }
        known.open.truncate(MAX_OPEN);
        known.suspected = compared.findings.into_iter().filter(|finding| !known.open.contains(finding)).take(MAX_OPEN).collect();
        known.upto = Some(upto.max(known.upto.unwrap_or_default()));
        if full {
            known.cursors = self.auditor.cursors(shard, &ends.head).await?;
            known.full_due = Some(now + self.full_every);
        }
        Ok(known.open.iter().chain(&known.cursors).copied().collect())
    }
}

fn show(findings: &[Finding]) {
    for kind in Kind::ALL {
        let count = findings.iter().filter(|finding| finding.kind == kind).count();
        #[expect(clippy::cast_precision_loss, reason = "a gauge is a float")]
        metrics::gauge!("relay_audit_findings", "kind" => kind.name()).set(count as f64);
    }
    #[expect(clippy::cast_precision_loss, reason = "a gauge is a float")]
    metrics::gauge!("relay_messages_unaccounted").set(findings.iter().filter(|finding| finding.kind.is_unaccounted()).count() as f64);
}
