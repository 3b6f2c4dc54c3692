//! Keeping every user's durable consumers as their memberships say. Level-triggered: an event names a user, the state in
//! Postgres says what is right; doing it twice, late, or for everybody is harmless.
//!
//! Three tasks: changes are followed (here), consumers that did not answer are tried again (`again.rs`), and everybody is looked at
//! in a walk (`walk.rs`), which also takes away the consumers of those who are away for long.

mod again;
mod walk;

use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt;
use relay_domain::ports::{ConsumerFloor, CursorError, Ensured, Made, MemberDirectory, Retirement, StoreError, UserChange, UserConsumers};
use relay_runtime::Task;
use relay_types::{ConversationId, Seq, ShardId, UserId};

pub use self::again::Again;

/// Users looked at together. The server creates 1,600 consumers a second, however many are asked for at once; chat comes first.
/// One whose server is gone takes seconds of waiting, so that few at a time would take hours.
const CONCURRENCY: usize = 32;
const RETRY: Duration = Duration::from_millis(500);
/// How often consumers that do not answer are tried before others' changes go on.
const ATTEMPTS: u32 = 3;

/// Why users' consumers could not be brought up to date.
#[derive(Debug, thiserror::Error)]
enum ReconcileError {
    /// Some consumers do not answer; others may.
    #[error(transparent)]
    Consumers(#[from] CursorError),
    /// Who is where cannot be read.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// What the job works with.
#[derive(Clone)]
pub struct Reconcile {
    /// Who is where.
    pub memberships: Arc<dyn MemberDirectory>,
    /// Who has consumers, and where those stood.
    pub retirement: Arc<dyn Retirement>,
    /// The consumers.
    pub consumers: Arc<dyn UserConsumers>,
    /// Every shard: each user who was seen lately has a consumer on each.
    pub shards: Vec<ShardId>,
    /// This process, as the others know it: one at a time walks.
    pub walker: String,
    /// How often a walk over everybody begins.
    pub all_every: Duration,
    /// Whoever was not seen for so long is retired.
    pub retire_after: Duration,
    /// Whose consumers did not answer.
    pub again: Arc<Again>,
}

/// A user's consumers after a look at them.
#[derive(Debug, Default)]
struct Looked {
    /// How many were made or changed.
    changed: usize,
    /// Where they stand.
    floors: Vec<(ShardId, Seq)>,
}

impl Reconcile {
    /// Follows changes on `shard` until told to stop.
    ///
    /// # Cancel safety
    /// Cancel safe.
    pub async fn follow(&self, task: Task, shard: ShardId) -> anyhow::Result<()> {
        task.health.up();
        loop {
            let changed = tokio::select! {
                () = task.stop.cancelled() => return Ok(()),
                changed = self.consumers.next_changed(shard) => changed,
            };
            match changed {
                Ok(changes) => {
                    // Until it worked: what was not acknowledged would only come again after everything behind it. A consumer
                    // that stays silent is tried elsewhere after a few attempts: it must not hold up everybody else's.
                    let (mut attempts, mut left) = (0, changes);
                    while let Err((error, silent)) = self.changed(shard, &left).await {
                        attempts += 1;
                        left = silent;
                        if attempts >= ATTEMPTS && matches!(error, ReconcileError::Consumers(_)) {
                            self.again.note(left.iter().map(|change| change.user));
                            break;
                        }
                        task.health.degraded(error.to_string());
                        tokio::select! {
                            () = task.stop.cancelled() => return Ok(()),
                            () = tokio::time::sleep(RETRY) => {}
                        }
                    }
                    task.health.up();
                    if let Err(error) = self.consumers.settled(shard).await {
                        tracing::info!(reason = error.reason, "changes not acknowledged; they come again");
                    }
                }
                Err(error) => {
                    task.health.degraded(error.reason);
                    tokio::select! {
                        () = task.stop.cancelled() => return Ok(()),
                        () = tokio::time::sleep(RETRY) => {}
                    }
                }
            }
        }
    }

    /// Looks at those whom a change concerns. Fails with those that it was not done for.
    async fn changed(&self, shard: ShardId, changes: &[UserChange]) -> Result<(), (ReconcileError, Vec<UserChange>)> {
        let mut results = futures::stream::iter(changes.to_vec())
            .map(|change| async move { (change, self.user(change.user, Some(shard).filter(|_| !change.everywhere)).await) })
            .buffer_unordered(CONCURRENCY);
        let (mut failed, mut left) = (None, Vec::new());
        while let Some((change, result)) = results.next().await {
            match result {
                Ok(_) => {}
                // One server's consumers may be away; the others' are looked at all the same.
                Err(error @ ReconcileError::Consumers(_)) => {
                    left.push(change);
                    failed = Some(error);
                }
                Err(error @ ReconcileError::Store(_)) => return Err((error, changes.to_vec())),
            }
        }
        failed.map_or(Ok(()), |error| Err((error, left)))
    }

    /// Makes a user's consumers on `shard`, or on all, as they should be. What is read is bounded by what these can name, however
    /// many conversations the user is in.
    async fn user(&self, user: UserId, shard: Option<ShardId>) -> Result<Looked, ReconcileError> {
        let shards = shard.as_ref().map_or(self.shards.as_slice(), std::slice::from_ref);
        let most = self.consumers.most_conversations();
        let mut looked = Looked::default();
        let mut read = self.memberships.conversations_of(user, shards, most).await?;
        while let Some(by_shard) = read {
            let mut written = 0;
            looked.floors.clear();
            for (shard, conversations) in &by_shard {
                match self.consumers.ensure(*shard, user, conversations).await? {
                    Ensured::Present { changed, floor } => {
                        written += usize::from(changed);
                        looked.floors.push((*shard, floor));
                    }
                    Ensured::Absent { stranded } => written += usize::from(self.make(*shard, user, conversations, stranded).await?),
                }
            }
            looked.changed += written;
            if written == 0 {
                break;
            }
            // Another worker may have read a newer state and written it before this one wrote the older: whoever writes last
            // also reads last.
            read = if let Some(now) = self.memberships.conversations_of(user, shards, most).await? {
                Some(now).filter(|now| *now != by_shard)
            } else {
                // Retired meanwhile. Whoever came back while their consumers went gets them again.
                self.take_away(user).await?;
                self.memberships.conversations_of(user, shards, most).await?
            };
        }
        Ok(looked)
    }

    /// Makes a consumer that counts what lies behind where it stood. Says whether there was a place for it.
    async fn make(&self, shard: ShardId, user: UserId, conversations: &[ConversationId], stranded: bool) -> Result<bool, ReconcileError> {
        let floor = if let Some(floor) = self.retirement.floor_of(user, shard).await? {
            floor
        } else {
            // Somebody new begins now. Where a lost consumer stood nobody knows, and nothing may be skipped.
            let end = self.consumers.end(shard).await?;
            let floor = if stranded { ConsumerFloor { seq: Seq::ZERO, ..end } } else { end };
            // First: whoever makes it again, in whatever log, knows where it began.
            self.retirement.note_floors(&[(user, shard, floor.clone())]).await?;
            floor
        };
        match self.consumers.make(shard, user, conversations, &floor).await? {
            Made::Made => Ok(true),
            Made::NoPlace => {
                tracing::warn!(shard = shard.0, user.id = %user, "no durable consumer: the log has no place left for users'");
                Ok(false)
            }
        }
    }

    /// Takes a user's consumers away: what they had delivered is noted first.
    async fn take_away(&self, user: UserId) -> Result<(), ReconcileError> {
        let mut floors = Vec::new();
        for shard in &self.shards {
            // The end first: in the log of that epoch, or before it, the consumer stands where it is found.
            let end = self.consumers.end(*shard).await?;
            // Whoever has none and is away for as long as the log reaches back received nothing of it.
            let seq = self.consumers.floor(*shard, user).await?.unwrap_or(Seq::ZERO);
            floors.push((user, *shard, ConsumerFloor { seq, ..end }));
        }
        self.retirement.note_floors(&floors).await?;
        for shard in &self.shards {
            self.consumers.remove(*shard, user).await?;
        }
        Ok(())
    }
}
