//! Which messages of the log are void: those whose sender was out of the conversation at their sequence. The same holds for
//! whatever else people publish by themselves, such as edits.
//!
//! Order decides, and the log makes the order: a message may be stored a moment behind its sender's removal. Then it is void for
//! every reader of the log, as if it were not there: nobody is told of it, its key stays unused, and it is not part of the
//! conversation's chain. Every reader asks this one rule, in the log's order.
//!
//! Only a known leaving makes a message void. Somebody of whom a reader knows no change at all counts as inside: a projection may
//! be filled from a log whose beginning has run out.

use std::collections::{BTreeSet, HashMap, VecDeque};

use relay_protocol::log::{LogEvent, StoredEvent};
use relay_types::{ConversationId, Seq, UserId};

/// Somebody in a conversation.
pub type Person = (ConversationId, UserId);

/// Who has left which conversation and is not back, as of some sequence of the log. Bounded: the oldest leavings are forgotten.
#[derive(Debug, Clone)]
pub struct Departures {
    left: HashMap<Person, Seq>,
    /// In order; some may have come back since.
    order: VecDeque<(Seq, Person)>,
    most: usize,
}

impl Departures {
    /// Nobody has left. Remembers `most` leavings.
    pub fn new(most: usize) -> Self {
        Self { left: HashMap::new(), order: VecDeque::new(), most }
    }

    /// Of a reader that begins behind these leavings and forgets none of them.
    pub fn of(left: impl IntoIterator<Item = (Person, Seq)>) -> Self {
        let mut this = Self::new(usize::MAX);
        for ((conversation, user), seq) in left {
            this.leaves(conversation, user, seq);
        }
        this
    }

    /// Somebody is out from `seq` on.
    pub fn leaves(&mut self, conversation: ConversationId, user: UserId, seq: Seq) {
        let person = (conversation, user);
        // Said twice, the first time counts.
        if self.left.contains_key(&person) {
            return;
        }
        self.left.insert(person, seq);
        self.order.push_back((seq, person));
        while self.order.len() > self.most {
            let Some((seq, person)) = self.order.pop_front() else { break };
            if self.left.get(&person) == Some(&seq) {
                self.left.remove(&person);
            }
        }
    }

    /// Somebody is in.
    pub fn comes(&mut self, conversation: ConversationId, user: UserId) {
        self.left.remove(&(conversation, user));
    }

    /// Somebody is in, if what is known of their leaving is not from after `upto`.
    pub fn returns(&mut self, conversation: ConversationId, user: UserId, upto: Seq) {
        if self.left_at(conversation, user).is_some_and(|seq| seq <= upto) {
            self.comes(conversation, user);
        }
    }

    /// Where somebody left who is not back.
    pub fn left_at(&self, conversation: ConversationId, user: UserId) -> Option<Seq> {
        self.left.get(&(conversation, user)).copied()
    }

    /// Takes in the log's next event of a conversation. Says whether it is void. An event of a type that this version does not
    /// know never is: whatever a newer one thinks of it, it is a link of the chain.
    pub fn passes(&mut self, seq: Seq, event: &LogEvent) -> bool {
        if let Some(published) = event.published() {
            return self.left.contains_key(&(published.conversation_id, published.actor_id));
        }
        let Some(conversation) = event.conversation() else { return false };
        for user in event.joining() {
            self.comes(conversation, user);
        }
        for user in event.leaving() {
            self.leaves(conversation, user, seq);
        }
        false
    }
}

/// Who says something in a run of the log, and where.
pub fn senders(run: &[StoredEvent]) -> BTreeSet<Person> {
    let person = |stored: &StoredEvent| {
        let published = stored.event.published()?;
        Some((published.conversation_id, published.actor_id))
    };
    run.iter().filter_map(person).collect()
}

/// What counts of a run of the log, given who was out before it.
pub fn without_void(mut events: Vec<StoredEvent>, mut before: Departures) -> Vec<StoredEvent> {
    events.retain(|stored| !before.passes(stored.seq, &stored.event));
    events
}

#[cfg(test)]
mod tests {
    use super::*;
    use relay_protocol::MessageBody;
    use relay_protocol::conversation::{ConversationKind, Role};
    use relay_protocol::log::{ConversationCreated, InitialMember, MemberAdded, MemberRemoved, MessageSent};
    use relay_types::ShardId;

    fn id<T: std::str::FromStr<Err: std::fmt::Debug>>(n: u64) -> T {
        format!("{n:026}").parse().unwrap()
    }

    fn stored(seq: u64, event: LogEvent) -> StoredEvent {
        let owner = event.conversation().map(relay_protocol::EventOwner::Conversation);
        StoredEvent { shard: ShardId(0), seq: Seq(seq), owner, prev: None, stored_at_ms: 0, event, text: None }
    }

    fn begins(seq: u64, room: u64, users: &[u64]) -> StoredEvent {
        let members = users.iter().map(|user| InitialMember { user_id: id(*user), role: Role::Member }).collect();
        let created = ConversationCreated {
            event_id: id(seq),
            conversation_id: id(room),
            kind: ConversationKind::Group,
            title: None,
            actor_id: id(users[0]),
            members,
            at_ms: 0,
        };
        stored(seq, LogEvent::ConversationCreated(created))
    }

    fn says(seq: u64, room: u64, user: u64) -> StoredEvent {
        let sent = MessageSent {
            message_id: id(seq),
            conversation_id: id(room),
            actor_id: id(user),
            client_id: id(seq),
            at_ms: 0,
            body: MessageBody::Text { text: "x".parse().unwrap() },
            reply_to: None,
            thread: None,
        };
        stored(seq, LogEvent::MessageSent(sent))
    }

    fn leaves(seq: u64, room: u64, user: u64) -> StoredEvent {
        let removed = MemberRemoved { event_id: id(seq), conversation_id: id(room), user_id: id(user), actor_id: id(user), at_ms: 0 };
        stored(seq, LogEvent::MemberRemoved(removed))
    }

    fn joins(seq: u64, room: u64, user: u64) -> StoredEvent {
        let added = MemberAdded {
            event_id: id(seq),
            conversation_id: id(room),
            user_id: id(user),
            role: Role::Member,
            actor_id: id(user),
            kind: ConversationKind::Group,
            title: None,
            at_ms: 0,
        };
        stored(seq, LogEvent::MemberAdded(added))
    }

    fn counting(events: Vec<StoredEvent>, before: Departures) -> Vec<u64> {
        without_void(events, before).iter().map(|event| event.seq.0).collect()
    }

    #[test]
    fn what_stands_behind_its_senders_leaving_is_void_until_they_are_back() {
        let log = vec![
            begins(1, 1, &[7, 8]),
            begins(2, 2, &[7, 8]),
            says(3, 1, 8),
            leaves(4, 1, 8),
            says(5, 1, 8),
            says(6, 1, 7),
            says(7, 2, 8),
            leaves(8, 1, 8),
            joins(9, 1, 8),
            says(10, 1, 8),
            leaves(11, 1, 8),
            says(12, 1, 8),
        ];
        assert_eq!(counting(log, Departures::new(usize::MAX)), [1, 2, 3, 4, 6, 7, 8, 9, 10, 11]);
    }

    #[test]
    fn a_reader_that_begins_later_goes_by_who_was_out_before_and_nothing_known_counts() {
        let run = || vec![says(21, 1, 7), says(22, 1, 8), joins(23, 1, 8), says(24, 1, 8)];
        assert_eq!(counting(run(), Departures::of([((id(1), id(8)), Seq(20))])), [21, 23, 24]);
        assert_eq!(counting(run(), Departures::of([])), [21, 22, 23, 24]);
    }

    #[test]
    fn bounded_and_the_oldest_leaving_is_forgotten_first() {
        let mut departures = Departures::new(10);
        for round in 0..1_000 {
            departures.passes(Seq(round * 2), &leaves(round * 2, 1, round % 20).event);
            departures.passes(Seq(round * 2 + 1), &joins(round * 2 + 1, 1, round % 20).event);
        }
        assert!(departures.order.len() <= 10 && departures.left.is_empty());
        for user in 0..20 {
            departures.passes(Seq(5_000 + user), &leaves(5_000 + user, 1, user).event);
        }
        assert_eq!((departures.left_at(id(1), id(9)), departures.left_at(id(1), id(10))), (None, Some(Seq(5_010))));
    }
}
