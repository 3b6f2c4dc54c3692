//! Proves that nothing was missed, and drops what comes twice.

use std::collections::HashMap;

use relay_protocol::LogEvent;
use relay_protocol::frame::{Chain, Place, ServerFrame};
use relay_types::{Seq, UserId};

/// What an event is, by its place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// The next one.
    New,
    /// It was seen before.
    Duplicate,
    /// Something between `last` and the event was missed. The event is not recorded: ask again from a good position.
    Gap {
        /// The last event seen of the conversation.
        last: Seq,
    },
}

/// What is known about one chain.
#[derive(Debug, Clone, Copy)]
struct Seen {
    last: Seq,
    /// Whether the next event has to name `last` as the one before it. Not so after one's own removal: what happened until
    /// one was let in again is nobody's loss.
    chained: bool,
}

/// The last event seen of each chain: of conversations, of the user's own on each shard, and of what this version does not know.
/// As large as the number of chains that had events.
#[derive(Debug, Default)]
pub struct Tracker {
    seen: HashMap<Chain, Seen>,
    /// A gap that was reported, and then came again in the replay: the server's own record has it.
    proven: Option<(Chain, Seq)>,
}

impl Tracker {
    /// Judges an event, known or not, and, unless it reveals a gap, records it. Frames without a place are always new.
    pub fn judge(&mut self, frame: &ServerFrame, me: UserId) -> Verdict {
        let Some(Place { chain, seq, prev }) = frame.place() else { return Verdict::New };
        let known = self.seen.get(&chain).copied();
        if let Some(known) = known {
            if seq <= known.last {
                return Verdict::Duplicate;
            }
            let unbroken = prev.is_none_or(|prev| prev == known.last);
            let proven = self.proven.as_ref().is_some_and(|(of, at)| *of == chain && *at == seq);
            if known.chained && !unbroken && !begins(frame, me) && !proven {
                self.proven = Some((chain, seq));
                return Verdict::Gap { last: known.last };
            }
        }
        self.seen.insert(chain, Seen { last: seq, chained: !ends(frame, me) });
        Verdict::New
    }

    /// The server said `reset`: what was seen before proves nothing about what follows.
    pub fn reset(&mut self) {
        self.seen.clear();
        self.proven = None;
    }
}

/// Whether the event is the first of a membership interval that `me` sees in the conversation.
fn begins(frame: &ServerFrame, me: UserId) -> bool {
    of_conversation(frame).is_some_and(|event| matches!(event, LogEvent::ConversationCreated(_)) || event.joining().contains(&me))
}

/// Whether the event is the last of a membership interval that `me` sees in the conversation.
fn ends(frame: &ServerFrame, me: UserId) -> bool {
    of_conversation(frame).is_some_and(|event| event.leaving().contains(&me))
}

/// The event, if it is in its conversation's chain.
fn of_conversation(frame: &ServerFrame) -> Option<&LogEvent> {
    match frame {
        ServerFrame::Event(frame) => matches!(frame.chain, Chain::Conversation(_)).then_some(&frame.event),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use relay_protocol::conversation::{ConversationKind, Role};
    use relay_protocol::log::{MemberAdded, MemberRemoved};
    use relay_protocol::message::MessageBody;
    use relay_protocol::{EventFrame, Message};
    use relay_types::{ConversationId, EventId};

    fn id<T: From128>(n: u128) -> T {
        T::from128(n)
    }

    trait From128 {
        fn from128(n: u128) -> Self;
    }
    impl From128 for UserId {
        fn from128(n: u128) -> Self {
            Self::new(ulid::Ulid::from_bytes(n.to_be_bytes()))
        }
    }
    impl From128 for ConversationId {
        fn from128(n: u128) -> Self {
            Self::new(ulid::Ulid::from_bytes(n.to_be_bytes()))
        }
    }

    fn message(conversation: u128, seq: u64, prev: Option<u64>) -> ServerFrame {
        let message = Message {
            conversation_id: id(conversation),
            seq: Seq(seq),
            prev: prev.map(Seq),
            message_id: relay_types::MessageId::new(ulid::Ulid::from_bytes(u128::from(seq).to_be_bytes())),
            sender_id: id(1),
            client_id: "k".parse().unwrap(),
            sent_at_ms: 0,
            body: MessageBody::Text { text: "x".parse().unwrap() },
            reply_to: None,
            thread: None,
            replies: None,
            edited_seq: None,
            edited_at_ms: None,
            reactions: Vec::new(),
            reacted_seq: None,
        };
        ServerFrame::Event(Box::new(message.into()))
    }

    fn event(event: LogEvent, seq: u64, prev: u64) -> ServerFrame {
        ServerFrame::Event(Box::new(EventFrame { chain: Chain::Conversation(id(9)), seq: Seq(seq), prev: Some(Seq(prev)), event }))
    }

    fn removed(user: u128, seq: u64, prev: u64) -> ServerFrame {
        let event_id = EventId::new(ulid::Ulid::from_bytes(u128::from(seq).to_be_bytes()));
        let removed = MemberRemoved { event_id, actor_id: id(1), at_ms: 0, conversation_id: id(9), user_id: id(user) };
        event(LogEvent::MemberRemoved(removed), seq, prev)
    }

    fn added(user: u128, seq: u64, prev: u64) -> ServerFrame {
        let added = MemberAdded {
            event_id: EventId::new(ulid::Ulid::from_bytes(u128::from(seq).to_be_bytes())),
            actor_id: id(1),
            at_ms: 0,
            conversation_id: id(9),
            user_id: id(user),
            role: Role::Member,
            kind: ConversationKind::Group,
            title: None,
        };
        event(LogEvent::MemberAdded(added), seq, prev)
    }

    #[test]
    fn a_gap_is_reported_once_and_then_believed() {
        let mut tracker = Tracker::default();
        let me = id(1);
        assert_eq!(tracker.judge(&message(9, 5, Some(3)), me), Verdict::New, "the first one seen proves nothing");
        assert_eq!(tracker.judge(&message(9, 7, Some(6)), me), Verdict::Gap { last: Seq(5) });
        assert_eq!(tracker.judge(&message(9, 6, Some(5)), me), Verdict::New, "the replay fills it");
        assert_eq!(tracker.judge(&message(9, 7, Some(6)), me), Verdict::New);
        assert_eq!(tracker.judge(&message(9, 10, Some(8)), me), Verdict::Gap { last: Seq(7) });
        assert_eq!(tracker.judge(&message(9, 10, Some(8)), me), Verdict::New, "the server's record has the gap itself");
        assert_eq!(tracker.judge(&message(9, 12, None), me), Verdict::New, "without prev nothing can be proven");
    }

    #[test]
    fn a_chain_that_points_behind_what_was_seen_is_broken_too() {
        let mut tracker = Tracker::default();
        tracker.judge(&message(9, 5, Some(0)), id(1));
        assert_eq!(tracker.judge(&message(9, 7, Some(4)), id(1)), Verdict::Gap { last: Seq(5) });
    }

    #[test]
    fn ones_own_absence_is_no_gap() {
        let mut tracker = Tracker::default();
        let me = id(2);
        tracker.judge(&message(9, 5, Some(0)), me);
        assert_eq!(tracker.judge(&removed(2, 6, 5), me), Verdict::New);
        assert_eq!(tracker.judge(&removed(2, 6, 5), me), Verdict::Duplicate, "a replay is still recognised");
        assert_eq!(tracker.judge(&added(2, 20, 19), me), Verdict::New);
        assert_eq!(tracker.judge(&message(9, 22, Some(21)), me), Verdict::Gap { last: Seq(20) }, "back in, the chain holds again");
    }

    #[test]
    fn unknown_event_is_a_link_of_its_chain() {
        let mut tracker = Tracker::default();
        let unknown = |chain: &str, seq: u64, prev: u64| {
            ServerFrame::decode(&format!(r#"{{"type":"from_the_future","chain":"{chain}","seq":{seq},"prev":{prev}}}"#)).unwrap()
        };
        let room = format!("c:{}", id::<ConversationId>(9));
        let me = id(1);
        assert_eq!(tracker.judge(&message(9, 5, Some(0)), me), Verdict::New);
        assert_eq!(tracker.judge(&unknown(&room, 6, 5), me), Verdict::New);
        assert_eq!(tracker.judge(&message(9, 7, Some(6)), me), Verdict::New, "what stands behind it");
        assert_eq!(tracker.judge(&unknown(&room, 6, 5), me), Verdict::Duplicate);
        assert_eq!(tracker.judge(&unknown(&room, 9, 8), me), Verdict::Gap { last: Seq(7) });
        assert_eq!(tracker.judge(&unknown("u:0", 8, 2), me), Verdict::New, "another chain");
        assert_eq!(tracker.judge(&unknown("s:x", 8, 2), me), Verdict::New);
        assert_eq!(tracker.judge(&unknown("s:x", 10, 9), me), Verdict::Gap { last: Seq(8) });
    }

    #[test]
    fn after_a_reset_everything_is_new() {
        let mut tracker = Tracker::default();
        tracker.judge(&message(9, 5, Some(0)), id(1));
        tracker.reset();
        assert_eq!(tracker.judge(&message(9, 2, Some(1)), id(1)), Verdict::New);
    }

    proptest! {
        /// Any cut of a log into sessions that overlap: everything is handed on once, in order, and no gap is seen.
        #[test]
        fn overlapping_replays_hand_on_each_event_once(
            conversations in proptest::collection::vec(0u128..4, 1..60),
            cuts in proptest::collection::vec((0usize..60, 0usize..20), 0..6),
        ) {
            let mut last: HashMap<u128, u64> = HashMap::new();
            let log: Vec<_> = conversations.iter().zip(1u64..).map(|(&conversation, seq)| {
                let prev = last.insert(conversation, seq).unwrap_or(0);
                message(conversation, seq, Some(prev))
            }).collect();
            let mut tracker = Tracker::default();
            let mut seen = Vec::new();
            let mut reached = 0;
            // Each session begins at or before where the last one stopped, as resumes do.
            for (upto, back) in cuts.into_iter().chain([(log.len(), 0)]) {
                let from = reached.min(log.len()).saturating_sub(back);
                let upto = upto.min(log.len()).max(from);
                for frame in &log[from..upto] {
                    match tracker.judge(frame, id(77)) {
                        Verdict::New => seen.push(frame.place().unwrap().seq.0),
                        Verdict::Duplicate => {}
                        Verdict::Gap { .. } => prop_assert!(false, "a gap where there is none"),
                    }
                }
                reached = reached.max(upto);
            }
            prop_assert_eq!(seen, (1..=log.len() as u64).collect::<Vec<_>>());
        }

        /// Losing any event is noticed at the next one of its conversation.
        #[test]
        fn any_lost_event_is_noticed(conversations in proptest::collection::vec(0u128..3, 3..40), lost in 0usize..40) {
            let mut last: HashMap<u128, u64> = HashMap::new();
            let mut log: Vec<_> = conversations.iter().zip(1u64..).map(|(&conversation, seq)| {
                let prev = last.insert(conversation, seq).unwrap_or(0);
                (conversation, message(conversation, seq, Some(prev)))
            }).collect();
            let lost = lost % log.len();
            let (conversation, _) = log.remove(lost);
            let known_before = log[..lost].iter().any(|(c, _)| *c == conversation);
            let seen_after = log[lost..].iter().any(|(c, _)| *c == conversation);
            let mut tracker = Tracker::default();
            let gaps = log.iter().filter(|(_, frame)| matches!(tracker.judge(frame, id(77)), Verdict::Gap { .. })).count();
            prop_assert_eq!(gaps >= 1, known_before && seen_after);
        }
    }
}
