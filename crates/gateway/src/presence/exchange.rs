//! The task that tells: what devices here say, to the other gateways and to Valkey; what gateways say, to the sockets here.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use futures::StreamExt as _;
use relay_domain::ports::StoreError;
use relay_protocol::ServerFrame;
use relay_protocol::ephemeral::{BatchError, MAX_BATCH_NOTICES};
use relay_protocol::presence::{Availability, MAX_BATCH_WORDS, Presence as PresenceFrame, PresenceBatch, PresenceNotice, PresenceState};
use relay_runtime::Task;
use relay_types::{TimestampMs, UserId};

use super::here::There;
use super::{Presence, PresenceParts};
use crate::metrics::Dropped;

/// Between two rounds: each person and each socket is told at most so often.
const EVERY: Duration = Duration::from_secs(1);
/// How long an availability holds; a change of the person's settings ends it.
const AVAILABILITY_HOLDS: Duration = Duration::from_secs(300);
/// Between two times at which it is written down when somebody was there.
const SEEN_EVERY: Duration = Duration::from_secs(60);
/// For Postgres and Valkey to answer.
const ANSWER_LIMIT: Duration = Duration::from_secs(2);
/// People in one question.
const TOGETHER: usize = 1_000;
/// Questions about who may know, at once.
const QUESTIONS: usize = 8;

/// See the module.
pub(super) async fn run(task: Task, presence: Arc<Presence>, parts: PresenceParts) -> anyhow::Result<()> {
    let mut feed = parts.link.listen().await?;
    task.health.up();
    let mut exchange = Exchange::new(Arc::clone(&presence), parts);
    let mut ticks = tokio::time::interval(EVERY);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            () = task.stop.cancelled() => return Ok(()),
            _ = ticks.tick() => exchange.round().await,
            () = presence.spoken.notified() => exchange.pass_on(),
            batch = feed.next() => match batch {
                Some(batch) => exchange.heard(&batch),
                None => anyhow::bail!("other gateways are not heard any more"),
            },
        }
    }
}

struct Exchange {
    presence: Arc<Presence>,
    parts: PresenceParts,
    /// This gateway's name among the others.
    name: String,
    availability: HashMap<UserId, (Availability, Instant)>,
    /// Of whom others were told that they are here; and when it was written down last.
    shown: HashMap<UserId, Option<Instant>>,
}

impl Exchange {
    fn new(presence: Arc<Presence>, parts: PresenceParts) -> Self {
        let name = format!("{:016x}", rand::random::<u64>());
        Self { presence, parts, name, availability: HashMap::new(), shown: HashMap::new() }
    }

    /// Another gateway's batch.
    fn heard(&self, batch: &[u8]) {
        let batch = match PresenceBatch::decode(batch) {
            Ok(batch) => batch,
            Err(BatchError::TooLarge) => return Dropped::TooLarge.count(1),
            Err(BatchError::Malformed) => return Dropped::Malformed.count(1),
        };
        // Its own name is nobody else's.
        if batch.gateway != self.name {
            self.take_in(&batch.gateway, &batch.people);
            let mut inner = self.presence.inner.lock();
            for word in &batch.words {
                inner.take_word(word, Instant::now());
            }
        }
    }

    /// To the other gateways: what devices said here without a socket. One of them may have the stream.
    fn pass_on(&self) {
        let words: Vec<_> = self.presence.inner.lock().words.drain(..).collect();
        let mut buckets: BTreeMap<u8, Vec<_>> = BTreeMap::new();
        for word in words {
            buckets.entry(relay_subjects::live_bucket_of_user(word.user_id)).or_default().push(word);
        }
        for (bucket, words) in buckets {
            for words in words.chunks(MAX_BATCH_WORDS) {
                self.publish_batch(bucket, &PresenceBatch::of_words(&self.name, words.to_vec()), words.len());
            }
        }
    }

    fn publish_batch(&self, bucket: u8, batch: &PresenceBatch, notices: usize) {
        if self.parts.link.publish(bucket, Bytes::from(batch.encode())) {
            metrics::counter!("relay_ephemeral_batches_total").increment(1);
        } else {
            Dropped::Link.count(notices);
        }
    }

    fn take_in(&self, gateway: &str, people: &[PresenceNotice]) {
        let (now, now_ms) = (Instant::now(), self.parts.clock.now_ms());
        let mut inner = self.presence.inner.lock();
        for notice in people {
            inner.watching.heard(gateway, notice, now, now_ms);
        }
    }

    async fn round(&mut self) {
        let changed = self.parts.hub.take_changed();
        let now = Instant::now();
        let due = {
            let mut inner = self.presence.inner.lock();
            for user in &changed.settings {
                self.availability.remove(user);
                inner.here.again(*user);
                inner.watching.forget(*user);
            }
            inner.watching.forget_acquaintances(&changed.acquaintances);
            inner.watching.expire(now);
            inner.here.take(now)
        };
        if !due.is_empty() {
            self.tell_others(due).await;
        }
        self.look_up().await;
        self.judge().await;
        self.tell_here();
    }

    /// Tells what devices here say, as far as their people want.
    async fn tell_others(&mut self, due: Vec<(UserId, Option<There>)>) {
        self.learn_availability(&due).await;
        let (now, now_ms) = (Instant::now(), self.parts.clock.now_ms());
        let (mut notices, mut seen, mut later) = (Vec::new(), Vec::new(), Vec::new());
        for (user_id, there) in due {
            let Some((availability, _)) = self.availability.get(&user_id).copied() else {
                // Nothing is told of somebody who may be invisible.
                later.push(user_id);
                continue;
            };
            let state = there.and_then(|there| state(there, availability));
            if let Some(state) = state {
                let conversation_id = there.and_then(|there| there.conversation);
                notices.push(PresenceNotice { user_id, state, conversation_id });
                let written = self.shown.entry(user_id).or_default();
                if written.is_none_or(|at| at + SEEN_EVERY <= now) {
                    *written = Some(now);
                    seen.push((user_id, now_ms));
                }
            } else if self.shown.remove(&user_id).is_some() {
                // From the moment of becoming invisible on, they look as if they had gone.
                notices.push(PresenceNotice { user_id, state: PresenceState::Offline, conversation_id: None });
                seen.push((user_id, now_ms));
            }
            if there.is_none() {
                self.availability.remove(&user_id);
            }
        }
        if !later.is_empty() {
            let mut inner = self.presence.inner.lock();
            for user in later {
                inner.here.again(user);
            }
        }
        self.publish(&notices);
        self.take_in(&self.name, &notices);
        if !notices.is_empty() {
            note("Valkey is not told who is here", self.parts.board.put(&self.name, &notices).await);
        }
        for seen in seen.chunks(TOGETHER) {
            note("when people were here is not written down", in_time(self.parts.rules.seen(seen)).await);
        }
    }

    async fn learn_availability(&mut self, due: &[(UserId, Option<There>)]) {
        let now = Instant::now();
        let fresh = |user: &UserId| self.availability.get(user).is_some_and(|(_, until)| *until > now);
        let unknown: Vec<UserId> = due.iter().map(|(user, _)| *user).filter(|user| !fresh(user)).collect();
        for unknown in unknown.chunks(TOGETHER) {
            match in_time(self.parts.rules.availability(unknown)).await {
                Ok(found) => self.availability.extend(found.into_iter().map(|(user, wish)| (user, (wish, now + AVAILABILITY_HOLDS)))),
                Err(error) => return note("how people want to be seen is not known", Err(error)),
            }
        }
    }

    fn publish(&self, notices: &[PresenceNotice]) {
        metrics::counter!("relay_ephemeral_notices_total").increment(notices.len() as u64);
        let mut buckets: BTreeMap<u8, Vec<PresenceNotice>> = BTreeMap::new();
        for notice in notices {
            buckets.entry(relay_subjects::live_bucket_of_user(notice.user_id)).or_default().push(*notice);
        }
        for (bucket, notices) in buckets {
            for notices in notices.chunks(MAX_BATCH_NOTICES) {
                self.publish_batch(bucket, &PresenceBatch::new(&self.name, notices.to_vec()), notices.len());
            }
        }
    }

    /// Reads in Valkey what gateways said before somebody watched. What they say from then on is heard.
    async fn look_up(&self) {
        let unknown = self.presence.inner.lock().watching.unknown();
        if unknown.is_empty() {
            return;
        }
        match self.parts.board.get(&unknown).await {
            Ok(found) => {
                let now_ms = self.parts.clock.now_ms();
                let left = |until_ms: TimestampMs| Duration::from_millis(u64::try_from(until_ms.saturating_sub(now_ms)).unwrap_or(0));
                let found = found.into_iter().map(|(gateway, notice, until_ms)| (gateway, notice, left(until_ms))).collect();
                self.presence.inner.lock().watching.learn(&unknown, found, Instant::now());
            }
            Err(error) => note("who is there is not known", Err(error)),
        }
    }

    /// Asks who may know of whom.
    async fn judge(&self) {
        let unjudged = self.presence.inner.lock().watching.unjudged(Instant::now());
        let questions = futures::stream::iter(unjudged).map(|(seat, viewer, people)| async move {
            let answer = in_time(self.parts.rules.allowed(viewer, &people)).await;
            (seat, people, answer)
        });
        let mut answers = questions.buffer_unordered(QUESTIONS);
        while let Some((seat, people, answer)) = answers.next().await {
            match answer {
                Ok(allowed) => {
                    let allowed = allowed.into_iter().collect();
                    self.presence.inner.lock().watching.judge(seat, &people, &allowed, Instant::now());
                }
                Err(error) => return note("who may know whether people are there is not known", Err(error)),
            }
        }
    }

    fn tell_here(&self) {
        let hub = &self.parts.hub;
        let news = {
            let mut inner = self.presence.inner.lock();
            metrics::gauge!("relay_presence_watched").set(f64::from(u32::try_from(inner.watching.len()).unwrap_or(u32::MAX)));
            inner.watching.tell(|viewer, conversation| hub.membership(viewer, conversation).is_some())
        };
        metrics::counter!("relay_ephemeral_deliveries_total").increment(news.len() as u64);
        for (socket, people) in news {
            let presence = PresenceFrame { people };
            let frame = Bytes::from(ServerFrame::UserPresence(presence.clone()).encode());
            socket.outbound.push_presence(&Arc::new(presence), frame);
        }
    }
}

/// How somebody who is there looks to others; `None`: as if they were not.
fn state(there: There, availability: Availability) -> Option<PresenceState> {
    match availability {
        Availability::Available if there.active => Some(PresenceState::Online),
        Availability::Available => Some(PresenceState::Idle),
        Availability::DoNotDisturb => Some(PresenceState::DoNotDisturb),
        Availability::Invisible | Availability::Unknown(_) => None,
    }
}

async fn in_time<T>(asked: impl Future<Output = Result<T, StoreError>>) -> Result<T, StoreError> {
    tokio::time::timeout(ANSWER_LIMIT, asked).await.unwrap_or_else(|_| Err(StoreError::new("no answer in time")))
}

fn note(what: &str, result: Result<(), StoreError>) {
    if let Err(error) = result {
        tracing::debug!(reason = error.reason, "{what}");
    }
}
