//! Empty places of the log: what was erased there is told from the projection.
//!
//! A tail that has fallen behind, or that begins, reads past events that were erased meanwhile. Left out, they would be missing in
//! their conversations' chains as well, and no device could notice.

use std::sync::Arc;
use std::time::{Duration, Instant};

use relay_domain::ports::{ResumeStore, StoreError};
use relay_protocol::log::StoredEvent;
use relay_types::{Seq, ShardId};

/// Read at once.
const PAGE: u32 = 500;
/// The longest that an answer is waited for: everybody on this gateway waits with it.
const ANSWER_WITHIN: Duration = Duration::from_secs(1);
/// Between one failure and the next question.
const REST: Duration = Duration::from_secs(5);

/// Fills one shard's holes.
pub(super) struct Holes {
    store: Arc<dyn ResumeStore>,
    shard: ShardId,
    failed: Option<Instant>,
}

impl Holes {
    pub(super) fn of(shard: ShardId, store: Arc<dyn ResumeStore>) -> Self {
        Self { store, shard, failed: None }
    }

    /// These events, which ascend and follow `after`, with what is left of those that were erased between them. A place that is
    /// empty for another reason stays so, and so does every one while Postgres does not answer: the log erases nothing without it.
    pub(super) async fn filled(&mut self, after: Seq, mut events: Vec<StoredEvent>) -> Vec<StoredEvent> {
        let Some(last) = events.last().map(|event| event.seq) else { return events };
        let whole = last.0.saturating_sub(after.0) == events.len() as u64;
        if whole || self.failed.is_some_and(|at| at.elapsed() < REST) {
            return events;
        }
        let erased = tokio::time::timeout(ANSWER_WITHIN, self.erased(after, last)).await;
        let erased = erased.unwrap_or_else(|_| Err(StoreError::new(format!("no answer within {ANSWER_WITHIN:?}"))));
        self.failed = erased.is_err().then(Instant::now);
        match erased {
            Ok(mut erased) => {
                erased.retain(|erased| events.binary_search_by_key(&erased.seq, |event| event.seq).is_err());
                metrics::counter!("relay_tail_erased_total").increment(erased.len() as u64);
                events.extend(erased);
                events.sort_unstable_by_key(|event| event.seq);
            }
            Err(error) => {
                metrics::counter!("relay_tail_erased_unknown_total").increment(1);
                tracing::warn!(shard = self.shard.0, %after, %last, reason = error.reason, "what was erased from the log is not known");
            }
        }
        events
    }

    async fn erased(&self, mut after: Seq, before: Seq) -> Result<Vec<StoredEvent>, StoreError> {
        let mut erased: Vec<StoredEvent> = Vec::new();
        loop {
            let page = self.store.erased(self.shard, after, before, PAGE).await?;
            let complete = page.len() < PAGE as usize;
            erased.extend(page);
            let Some(last) = erased.last().filter(|_| !complete) else { return Ok(erased) };
            after = last.seq;
        }
    }
}
