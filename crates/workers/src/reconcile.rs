//! Keeping every user's durable consumers as their memberships say. Level-triggered: an event names a user, the state in
//! Postgres says what is right; doing it twice, late, or for everybody is harmless.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt;
use relay_domain::ports::{CursorError, MemberDirectory, StoreError, UserChange, UserConsumers};
use relay_runtime::Task;
use relay_types::{ShardId, UserId};
use tokio::sync::Notify;

/// Users looked at together. The server creates 1,600 consumers a second, however many are asked for at once; chat comes first.
/// One whose server is gone takes seconds of waiting, so that few at a time would take hours.
const CONCURRENCY: usize = 32;
const PAGE: u32 = 500;
const RETRY: Duration = Duration::from_millis(500);
/// How often consumers that do not answer are tried before the full pass has them.
const ATTEMPTS: u32 = 3;
/// How often is looked whether a log began anew, with none of the consumers of the old one.
const EPOCH_EVERY: Duration = Duration::from_secs(5);

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
    /// The consumers.
    pub consumers: Arc<dyn UserConsumers>,
    /// Every shard: each user who has logged in has a consumer on each.
    pub shards: Vec<ShardId>,
    /// How often everybody is looked at.
    pub all_every: Duration,
    /// Asks for a full pass soon.
    pub again: Arc<Notify>,
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
                    // that stays silent is the full pass' business after a few attempts: it must not hold up everybody else's.
                    let mut attempts = 0;
                    while let Err(error) = self.changed(shard, &changes).await {
                        attempts += 1;
                        if attempts >= ATTEMPTS && matches!(error, ReconcileError::Consumers(_)) {
                            self.again.notify_one();
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

    /// Looks at everybody, now and again, and at once when a log began anew.
    ///
    /// # Cancel safety
    /// Cancel safe.
    pub async fn everybody(&self, task: Task) -> anyhow::Result<()> {
        task.health.up();
        let mut epochs = HashMap::new();
        loop {
            // Before the pass: a log that begins anew while it goes on is met by another one.
            self.changed_log(&mut epochs).await;
            let pause = match self.all_users().await {
                Ok(changed) => {
                    task.health.up();
                    tracing::info!(changed, "every user's consumers compared with their memberships");
                    self.all_every
                }
                Err(error) => {
                    tracing::info!(%error, "could not look at every user's consumers; again soon");
                    task.health.degraded(error.to_string());
                    RETRY * 10
                }
            };
            tokio::select! {
                () = task.stop.cancelled() => return Ok(()),
                () = tokio::time::sleep(pause) => {}
                () = self.again.notified() => tokio::time::sleep(RETRY * 10).await,
                () = self.another_log(&mut epochs) => tracing::info!("a log began anew: every user's consumers are made again"),
            }
        }
    }

    /// Waits until a shard's log is another one than the known.
    async fn another_log(&self, known: &mut HashMap<ShardId, String>) {
        while !self.changed_log(known).await {
            tokio::time::sleep(EPOCH_EVERY).await;
        }
    }

    /// Whether a shard's log is another one than the known, which is brought up to date. One that does not answer is the same.
    async fn changed_log(&self, known: &mut HashMap<ShardId, String>) -> bool {
        let mut changed = false;
        for shard in &self.shards {
            if let Ok(epoch) = self.consumers.epoch(*shard).await {
                changed |= known.insert(*shard, epoch.clone()).is_some_and(|before| before != epoch);
            }
        }
        changed
    }

    async fn all_users(&self) -> Result<usize, ReconcileError> {
        let (mut after, mut changed, mut silent) = (None, 0, None);
        loop {
            let page = self.memberships.users_page(after, PAGE).await?;
            match self.users(&page).await {
                Ok(more) => changed += more,
                Err(error @ ReconcileError::Consumers(_)) => silent = Some(error),
                Err(error @ ReconcileError::Store(_)) => return Err(error),
            }
            match page.last() {
                Some(last) if page.len() >= PAGE as usize => after = Some(*last),
                _ => return silent.map_or(Ok(changed), Err),
            }
        }
    }

    async fn users(&self, users: &[UserId]) -> Result<usize, ReconcileError> {
        self.look(users.iter().map(|user| (*user, None)).collect()).await
    }

    async fn changed(&self, shard: ShardId, changes: &[UserChange]) -> Result<usize, ReconcileError> {
        self.look(changes.iter().map(|change| (change.user, Some(shard).filter(|_| !change.everywhere))).collect()).await
    }

    /// Looks at users, each on one shard or on all.
    async fn look(&self, looks: Vec<(UserId, Option<ShardId>)>) -> Result<usize, ReconcileError> {
        let mut results = futures::stream::iter(looks).map(|(user, shard)| self.user(user, shard)).buffer_unordered(CONCURRENCY);
        let mut changed = 0;
        let mut silent = None;
        while let Some(result) = results.next().await {
            match result {
                Ok(more) => changed += more,
                // One server's consumers may be away; the others' are looked at all the same.
                Err(error @ ReconcileError::Consumers(_)) => silent = Some(error),
                Err(error @ ReconcileError::Store(_)) => return Err(error),
            }
        }
        silent.map_or(Ok(changed), Err)
    }

    /// Makes a user's consumers on `shard`, or on all, as they should be. What is read is bounded by what these can name, however
    /// many conversations the user is in.
    async fn user(&self, user: UserId, shard: Option<ShardId>) -> Result<usize, ReconcileError> {
        let shards = shard.as_ref().map_or(self.shards.as_slice(), std::slice::from_ref);
        let most = self.consumers.most_conversations();
        let mut changed = 0;
        let mut read = self.memberships.conversations_of(user, shards, most).await?;
        while let Some(by_shard) = read {
            let mut written = 0;
            for (shard, conversations) in &by_shard {
                written += usize::from(self.consumers.ensure(*shard, user, conversations).await?);
            }
            changed += written;
            if written == 0 {
                break;
            }
            // Another worker may have read a newer state and written it before this one wrote the older: whoever writes last
            // also reads last.
            read = self.memberships.conversations_of(user, shards, most).await?.filter(|now| *now != by_shard);
        }
        Ok(changed)
    }
}
