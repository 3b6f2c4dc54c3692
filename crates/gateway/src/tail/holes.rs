//! Empty places of the log: what was erased there is told from the projection.
//!
//! A tail that has fallen behind, or that begins, reads past events that were erased meanwhile. Left out, they would be missing in
//! their conversations' chains as well, and no device could notice.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use relay_domain::ports::{ResumeStore, StoreError};
use relay_protocol::log::StoredEvent;
use relay_types::{Seq, ShardId};

/// Read at once. What lies ahead is read with it: a tail that begins would ask for every few events otherwise.
const PAGE: u32 = 500;
/// The longest that one answer is waited for: everybody on this gateway waits with it.
const ANSWER_WITHIN: Duration = Duration::from_secs(1);
/// Between one failure and the next question.
const REST: Duration = Duration::from_secs(1);

/// Fills one shard's holes.
pub(super) struct Holes {
    store: Arc<dyn ResumeStore>,
    shard: ShardId,
    /// What was read and has not passed yet: of the present hole, and at most a page of what lies ahead.
    erased: BTreeMap<Seq, StoredEvent>,
    failed: Option<Instant>,
}

impl Holes {
    pub(super) fn of(shard: ShardId, store: Arc<dyn ResumeStore>) -> Self {
        Self { store, shard, erased: BTreeMap::new(), failed: None }
    }

    /// These events, which ascend and follow `after`, with what is left of those that were erased between them. A place that is
    /// empty for another reason stays so, and so does every one while Postgres does not answer: the log erases nothing without it.
    pub(super) async fn filled(&mut self, after: Seq, events: Vec<StoredEvent>) -> Vec<StoredEvent> {
        let last = events.last().map_or(after, |event| event.seq);
        if last.0.saturating_sub(after.0) == events.len() as u64 {
            return events;
        }
        let (mut whole, mut before) = (Vec::with_capacity(events.len()), after);
        for event in events {
            let hole = before.next()..event.seq;
            if !hole.is_empty() {
                self.read(hole.start, hole.end).await;
                let told = self.erased.range(hole).map(|(_, erased)| erased.clone());
                let known = whole.len();
                whole.extend(told);
                metrics::counter!("relay_tail_erased_total").increment((whole.len() - known) as u64);
            }
            before = event.seq;
            whole.push(event);
        }
        self.erased = self.erased.split_off(&last);
        whole
    }

    /// Sees that everything that was erased from `first` on, and before `end`, is in memory.
    async fn read(&mut self, first: Seq, end: Seq) {
        let places = end.0 - first.0;
        if self.erased.range(first..end).count() as u64 == places || self.failed.is_some_and(|at| at.elapsed() < REST) {
            return;
        }
        self.failed = None;
        let mut after = Seq(first.0.saturating_sub(1));
        while after.next() < end {
            let page = tokio::time::timeout(ANSWER_WITHIN, self.store.erased(self.shard, after, PAGE)).await;
            match page.unwrap_or_else(|_| Err(StoreError::new(format!("no answer within {ANSWER_WITHIN:?}")))) {
                Ok(page) => {
                    let complete = page.len() < PAGE as usize;
                    after = page.last().map_or(after, |erased| erased.seq);
                    self.erased.extend(page.into_iter().map(|erased| (erased.seq, erased)));
                    if complete {
                        return;
                    }
                }
                Err(error) => {
                    self.failed = Some(Instant::now());
                    metrics::counter!("relay_tail_erased_unknown_total").increment(1);
                    tracing::warn!(shard = self.shard.0, %after, %end, reason = error.reason, "what was erased from the log is not known");
                    return;
                }
            }
        }
    }
}
