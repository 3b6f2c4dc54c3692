//! The walk over everybody who has durable consumers: compares them with the memberships, notes where they stand, and retires
//! whoever is away for long.
//!
//! One worker walks at a time, some users in each step. Where it goes on is saved, so that nothing begins again with a restart. A
//! round begins when its time has come, and at once when a log began anew, with none of the consumers of the old one.

use std::collections::BTreeMap;
use std::time::Duration;

use futures::StreamExt;
use relay_domain::ports::{ConsumerFloor, SavedRound, StoreError};
use relay_runtime::Task;
use relay_types::{Seq, ShardId, UserId};
use tokio::time::Instant;

use super::{CONCURRENCY, Reconcile, ReconcileError};

/// Users looked at in one step.
const STEP: u32 = 256;
/// The time of one step; whoever was not looked at by then comes first in the next one.
const BUDGET: Duration = Duration::from_secs(5);
/// A worker that walks says so at each step. Another one takes its place after this, which no step exceeds unless servers are away.
const HOLD: Duration = Duration::from_secs(15);
/// How often is looked whether a round is due, or a log began anew.
const LOOK: Duration = Duration::from_secs(5);
/// The longest rest between two steps.
const REST: Duration = Duration::from_secs(1);

/// A walk's place in a round, as far as this process knows it.
struct Round {
    saved: SavedRound,
    /// Whether the log began anew: everybody waits for their consumers.
    hurry: bool,
}

impl Reconcile {
    /// Walks when it is this worker's turn, until told to stop.
    ///
    /// # Cancel safety
    /// Cancel safe: what was not saved is done again.
    pub async fn walk(&self, task: Task) -> anyhow::Result<()> {
        task.health.up();
        loop {
            let walked = tokio::select! {
                () = task.stop.cancelled() => break,
                walked = self.turn() => walked,
            };
            let rest = match walked {
                Ok(rest) => {
                    task.health.up();
                    rest
                }
                Err(error) => {
                    tracing::info!(%error, "could not look at users' consumers; again soon");
                    task.health.degraded(error.to_string());
                    LOOK
                }
            };
            tokio::select! {
                () = task.stop.cancelled() => break,
                () = tokio::time::sleep(rest) => {}
            }
        }
        if let Err(error) = self.retirement.leave_walk(&self.walker).await {
            tracing::debug!(reason = error.reason, "another worker walks when this one's time is over");
        }
        Ok(())
    }

    /// One step, if there is one to make. How long to rest afterwards.
    async fn turn(&self) -> Result<Duration, ReconcileError> {
        let saved = self.retirement.hold_walk(&self.walker, HOLD).await?;
        show(saved.ended_ago);
        self.show_places().await?;
        if !saved.held {
            return Ok(LOOK);
        }
        let Some(mut round) = self.round(saved).await else { return Ok(LOOK) };
        let began = Instant::now();
        round.saved.after = self.step(&round.saved).await?;
        self.retirement.save_walk(&self.walker, round.saved.after, &round.saved.epochs).await?;
        if round.saved.after.is_none() {
            tracing::info!("every user's consumers compared with their memberships");
            show(Some(Duration::ZERO));
            return Ok(LOOK);
        }
        // As long as the step took: chat comes first.
        Ok(if round.hurry { Duration::ZERO } else { began.elapsed().min(REST) })
    }

    /// Where to go on; `None` while no round is due.
    async fn round(&self, saved: SavedRound) -> Option<Round> {
        let mut epochs = saved.epochs.clone();
        for shard in &self.shards {
            // A log that does not answer is taken for the same.
            if let Ok(end) = self.consumers.end(*shard).await {
                epochs.insert(*shard, end.epoch);
            }
        }
        if epochs != saved.epochs {
            if saved.ended_ago.is_some() {
                tracing::info!("a log began anew: every user's consumers are made again");
            }
            return Some(Round { saved: SavedRound { after: None, epochs, ..saved }, hurry: true });
        }
        let is_on = saved.after.is_some();
        let due = saved.ended_ago.is_none_or(|ago| ago >= self.all_every);
        (is_on || due || self.again.were_too_many()).then_some(Round { saved, hurry: false })
    }

    /// Looks at the next users. Where to go on; `None` at the end.
    async fn step(&self, round: &SavedRound) -> Result<Option<UserId>, ReconcileError> {
        let walked = self.retirement.walk(round.after, STEP, self.retire_after).await?;
        let until = Instant::now() + BUDGET;
        let mut after = round.after;
        for (done, chunk) in walked.chunks(CONCURRENCY).enumerate() {
            // Some in each step, so that it gets on.
            if done > 0 && Instant::now() >= until {
                return Ok(after);
            }
            let of = |idle: bool| chunk.iter().filter(|walked| walked.idle == idle).map(|walked| walked.user).collect::<Vec<_>>();
            self.retire(of(true)).await?;
            self.compare(of(false), &round.epochs).await?;
            after = chunk.last().map(|walked| walked.user);
        }
        Ok(after.filter(|_| walked.len() >= STEP as usize))
    }

    /// Makes these users' consumers as they should be, and notes where they stand. Those that do not answer are tried again later.
    async fn compare(&self, users: Vec<UserId>, epochs: &BTreeMap<ShardId, String>) -> Result<(), StoreError> {
        let mut looks =
            futures::stream::iter(users).map(|user| async move { (user, self.user(user, None).await) }).buffer_unordered(CONCURRENCY);
        let mut floors: Vec<(UserId, ShardId, ConsumerFloor)> = Vec::new();
        while let Some((user, looked)) = looks.next().await {
            match looked {
                Ok(looked) => floors.extend(looked.floors.into_iter().filter_map(|(shard, seq): (ShardId, Seq)| {
                    Some((user, shard, ConsumerFloor { epoch: epochs.get(&shard)?.clone(), seq }))
                })),
                Err(ReconcileError::Consumers(_)) => self.again.note([user]),
                Err(ReconcileError::Store(error)) => return Err(error),
            }
        }
        // Should one be lost, its next one counts hardly too much.
        self.retirement.note_floors(&floors).await
    }

    /// Retires users who are idle: notes where their consumers stand, takes these away, then says so. Whatever is interrupted is
    /// done again by the next round, and whoever is seen meanwhile gets their consumers back at once.
    async fn retire(&self, users: Vec<UserId>) -> Result<(), StoreError> {
        if users.is_empty() {
            return Ok(());
        }
        let mut looks =
            futures::stream::iter(users).map(|user| async move { (user, self.take_away(user).await) }).buffer_unordered(CONCURRENCY);
        let mut without = Vec::new();
        while let Some((user, taken)) = looks.next().await {
            match taken {
                Ok(()) => without.push(user),
                // Who has none at all by now is made some again, unless still idle in the next round.
                Err(ReconcileError::Consumers(error)) => {
                    tracing::info!(user.id = %user, reason = error.reason, "not retired now");
                }
                Err(ReconcileError::Store(error)) => return Err(error),
            }
        }
        let retired = self.retirement.retire(&without, self.retire_after).await?;
        metrics::counter!("relay_users_retired_total").increment(retired.len() as u64);
        let seen = without.into_iter().filter(|user| !retired.contains(user)).collect();
        self.compare(seen, &BTreeMap::new()).await
    }

    async fn show_places(&self) -> Result<(), ReconcileError> {
        for shard in &self.shards {
            let places = self.consumers.places(*shard).await?;
            #[expect(clippy::cast_precision_loss, reason = "a gauge is a float")]
            let show = |name: &'static str, count: u64| metrics::gauge!(name, "shard" => shard.0.to_string()).set(count as f64);
            show("relay_consumers", places.taken);
            if let Some(for_users) = places.for_users {
                show("relay_consumer_places_left", for_users.saturating_sub(places.taken));
            }
        }
        Ok(())
    }
}

fn show(ended_ago: Option<Duration>) {
    // What never ended is as old as the process makes it: the first round begins at once.
    metrics::gauge!("relay_durables_round_age_seconds").set(ended_ago.unwrap_or_default().as_secs_f64());
}
