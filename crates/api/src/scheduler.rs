//! Sends messages whose time has come, each once: it is taken up first, posted with the key that it has from the start, and only then
//! settled. A process that ends in between leaves it to be taken up again, and the key finds what was sent.
//!
//! Any number of processes may do this; each takes what no other one has.

use std::time::{Duration, Instant};

use relay_domain::ports::{DueMessage, LogAddress, MembershipState, ScheduledOutcome, SendKey};
use relay_posting::Publication;
use relay_protocol::scheduled::OVERDUE_MS;
use relay_protocol::{ErrorCode, SendMessage};
use relay_runtime::Task;
use relay_runtime::trace::TraceContext;
use relay_types::TimestampMs;

use crate::deps::Deps;
use crate::error::ApiError;
use crate::flush::flush_by;
use crate::publish::publish_for;

/// Between looks while nothing is due.
const IDLE: Duration = Duration::from_secs(1);
/// Messages of different people that are sent at once. After a long absence, so many by so many.
const TOGETHER: u16 = 16;
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
    /// Cancel safe: what was taken up is taken up again, half a minute later. So a round is finished at a stop.
    pub async fn run(&self, task: Task) {
        task.health.up();
        while !task.stop.is_cancelled() {
            match self.round().await {
                Ok(done) => {
                    task.health.up();
                    if done > 0 {
                        continue;
                    }
                }
                Err(error) => {
                    tracing::warn!(error = ?error.cause, "scheduled messages are not looked at now; again soon");
                    task.health.degraded(error.detail.into_owned());
                }
            }
            tokio::select! {
                () = task.stop.cancelled() => return,
                () = tokio::time::sleep(IDLE) => {}
            }
        }
    }

    /// How many were taken up or put aside.
    async fn round(&self) -> Result<usize, ApiError> {
        let now_ms = self.deps.clock.now_ms();
        let (due, touched) = self.deps.scheduled.take_due(now_ms, now_ms + TAKEN_MS, TOGETHER).await?;
        self.tell(&touched).await;
        let (taken, at) = (due.len(), Instant::now());
        futures::future::join_all(due.into_iter().map(|due| self.send(due, at))).await;
        Ok(taken + touched.len())
    }

    async fn send(&self, due: DueMessage, taken_at: Instant) {
        if taken_at.elapsed() > STALE {
            return;
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
            Ok(touched) => self.tell(touched.as_slice()).await,
            // It is taken up again, and what is in the log is found by its key.
            Err(error) => tracing::warn!(%error, "what became of a scheduled message is written later"),
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

    /// The author's devices learn of it now; left behind, the outbox relay tells them.
    async fn tell(&self, touched: &[LogAddress]) {
        if let Err(error) = flush_by(&self.deps, touched).await {
            tracing::info!(error = ?error.cause, "an event about a scheduled message is published later");
        }
    }
}
