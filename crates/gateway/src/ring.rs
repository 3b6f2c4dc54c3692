//! The recent events of one shard, in memory: what a short gap is filled from, and how fresh retries are recognised.

mod index;
mod reactions;

use std::collections::{HashMap, VecDeque};
use std::ops::ControlFlow;
use std::sync::Arc;

use bytes::Bytes;
use relay_domain::ports::{Holds, OriginalSend, Passed, RecentReactions, SendKey, Target};
use relay_protocol::frame::with_prev;
use relay_protocol::log::{EventOwner, LogEvent, MessageErased, MessageSent, StoredEvent};
use relay_protocol::{EventFrame, MessageBody, ThreadRef};
use relay_types::{ConversationId, Emoji, MessageId, Seq, ShardId, TimestampMs, UserId};

use index::{INDEX_BYTES, Index};
use reactions::{REACTION_BYTES, Reactions};

/// What an event costs beyond its frame: its entry, twice, because a queue that is full doubles.
const OVERHEAD_BYTES: usize = 2 * size_of::<Entry>() + ALLOCATION_BYTES + INDEX_BYTES;
/// What an erasure costs beside what it says: whose it is, in a table that keeps some room free.
const ERASURE_BYTES: usize = 2 * size_of::<(MessageId, Seq)>() + 2 * ALLOCATION_BYTES;
/// What remembering a send costs beyond its key's text: the key, behind a counter, and its row of a table that keeps some room free.
/// The same for a message's place by its id.
const SEND_BYTES: usize = size_of::<(usize, usize, SendKey)>()
    + 2 * size_of::<(Arc<SendKey>, OriginalSend)>()
    + 2 * size_of::<(MessageId, Seq)>()
    + 2 * ALLOCATION_BYTES;
/// Events that are looked at for their authors: what one device missed of one conversation, or the end of it.
const MOST_AUTHORED: usize = 1_000;
/// Beside each text, the allocator's.
const ALLOCATION_BYTES: usize = 16;

/// One event in the ring. Of what it says only its frame is kept, once, for all who get it.
pub(crate) struct Entry {
    pub(crate) seq: Seq,
    /// Whose subject it is on; `None` for what counts for nobody.
    pub(crate) owner: Option<EventOwner>,
    /// How it changes memberships.
    pub(crate) effect: MembershipEffect,
    what: What,
    prev: Option<Seq>,
    /// For clients; `None` for what none gets.
    frame: Option<Bytes>,
    cost: usize,
}

/// What is known of an event beside its frame.
enum What {
    /// A message that counts for nobody: see `relay_domain::void`. Nothing but its sequence is kept.
    Void,
    /// A message. Others may refer to it while it holds something.
    Message { id: MessageId, key: Arc<SendKey>, holds: Holds, stored_at_ms: TimestampMs, thread: Option<Box<ThreadRef>> },
    /// What a person published about an earlier message.
    About { message: MessageId, key: Arc<SendKey>, said: Said },
    /// Nothing of the same owner stands before it.
    Beginning,
    /// A message's content was erased; the key, if somebody deleted it.
    Erasure { erased: Box<MessageErased>, key: Option<Arc<SendKey>> },
    /// Something else.
    Other,
}

/// What is said about a message.
enum Said {
    Edit,
    Reaction { emoji: Emoji },
    Pin,
}

/// What an event does to memberships. The people are in order, so that one of many is found quickly.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum MembershipEffect {
    None,
    Joined(Box<[UserId]>),
    Left(Box<[UserId]>),
}

impl MembershipEffect {
    /// Whether the user comes in or goes out.
    pub(crate) fn concerns(&self, user: UserId) -> bool {
        self.people().binary_search(&user).is_ok()
    }

    /// Who comes in or goes out.
    pub(crate) fn people(&self) -> &[UserId] {
        match self {
            Self::None => &[],
            Self::Joined(who) | Self::Left(who) => who,
        }
    }

    pub(crate) fn of(event: &LogEvent) -> Self {
        let ordered = |mut people: Vec<UserId>| {
            people.sort_unstable();
            people.into_boxed_slice()
        };
        let (joining, leaving) = (event.joining(), event.leaving());
        if !joining.is_empty() {
            Self::Joined(ordered(joining))
        } else if !leaving.is_empty() {
            Self::Left(ordered(leaving))
        } else {
            Self::None
        }
    }
}

impl Entry {
    /// The conversation on whose subject it is.
    pub(crate) const fn conversation(&self) -> Option<ConversationId> {
        match self.owner {
            Some(EventOwner::Conversation(id)) => Some(id),
            Some(EventOwner::User(_)) | None => None,
        }
    }

    /// Whether nothing of the same owner stands before it.
    pub(crate) const fn begins_chain(&self) -> bool {
        matches!(self.what, What::Beginning)
    }

    /// Whether its predecessor is known.
    pub(crate) const fn is_chained(&self) -> bool {
        self.prev.is_some()
    }

    /// Fills in what was not known when it passed.
    pub(crate) fn learn_prev(&mut self, prev: Seq) {
        if self.prev.is_none() {
            self.prev = Some(prev);
            let text = self.frame.as_deref().and_then(|frame| std::str::from_utf8(frame).ok());
            self.frame = text.and_then(|frame| with_prev(frame, prev)).map(exact);
        }
    }

    /// The frame for clients.
    pub(crate) fn frame(&self) -> Option<Bytes> {
        self.frame.clone()
    }

    fn cost(&self) -> usize {
        let what = match &self.what {
            What::Message { key, thread, .. } => send_cost(key) + thread.as_ref().map_or(0, |root| size_of_val(&**root) + ALLOCATION_BYTES),
            What::About { key, said: Said::Edit | Said::Pin, .. } => send_cost(key),
            What::About { key, said: Said::Reaction { emoji }, .. } => send_cost(key) + REACTION_BYTES + 3 * emoji.as_str().len(),
            What::Erasure { erased, key } => {
                let keys = [Some(&erased.client_id), erased.actor_client_id.as_ref()];
                let texts: usize = keys.into_iter().flatten().map(|key| key.as_str().len() + ALLOCATION_BYTES).sum();
                size_of_val(&**erased) + ERASURE_BYTES + texts + key.as_deref().map_or(0, send_cost)
            }
            What::Void | What::Beginning | What::Other => 0,
        };
        // A predecessor that is learned later makes it longer.
        let frame = self.frame.as_ref().map_or(0, |frame| frame.len() + PREV_BYTES);
        OVERHEAD_BYTES + frame + what + size_of_val(self.effect.people())
    }
}

/// What remembering this send costs.
fn send_cost(key: &SendKey) -> usize {
    SEND_BYTES + key.client_id.as_str().len()
}

/// `"prev":`, a sequence and a comma.
const PREV_BYTES: usize = 28;

const fn holds(sent: &MessageSent) -> Holds {
    match sent.body {
        MessageBody::Text { .. } => Holds::Text,
        MessageBody::Erased => Holds::Nothing,
        MessageBody::Unknown(_) => Holds::Other,
    }
}

/// The frame of what was said about a message whose content is gone.
fn without_content(frame: &[u8]) -> Option<String> {
    let mut frame: EventFrame = serde_json::from_slice(frame).ok()?;
    if let LogEvent::MessageEdited(edited) = &mut frame.event {
        edited.body = MessageBody::Erased;
    }
    Some(frame.encode())
}

/// As bytes that take no more room than they need.
fn exact(frame: String) -> Bytes {
    Bytes::from(frame.into_bytes().into_boxed_slice())
}

/// Recent events of one shard, bounded in bytes.
pub(crate) struct Ring {
    entries: VecDeque<Entry>,
    /// The ordinal of the first entry.
    first_ordinal: u64,
    index: Index,
    bytes: usize,
    limit_bytes: usize,
    /// Every event after this one, up to [`Self::head`], is here.
    covered_after: Seq,
    head: Seq,
    sends: HashMap<Arc<SendKey>, OriginalSend>,
    messages: HashMap<MessageId, Seq>,
    /// How many edits of a message are here.
    edits: HashMap<MessageId, u32>,
    /// What people here say with emoji about a message.
    reactions: HashMap<MessageId, Reactions>,
    /// Where a message's erasure is, which may outlast the message here.
    erased: HashMap<MessageId, Seq>,
}

impl Ring {
    /// An empty ring whose next event follows `after`.
    pub(crate) fn new(limit_bytes: usize, after: Seq) -> Self {
        Self {
            entries: VecDeque::new(),
            first_ordinal: 0,
            index: Index::default(),
            bytes: 0,
            limit_bytes,
            covered_after: after,
            head: after,
            sends: HashMap::new(),
            messages: HashMap::new(),
            edits: HashMap::new(),
            reactions: HashMap::new(),
            erased: HashMap::new(),
        }
    }

    /// The last event that passed.
    pub(crate) const fn head(&self) -> Seq {
        self.head
    }

    /// Every event after this one is here.
    pub(crate) const fn covered_after(&self) -> Seq {
        self.covered_after
    }

    /// How many events fit into so many bytes at most.
    pub(crate) const fn most_events(limit_bytes: usize) -> u64 {
        (limit_bytes / OVERHEAD_BYTES) as u64
    }

    /// Bytes held.
    pub(crate) const fn bytes(&self) -> usize {
        self.bytes
    }

    /// Adds the next event and returns its entry.
    pub(crate) fn push(&mut self, event: StoredEvent) -> Option<&mut Entry> {
        let (seq, prev, owner, stored_at_ms) = (event.seq, event.prev, event.owner, event.stored_at_ms);
        let frame = event.frame().map(exact);
        let effect = MembershipEffect::of(&event.event);
        let what = match event.event {
            LogEvent::ConversationCreated(_) | LogEvent::UserRegistered(_) => What::Beginning,
            other => {
                let send = SendKey::of(&other).zip(OriginalSend::of(&other, seq)).map(|(key, original)| {
                    let key = Arc::new(key);
                    // The first one is the message; a later one with the same key never is.
                    let first = *self.sends.entry(Arc::clone(&key)).or_insert(original) == original;
                    (key, first)
                });
                match (other, send) {
                    (LogEvent::MessageErased(erased), send) => {
                        self.erased.entry(erased.message_id).or_insert(seq);
                        What::Erasure { erased: Box::new(erased), key: send.map(|(key, _)| key) }
                    }
                    (LogEvent::MessageEdited(edited), Some((key, _))) => {
                        *self.edits.entry(edited.message_id).or_default() += 1;
                        What::About { message: edited.message_id, key, said: Said::Edit }
                    }
                    (LogEvent::MessageReacted(reacted), Some((key, _))) => {
                        self.reactions.entry(reacted.message_id).or_default().say(key.sender, &reacted.emoji, seq, reacted.on);
                        let said = Said::Reaction { emoji: reacted.emoji };
                        What::About { message: reacted.message_id, key, said }
                    }
                    (LogEvent::MessagePinned(pinned), Some((key, _))) => What::About { message: pinned.message_id, key, said: Said::Pin },
                    (LogEvent::MessageSent(sent), Some((key, first))) => {
                        if first {
                            self.messages.entry(sent.message_id).or_insert(seq);
                        }
                        What::Message { id: sent.message_id, key, holds: holds(&sent), stored_at_ms, thread: sent.thread.map(Box::new) }
                    }
                    _ => What::Other,
                }
            }
        };
        let of_nothing = matches!(&what, What::About { message, .. }
            if self.erased.contains_key(message) || self.holds(*message) == Some(Holds::Nothing));
        let frame = if of_nothing { frame.as_deref().and_then(without_content).map(exact) } else { frame };
        self.add(Entry { seq, owner, effect, what, prev, frame, cost: 0 })
    }

    /// What the message holds, if it is here.
    fn holds(&self, message: MessageId) -> Option<Holds> {
        match self.entry_at(*self.messages.get(&message)?)?.what {
            What::Message { holds, .. } => Some(holds),
            What::Void | What::About { .. } | What::Beginning | What::Erasure { .. } | What::Other => None,
        }
    }

    /// Adds the next event, which is void.
    pub(crate) fn push_void(&mut self, event: &StoredEvent) {
        let effect = MembershipEffect::None;
        self.add(Entry { seq: event.seq, owner: None, effect, what: What::Void, prev: None, frame: None, cost: 0 });
    }

    fn add(&mut self, mut entry: Entry) -> Option<&mut Entry> {
        entry.cost = entry.cost();
        let ordinal = self.first_ordinal + self.entries.len() as u64;
        self.index.push(ordinal, entry.owner, entry.effect != MembershipEffect::None);
        self.bytes += entry.cost;
        self.head = entry.seq;
        self.entries.push_back(entry);
        while self.bytes > self.limit_bytes && self.entries.len() > 1 {
            self.evict();
        }
        self.entries.back_mut()
    }

    /// Takes the content out of a message, and out of what was said about it: places, keys and chains stay.
    pub(crate) fn erase(&mut self, shard: ShardId, erased: &MessageErased) {
        let owner = EventOwner::Conversation(erased.conversation_id);
        let mut change = 0_isize;
        self.of(owner, erased.message_seq, |entry| {
            match &mut entry.what {
                What::Message { id, holds, .. } if *id == erased.message_id => {
                    *holds = Holds::Nothing;
                    let tombstone = StoredEvent { prev: entry.prev, ..erased.tombstone(shard) };
                    entry.frame = tombstone.frame().map(exact);
                }
                What::About { message, .. } if *message == erased.message_id => {
                    entry.frame = entry.frame.as_deref().and_then(without_content).map(exact);
                }
                What::Void | What::Message { .. } | What::About { .. } | What::Beginning | What::Erasure { .. } | What::Other => return,
            }
            let cost = entry.cost();
            change += cost.cast_signed() - entry.cost.cast_signed();
            entry.cost = cost;
        });
        self.bytes = self.bytes.saturating_add_signed(change);
    }

    /// The message, as it is for somebody who sees what follows `since`: from itself, or from its erasure.
    pub(crate) fn target(&self, conversation: ConversationId, message: MessageId, since: Seq) -> Option<Target> {
        let seq = self.messages.get(&message).or_else(|| self.erased.get(&message))?;
        let entry = self.entry_at(*seq).filter(|entry| entry.conversation() == Some(conversation))?;
        let edits = self.edits(message);
        Some(match &entry.what {
            What::Message { key, holds, stored_at_ms, thread, .. } => Target {
                seq: entry.seq,
                prev: entry.prev,
                sender: key.sender,
                client_id: key.client_id.clone(),
                sent_at_ms: self.sends.get(key)?.sent_at_ms,
                stored_at_ms: *stored_at_ms,
                holds: *holds,
                edits,
                visible: since <= entry.seq,
                thread: thread.as_deref().copied(),
            },
            What::Erasure { erased, .. } => Target {
                seq: erased.message_seq,
                prev: erased.message_prev,
                sender: erased.sender_id,
                client_id: erased.client_id.clone(),
                sent_at_ms: erased.sent_at_ms,
                stored_at_ms: erased.stored_at_ms,
                holds: Holds::Nothing,
                edits,
                visible: since <= erased.message_seq,
                thread: erased.thread,
            },
            What::Void | What::About { .. } | What::Beginning | What::Other => return None,
        })
    }

    /// How many edits of the message are here.
    pub(crate) fn edits(&self, message: MessageId) -> u32 {
        self.edits.get(&message).copied().unwrap_or_default()
    }

    /// What people here say with emoji about the message.
    pub(crate) fn reactions(&self, message: MessageId, author: UserId) -> RecentReactions {
        self.reactions.get(&message).map_or_else(RecentReactions::default, |said| said.recent(author))
    }

    fn entry_at(&self, seq: Seq) -> Option<&Entry> {
        let at = self.entries.partition_point(|entry| entry.seq < seq);
        self.entries.get(at).filter(|entry| entry.seq == seq)
    }

    /// The erasures after `after`.
    pub(crate) fn erasures(&self, after: Seq) -> Vec<MessageErased> {
        let start = self.entries.partition_point(|entry| entry.seq <= after);
        let erased = |entry: &Entry| if let What::Erasure { erased, .. } = &entry.what { Some((**erased).clone()) } else { None };
        self.entries.range(start..).filter_map(erased).collect()
    }

    /// What passed at `seq`.
    pub(crate) fn passed(&self, seq: Seq) -> Passed {
        if seq > self.head {
            return Passed::NotYet;
        }
        let at = self.entries.partition_point(|entry| entry.seq < seq);
        match self.entries.get(at) {
            Some(Entry { seq: at, what: What::Void, .. }) if *at == seq => Passed::Void,
            Some(Entry { seq: at, what: What::Message { .. } | What::About { .. } | What::Erasure { .. }, .. }) if *at == seq => {
                Passed::Counts
            }
            _ => Passed::NotKnown,
        }
    }

    fn evict(&mut self) {
        let Some(oldest) = self.entries.pop_front() else { return };
        self.bytes = self.bytes.saturating_sub(oldest.cost);
        self.covered_after = oldest.seq;
        self.index.evict(self.first_ordinal, oldest.owner);
        self.first_ordinal += 1;
        if let What::Message { key, .. } | What::About { key, .. } | What::Erasure { key: Some(key), .. } = &oldest.what
            && self.sends.get(key).is_some_and(|original| original.seq == oldest.seq)
        {
            self.sends.remove(key);
        }
        match &oldest.what {
            What::Message { id, .. } if self.messages.get(id) == Some(&oldest.seq) => drop(self.messages.remove(id)),
            What::Erasure { erased, .. } if self.erased.get(&erased.message_id) == Some(&oldest.seq) => {
                self.erased.remove(&erased.message_id);
            }
            What::About { message, key, said: Said::Reaction { emoji } } => {
                if let Some(said) = self.reactions.get_mut(message) {
                    said.forget(key.sender, emoji, oldest.seq);
                    if said.is_empty() {
                        self.reactions.remove(message);
                    }
                }
            }
            What::About { message, said: Said::Edit, .. } => {
                if let Some(edits) = self.edits.get_mut(message) {
                    *edits -= 1;
                    if *edits == 0 {
                        self.edits.remove(message);
                    }
                }
            }
            What::Void
            | What::Message { .. }
            | What::About { said: Said::Pin, .. }
            | What::Beginning
            | What::Erasure { .. }
            | What::Other => {}
        }
    }

    /// The ordinal of the first entry after `after`. Sequences may have holes (deleted events), so it is searched.
    fn ordinal_after(&self, after: Seq) -> u64 {
        self.first_ordinal + self.entries.partition_point(|entry| entry.seq <= after) as u64
    }

    /// Visits the events of these owners after `after`, ascending, until told to stop. Where they are more than the events, others
    /// are visited as well.
    pub(crate) fn visit(
        &mut self,
        after: Seq,
        owners: &[EventOwner],
        mut visit: impl FnMut(&mut Entry) -> ControlFlow<()>,
    ) -> ControlFlow<()> {
        let from = self.ordinal_after(after);
        let Self { entries, first_ordinal, index, .. } = self;
        let start = place(*first_ordinal, from);
        if owners.len() >= entries.len() - start {
            return entries.range_mut(start..).try_for_each(visit);
        }
        for ordinal in index.merged(owners.iter().copied(), from) {
            if let Some(entry) = entries.get_mut(place(*first_ordinal, ordinal)) {
                visit(entry)?;
            }
        }
        ControlFlow::Continue(())
    }

    /// The events of one owner from `from` on, ascending.
    fn of(&mut self, owner: EventOwner, from: Seq, mut visit: impl FnMut(&mut Entry)) {
        let from = self.first_ordinal + self.entries.partition_point(|entry| entry.seq < from) as u64;
        for ordinal in self.index.of(owner, from) {
            if let Some(entry) = self.entries.get_mut(place(self.first_ordinal, ordinal)) {
                visit(entry);
            }
        }
    }

    /// Fills in what each event of the owner from `from` on follows: `end`, and then each other. `end` is the last one then. Says
    /// which of them follows on what is not known: the first one, if any.
    pub(crate) fn chain(&mut self, owner: EventOwner, from: Seq, end: &mut Option<Seq>) -> Option<Seq> {
        let mut open = None;
        self.of(owner, from, |entry| {
            let prev = if entry.begins_chain() { Some(Seq::ZERO) } else { *end };
            match prev {
                Some(prev) => entry.learn_prev(prev),
                None if entry.is_chained() => {}
                None => open = Some(entry.seq),
            }
            *end = Some(entry.seq);
        });
        open
    }

    /// Who said something in the conversation behind `after` and not behind `upto`, each with the newest of it. What was erased counts
    /// too. Looks at the newest [`MOST_AUTHORED`] events there.
    pub(crate) fn authors(&self, conversation: ConversationId, after: Seq, upto: Seq) -> Vec<(UserId, Seq)> {
        let mut authors: Vec<(UserId, Seq)> = Vec::new();
        let newest = self.index.of(EventOwner::Conversation(conversation), self.ordinal_after(after)).rev().take(MOST_AUTHORED);
        for entry in newest.filter_map(|ordinal| self.entries.get(place(self.first_ordinal, ordinal))) {
            if let What::Message { key, .. } = &entry.what
                && entry.seq <= upto
                && !authors.iter().any(|(author, _)| *author == key.sender)
            {
                authors.push((key.sender, entry.seq));
            }
        }
        authors
    }

    /// The events after `after` that change who is in a conversation, ascending.
    pub(crate) fn changes(&self, after: Seq) -> impl Iterator<Item = &Entry> {
        let ordinals = self.index.changes(self.ordinal_after(after));
        ordinals.filter_map(|ordinal| self.entries.get(place(self.first_ordinal, ordinal)))
    }

    /// Panics when the index and the entries disagree.
    #[cfg(test)]
    pub(crate) fn check_invariants(&self) {
        assert_eq!(self.bytes, self.entries.iter().map(|entry| entry.cost).sum::<usize>());
        assert!(self.entries.iter().is_sorted_by(|a, b| a.seq < b.seq), "ascending");
        let owned = self.entries.iter().filter(|entry| entry.owner.is_some()).count();
        let changes = self.entries.iter().filter(|entry| entry.effect != MembershipEffect::None).count();
        assert_eq!(self.index.named(), (owned, changes));
        for (at, entry) in self.entries.iter().enumerate() {
            let ordinal = self.first_ordinal + at as u64;
            let named = entry.owner.is_none_or(|owner| self.index.of(owner, ordinal).next() == Some(ordinal));
            assert!(named, "entry {} is not in the index", entry.seq);
        }
    }

    /// The remembered send with this key.
    pub(crate) fn find(&self, key: &SendKey) -> Option<OriginalSend> {
        self.sends.get(key).copied()
    }
}

/// Where the entry with this ordinal is.
fn place(first_ordinal: u64, ordinal: u64) -> usize {
    usize::try_from(ordinal.saturating_sub(first_ordinal)).unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use relay_protocol::log::{MessageEdited, MessageReacted};
    use relay_types::EventId;

    fn message(seq: u64, client_id: &str, text: &str) -> StoredEvent {
        StoredEvent {
            shard: ShardId(0),
            seq: Seq(seq),
            owner: Some(relay_protocol::EventOwner::Conversation("01ARZ3NDEKTSV4RRFFQ69G5FAV".parse().unwrap())),
            prev: None,
            stored_at_ms: 0,
            event: LogEvent::MessageSent(MessageSent {
                message_id: "01ARZ3NDEKTSV4RRFFQ69G5FAV".parse().unwrap(),
                conversation_id: "01ARZ3NDEKTSV4RRFFQ69G5FAV".parse().unwrap(),
                actor_id: "01ARZ3NDEKTSV4RRFFQ69G5FAV".parse().unwrap(),
                client_id: client_id.parse().unwrap(),
                at_ms: 0,
                body: MessageBody::Text { text: text.parse().unwrap() },
                reply_to: None,
                thread: None,
            }),
            text: None,
        }
    }

    #[test]
    fn bounded_and_honest_about_what_it_covers() {
        let mut one = Ring::new(1 << 20, Seq(100));
        one.push(message(101, "k101", "x"));
        let mut ring = Ring::new(20 * one.bytes(), Seq(100));
        for seq in 101..=200 {
            ring.push(message(seq, &format!("k{seq}"), "x"));
        }
        assert_eq!(ring.head(), Seq(200));
        assert_eq!(ring.covered_after(), Seq(180));
        ring.check_invariants();
        let room = EventOwner::Conversation("01ARZ3NDEKTSV4RRFFQ69G5FAV".parse().unwrap());
        let mut visited = |after| {
            let mut visited = 0;
            let ended = ring.visit(Seq(after), &[room], |_| {
                visited += 1;
                ControlFlow::Continue(())
            });
            assert!(ended.is_continue());
            visited
        };
        assert_eq!((visited(190), visited(0)), (10, 20));
        let key = |seq: u64| SendKey {
            conversation: "01ARZ3NDEKTSV4RRFFQ69G5FAV".parse().unwrap(),
            sender: "01ARZ3NDEKTSV4RRFFQ69G5FAV".parse().unwrap(),
            client_id: format!("k{seq}").parse().unwrap(),
        };
        assert_eq!(ring.find(&key(150)), None);
        assert_eq!(ring.find(&key(190)).map(|o| o.seq), Some(Seq(190)));
    }

    fn edit(seq: u64, of: u64) -> StoredEvent {
        let mut event = message(seq, &format!("k{seq}"), "x");
        event.event = LogEvent::MessageEdited(MessageEdited {
            event_id: EventId::from_uuid(ulid_of(seq).to_uuid()),
            actor_id: "01ARZ3NDEKTSV4RRFFQ69G5FAV".parse().unwrap(),
            at_ms: 0,
            conversation_id: "01ARZ3NDEKTSV4RRFFQ69G5FAV".parse().unwrap(),
            client_id: format!("k{seq}").parse().unwrap(),
            message_id: ulid_of(of),
            message_seq: Seq(of),
            body: MessageBody::Text { text: "canary".parse().unwrap() },
        });
        event
    }

    fn ulid_of(n: u64) -> MessageId {
        format!("{n:026}").parse().unwrap()
    }

    fn says(seq: u64) -> StoredEvent {
        let mut event = message(seq, &format!("k{seq}"), "canary");
        if let LogEvent::MessageSent(sent) = &mut event.event {
            sent.message_id = ulid_of(seq);
        }
        event
    }

    #[test]
    fn a_target_is_known_while_it_is_here_and_erasing_it_takes_its_edits_along() {
        let (room, other) = ("01ARZ3NDEKTSV4RRFFQ69G5FAV".parse().unwrap(), "01ARZ3NDEKTSV4RRFFQ69G5FAW".parse().unwrap());
        let mut ring = Ring::new(1 << 20, Seq::ZERO);
        for event in [says(1), edit(2, 1), says(3), edit(4, 3)] {
            ring.push(event);
        }
        let target =
            |ring: &Ring, since| ring.target(room, ulid_of(1), Seq(since)).map(|target| (target.seq.0, target.holds, target.visible));
        assert_eq!((target(&ring, 1), target(&ring, 2)), (Some((1, Holds::Text, true)), Some((1, Holds::Text, false))));
        assert_eq!((ring.target(other, ulid_of(1), Seq(0)), ring.target(room, ulid_of(2), Seq(0))), (None, None));
        assert_eq!((ring.passed(Seq(2)), ring.passed(Seq(9))), (Passed::Counts, Passed::NotYet));
        let erased = MessageErased {
            actor_id: Some("01ARZ3NDEKTSV4RRFFQ69G5FAV".parse().unwrap()),
            actor_client_id: Some("delete".parse().unwrap()),
            ..erasure(1)
        };
        ring.erase(ShardId(0), &erased);
        ring.push(StoredEvent { event: LogEvent::MessageErased(erased), ..says(5) });
        let key =
            SendKey { conversation: room, sender: "01ARZ3NDEKTSV4RRFFQ69G5FAV".parse().unwrap(), client_id: "delete".parse().unwrap() };
        assert_eq!((ring.find(&key).map(|send| send.seq), ring.passed(Seq(5))), (Some(Seq(5)), Passed::Counts));
        assert_eq!(ring.erasures(Seq(4)).len(), 1);
        // One that was on its way.
        ring.push(edit(6, 1));
        ring.check_invariants();
        let has_text = |entry: &Entry| String::from_utf8_lossy(&entry.frame().unwrap()).contains("canary");
        let left: Vec<(u64, bool)> = ring.entries.iter().map(|entry| (entry.seq.0, has_text(entry))).collect();
        assert_eq!(left, [(1, false), (2, false), (3, true), (4, true), (5, false), (6, false)]);
        assert_eq!(target(&ring, 1), Some((1, Holds::Nothing, true)));
        while ring.entries.len() > 1 {
            ring.evict();
        }
        ring.evict();
        assert!(ring.messages.is_empty() && ring.sends.is_empty(), "nothing stays behind");
    }

    /// Failed before: what was on its way when a message was erased said everything, once the message itself had left the ring, and a
    /// projection that is behind had the message edited once more.
    #[test]
    fn an_erasure_is_known_for_as_long_as_it_is_here() {
        let room = "01ARZ3NDEKTSV4RRFFQ69G5FAV".parse().unwrap();
        let mut ring = Ring::new(1 << 20, Seq(10));
        ring.push(StoredEvent { event: LogEvent::MessageErased(erasure(1)), ..says(11) });
        ring.erase(ShardId(0), &erasure(1));
        let frame = ring.push(edit(12, 1)).unwrap().frame().unwrap();
        assert!(!String::from_utf8_lossy(&frame).contains("canary"));
        let target = ring.target(room, ulid_of(1), Seq(1)).unwrap();
        assert_eq!((target.seq, target.holds, target.visible), (Seq(1), Holds::Nothing, true));
        assert!(!ring.target(room, ulid_of(1), Seq(2)).unwrap().visible);
        assert_eq!(ring.target("01ARZ3NDEKTSV4RRFFQ69G5FAW".parse().unwrap(), ulid_of(1), Seq(1)), None);
        ring.evict();
        ring.evict();
        assert!(ring.erased.is_empty() && ring.edits.is_empty(), "nothing stays behind");
    }

    #[test]
    fn edits_are_counted_while_they_are_here() {
        let room = "01ARZ3NDEKTSV4RRFFQ69G5FAV".parse().unwrap();
        let mut ring = Ring::new(1 << 20, Seq::ZERO);
        for event in [says(1), edit(2, 1), edit(3, 1), edit(4, 7)] {
            ring.push(event);
        }
        let edits = |ring: &Ring| ring.target(room, ulid_of(1), Seq(1)).map(|target| target.edits);
        assert_eq!((edits(&ring), ring.edits(ulid_of(7)), ring.edits(ulid_of(2))), (Some(2), 1, 0));
        ring.evict();
        ring.evict();
        assert_eq!((edits(&ring), ring.edits(ulid_of(1))), (None, 1));
    }

    fn reaction(seq: u64, of: u64, by: char, emoji: &str, on: bool) -> StoredEvent {
        let mut event = message(seq, &format!("k{seq}"), "x");
        event.event = LogEvent::MessageReacted(MessageReacted {
            event_id: EventId::from_uuid(ulid_of(seq).to_uuid()),
            actor_id: format!("01ARZ3NDEKTSV4RRFFQ69G5FA{by}").parse().unwrap(),
            at_ms: 0,
            conversation_id: "01ARZ3NDEKTSV4RRFFQ69G5FAV".parse().unwrap(),
            client_id: format!("k{seq}").parse().unwrap(),
            message_id: ulid_of(of),
            message_seq: Seq(of),
            emoji: emoji.parse().unwrap(),
            on,
        });
        event
    }

    #[test]
    fn the_newest_reactions_are_known_while_they_are_here() {
        let mut ring = Ring::new(1 << 20, Seq::ZERO);
        let log = [says(1), reaction(2, 1, 'A', "👍", true), edit(3, 1), reaction(4, 1, 'B', "👍", true), reaction(5, 1, 'A', "👍", false)];
        for event in log {
            ring.push(event);
        }
        let known = |ring: &Ring, by: char| {
            let RecentReactions { kinds, count, own } =
                ring.reactions(ulid_of(1), format!("01ARZ3NDEKTSV4RRFFQ69G5FA{by}").parse().unwrap());
            (kinds.len(), count, own.into_iter().map(|(emoji, on)| (emoji.to_string(), on)).collect::<Vec<_>>())
        };
        let said = |on| vec![("👍".to_owned(), on)];
        assert_eq!((known(&ring, 'A'), known(&ring, 'B'), known(&ring, 'C')), ((1, 1, said(false)), (1, 1, said(true)), (1, 1, vec![])));
        assert_eq!(ring.reactions(ulid_of(2), "01ARZ3NDEKTSV4RRFFQ69G5FAA".parse().unwrap()), RecentReactions::default());
        assert_eq!(ring.edits(ulid_of(1)), 1, "an edit and no reaction");
        for (count, mine) in [(1, 1), (1, 1), (1, 1), (0, 1), (0, 0)] {
            ring.evict();
            let (kinds, counted, own) = known(&ring, 'A');
            assert_eq!((kinds, counted, own.len()), (count as usize, count, mine));
            ring.check_invariants();
        }
        assert!(ring.reactions.is_empty() && ring.edits.is_empty() && ring.sends.is_empty(), "nothing stays behind");
    }

    fn erasure(of: u64) -> MessageErased {
        MessageErased {
            event_id: EventId::from_uuid(ulid_of(of).to_uuid()),
            actor_id: None,
            actor_client_id: None,
            at_ms: 0,
            conversation_id: "01ARZ3NDEKTSV4RRFFQ69G5FAV".parse().unwrap(),
            message_id: ulid_of(of),
            message_seq: Seq(of),
            message_prev: None,
            sender_id: "01ARZ3NDEKTSV4RRFFQ69G5FAV".parse().unwrap(),
            client_id: format!("k{of}").parse().unwrap(),
            sent_at_ms: 0,
            stored_at_ms: 0,
            thread: None,
        }
    }

    #[test]
    fn an_entry_costs_no_more_than_is_counted() {
        for text in ["x".to_owned(), "\u{1}".repeat(16_384), "\"".repeat(5_000)] {
            let mut ring = Ring::new(1 << 20, Seq::ZERO);
            let frame = ring.push(message(7, "01ARZ3NDEKTSV4RRFFQ69G5FAV", &text)).unwrap().frame().unwrap();
            let key = size_of::<SendKey>() + "01ARZ3NDEKTSV4RRFFQ69G5FAV".len() + size_of::<(Arc<SendKey>, OriginalSend)>();
            let held = size_of::<Entry>() + frame.len() + key;
            assert!(
                ring.bytes() >= held && ring.bytes() < held + 1_000,
                "{} bytes of text: {held} are held and {} counted",
                text.len(),
                ring.bytes()
            );
        }
    }

    #[test]
    fn a_learned_prev_is_in_the_frame() {
        let mut ring = Ring::new(1 << 20, Seq::ZERO);
        let entry = ring.push(message(7, "k", "x")).unwrap();
        assert!(!String::from_utf8_lossy(&entry.frame().unwrap()).contains("\"prev\""));
        entry.learn_prev(Seq(3));
        let learned = String::from_utf8(entry.frame().unwrap().to_vec()).unwrap();
        assert!(learned.contains(r#","seq":7,"prev":3,"v":1,"#), "{learned}");
    }
}
