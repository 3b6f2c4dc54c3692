//! The rows of a run of the log, computed in memory and laid out as columns for `UNNEST`.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use relay_domain::ports::ProjectError;
use relay_domain::void::Departures;
use relay_protocol::log::{EventClass, EventOwner, LogEvent, StoredEvent};
use relay_types::{ConversationId, Seq, UserId};
use sqlx::types::Uuid;
use time::OffsetDateTime;

use super::Heads;
use super::edits::Edits;
use super::erase::Erased;
use super::pins::Pins;
use super::reactions::Reactions;
use crate::convert::timestamp;
use crate::event_row::columns;
use crate::spans::active_until;

/// The conversations that a run touches.
pub(super) fn conversations(events: &[StoredEvent]) -> Vec<Uuid> {
    let distinct: BTreeSet<_> = events.iter().filter_map(StoredEvent::conversation).collect();
    distinct.into_iter().map(ConversationId::to_uuid).collect()
}

/// Rows of `conversation_events`, and of `messages`.
#[derive(Default)]
pub(super) struct EventRows {
    pub(super) conversation: Vec<Uuid>,
    pub(super) seq: Vec<i64>,
    pub(super) prev: Vec<Option<i64>>,
    pub(super) kind: Vec<String>,
    pub(super) event_id: Vec<Uuid>,
    pub(super) actor: Vec<Uuid>,
    pub(super) client_id: Vec<Option<String>>,
    pub(super) body: Vec<String>,
    pub(super) further: Vec<Option<String>>,
    pub(super) decided_at_ms: Vec<i64>,
    pub(super) at: Vec<OffsetDateTime>,
    /// Whether it is a row of `messages`, too.
    pub(super) in_history: Vec<bool>,
    /// The place of the root of its thread; 0 for what is in none.
    pub(super) thread_seq: Vec<i64>,
}

/// The users on whose subjects a run has events.
pub(super) fn users(events: &[StoredEvent]) -> Vec<Uuid> {
    let user = |event: &StoredEvent| if let Some(EventOwner::User(user)) = event.owner { Some(user) } else { None };
    let distinct: BTreeSet<_> = events.iter().filter_map(user).collect();
    distinct.into_iter().map(UserId::to_uuid).collect()
}

/// Rows of `user_events`.
#[derive(Default)]
pub(super) struct UserEventRows {
    pub(super) user: Vec<Uuid>,
    pub(super) seq: Vec<i64>,
    pub(super) prev: Vec<Option<i64>>,
    pub(super) kind: Vec<String>,
    pub(super) body: Vec<String>,
    pub(super) at: Vec<OffsetDateTime>,
}

/// Rows of `user_heads`, in key order so that no two writers wait for each other.
#[derive(Default)]
pub(super) struct UserHeadRows {
    pub(super) user: Vec<Uuid>,
    pub(super) last_seq: Vec<i64>,
}

/// Rows of `send_keys`.
#[derive(Default)]
pub(super) struct SendKeyRows {
    pub(super) conversation: Vec<Uuid>,
    pub(super) sender: Vec<Uuid>,
    pub(super) client_id: Vec<String>,
    pub(super) message: Vec<Uuid>,
    pub(super) seq: Vec<i64>,
    pub(super) sent_at_ms: Vec<i64>,
    pub(super) at: Vec<OffsetDateTime>,
}

impl SendKeyRows {
    /// Adds the key under which a person published the event at `seq`; `false` when no person did.
    pub(super) fn push(&mut self, seq: Seq, event: &LogEvent, at: OffsetDateTime) -> bool {
        let Some(published) = event.published() else { return false };
        self.conversation.push(published.conversation_id.to_uuid());
        self.sender.push(published.actor_id.to_uuid());
        self.client_id.push(published.client_id.as_str().to_owned());
        self.message.push(published.id.to_uuid());
        self.seq.push(seq.to_i64());
        self.sent_at_ms.push(published.at_ms);
        self.at.push(at);
        true
    }
}

/// Intervals of membership that end, wherever they began.
#[derive(Default)]
pub(super) struct Closings {
    pub(super) conversation: Vec<Uuid>,
    pub(super) user: Vec<Uuid>,
    pub(super) left: Vec<i64>,
}

/// Intervals of membership that begin, and perhaps end, within the run.
#[derive(Default)]
pub(super) struct Openings {
    pub(super) conversation: Vec<Uuid>,
    pub(super) user: Vec<Uuid>,
    pub(super) joined: Vec<i64>,
    pub(super) left: Vec<Option<i64>>,
    pub(super) active_until: Vec<OffsetDateTime>,
}

/// Rows of `conversation_heads`, in key order so that no two writers wait for each other.
#[derive(Default)]
pub(super) struct HeadRows {
    pub(super) conversation: Vec<Uuid>,
    pub(super) last_seq: Vec<i64>,
    pub(super) last_at: Vec<OffsetDateTime>,
    /// The newest message of the run, and when it was stored.
    pub(super) message_seq: Vec<Option<i64>>,
    pub(super) message_at: Vec<Option<OffsetDateTime>>,
    pub(super) active_until: Vec<OffsetDateTime>,
}

/// Conversations in which a message was edited or erased: what their lists show may have changed.
#[derive(Default)]
pub(super) struct AmendedRows {
    pub(super) conversation: Vec<Uuid>,
    /// The end of the span that the last amendment lies in.
    pub(super) until: Vec<OffsetDateTime>,
}

/// The newest message of each member in each conversation.
#[derive(Default)]
pub(super) struct SentRows {
    pub(super) conversation: Vec<Uuid>,
    pub(super) user: Vec<Uuid>,
    pub(super) seq: Vec<i64>,
}

/// What a run makes of one conversation's head.
struct Head {
    seq: Seq,
    at: OffsetDateTime,
    message: Option<(Seq, OffsetDateTime)>,
}

/// Everything that one run writes.
#[derive(Default)]
pub(super) struct Batch {
    pub(super) events: EventRows,
    pub(super) own: UserEventRows,
    pub(super) own_heads: UserHeadRows,
    pub(super) send_keys: SendKeyRows,
    /// Applied before [`Self::openings`]: an interval that the run closes and does not open began before it.
    pub(super) closings: Closings,
    pub(super) openings: Openings,
    pub(super) heads: HeadRows,
    pub(super) sent: SentRows,
    pub(super) amended: AmendedRows,
    /// In the log's order; applied after the rows.
    pub(super) edits: Edits,
    /// In the log's order; applied after the edits.
    pub(super) reactions: Reactions,
    /// The same of pins.
    pub(super) pins: Pins,
    /// In the log's order; applied after everything else.
    pub(super) erased: Vec<Erased>,
    newest_at: Option<OffsetDateTime>,
    /// Where in `openings` the interval is that the run began and did not end yet.
    open: HashMap<(ConversationId, UserId), usize>,
}

impl Batch {
    /// The rows of `events`, which follow what `heads` says of their conversations and users, and `departures` of their senders.
    pub(super) fn of(events: &[StoredEvent], mut heads: Heads, mut departures: Departures) -> Result<Self, ProjectError> {
        let mut batch = Self::default();
        let mut last: BTreeMap<ConversationId, Head> = BTreeMap::new();
        let mut sent: BTreeMap<(ConversationId, UserId), Seq> = BTreeMap::new();
        let mut own_last: BTreeMap<UserId, Seq> = BTreeMap::new();
        let mut amended: BTreeMap<ConversationId, OffsetDateTime> = BTreeMap::new();
        for stored in events {
            let poison = |reason: String| ProjectError::Poison { seq: stored.seq, reason };
            let at = timestamp(stored.stored_at_ms).map_err(|error| poison(error.reason))?;
            batch.newest_at = Some(at);
            if departures.passes(stored.seq, &stored.event) {
                continue;
            }
            let conversation = match stored.owner {
                Some(EventOwner::Conversation(id)) => id,
                Some(EventOwner::User(user)) => {
                    let prev = heads.insert(EventOwner::User(user), stored.seq).or_else(|| first_of_all(&stored.event));
                    batch.own(user, stored, prev, at);
                    own_last.insert(user, stored.seq);
                    continue;
                }
                None => continue,
            };
            let Some(row) = columns(stored).map_err(|error| poison(error.to_string()))? else { continue };
            let prev = heads.insert(EventOwner::Conversation(conversation), stored.seq).or_else(|| first_of_all(&stored.event));
            // A root stands before its replies, whatever somebody wrote into the log.
            let thread = stored.event.message().and_then(|message| message.thread).filter(|root| root.seq < stored.seq);
            // What becomes of an earlier message moves no conversation up in the lists, nor does what is said under one.
            let active_at =
                if thread.is_some() || matches!(stored.event.class(), EventClass::Amendment) { OffsetDateTime::UNIX_EPOCH } else { at };
            let head = last.entry(conversation).or_insert(Head { seq: stored.seq, at: active_at, message: None });
            // A log's clock may step back when its leader changes.
            (head.seq, head.at) = (stored.seq, head.at.max(active_at));
            if let Some(message) = stored.event.message().filter(|_| thread.is_none()) {
                head.message = Some((stored.seq, at));
                sent.insert((conversation, message.actor_id), stored.seq);
            }
            if matches!(stored.event, LogEvent::MessageEdited(_) | LogEvent::MessageErased(_)) {
                let last = amended.entry(conversation).or_insert(at);
                *last = (*last).max(at);
            }
            if let LogEvent::MessageEdited(edited) = &stored.event {
                batch.edits.push(stored.seq, edited).map_err(poison)?;
            }
            if let LogEvent::MessageReacted(reacted) = &stored.event {
                batch.reactions.push(stored.seq, reacted);
            }
            if let LogEvent::MessagePinned(pinned) = &stored.event {
                batch.pins.push(stored.seq, pinned);
            }
            if let LogEvent::MessageErased(event) = &stored.event {
                let message_at = timestamp(event.stored_at_ms).map_err(|error| poison(error.reason))?;
                batch.erased.push(Erased { seq: stored.seq, at, event: event.clone(), message_at });
            }
            batch.take_in(conversation, stored, at);
            let rows = &mut batch.events;
            rows.conversation.push(conversation.to_uuid());
            rows.seq.push(stored.seq.to_i64());
            rows.prev.push(prev.map(Seq::to_i64));
            rows.kind.push(stored.event.name().to_owned());
            rows.event_id.push(row.event_id);
            rows.actor.push(row.actor_id);
            rows.client_id.push(row.client_id);
            rows.body.push(row.body);
            rows.further.push(row.further);
            rows.decided_at_ms.push(row.decided_at_ms);
            rows.at.push(at);
            rows.in_history.push(stored.event.is_in_history());
            rows.thread_seq.push(thread.map_or(0, |root| root.seq.to_i64()));
        }
        for (conversation, head) in last {
            batch.heads.conversation.push(conversation.to_uuid());
            batch.heads.last_seq.push(head.seq.to_i64());
            batch.heads.last_at.push(head.at);
            batch.heads.message_seq.push(head.message.map(|(seq, _)| seq.to_i64()));
            batch.heads.message_at.push(head.message.map(|(_, at)| at));
            batch.heads.active_until.push(active_until(conversation.to_uuid(), head.at));
        }
        for (conversation, at) in amended {
            batch.amended.conversation.push(conversation.to_uuid());
            batch.amended.until.push(active_until(conversation.to_uuid(), at));
        }
        for ((conversation, user), seq) in sent {
            batch.sent.conversation.push(conversation.to_uuid());
            batch.sent.user.push(user.to_uuid());
            batch.sent.seq.push(seq.to_i64());
        }
        for (user, seq) in own_last {
            batch.own_heads.user.push(user.to_uuid());
            batch.own_heads.last_seq.push(seq.to_i64());
        }
        Ok(batch)
    }

    /// An event on a user's own subject.
    fn own(&mut self, user: UserId, stored: &StoredEvent, prev: Option<Seq>, at: OffsetDateTime) {
        let rows = &mut self.own;
        rows.body.push(stored.text().unwrap_or_default().into_owned());
        rows.user.push(user.to_uuid());
        rows.seq.push(stored.seq.to_i64());
        rows.prev.push(prev.map(Seq::to_i64));
        rows.kind.push(stored.event.name().to_owned());
        rows.at.push(at);
    }

    /// The newest event's time by the log's clock.
    pub(super) fn newest_at(&self) -> Option<OffsetDateTime> {
        self.newest_at
    }

    /// What Postgres may refuse of each event, for finding the one.
    pub(super) fn probes(&self) -> impl Iterator<Item = (Seq, &str, OffsetDateTime)> {
        let (rows, own) = (&self.events, &self.own);
        let (seqs, bodies, ats) = (rows.seq.iter().chain(&own.seq), rows.body.iter().chain(&own.body), rows.at.iter().chain(&own.at));
        let further = rows.seq.iter().zip(&rows.further).zip(&rows.at);
        let further = further.filter_map(|((seq, further), at)| Some(((seq, further.as_ref()?), at)));
        seqs.zip(bodies).zip(ats).chain(further).map(|((seq, text), at)| (Seq::from_i64(*seq), text.as_str(), *at))
    }

    /// What an event means beyond its own row.
    fn take_in(&mut self, conversation: ConversationId, stored: &StoredEvent, at: OffsetDateTime) {
        let seq = stored.seq;
        if self.send_keys.push(seq, &stored.event, at) {
            return;
        }
        for user in stored.event.joining() {
            self.joined(conversation, user, seq, at);
        }
        for user in stored.event.leaving() {
            self.left(conversation, user, seq);
        }
    }

    fn joined(&mut self, conversation: ConversationId, user: UserId, seq: Seq, at: OffsetDateTime) {
        if self.open.contains_key(&(conversation, user)) {
            return;
        }
        self.open.insert((conversation, user), self.openings.joined.len());
        self.openings.conversation.push(conversation.to_uuid());
        self.openings.user.push(user.to_uuid());
        self.openings.joined.push(seq.to_i64());
        self.openings.left.push(None);
        self.openings.active_until.push(active_until(conversation.to_uuid(), at));
    }

    fn left(&mut self, conversation: ConversationId, user: UserId, seq: Seq) {
        if let Some(left) = self.open.remove(&(conversation, user)).and_then(|index| self.openings.left.get_mut(index)) {
            *left = Some(seq.to_i64());
        }
        self.closings.conversation.push(conversation.to_uuid());
        self.closings.user.push(user.to_uuid());
        self.closings.left.push(seq.to_i64());
    }
}

/// Nothing stands before the event that begins a conversation, or an account on its home shard. Before any other there may have
/// been something, even if the log that the projection was filled from no longer had it.
pub(super) fn first_of_all(event: &LogEvent) -> Option<Seq> {
    matches!(event, LogEvent::ConversationCreated(_) | LogEvent::UserRegistered(_)).then_some(Seq::ZERO)
}
