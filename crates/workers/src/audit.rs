//! Comparing the log with its projection, all the time: what was acknowledged is there, and nothing else is.
//!
//! [`Auditor`] compares; [`Audit`] does it again and again and shows the outcome as metrics. The two sides are not read at one
//! moment, so a difference counts only when it is still there a while later.
//!
//! What is new is compared in every pass. Everything else is looked at in rounds (`round.rs`), a piece in each pass, each with
//! its own time: none of them needs more time or memory because there is more to look at. What is not looked at is no
//! finding, so that is shown, too.

mod auditor;
mod compare;
mod missing;
mod round;

use std::collections::BTreeMap;
use std::time::Duration;

use relay_domain::ports::MemberKey;
use relay_runtime::Task;
use relay_types::{Seq, ShardId, UserId};
use tokio::time::Instant;

use self::auditor::MAX_FINDINGS;
pub use self::auditor::{Auditor, Compared, Consumers, DeadLettered, Ends, runs};
pub use self::compare::{Finding, Kind};
use self::missing::Missing;
use self::round::{Cursor as _, Round};

/// A starting auditor compares at least so much of what is newest again.
const LOOK_BACK: u64 = 100_000;
/// What is new is compared for this long in one pass at least, if there is so much.
const RECENT_BUDGET: Duration = Duration::from_secs(10);
/// The longest that one pass over a shard goes on beyond its budgets: then something hangs.
const GRACE: Duration = Duration::from_mins(1);

/// The rounds, as a metric label and as saved.
pub const ROUNDS: [&str; 3] = [FULL, CONSUMERS, MARKS];
const FULL: &str = "full";
const CONSUMERS: &str = "consumers";
const MARKS: &str = "marks";
/// How far what is new was compared, saved beside the rounds.
const RECENT: &str = "recent";

/// The continuous audit.
#[derive(Clone)]
pub struct Audit {
    /// Compares.
    pub auditor: Auditor,
    /// Every shard.
    pub shards: Vec<ShardId>,
    /// What is new is compared this often.
    pub every: Duration,
    /// Everything that the log still has is compared this often, and every cursor and read mark looked at.
    pub full_every: Duration,
}

/// What is known of one shard.
struct Known {
    epoch: String,
    /// Compared up to here.
    upto: Option<Seq>,
    /// Seen once; they count when they are seen again.
    suspected: Vec<Finding>,
    /// Seen twice.
    open: Vec<Finding>,
    /// Of the ends, as of the last pass.
    ends: Vec<Finding>,
    full: Round<Seq>,
    consumers: Round<UserId>,
    /// As of the last round, and of the present one.
    ahead: [Vec<Finding>; 2],
    missing: Missing,
}

/// A shard, from its first look on.
struct Shard {
    known: Option<Known>,
    /// When it was last compared as far as there was something to compare.
    looked: Instant,
}

/// Read marks belong to no shard's log in particular: one round for all.
struct Marks {
    round: Option<Round<MemberKey>>,
    ahead: [Vec<Finding>; 2],
}

impl Audit {
    /// Compares until told to stop. What cannot be read now is compared later.
    ///
    /// # Cancel safety
    /// Cancel safe.
    pub async fn run(&self, task: Task) -> anyhow::Result<()> {
        let start = Instant::now();
        let mut shards: BTreeMap<ShardId, Shard> = self.shards.iter().map(|shard| (*shard, Shard { known: None, looked: start })).collect();
        let mut marks = Marks { round: None, ahead: Default::default() };
        task.health.up();
        loop {
            let began = Instant::now();
            let mut missed = None;
            for (id, shard) in &mut shards {
                let look = tokio::time::timeout(self.recent_budget() + self.budget() * 4 + GRACE, self.look(*id, shard));
                let looked = tokio::select! {
                    () = task.stop.cancelled() => return Ok(()),
                    looked = look => looked.unwrap_or_else(|_| Err(anyhow::anyhow!("it takes too long"))),
                };
                if let Err(error) = looked {
                    tracing::info!(shard = id.0, error = %format!("{error:#}"), "not audited now");
                    missed = Some(format!("{id}: {error:#}"));
                }
            }
            if let Err(error) = self.look_at_marks(&mut marks, &shards).await {
                tracing::info!(error = %format!("{error:#}"), "read marks not audited now");
                missed.get_or_insert(format!("read marks: {error:#}"));
            }
            if let Some(reason) = missed {
                task.health.degraded(reason);
            } else {
                task.health.up();
                metrics::histogram!("relay_audit_duration_seconds").record(began.elapsed().as_secs_f64());
            }
            show(&shards, &marks, start);
            tokio::select! {
                () = task.stop.cancelled() => return Ok(()),
                () = tokio::time::sleep(self.every) => {}
            }
        }
    }

    /// For what is new: as long as until the next pass, so that a log that is written all the time is followed.
    fn recent_budget(&self) -> Duration {
        self.every.max(RECENT_BUDGET)
    }

    /// For each of the other things, in one pass over one shard.
    fn budget(&self) -> Duration {
        let shards = u32::try_from(self.shards.len()).unwrap_or(u32::MAX).max(1);
        (self.every / 4 / shards).max(Duration::from_millis(500))
    }

    async fn look(&self, id: ShardId, shard: &mut Shard) -> anyhow::Result<()> {
        let ends = self.auditor.ends(id).await?;
        let known = match &mut shard.known {
            Some(known) if known.epoch == ends.head.epoch => known,
            known => known.insert(self.begin(id, &ends.head.epoch).await?),
        };
        known.ends.clone_from(&ends.findings);
        if !ends.findings.is_empty() {
            shard.looked = Instant::now();
            return Ok(());
        }
        let outcome = self.look_at(id, known, &ends, &mut shard.looked).await;
        let saved = self.save(id, known).await;
        outcome.and(saved)
    }

    async fn look_at(&self, id: ShardId, known: &mut Known, ends: &Ends, looked: &mut Instant) -> anyhow::Result<()> {
        // Events that have run out since stay in Postgres for as long as its own retention says.
        let oldest = Seq(ends.head.first.0.saturating_sub(1));
        let upto = ends.watermark.min(ends.head.last);
        self.look_again(id, known).await?;
        let mut dead_lettered = DeadLettered::default();
        let mut at = known.upto.map_or(upto.0.saturating_sub(LOOK_BACK), |at| at.0).max(oldest.0);
        let until = Instant::now() + self.recent_budget();
        while at < upto.0 && Instant::now() < until {
            let (compared, reached) = self.auditor.step(id, Seq(at), upto, &mut dead_lettered).await?;
            metrics::counter!("relay_audit_messages_compared_total").increment(compared.messages);
            known.suspect(compared);
            at = reached.0;
            known.upto = Some(reached);
        }
        known.upto = Some(Seq(at).max(known.upto.unwrap_or_default()));
        if at >= upto.0 {
            *looked = Instant::now();
        }
        let until = Instant::now() + self.budget();
        while known.full.is_on(Instant::now()) && Instant::now() < until {
            let from = known.full.cursor.unwrap_or(oldest).max(oldest);
            let mut reached = upto;
            if from < upto {
                let (compared, upto) = self.auditor.step(id, from, upto, &mut dead_lettered).await?;
                known.suspect(compared);
                reached = upto;
            }
            known.full.reached(Some(reached).filter(|reached| *reached < upto), self.full_every, Instant::now());
        }
        let looked = known.missing.next();
        let still = self.auditor.still_missing(id, &looked).await?;
        known.missing.looked(&looked, &still);
        let until = Instant::now() + self.budget();
        while known.consumers.is_on(Instant::now()) && Instant::now() < until {
            let found = self.auditor.consumers(id, &ends.head, known.consumers.cursor).await?;
            known.missing.found(&found.missing, Instant::now());
            note(&mut known.ahead, found.ahead, found.next.is_none());
            known.consumers.reached(found.next, self.full_every, Instant::now());
        }
        Ok(())
    }

    /// Looks again at what was found before: what is suspected counts when it is still there.
    async fn look_again(&self, id: ShardId, known: &mut Known) -> anyhow::Result<()> {
        let (again, unlooked) = self.auditor.confirm_until(id, &known.suspected, Some(Instant::now() + self.budget())).await?;
        known.suspected = unlooked;
        let (still, rest) = self.auditor.confirm_until(id, &known.open, Some(Instant::now() + self.budget())).await?;
        // The rest comes first the next time.
        known.open = rest.into_iter().chain(still).collect();
        for finding in again {
            if !known.open.contains(&finding) && known.open.len() < MAX_FINDINGS {
                tracing::error!(shard = id.0, stream.seq = finding.seq.0, kind = finding.kind.name(), "log and projection differ");
                known.open.push(finding);
            }
        }
        Ok(())
    }

    async fn look_at_marks(&self, marks: &mut Marks, shards: &BTreeMap<ShardId, Shard>) -> anyhow::Result<()> {
        // Saved with the first shard, in whatever epoch it is.
        let Some((id, epoch)) = shards.iter().find_map(|(id, shard)| Some((*id, shard.known.as_ref()?.epoch.clone()))) else {
            return Ok(());
        };
        let round = match &mut marks.round {
            Some(round) => round,
            none => {
                let saved = self.auditor.projection.walks(id, &epoch).await?;
                none.insert(Round::new(MARKS, &saved, self.full_every, Instant::now()))
            }
        };
        if !round.is_on(Instant::now()) {
            return Ok(());
        }
        let until = Instant::now() + self.budget();
        while round.is_on(Instant::now()) && Instant::now() < until {
            let (found, next) = self.auditor.marks(round.cursor).await?;
            note(&mut marks.ahead, found, next.is_none());
            round.reached(next, self.full_every, Instant::now());
        }
        self.auditor.projection.save_walks(id, &epoch, &[round.save(Instant::now())]).await?;
        Ok(())
    }

    async fn begin(&self, id: ShardId, epoch: &str) -> anyhow::Result<Known> {
        let saved = self.auditor.projection.walks(id, epoch).await?;
        let now = Instant::now();
        let recent = saved.iter().find(|saved| saved.name == RECENT).and_then(|saved| Seq::read(saved.cursor.as_deref()?));
        Ok(Known {
            epoch: epoch.to_owned(),
            // What was found before the restart is found again, if it is not old.
            upto: recent.map(|recent| Seq(recent.0.saturating_sub(LOOK_BACK))),
            suspected: Vec::new(),
            open: Vec::new(),
            ends: Vec::new(),
            full: Round::new(FULL, &saved, self.full_every, now),
            consumers: Round::new(CONSUMERS, &saved, self.full_every, now),
            ahead: Default::default(),
            missing: Missing::default(),
        })
    }

    async fn save(&self, id: ShardId, known: &Known) -> anyhow::Result<()> {
        let now = Instant::now();
        let mut walks = vec![known.full.save(now), known.consumers.save(now)];
        walks.extend(known.upto.map(|upto| relay_domain::ports::SavedWalk {
            name: RECENT.to_owned(),
            cursor: Some(upto.write()),
            ended_s_ago: None,
        }));
        Ok(self.auditor.projection.save_walks(id, &known.epoch, &walks).await?)
    }
}

impl Known {
    fn suspect(&mut self, compared: Compared) {
        if compared.more > 0 {
            tracing::error!(more = compared.more, "log and projection differ in more sequences than can be remembered");
        }
        let room = MAX_FINDINGS.saturating_sub(self.suspected.len());
        let fresh = compared.findings.into_iter().filter(|finding| !self.open.contains(finding)).take(room);
        self.suspected.extend(fresh);
    }
}

/// Adds what the present round found; at its end, that is all there is.
fn note([last, present]: &mut [Vec<Finding>; 2], found: Vec<Finding>, ended: bool) {
    let room = MAX_FINDINGS.saturating_sub(present.len());
    present.extend(found.into_iter().take(room));
    if ended {
        *last = std::mem::take(present);
    }
}

fn show(shards: &BTreeMap<ShardId, Shard>, marks: &Marks, start: Instant) {
    let now = Instant::now();
    let known = || shards.values().filter_map(|shard| shard.known.as_ref());
    // What the last round found stays until this one has come to its end.
    let ahead = |[last, present]: &[Vec<Finding>; 2]| last.iter().chain(present).copied().collect::<std::collections::BTreeSet<_>>();
    let mut all: Vec<Finding> = known().flat_map(|known| known.ends.iter().chain(&known.open).copied()).collect();
    all.extend(known().flat_map(|known| ahead(&known.ahead)).chain(ahead(&marks.ahead)));
    let missing: usize = known().map(|known| known.missing.count(now)).sum();
    for kind in Kind::ALL {
        let count = all.iter().filter(|finding| finding.kind == kind).count();
        let count = if kind == Kind::ConsumerMissing { missing } else { count };
        gauge("relay_audit_findings", "kind", kind.name(), count);
    }
    #[expect(clippy::cast_precision_loss, reason = "a gauge is a float")]
    metrics::gauge!("relay_messages_unaccounted").set(all.iter().filter(|finding| finding.kind.is_unaccounted()).count() as f64);
    let blind = shards.values().map(|shard| now.saturating_duration_since(shard.looked)).max().unwrap_or_default();
    metrics::gauge!("relay_audit_blind_seconds").set(blind.as_secs_f64());
    let never = now.saturating_duration_since(start);
    let oldest = |age: &dyn Fn(&Known) -> Duration| {
        shards.values().map(|shard| shard.known.as_ref().map_or(never, age)).max().unwrap_or(never).as_secs_f64()
    };
    metrics::gauge!("relay_audit_round_age_seconds", "round" => FULL).set(oldest(&|known| known.full.age(start, now)));
    metrics::gauge!("relay_audit_round_age_seconds", "round" => CONSUMERS).set(oldest(&|known| known.consumers.age(start, now)));
    let age = marks.round.as_ref().map_or(never, |round| round.age(start, now));
    metrics::gauge!("relay_audit_round_age_seconds", "round" => MARKS).set(age.as_secs_f64());
}

fn gauge(name: &'static str, label: &'static str, value: &'static str, count: usize) {
    #[expect(clippy::cast_precision_loss, reason = "a gauge is a float")]
    metrics::gauge!(name, label => value).set(count as f64);
}
