//! Comparing, step by step: each step is bounded, and says where the next one goes on.

use std::collections::BTreeSet;
use std::sync::Arc;

use relay_domain::ports::{AuditedLog, AuditedProjection, LogHead, MemberDirectory, MemberKey, Projection, TailSource};
use relay_types::{ConversationId, Seq, ShardId, UserId};
use tokio::time::Instant;

use super::compare::{self, Finding, Kind};

/// Events compared at once.
const PAGE: usize = 2_000;
/// Rows read beside them: more than there can be, unless Postgres has what the log has not.
const ROWS: usize = 2 * PAGE;
/// Differences remembered; beyond, only their number is known.
pub(super) const MAX_FINDINGS: usize = 10_000;
/// Users whose consumers are looked at in one step.
const USERS: u32 = 200;
/// Members whose read marks are looked at in one step.
const MARKS: usize = 5_000;

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
    /// Everybody, for their consumers.
    pub people: Arc<dyn MemberDirectory>,
}

/// What a run over a range came to.
#[derive(Debug, Default)]
pub struct Compared {
    /// Messages in the range. Void ones are none.
    pub messages: u64,
    /// Differences, ascending: the first ten thousand.
    pub findings: Vec<Finding>,
    /// Differences beyond these.
    pub more: u64,
    /// Messages of one step without a row, which may be void.
    pub(super) rowless: Vec<(ConversationId, UserId, Seq)>,
}

impl Compared {
    fn add(&mut self, step: Self) {
        self.messages += step.messages;
        let room = MAX_FINDINGS.saturating_sub(self.findings.len());
        self.more += step.more + (step.findings.len().saturating_sub(room)) as u64;
        self.findings.extend(step.findings.into_iter().take(room));
    }
}

/// What was dead-lettered as unprocessable, read when it is first asked for. As much as the stream of dead letters holds.
#[derive(Debug, Default)]
pub struct DeadLettered(Option<BTreeSet<Seq>>);

impl DeadLettered {
    async fn read(&mut self, log: &dyn AuditedLog, shard: ShardId) -> anyhow::Result<&BTreeSet<Seq>> {
        let read = match self.0.take() {
            Some(read) => read,
            None => log.dead_lettered(shard).await?.into_iter().collect(),
        };
        Ok(self.0.insert(read))
    }
}

/// What some users' durable consumers showed.
#[derive(Debug, Default)]
pub struct Consumers {
    /// Consumers that claim more than there is.
    pub ahead: Vec<Finding>,
    /// Users without one. They count when they still have none a while later: somebody who has just come gets theirs in a moment.
    pub missing: Vec<UserId>,
    /// Where to go on; `None` at the end.
    pub next: Option<UserId>,
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
    /// Looks at both ends: the projection may be behind the log, never before it, and in the same epoch of it.
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

    /// Compares the first run after `after`, at most up to `upto`, which both sides have. Says up to where it came.
    ///
    /// # Cancel safety
    /// Cancel safe.
    pub async fn step(&self, shard: ShardId, after: Seq, upto: Seq, dead_lettered: &mut DeadLettered) -> anyhow::Result<(Compared, Seq)> {
        let mut page = self.log.page(shard, after, upto, PAGE).await?;
        let mut rows = self.projection.projected_events(shard, after, page.upto, ROWS).await?;
        let mut messages = self.projection.projected_messages(shard, after, page.upto, ROWS).await?;
        for cut in [&rows, &messages] {
            if let Some(last) = cut.last().filter(|_| cut.len() >= ROWS) {
                // Postgres has far more there than the log: no further than the rows go.
                page.upto = last.seq.min(page.upto);
            }
        }
        page.events.retain(|event| event.seq <= page.upto);
        rows.retain(|row| row.seq <= page.upto);
        messages.retain(|row| row.seq <= page.upto);
        let own_floor = self.projection.own_floor(shard).await?;
        let mut compared = Compared::default();
        compare::page(shard, &page.events, &rows, own_floor, &mut compared);
        compare::messages(shard, &page.events, &messages, &mut compared);
        if !compared.rowless.is_empty() {
            // Void messages have no rows: their senders had left.
            let void: BTreeSet<Seq> = self.projection.void(&std::mem::take(&mut compared.rowless)).await?.into_iter().collect();
            compared.messages = compared.messages.saturating_sub(void.len() as u64);
            compared.findings.retain(|finding| finding.kind != Kind::MissingRow || !void.contains(&finding.seq));
        }
        if compared.findings.iter().any(|finding| finding.kind == Kind::MissingRow) {
            let dead_lettered = dead_lettered.read(self.log.as_ref(), shard).await?;
            compared.findings.retain(|finding| finding.kind != Kind::MissingRow || !dead_lettered.contains(&finding.seq));
        }
        Ok((compared, page.upto))
    }

    /// Compares everything after `after` up to `upto`, however long it takes.
    ///
    /// # Cancel safety
    /// Cancel safe.
    pub async fn range(&self, shard: ShardId, after: Seq, upto: Seq) -> anyhow::Result<Compared> {
        let (mut compared, mut dead_lettered, mut at) = (Compared::default(), DeadLettered::default(), after);
        while at < upto {
            let (step, reached) = self.step(shard, at, upto, &mut dead_lettered).await?;
            compared.add(step);
            at = reached;
        }
        Ok(compared)
    }

    /// Users' durable consumers that claim more than there is, and users who were seen and have none, some users at a time. Who is
    /// retired needs none.
    ///
    /// # Cancel safety
    /// Cancel safe.
    pub async fn consumers(&self, shard: ShardId, head: &LogHead, after: Option<UserId>) -> anyhow::Result<Consumers> {
        let users = self.people.users_page(after, USERS).await?;
        let (mut ahead, mut missing) = (Vec::new(), Vec::new());
        for (user, reached) in self.log.consumers(shard, &users).await? {
            match reached {
                Some(reached) if reached > head.last => ahead.push((user, reached)),
                Some(_) => {}
                None => missing.push(user),
            }
        }
        if !ahead.is_empty() {
            // The log has grown since its end was looked at, and they may have followed it.
            let now = self.tails.head(shard).await?;
            ahead.retain(|(_, reached)| *reached > now.last);
        }
        for (user, reached) in &ahead {
            tracing::warn!(shard = shard.0, user.id = %user, stream.seq = reached.0, "a user's consumer is ahead of the log");
        }
        let ahead = ahead.into_iter().map(|(_, seq)| Finding { kind: Kind::ConsumerAhead, shard, seq }).collect();
        Ok(Consumers { ahead, missing, next: users.last().copied().filter(|_| users.len() >= USERS as usize) })
    }

    /// Those of `users` who still have no consumer on `shard`, and still need one.
    ///
    /// # Cancel safety
    /// Cancel safe.
    pub async fn still_missing(&self, shard: ShardId, users: &[UserId]) -> anyhow::Result<Vec<UserId>> {
        let without = self.log.consumers(shard, users).await?.into_iter().filter(|(_, reached)| reached.is_none());
        let mut missing = Vec::new();
        for (user, _) in without {
            if self.people.conversations_of(user, &[shard], 1).await?.is_some() {
                missing.push(user);
            }
        }
        Ok(missing)
    }

    /// Read marks that claim more than there is, some members at a time. Says where to go on.
    ///
    /// # Cancel safety
    /// Cancel safe.
    pub async fn marks(&self, after: Option<MemberKey>) -> anyhow::Result<(Vec<Finding>, Option<MemberKey>)> {
        let page = self.projection.marks_ahead(after, MARKS).await?;
        for ((conversation, user), shard, last) in &page.ahead {
            tracing::warn!(
                shard = shard.0, conversation.id = %conversation, user.id = %user, stream.seq = last.0,
                "a read mark lies beyond its conversation"
            );
        }
        Ok((page.ahead.into_iter().map(|(_, shard, seq)| Finding { kind: Kind::MarkAhead, shard, seq }).collect(), page.next))
    }

    /// Those of `findings` that are still there.
    ///
    /// # Cancel safety
    /// Cancel safe.
    pub async fn confirm(&self, shard: ShardId, findings: &[Finding]) -> anyhow::Result<Vec<Finding>> {
        let (still, _) = self.confirm_until(shard, findings, None).await?;
        Ok(still)
    }

    /// Those of `findings` that are still there, and those that there was no time to look at.
    pub(super) async fn confirm_until(
        &self,
        shard: ShardId,
        findings: &[Finding],
        until: Option<Instant>,
    ) -> anyhow::Result<(Vec<Finding>, Vec<Finding>)> {
        let seqs: BTreeSet<Seq> = findings.iter().map(|finding| finding.seq).collect();
        let (mut still, mut dead_lettered, mut looked_upto) = (Vec::new(), DeadLettered::default(), None);
        for (after, upto) in runs(&seqs) {
            // One run at least, so that each pass gets on.
            if looked_upto.is_some() && until.is_some_and(|until| Instant::now() >= until) {
                break;
            }
            let mut at = after;
            while at < upto {
                let (step, reached) = self.step(shard, at, upto, &mut dead_lettered).await?;
                still.extend(step.findings.into_iter().filter(|finding| seqs.contains(&finding.seq)));
                at = reached;
            }
            looked_upto = Some(upto);
        }
        let rest = findings.iter().filter(|finding| looked_upto.is_none_or(|looked| finding.seq > looked)).copied().collect();
        Ok((still, rest))
    }
}

/// Ranges that hold all of `seqs` and are read at once each: sequences that are near each other are looked at together.
pub fn runs(seqs: &BTreeSet<Seq>) -> Vec<(Seq, Seq)> {
    let mut runs: Vec<(Seq, Seq)> = Vec::new();
    for seq in seqs {
        match runs.last_mut() {
            Some((after, upto)) if seq.0 - after.0 <= PAGE as u64 => *upto = *seq,
            _ => runs.push((Seq(seq.0.saturating_sub(1)), *seq)),
        }
    }
    runs
}
