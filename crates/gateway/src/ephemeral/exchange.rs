//! The task that tells: this gateway's notices to its own sockets and to the other gateways, theirs to the sockets here.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures::future::BoxFuture;
use relay_protocol::ephemeral::{BatchError, MAX_BATCH_NOTICES, TYPING_LASTS_MS, TypingBatch, TypingNotice};
use relay_protocol::{ServerFrame, TypingState};
use relay_runtime::Task;
use relay_types::{ConversationId, TimestampMs, UserId};
use tokio::time::Instant;

use super::audience::{self, Answer, Known, Verdict};
use super::later::Later;
use super::outgoing::Added;
use super::{Ephemeral, EphemeralParts};
use crate::hub::Told;
use crate::metrics::Dropped;

/// Between two batches of a bucket.
const EVERY: Duration = Duration::from_millis(100);
/// Between two looks whether the tail has come to what notices wait for.
const RETRY_EVERY: Duration = Duration::from_millis(25);
/// Notices that wait for this gateway's tail; those that wait for an answer of Postgres.
const MOST_WAITING: usize = 4_096;
/// How long a notice waits for the tail.
const TAIL_LIMIT: Duration = Duration::from_secs(1);
/// Members of a conversation in which typing is told.
const MOST_MEMBERS: u32 = 1_000;
/// What another gateway's clock may be ahead of this one's.
const CLOCK_MARGIN_MS: u64 = 2_000;
/// What is told before others may run on this thread: sockets, and what looking for them costs in the same measure.
const SLICE: u64 = 512;
const LOOK: u64 = 16;
/// What is told within [`EVERY`], in the same measure: some milliseconds under the hub's lock, for which the tail waits. The rest is
/// told later, if it is still so then.
const BUDGET: u64 = 16_384;

/// See the module.
pub(super) async fn run(task: Task, ephemeral: Arc<Ephemeral>, parts: EphemeralParts) -> anyhow::Result<()> {
    let mut feed = parts.link.listen().await?;
    task.health.up();
    let mut exchange = Exchange::new(parts);
    let mut question: Option<BoxFuture<'static, Answer>> = None;
    let (mut flush_at, mut retry_at) = (None, None);
    let mut flushed: Option<Instant> = None;
    loop {
        if question.is_none() {
            question = exchange.question();
        }
        if exchange.ahead.is_empty() {
            retry_at = None;
        } else if retry_at.is_none() {
            retry_at = Some(Instant::now() + RETRY_EVERY);
        }
        let due = || flushed.map_or_else(Instant::now, |at| at + EVERY);
        tokio::select! {
            () = task.stop.cancelled() => return Ok(()),
            () = ephemeral.wake.notified(), if flush_at.is_none() => flush_at = Some(due()),
            () = until(flush_at) => {
                flush_at = None;
                flushed = Some(Instant::now());
                exchange.flush(ephemeral.take()).await;
            }
            answer = answered(&mut question) => {
                question = None;
                exchange.learn(&answer);
                flush_at = flush_at.or_else(|| Some(due()));
            }
            () = until(exchange.later_at()) => exchange.tell_later().await,
            () = until(retry_at) => {
                retry_at = None;
                exchange.retry_ahead().await;
            }
            batch = feed.next() => match batch {
                Some(batch) => exchange.on_batch(&batch).await,
                None => anyhow::bail!("other gateways are not heard any more"),
            },
        }
    }
}

struct Exchange {
    parts: EphemeralParts,
    known: Known,
    /// Of this gateway's people, until it is known whether something is told in the conversation.
    waiting: HashMap<(ConversationId, UserId), TypingNotice>,
    /// Of other gateways, given behind where this one's tail is; until when they wait.
    ahead: Vec<(Instant, TypingNotice)>,
    /// For which there was no room.
    later: Later,
    spent: Spent,
}

/// What was told lately.
struct Spent {
    /// Since others could run.
    slice: u64,
    /// Since `began`.
    window: u64,
    began: Instant,
}

impl Spent {
    fn new() -> Self {
        Self { slice: 0, window: 0, began: Instant::now() }
    }

    fn ends(&self) -> Instant {
        self.began + EVERY
    }

    fn add(&mut self, cost: u64) {
        self.slice += cost;
        self.window += cost;
    }

    /// Whether more may be told now.
    fn has_room(&mut self) -> bool {
        let now = Instant::now();
        if now >= self.ends() {
            (self.window, self.began) = (0, now);
        }
        self.window < BUDGET
    }
}

impl Exchange {
    fn new(parts: EphemeralParts) -> Self {
        let (waiting, ahead, later) = (HashMap::new(), Vec::new(), Later::default());
        Self { parts, known: Known::default(), waiting, ahead, later, spent: Spent::new() }
    }

    /// Tells what waits and may be told.
    async fn flush(&mut self, notices: Vec<TypingNotice>) {
        for notice in notices {
            let key = (notice.conversation_id, notice.user_id);
            if self.waiting.len() >= MOST_WAITING && !self.waiting.contains_key(&key) {
                Dropped::Full.count(1);
            } else if self.waiting.insert(key, notice).is_some() {
                metrics::counter!("relay_ephemeral_conflated_total").increment(1);
            }
        }
        let (now, now_ms) = (Instant::now().into_std(), self.now_ms());
        let (known, mut told) = (&self.known, Vec::new());
        self.waiting.retain(|_, notice| {
            match known.verdict(notice.conversation_id, now) {
                _ if !is_timely(notice, now_ms) => Dropped::Stale.count(1),
                Verdict::Told => told.push(notice.clone()),
                Verdict::Silent => Dropped::Silent.count(1),
                Verdict::NotKnown => return true,
            }
            false
        });
        self.tell_all(told).await;
    }

    /// The question whether something is told where notices wait; `None`: there is nothing to ask.
    fn question(&self) -> Option<BoxFuture<'static, Answer>> {
        let now = Instant::now().into_std();
        let conversations = self.waiting.values().map(|notice| notice.conversation_id);
        let mut unknown = conversations.filter(|id| self.known.verdict(*id, now) == Verdict::NotKnown).peekable();
        unknown.peek()?;
        Some(audience::ask(&self.parts.audience, MOST_MEMBERS, unknown))
    }

    /// Without an answer, what was asked about is given up.
    fn learn(&mut self, answer: &Answer) {
        self.known.learn(answer, Instant::now().into_std());
        let Some(unanswered) = answer.unanswered() else { return };
        let before = self.waiting.len();
        self.waiting.retain(|(conversation, _), _| !unanswered.contains(conversation));
        Dropped::Unknown.count(before - self.waiting.len());
    }

    /// Tells this gateway's sockets and the other gateways.
    async fn tell_all(&mut self, notices: Vec<TypingNotice>) {
        metrics::counter!("relay_ephemeral_notices_total").increment(notices.len() as u64);
        let mut buckets: BTreeMap<u8, Vec<TypingNotice>> = BTreeMap::new();
        for notice in notices {
            let of_bucket = buckets.entry(relay_subjects::live_bucket(notice.conversation_id)).or_default();
            if of_bucket.len() >= MAX_BATCH_NOTICES {
                Dropped::Full.count(1);
                continue;
            }
            // Its own people's memberships are never behind: the notice was given by them.
            self.tell_here(&notice).await;
            of_bucket.push(notice);
        }
        for (bucket, notices) in buckets {
            let (n, batch) = (notices.len(), Bytes::from(TypingBatch::new(notices).encode()));
            if self.parts.link.publish(bucket, batch) {
                metrics::counter!("relay_ephemeral_batches_total").increment(1);
            } else {
                Dropped::Link.count(n);
            }
        }
    }

    /// Another gateway's notices. Whoever sent them, they reach only those who are in the conversation, and only say that somebody
    /// types for a few seconds.
    async fn on_batch(&mut self, batch: &[u8]) {
        let batch = match TypingBatch::decode(batch) {
            Ok(batch) => batch,
            Err(BatchError::TooLarge) => return Dropped::TooLarge.count(1),
            Err(BatchError::Malformed) => return Dropped::Malformed.count(1),
        };
        let now_ms = self.now_ms();
        for notice in batch.notices {
            if !is_timely(&notice, now_ms) {
                Dropped::Stale.count(1);
            } else if self.tell_here(&notice).await == Told::Ahead {
                self.wait_for_tail(notice);
            }
        }
    }

    fn wait_for_tail(&mut self, notice: TypingNotice) {
        if self.ahead.len() < MOST_WAITING {
            self.ahead.push((Instant::now() + TAIL_LIMIT, notice));
        } else {
            Dropped::Behind.count(1);
        }
    }

    /// The tail may have come further.
    async fn retry_ahead(&mut self) {
        let (now, now_ms) = (Instant::now(), self.now_ms());
        for (until, notice) in std::mem::take(&mut self.ahead) {
            if !is_timely(&notice, now_ms) || until <= now {
                Dropped::Behind.count(1);
            } else if self.tell_here(&notice).await == Told::Ahead {
                self.ahead.push((until, notice));
            }
        }
    }

    /// When there is room for what waits for it.
    fn later_at(&self) -> Option<Instant> {
        (!self.later.is_empty()).then(|| self.spent.ends())
    }

    /// Tells what waited for room, the oldest first.
    async fn tell_later(&mut self) {
        let now_ms = self.now_ms();
        while self.spent.has_room() {
            let Some(notice) = self.later.next() else { return };
            if !is_timely(&notice, now_ms) {
                Dropped::Stale.count(1);
            } else if self.tell_now(&notice).await == Told::Ahead {
                self.wait_for_tail(notice);
            }
        }
    }

    /// Tells this gateway's sockets, or keeps the notice until there is room.
    async fn tell_here(&mut self, notice: &TypingNotice) -> Told {
        if self.later.is_empty() && self.spent.has_room() {
            return self.tell_now(notice).await;
        }
        match self.later.add(notice.clone()) {
            Added::Waits => {}
            Added::Conflated => metrics::counter!("relay_ephemeral_conflated_total").increment(1),
            Added::Full => Dropped::Full.count(1),
        }
        Told::To(0)
    }

    async fn tell_now(&mut self, notice: &TypingNotice) -> Told {
        if self.spent.slice >= SLICE {
            self.spent.slice = 0;
            tokio::task::yield_now().await;
        }
        let told = self.parts.hub.tell(notice, || Bytes::from(ServerFrame::UserTyping(notice.frame()).encode()));
        match told {
            Told::To(sockets) => metrics::counter!("relay_ephemeral_deliveries_total").increment(sockets),
            Told::Not(why) => why.count(1),
            Told::Ahead => {}
        }
        self.spent.add(LOOK + if let Told::To(sockets) = told { sockets } else { 0 });
        told
    }

    fn now_ms(&self) -> Option<TimestampMs> {
        use relay_domain::ports::LogClock as _;
        self.parts.hub.clock.log_now_ms()
    }
}

/// Whether what the notice says is not over, and ends soon. Without a clock every notice is timely: clients end it by themselves.
fn is_timely(notice: &TypingNotice, now_ms: Option<TimestampMs>) -> bool {
    match (notice.state, notice.until_ms, now_ms) {
        (TypingState::Typing, Some(until), Some(now)) => {
            until > now && until <= now.saturating_add_unsigned(TYPING_LASTS_MS + CLOCK_MARGIN_MS)
        }
        (TypingState::Typing, None, _) => false,
        (TypingState::Typing | TypingState::Stopped | TypingState::Unknown(_), _, _) => true,
    }
}

async fn until(at: Option<Instant>) {
    match at {
        Some(at) => tokio::time::sleep_until(at).await,
        None => std::future::pending().await,
    }
}

async fn answered(question: &mut Option<BoxFuture<'static, Answer>>) -> Answer {
    match question {
        Some(question) => question.await,
        None => std::future::pending().await,
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::num::NonZeroU32;

    use async_trait::async_trait;
    use relay_domain::ports::{EphemeralAudience, EphemeralFeed, EphemeralLink, LinkError, StoreError};
    use relay_types::{Seq, ShardId};

    use super::*;
    use crate::hub::{Hub, HubLimits};

    fn notice(state: TypingState, until_ms: Option<TimestampMs>) -> TypingNotice {
        let id = "01ARZ3NDEKTSV4RRFFQ69G5FAV";
        let (conversation_id, user_id) = (id.parse().unwrap(), id.parse().unwrap());
        TypingNotice { conversation_id, user_id, state, until_ms, shard: ShardId(0), as_of: Seq(1) }
    }

    /// Takes every batch; nobody else is there, and something is told everywhere.
    struct Alone;

    #[async_trait]
    impl EphemeralLink for Alone {
        fn publish(&self, _: u8, _: Bytes) -> bool {
            true
        }

        async fn listen(&self) -> Result<Box<dyn EphemeralFeed>, LinkError> {
            unreachable!("nobody listens here")
        }
    }

    #[async_trait]
    impl EphemeralAudience for Alone {
        async fn silent(&self, _: &[ConversationId], _: u32) -> Result<BTreeSet<ConversationId>, StoreError> {
            Ok(BTreeSet::new())
        }
    }

    fn exchange() -> Exchange {
        let limits = HubLimits {
            ring_bytes: 1 << 20,
            replay_cache_bytes: 1 << 20,
            roster_linger: Duration::from_secs(60),
            revoked_kept: Duration::from_secs(60),
            quota: governor::Quota::per_second(NonZeroU32::MIN),
        };
        let parts = EphemeralParts { hub: Arc::new(Hub::new(limits)), link: Arc::new(Alone), audience: Arc::new(Alone) };
        Exchange::new(parts)
    }

    /// How often a task lets others run before it is done.
    async fn turns(task: impl Future<Output = ()>) -> usize {
        tokio::pin!(task);
        let mut turns = 0;
        while futures::poll!(&mut task).is_pending() {
            turns += 1;
        }
        turns
    }

    #[tokio::test]
    async fn a_burst_of_notices_lets_others_run_meanwhile() {
        let mut exchange = exchange();
        let burst = || vec![notice(TypingState::Typing, Some(1)); MAX_BATCH_NOTICES];
        let slices = MAX_BATCH_NOTICES as u64 * LOOK / SLICE;
        assert!(slices > 4);
        let batch = TypingBatch::new(burst()).encode();
        assert!(turns(exchange.on_batch(batch.as_ref())).await as u64 >= slices - 1, "another gateway's");
        assert!(turns(exchange.tell_all(burst())).await as u64 >= slices - 1, "this one's");
        let until = Instant::now() + Duration::from_secs(60);
        exchange.ahead = burst().into_iter().map(|notice| (until, notice)).collect();
        assert!(turns(exchange.retry_ahead()).await as u64 >= slices - 1, "those that waited for the tail");
        assert!(turns(exchange.on_batch(TypingBatch::new(Vec::new()).encode().as_ref())).await == 0);
    }

    /// Failed before: as many as came were told at once, each under the hub's lock.
    #[tokio::test(start_paused = true)]
    async fn a_moment_has_room_for_so_many_and_the_rest_is_told_in_the_next() {
        let mut exchange = exchange();
        let of = |n: usize, state| TypingNotice { conversation_id: format!("{n:026}").parse().unwrap(), ..notice(state, Some(1)) };
        let many = 2_000;
        let room = usize::try_from(BUDGET / LOOK).unwrap();
        let notices: Vec<_> = (0..many).map(|n| of(n, TypingState::Typing)).collect();
        for batch in notices.chunks(MAX_BATCH_NOTICES / 2) {
            exchange.on_batch(TypingBatch::new(batch.to_vec()).encode().as_ref()).await;
        }
        assert_eq!(exchange.later.len(), many - room, "another gateway's");
        // This gateway's own are no exception, and a newer one takes the place of one that waits.
        exchange.tell_all(vec![of(many - 1, TypingState::Stopped), of(many, TypingState::Typing)]).await;
        assert_eq!(exchange.later.len(), many - room + 1);
        exchange.tell_later().await;
        assert_eq!(exchange.later.len(), many - room + 1, "not yet");
        tokio::time::sleep_until(exchange.later_at().unwrap()).await;
        exchange.tell_later().await;
        assert_eq!((exchange.later.len(), exchange.later_at()), (0, None));
    }

    #[test]
    fn what_is_over_or_lasts_too_long_is_not_told() {
        let timely = |state, until| is_timely(&notice(state, until), Some(100_000));
        assert!(timely(TypingState::Typing, Some(105_000)));
        for until in [None, Some(100_000), Some(i64::MIN), Some(107_001), Some(i64::MAX)] {
            assert!(!timely(TypingState::Typing, until), "{until:?}");
        }
        assert!(timely(TypingState::Stopped, None));
        assert!(is_timely(&notice(TypingState::Typing, Some(1)), None));
    }
}
