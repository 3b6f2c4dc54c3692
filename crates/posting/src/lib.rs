//! Accepting what a person publishes exactly once: used by the gateway and by the REST API alike.
//!
//! Who may post is decided by the caller; this crate turns one `(conversation, sender, client_id)` into one event in
//! the log, and always answers with the original ack. Start reading in [`Poster::post`].

mod gather;
mod key_age;
mod lookups;
pub mod metrics;
mod pins;
mod publication;
mod quota;
mod reactions;
mod repeats;
mod room;
mod target;

use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use relay_domain::ports::{
    Apart, AppendError, Appended, LogAddress, LogClock, LogReadError, MessageLog, NewEvent, OriginalSend, Passed, RecentSends, ResumeStore,
    SendKey, StoreError, TailSource, Together, TraceParent,
};
use relay_protocol::ErrorCode;
use relay_types::{Clock, IdGen, MessageId, Seq, ShardId, TimestampMs, UserId};

use governor::clock::DefaultClock;

use lookups::Lookups;
use publication::Found;
use quota::Quotas;
use repeats::Repeats;

pub use gather::Gather;
pub use key_age::KeyAge;
pub use publication::{Accepted, Content, Publication};
pub use quota::QuotaConfig;
pub use room::LogRoom;
pub use target::{EditLimits, TargetRefused, delete_window};

/// How long a possible retry waits for the projection to reach the log's end before the caller is asked to try again.
const SETTLE: Duration = Duration::from_secs(2);
/// How often the projection is looked at meanwhile.
const SETTLE_STEP: Duration = Duration::from_millis(20);

/// Publications of one author to one conversation that go into one batch at most, and the bytes of their contents.
const MOST_TOGETHER: usize = 64;
const MOST_BYTES_TOGETHER: usize = 128 * 1024;

/// The log is looked at every few seconds; one that was full does not become empty sooner.
const FULL_RETRY: Duration = Duration::from_secs(10);

/// Why a message was not accepted.
#[derive(Debug, thiserror::Error)]
pub enum PostError {
    /// The key is a ULID of the future, so its age could not be judged on a retry.
    #[error("client_id was minted ahead of the server's time; mint it with server_time_ms")]
    ClientIdAhead {
        /// Until it is not.
        wait: Duration,
    },
    /// The sender has sent as many bytes, or deleted as many messages, as a person may.
    #[error("too many bytes or deletions: wait {} ms", retry_after.as_millis())]
    QuotaExceeded {
        /// When there is room for this message.
        retry_after: Duration,
    },
    /// What is left of the log is for membership changes and sessions.
    #[error("the log takes no more messages")]
    LogFull,
    /// The log's answer is unknown, or the log is away. Retry with the same key.
    #[error("the log did not acknowledge")]
    Log(#[source] AppendError),
    /// It is in the log, and void: its sender had left before it. For good, while the log recognises the key.
    #[error("the sender had left the conversation before the message was stored")]
    Void,
    /// It is in the log; whether it counts cannot be told yet. Retry with the same key.
    #[error("the message is stored, and whether its sender was in the conversation there cannot be told yet")]
    NotPassed,
    /// What it refers to does not allow it, or is not there. Final.
    #[error("{}", refused.reason())]
    Target {
        /// Why.
        refused: TargetRefused,
    },
    /// Whether the key was used before cannot be told now. Retry with the same key.
    #[error("whether this is a retry cannot be told now")]
    Undecided(#[source] StoreError),
    /// The original of a retry cannot be read now. Retry with the same key.
    #[error("the original of this retry cannot be read now")]
    Original(#[source] LogReadError),
}

impl PostError {
    /// The public code.
    pub const fn code(&self) -> ErrorCode {
        match self {
            Self::ClientIdAhead { .. } => ErrorCode::ClientIdAhead,
            Self::QuotaExceeded { .. } => ErrorCode::QuotaExceeded,
            Self::LogFull => ErrorCode::LogFull,
            Self::Log(AppendError::OutcomeUnknown { .. }) | Self::NotPassed | Self::Original(_) => ErrorCode::OutcomeUnknown,
            Self::Log(AppendError::NotStored { .. }) | Self::Undecided(_) => ErrorCode::Unavailable,
            Self::Log(AppendError::Refused { .. }) => ErrorCode::Internal,
            Self::Void => ErrorCode::NotMember,
            Self::Target { refused } => refused.code(),
        }
    }

    /// When to try again, where that is known.
    pub const fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::ClientIdAhead { wait: retry_after } | Self::QuotaExceeded { retry_after } => Some(*retry_after),
            Self::LogFull => Some(FULL_RETRY),
            Self::Log(_) | Self::Void | Self::NotPassed | Self::Target { .. } | Self::Undecided(_) | Self::Original(_) => None,
        }
    }
}

/// What [`Poster`] works with.
pub struct PosterParts {
    /// Appends.
    pub log: Arc<dyn MessageLog>,
    /// Says how far the log reaches.
    pub tails: Arc<dyn TailSource>,
    /// The newest sends.
    pub recent: Arc<dyn RecentSends>,
    /// All older sends.
    pub store: Arc<dyn ResumeStore>,
    /// The log's time.
    pub log_clock: Arc<dyn LogClock>,
    /// The wall clock, for `sent_at_ms`.
    pub clock: Arc<dyn Clock>,
    /// Mints message ids.
    pub ids: Arc<dyn IdGen>,
    /// What one person may send.
    pub quota: QuotaConfig,
    /// How full the log is.
    pub room: Arc<LogRoom>,
    /// What may be edited.
    pub edits: EditLimits,
    /// How old a message may be for its sender to delete it for everyone; `None`: however old it is.
    pub delete_window: Option<Duration>,
}

/// Accepts messages.
pub struct Poster {
    parts: PosterParts,
    lookups: Lookups,
    quotas: Quotas,
    repeats: Repeats,
}

/// A publication on its way, and what it is if the log does not have it yet.
struct Draft {
    kind: &'static str,
    key: SendKey,
    minted: OriginalSend,
    event: NewEvent,
}

impl Poster {
    /// A poster over these parts.
    pub fn new(parts: PosterParts) -> Self {
        crate::metrics::register();
        let quotas = Quotas::new(parts.quota, DefaultClock::default());
        Self { lookups: Lookups::new(Arc::clone(&parts.store)), quotas, repeats: Repeats::default(), parts }
    }

    /// Whether the send is known to be in the log, as far as this process remembers.
    pub fn is_stored(&self, key: &SendKey) -> bool {
        self.parts.recent.find(key).is_some()
    }

    /// The original ack of a send that is in the log, as far as this process remembers.
    pub fn original(&self, key: SendKey) -> Option<Accepted> {
        let original = self.parts.recent.find(&key)?;
        Some(Accepted { key, original })
    }

    /// Puts the publication into the log, or finds that it is there already, and returns the original ack.
    ///
    /// Recognised as a retry are: the newest sends (in memory), sends within the log's duplicate window (the log
    /// itself), and all older ones (the projection, which is asked only when the key's age does not rule them out).
    /// Order among a caller's messages is the caller's: it posts the next to a conversation once this one is answered.
    ///
    /// Nothing that is answered turns void ([`relay_domain::void`]). A process that follows the log answers once it has itself
    /// passed the message. One that does not keeps the sender in the conversation meanwhile, and asks the projection about
    /// messages that others stored.
    ///
    /// # Errors
    /// See [`PostError`]; after each of them the same send may be repeated with the same key.
    ///
    /// # Cancel safety
    /// Not cancel safe: the message may be in the log when the future is dropped. Repeating it with the same key finds it.
    pub async fn post(&self, author: UserId, shard: ShardId, publication: Publication, trace: Option<&str>) -> Result<Accepted, PostError> {
        let key = publication.key(author);
        if let Some(original) = self.parts.recent.find(&key) {
            return Ok(Accepted { key, original });
        }
        let wall_now_ms = self.parts.clock.now_ms();
        let (log_now_ms, log_began_ms) = self.log_times(shard).await;
        match key_age::judge(&key.client_id, log_now_ms, log_began_ms, wall_now_ms, self.parts.log.duplicate_window()) {
            KeyAge::Ahead { wait } => return Err(PostError::ClientIdAhead { wait }),
            KeyAge::WithinWindow => {}
            KeyAge::MayBeOld => {
                if let Some(original) = self.find_old(shard, &key).await? {
                    ::metrics::counter!("relay_posts_deduplicated_total", "by" => "projection").increment(1);
                    return Ok(Accepted { key, original });
                }
            }
        }
        let found = match self.found(author, shard, &publication).await? {
            Ok(found) => found,
            // What it refers to may have changed since the first time.
            Err(refused) => {
                let original = self.find_old(shard, &key).await?;
                return original.map(|original| Accepted { key, original }).ok_or(PostError::Target { refused });
            }
        };
        let joins = key_age::is_first_use(&key.client_id, log_now_ms) && self.repeats.may_join(&key) && self.parts.log.gathers(shard, 1);
        let deletes = matches!(publication.content, Content::Delete { .. });
        let draft = self.draft(author, shard, publication, found, trace.map(ToOwned::to_owned));
        let draft = draft.ok_or(PostError::Target { refused: TargetRefused::Unknown })?;
        // What was tried before has its room already, and may be stored: it is not refused for want of room.
        if !self.repeats.was_tried(&draft.key) {
            if deletes {
                self.quotas.take_deletion(author).map_err(|retry_after| PostError::QuotaExceeded { retry_after })?;
            }
            self.take_room(author, shard, &[&draft])?;
        }
        self.store(shard, draft, joins).await
    }

    /// How many of these, from the first on, [`Poster::post_together`] would take now: none while it is as quick to post one after
    /// the other.
    pub fn gathers<'a>(&self, author: UserId, shard: ShardId, waiting: impl ExactSizeIterator<Item = &'a Publication>) -> usize {
        let most = waiting.len().min(MOST_TOGETHER);
        if most < 2 || !self.parts.log.gathers(shard, most) {
            return 0;
        }
        let (log_now_ms, log_began_ms) = (self.parts.log_clock.log_now_ms(), self.parts.log_clock.log_began_ms(shard));
        let (wall_now_ms, window) = (self.parts.clock.now_ms(), self.parts.log.duplicate_window());
        let (mut taken, mut bytes) = (0, 0);
        for publication in waiting.take(most) {
            let key = publication.key(author);
            bytes += publication.content_len();
            let is_young = key_age::judge(&key.client_id, log_now_ms, log_began_ms, wall_now_ms, window) == KeyAge::WithinWindow;
            let is_first = is_young
                && key_age::is_first_use(&key.client_id, log_now_ms)
                && self.repeats.may_join(&key)
                && self.parts.recent.find(&key).is_none();
            // What it refers to is looked at first, and by itself.
            if !is_first || publication.target().is_some() || publication.root().is_some() || bytes > MOST_BYTES_TOGETHER {
                break;
            }
            taken += 1;
        }
        if taken < 2 { 0 } else { taken }
    }

    /// Posts what [`Poster::gathers`] counted, in this order, in one batch. The answers are in the same order, each as
    /// [`Poster::post`] gives it.
    ///
    /// # Errors
    /// When the batch is not to be, or not known to be stored: then they have to be posted one after the other.
    ///
    /// # Cancel safety
    /// Not cancel safe, as [`Poster::post`].
    pub async fn post_together(
        &self,
        author: UserId,
        shard: ShardId,
        publications: Vec<Publication>,
        trace: Option<&str>,
    ) -> Result<Vec<Result<Accepted, PostError>>, Apart> {
        let draft = |publication| self.draft(author, shard, publication, (None, None), trace.map(ToOwned::to_owned));
        let drafts: Option<Vec<Draft>> = publications.into_iter().map(draft).collect();
        let drafts = drafts.ok_or(Apart::NotTried)?;
        // Of what is too much, the first may be not.
        self.take_room(author, shard, &drafts.iter().collect::<Vec<_>>()).map_err(|_| Apart::NotTried)?;
        match self.parts.log.append_together(drafts.iter().map(|draft| draft.event.clone()).collect()).await {
            Together::Stored(first) => {
                // At once: each waits for the tail, and with the tail away all of them wait equally long.
                let settling = drafts.into_iter().enumerate().map(|(n, draft)| {
                    count(draft.kind);
                    let appended = Appended { seq: Seq(first.0 + n as u64), duplicate: false };
                    self.settle(shard, draft.key, draft.minted, appended)
                });
                Ok(futures::future::join_all(settling).await)
            }
            Together::Apart(why) => {
                for draft in drafts {
                    self.repeats.tried(draft.key, why);
                }
                Err(why)
            }
        }
    }

    /// The original ack of a send that is in the log, wherever it is; `None` when it is not there. Stores nothing, so that it
    /// may be asked on behalf of somebody who may not post.
    ///
    /// # Errors
    /// When that cannot be told now.
    ///
    /// # Cancel safety
    /// Cancel safe.
    pub async fn find(&self, shard: ShardId, key: SendKey) -> Result<Option<Accepted>, PostError> {
        if let Some(original) = self.original(key.clone()) {
            return Ok(Some(original));
        }
        let found = self.find_old(shard, &key).await?;
        Ok(found.map(|original| Accepted { key, original }))
    }

    /// The log's time now, and when it began. A process that does not follow the log asks it.
    async fn log_times(&self, shard: ShardId) -> (Option<TimestampMs>, Option<TimestampMs>) {
        if let Some(now_ms) = self.parts.log_clock.log_now_ms() {
            return (Some(now_ms), self.parts.log_clock.log_began_ms(shard));
        }
        match tokio::time::timeout(SETTLE, self.parts.tails.head(shard)).await {
            Ok(Ok(head)) => (Some(head.now_ms), head.began_ms()),
            // Away, or in an election: keys are looked up, and publishing tells.
            Ok(Err(_)) | Err(_) => (None, None),
        }
    }

    /// `None` when what it refers to is not known.
    fn draft(&self, author: UserId, shard: ShardId, publication: Publication, found: Found, trace: Option<TraceParent>) -> Option<Draft> {
        let (key, kind) = (publication.key(author), publication.kind());
        let minted =
            OriginalSend { message_id: MessageId::new(self.parts.ids.next_ulid()), seq: Seq::ZERO, sent_at_ms: self.parts.clock.now_ms() };
        let event = publication.into_event(author, &minted, found)?;
        // Every event serialises: see the type.
        let payload = Bytes::from(serde_json::to_vec(&event).unwrap_or_default());
        let address = LogAddress::Conversation { shard, id: key.conversation };
        let event = NewEvent { address, dedup_id: key.dedup_id(), payload, trace };
        Some(Draft { kind, key, minted, event })
    }

    /// Whether the log has room for messages, and the author for so many bytes.
    fn take_room(&self, author: UserId, shard: ShardId, drafts: &[&Draft]) -> Result<(), PostError> {
        if self.parts.room.is_reserved(shard, self.parts.quota.log_reserve_percent) {
            return Err(PostError::LogFull);
        }
        let bytes = drafts.iter().map(|draft| draft.event.payload.len()).sum();
        self.quotas.take(author, bytes).map_err(|retry_after| PostError::QuotaExceeded { retry_after })
    }

    /// Stores a draft in a batch with those of others, if it joins one and that is stored, and otherwise by itself.
    async fn store(&self, shard: ShardId, draft: Draft, joins: bool) -> Result<Accepted, PostError> {
        let Draft { kind, key, minted, event } = draft;
        let mut before = self.repeats.before(&key);
        if joins {
            match self.parts.log.append_together([event.clone()].into()).await {
                Together::Stored(seq) => {
                    count(kind);
                    return self.settle(shard, key, minted, Appended { seq, duplicate: false }).await;
                }
                Together::Apart(why) => before = why,
            }
        }
        let NewEvent { address, dedup_id, payload, trace } = event;
        let appended = match self.parts.log.append(address, &dedup_id, payload, trace.as_deref()).await {
            Ok(appended) => appended,
            Err(error) => {
                self.repeats.tried(key, Apart::Unknown);
                return Err(PostError::Log(match error {
                    AppendError::NotStored { shard, waited } if before == Apart::Unknown => AppendError::OutcomeUnknown { shard, waited },
                    error => error,
                }));
            }
        };
        if appended.duplicate && before == Apart::Duplicate {
            self.repeats.repeated(key.sender);
        }
        self.repeats.stored(&key);
        if !appended.duplicate {
            count(kind);
        }
        self.settle(shard, key, minted, appended).await
    }

    /// The ack of what the log has at this sequence.
    async fn settle(&self, shard: ShardId, key: SendKey, minted: OriginalSend, appended: Appended) -> Result<Accepted, PostError> {
        let passed = self.parts.recent.passed(shard, appended.seq).await;
        let follows = self.parts.recent.remembered_after(shard).is_some();
        match passed {
            Passed::Void => return Err(PostError::Void),
            Passed::NotYet => return Err(PostError::NotPassed),
            _ if !appended.duplicate && counts(passed, follows) => {
                return Ok(Accepted { key, original: OriginalSend { seq: appended.seq, ..minted } });
            }
            Passed::Counts | Passed::NotKnown => {}
        }
        // Either a retry, or our own attempt whose first answer was lost: the stored event says which id it has.
        ::metrics::counter!("relay_posts_deduplicated_total", "by" => "log").increment(1);
        if let Some(original) = self.parts.recent.find(&key) {
            return Ok(Accepted { key, original });
        }
        let stored = self.parts.log.read(shard, appended.seq).await.map_err(PostError::Original)?;
        if let Some(original) = stored.and_then(|stored| OriginalSend::of(&stored.event, appended.seq)) {
            let is_ours = original.message_id == minted.message_id;
            if passed == Passed::Counts || is_ours && counts(passed, follows) {
                return Ok(Accepted { key, original });
            }
        }
        // Its sender may have left before it, or it is gone from the log: the projection knows.
        match self.find_upto(shard, &key, appended.seq).await {
            Ok(Some(original)) => Ok(Accepted { key, original }),
            Ok(None) => Err(PostError::Void),
            Err(_) => Err(PostError::NotPassed),
        }
    }

    /// Searches everything up to the log's present end: the projection, and what it does not have yet.
    async fn find_old(&self, shard: ShardId, key: &SendKey) -> Result<Option<OriginalSend>, PostError> {
        // What this process remembers closes the gap between projection and log; otherwise the projection has to reach
        // the end that the log has now. Whatever comes after that end is within the duplicate window.
        let needed = match self.parts.recent.remembered_after(shard) {
            Some(remembered) => remembered,
            None => self.parts.tails.head(shard).await.map_err(|error| undecided(error.to_string()))?.last,
        };
        self.find_upto(shard, key, needed).await
    }

    /// Searches the projection, once it has everything up to `needed`.
    async fn find_upto(&self, shard: ShardId, key: &SendKey, needed: Seq) -> Result<Option<OriginalSend>, PostError> {
        let started = Instant::now();
        loop {
            let found = self.lookups.find(key).await.map_err(PostError::Undecided)?;
            if let Some(original) = found.original {
                return Ok(Some(original));
            }
            if found.watermarks.get(&shard).copied().unwrap_or_default() >= needed {
                // It may have been followed while the projection was asked.
                return Ok(self.parts.recent.find(key));
            }
            if started.elapsed() > SETTLE {
                return Err(undecided("the projection is behind the log".to_owned()));
            }
            tokio::time::sleep(SETTLE_STEP).await;
        }
    }
}

fn count(kind: &'static str) {
    ::metrics::counter!("relay_publications_total", "kind" => kind).increment(1);
}

/// Whether our own append may be acknowledged by what is known of its sequence. A process that does not follow the log keeps the
/// sender in the conversation meanwhile. One that does, and has forgotten the sequence, cannot tell.
const fn counts(passed: Passed, follows: bool) -> bool {
    match passed {
        Passed::Counts => true,
        Passed::NotKnown => !follows,
        Passed::Void | Passed::NotYet => false,
    }
}

fn undecided(reason: String) -> PostError {
    PostError::Undecided(StoreError::new(reason))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A slow reader's acknowledgement may come up when the sequence has left the memory of the tail.
    #[test]
    fn what_a_follower_has_forgotten_is_not_acknowledged() {
        assert!(counts(Passed::Counts, true) && counts(Passed::NotKnown, false));
        assert!(!counts(Passed::NotKnown, true) && !counts(Passed::Void, false) && !counts(Passed::NotYet, true));
    }
}
