//! What has to hold of every history, and tests that these checks catch what they are for.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use relay_client::Event;
use relay_protocol::frame::MessageAck;
use relay_protocol::{Chain, LogEvent, Message, Place, ServerFrame};
use relay_types::{ConversationId, Seq, UserId};

/// One event of a conversation, as a device saw it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seen {
    pub conversation: ConversationId,
    pub seq: Seq,
    pub prev: Option<Seq>,
    pub message: Option<Message>,
    pub joined: Vec<UserId>,
    pub removed: Vec<UserId>,
    pub created: bool,
}

impl Seen {
    /// `None` for frames that are not events of a conversation.
    pub fn of(frame: &ServerFrame) -> Option<Self> {
        let Place { chain: Chain::Conversation(conversation), seq, prev } = frame.place()? else { return None };
        let mut seen = Self { conversation, seq, prev, message: None, joined: Vec::new(), removed: Vec::new(), created: false };
        seen.message = frame.message();
        if let Some(event) = frame.event() {
            seen.created = matches!(event, LogEvent::ConversationCreated(_));
            seen.joined = if seen.created { Vec::new() } else { event.joining() };
            seen.removed = event.leaving();
        }
        Some(seen)
    }

    /// As [`Self::of`], for the SDK's events.
    pub fn of_event(event: &Event) -> Option<Self> {
        let frame = match event {
            Event::Message(message) => ServerFrame::Event(Box::new(message.clone().into())),
            Event::Happened(frame) => ServerFrame::Event(frame.clone()),
            Event::Unknown(frame) => ServerFrame::Unknown(Box::new(frame.clone())),
            _ => return None,
        };
        Self::of(&frame)
    }
}

/// Per conversation: sequences rise, each event names the one before it, and nothing follows one's own removal.
/// A device that joins, or begins at the head, takes the first `prev` as it comes.
pub fn contiguous(me: UserId, seen: &[Seen]) -> Result<(), String> {
    let mut last: BTreeMap<ConversationId, Seq> = BTreeMap::new();
    let mut out: BTreeSet<ConversationId> = BTreeSet::new();
    for event in seen {
        let id = event.conversation;
        let begins = event.created || event.joined.contains(&me);
        if begins {
            out.remove(&id);
        } else if out.contains(&id) {
            return Err(format!("{id}: {} came after one's own removal", event.seq));
        }
        if let Some(before) = last.insert(id, event.seq) {
            if event.seq <= before {
                return Err(format!("{id}: {} came after {before}", event.seq));
            }
            if !begins && event.prev != Some(before) {
                return Err(format!("{id}: {} follows {before} but says that {:?} is before it", event.seq, event.prev));
            }
        }
        if event.removed.contains(&me) {
            out.insert(id);
        }
    }
    Ok(())
}

/// Every acknowledged message was seen, once, at the place that its ack names.
pub fn delivered_exactly_once(acked: &[MessageAck], seen: &[Seen]) -> Result<(), String> {
    let mut places: HashMap<_, Vec<Seq>> = HashMap::new();
    for message in seen.iter().filter_map(|seen| seen.message.as_ref()) {
        places.entry((message.conversation_id, message.message_id)).or_default().push(message.seq);
    }
    for ack in acked {
        match places.get(&(ack.conversation_id, ack.message_id)).map(Vec::as_slice) {
            Some([seq]) if *seq == ack.seq => {}
            Some(other) => return Err(format!("{} was acknowledged at {} and seen at {other:?}", ack.client_id, ack.seq)),
            None => return Err(format!("{} was acknowledged at {} and not seen", ack.client_id, ack.seq)),
        }
    }
    Ok(())
}

/// No two messages share sender and key.
pub fn no_duplicates(seen: &[Seen]) -> Result<(), String> {
    let mut keys = HashMap::new();
    for message in seen.iter().filter_map(|seen| seen.message.as_ref()) {
        let key = (message.conversation_id, message.sender_id, message.client_id.clone());
        if let Some(first) = keys.insert(key, message.seq) {
            return Err(format!("{} is there twice: {first} and {}", message.client_id, message.seq));
        }
    }
    Ok(())
}

/// Two devices saw the same messages in the same order.
pub fn same_order(one: &[Message], other: &[Message]) -> Result<(), String> {
    let places = |messages: &[Message]| messages.iter().map(|m| (m.seq, m.message_id)).collect::<Vec<_>>();
    let (one, other) = (places(one), places(other));
    match one.iter().zip(&other).position(|(a, b)| a != b) {
        Some(at) => Err(format!("they differ at {at}: {:?} and {:?}", one[at], other[at])),
        None if one.len() != other.len() => Err(format!("{} and {} messages", one.len(), other.len())),
        None => Ok(()),
    }
}

/// Turns a check into a failure of the test.
#[track_caller]
pub fn holds(check: Result<(), String>) {
    if let Err(violation) = check {
        panic!("{violation}");
    }
}

mod tests {
    use super::{Message, Seen, contiguous, delivered_exactly_once, no_duplicates, same_order};
    use crate::e2e::support::{key, text};
    use relay_protocol::frame::MessageAck;
    use relay_types::{ConversationId, MessageId, Seq, UserId};

    fn me() -> UserId {
        "01ARZ3NDEKTSV4RRFFQ69G5FAV".parse().unwrap()
    }

    fn conversation() -> ConversationId {
        "01ARZ3NDEKTSV4RRFFQ69G5FAV".parse().unwrap()
    }

    fn message(seq: u64) -> Message {
        Message {
            conversation_id: conversation(),
            seq: Seq(seq),
            prev: Some(Seq(seq - 1)),
            message_id: MessageId::new(ulid::Ulid::from_parts(seq, 1)),
            sender_id: me(),
            client_id: key(&format!("k{seq}")),
            sent_at_ms: 0,
            body: text("x"),
            reply_to: None,
            thread: None,
            replies: None,
            edited_seq: None,
            edited_at_ms: None,
            reactions: Vec::new(),
            reacted_seq: None,
        }
    }

    fn seen(message: &Message) -> Seen {
        Seen::of(&relay_protocol::ServerFrame::Event(Box::new(message.clone().into()))).unwrap()
    }

    fn history(range: std::ops::RangeInclusive<u64>) -> Vec<Seen> {
        range.map(|seq| seen(&message(seq))).collect()
    }

    fn acks(range: std::ops::RangeInclusive<u64>) -> Vec<MessageAck> {
        let ack = |m: Message| MessageAck {
            client_id: m.client_id,
            conversation_id: m.conversation_id,
            message_id: m.message_id,
            seq: m.seq,
            sent_at_ms: 0,
        };
        range.map(|seq| ack(message(seq))).collect()
    }

    #[test]
    fn a_good_history_passes() {
        contiguous(me(), &history(5..=20)).unwrap();
        delivered_exactly_once(&acks(5..=20), &history(5..=20)).unwrap();
        no_duplicates(&history(5..=20)).unwrap();
    }

    #[test]
    fn a_dropped_a_doubled_and_a_swapped_message_are_caught() {
        let mut dropped = history(5..=20);
        dropped.remove(3);
        assert!(contiguous(me(), &dropped).is_err());
        assert!(delivered_exactly_once(&acks(5..=20), &dropped).is_err());
        let mut doubled = history(5..=20);
        doubled.insert(4, doubled[3].clone());
        assert!(contiguous(me(), &doubled).is_err());
        assert!(delivered_exactly_once(&acks(5..=20), &doubled).is_err());
        assert!(no_duplicates(&doubled).is_err());
        let mut swapped = history(5..=20);
        swapped.swap(3, 4);
        assert!(contiguous(me(), &swapped).is_err());
        let (one, mut other): (Vec<_>, Vec<_>) = ((5..=9).map(message).collect(), (5..=9).map(message).collect());
        other.swap(0, 1);
        assert!(same_order(&one, &other).is_err());
        assert!(same_order(&one, &one[..4]).is_err());
    }

    #[test]
    fn a_message_after_ones_own_removal_is_caught_and_a_rejoin_is_not() {
        let mut events = history(5..=7);
        let bare = |seq| Seen { message: None, ..seen(&message(seq)) };
        events.push(Seen { removed: vec![me()], ..bare(8) });
        contiguous(me(), &events).unwrap();
        let mut after = events.clone();
        after.push(seen(&message(9)));
        assert!(contiguous(me(), &after).is_err());
        events.push(Seen { joined: vec![me()], ..bare(12) });
        events.push(seen(&message(13)));
        contiguous(me(), &events).unwrap();
    }
}
