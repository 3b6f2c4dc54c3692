//! Sends messages whose time has come, each once: it is taken up first, posted with the key that it has from the start, and only then
//! settled. A process that ends in between leaves it to be taken up again, and the key finds what was sent.
//!
//! Any number of processes may do this; each takes what no other one has. A shard that does not answer delays what is to be sent there,
//! and nothing else.

mod under_way;

use std::time::{Duration, Instant};

use relay_domain::ports::{DueMessage, LogAddress, MembershipState, ScheduledOutcome, SendKey};
use relay_posting::Publication;
use relay_protocol::scheduled::OVERDUE_MS;
use relay_protocol::{ErrorCode, SendMessage};
use relay_runtime::Task;
use relay_runtime::trace::TraceContext;
use relay_types::{ShardId, TimestampMs};

use crate::deps::Deps;
use crate::error::ApiError;
use crate::flush::flush_by;
use crate::publish::publish_for;

use self::under_way::UnderWay;

/// Between looks while nothing is due.
const IDLE: Duration = Duration::from_secs(1);
/// Messages that are taken up at once.
const TOGETHER: u16 = 16;
/// With so many on their way, a shard gets no more: each of them waits for the log, and may hold a connection to Postgres meanwhile.
const OF_A_SHARD: usize = 16;
/// How long more of them may end before the next are looked for.
const GATHER: Duration = Duration::from_millis(10);
/// For telling of what became of one. Left behind, the outbox relay tells it.
const SOON: Duration = Duration::from_millis(500);
/// Longer than a post takes: another process takes up what was not settled by then.
const TAKEN_MS: TimestampMs = 30_000;
/// A process that was stopped for so long leaves what it took up to others: its author may have changed it since.
const STALE: Duration = Duration::from_secs(10);
/// When to try again what failed for a reason that passes.
const AGAIN_MS: TimestampMs = 5_000;
const MOST_AGAIN_MS: TimestampMs = 300_000;

/// The job.
#[derive(Clone)]
pub struct Scheduler {
    deps: Deps,
}

impl Scheduler {
    /// Over what the API works with.
    pub fn new(deps: Deps) -> Self {
        Self { deps }
    }

    /// Sends what is due until told to stop.
    ///
    /// # Cancel safety
    /// Cancel safe: what was taken up is taken up again, half a minute later. So what is on its way is finished at a stop.
    pub async fn run(&self, task: Task) {
        task.health.up();
        let mut under_way = UnderWay::default();
        while !task.stop.is_cancelled() {
            let busy = under_way.busy(OF_A_SHARD);
            let found = self.drive(&mut under_way, self.look(&busy)).await;
            match found {
                Ok((due, touched)) => {
                    task.health.up();
                    let (taken_at, is_idle) = (Instant::now(), due.is_empty() && touched.is_empty());
                    for due in due {
                        under_way.sends(due.shard, Box::pin(self.send(due, taken_at)));
                    }
                    if !touched.is_empty() {
                        under_way.tells(Box::pin(self.tell(touched)));
                    }
                    if !is_idle {
                        continue;
                    }
                }
                Err(error) => {
                    tracing::warn!(error = ?error.cause, "scheduled messages are not looked at now; again soon");
                    task.health.degraded(error.detail.into_owned());
                    self.drive(&mut under_way, stopped_or(&task, IDLE)).await;
                    continue;
                }
            }
            // What comes behind a message that has gone out is due at once.
            if self.drive_until_sent(&mut under_way, stopped_or(&task, IDLE)).await {
                self.drive(&mut under_way, tokio::time::sleep(GATHER)).await;
            }
        }
        while let Some(ended) = under_way.ended().await {
            self.tell_of(&mut under_way, ended);
        }
    }

    /// What is due, and what was put aside.
    async fn look(&self, busy: &[ShardId]) -> Result<(Vec<DueMessage>, Vec<LogAddress>), ApiError> {
        let now_ms = self.deps.clock.now_ms();
        Ok(self.deps.scheduled.take_due(now_ms, now_ms + TAKEN_MS, TOGETHER, busy).await?)
    }

    async fn send(&self, due: DueMessage, taken_at: Instant) -> Vec<LogAddress> {
        if taken_at.elapsed() > STALE {
            return Vec::new();
        }
        let outcome = self.outcome(&due).await;
        let label = match outcome {
            ScheduledOutcome::Sent => "sent",
            ScheduledOutcome::Refused(_) => "refused",
            ScheduledOutcome::Again(_) | ScheduledOutcome::Unknown(_) => "again",
            ScheduledOutcome::Overdue => "overdue",
        };
        metrics::counter!("relay_scheduled_total", "outcome" => label).increment(1);
        match self.deps.scheduled.settle(&due, outcome, self.deps.clock.now_ms()).await {
            Ok(touched) => touched.into_iter().collect(),
            // It is taken up again, and what is in the log is found by its key.
            Err(error) => {
                tracing::warn!(%error, "what became of a scheduled message is written later");
                Vec::new()
            }
        }
    }

    async fn outcome(&self, due: &DueMessage) -> ScheduledOutcome {
        if due.disabled {
            return ScheduledOutcome::Refused(ErrorCode::Forbidden);
        }
        let message = &due.message;
        let publication = Publication::from(SendMessage {
            client_id: message.client_id.clone(),
            conversation_id: message.conversation_id,
            body: message.body.clone(),
            reply_to: message.reply_to,
            thread: None,
        });
        if message.send_at_ms < self.deps.clock.now_ms() - OVERDUE_MS {
            return self.late(due).await;
        }
        match publish_for(&self.deps, due.author, &TraceContext::begin(), publication).await {
            Ok(_) => ScheduledOutcome::Sent,
            Err(error) if error.code == ErrorCode::OutcomeUnknown => ScheduledOutcome::Unknown(self.again(error.retry_after)),
            Err(error) if error.code.retryable() => ScheduledOutcome::Again(self.again(error.retry_after)),
            Err(error) => ScheduledOutcome::Refused(error.code),
        }
    }

    /// Whether it was sent was not known for a day. It is in the log by now, or nowhere.
    async fn late(&self, due: &DueMessage) -> ScheduledOutcome {
        let (author, message) = (due.author, &due.message);
        let Ok(membership) = self.deps.conversations.membership_state(author, message.conversation_id).await else {
            return ScheduledOutcome::Unknown(self.again(None));
        };
        let Some(MembershipState { shard, .. }) = membership else { return ScheduledOutcome::Overdue };
        let key = SendKey { conversation: message.conversation_id, sender: author, client_id: message.client_id.clone() };
        match self.deps.poster.find(shard, key).await {
            Ok(Some(_)) => ScheduledOutcome::Sent,
            Ok(None) => ScheduledOutcome::Overdue,
            Err(_) => ScheduledOutcome::Unknown(self.again(None)),
        }
    }

    /// When to try again.
    fn again(&self, retry_after: Option<Duration>) -> TimestampMs {
        let wait = retry_after.and_then(|wait| TimestampMs::try_from(wait.as_millis()).ok()).unwrap_or_default();
        self.deps.clock.now_ms() + wait.clamp(AGAIN_MS, MOST_AGAIN_MS)
    }

    /// The authors' devices learn of it now; left behind, the outbox relay tells them. Their own shard may be another one, so no message
    /// waits for this.
    async fn tell(&self, touched: Vec<LogAddress>) {
        if !matches!(tokio::time::timeout(SOON, flush_by(&self.deps, &touched)).await, Ok(Ok(()))) {
            tracing::info!("an event about a scheduled message is published later");
        }
    }

    fn tell_of<'a>(&'a self, under_way: &mut UnderWay<'a>, touched: Vec<LogAddress>) {
        if !touched.is_empty() {
            under_way.tells(Box::pin(self.tell(touched)));
        }
    }

    /// What is on its way goes on while this is waited for.
    async fn drive<'a, T>(&'a self, under_way: &mut UnderWay<'a>, wait: impl Future<Output = T>) -> T {
        let mut wait = std::pin::pin!(wait);
        loop {
            tokio::select! {
                biased;
                waited = &mut wait => return waited,
                Some(touched) = under_way.ended() => self.tell_of(under_way, touched),
            }
        }
    }

    /// The same, until a message has gone out or was refused. Whether one was.
    async fn drive_until_sent<'a>(&'a self, under_way: &mut UnderWay<'a>, wait: impl Future<Output = ()>) -> bool {
        let mut wait = std::pin::pin!(wait);
        loop {
            let before = under_way.messages();
            tokio::select! {
                () = &mut wait => return false,
                Some(touched) = under_way.ended() => {
                    self.tell_of(under_way, touched);
                    if under_way.messages() < before {
                        return true;
                    }
                }
            }
        }
    }
}

/// Waits so long, or for the stop.
async fn stopped_or(task: &Task, wait: Duration) {
    tokio::select! {
        () = task.stop.cancelled() => {}
        () = tokio::time::sleep(wait) => {}
    }
}
