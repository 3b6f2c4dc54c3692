//! What is left of erased messages in a run that is read from the log itself.
//!
//! The log erases a message some time after it learned that it should. Before that the message is still there, afterwards its place
//! is a hole. Readers of a run show the same in both cases: a tombstone, made from what the erasure says.

use std::collections::{BTreeMap, BTreeSet};

use relay_protocol::MessageBody;
use relay_protocol::log::{LogEvent, MessageErased, StoredEvent};
use relay_types::{ConversationId, MessageId, Seq, ShardId};

/// The events of a shard after `after` up to `upto`, with tombstones for what they, or `later` events, say was erased there.
pub fn with_tombstones(
    shard: ShardId,
    events: Vec<StoredEvent>,
    later: impl IntoIterator<Item = MessageErased>,
    (after, upto): (Seq, Seq),
) -> Vec<StoredEvent> {
    let said =
        events.iter().filter_map(|stored| if let LogEvent::MessageErased(erased) = &stored.event { Some(erased.clone()) } else { None });
    let erased: Vec<MessageErased> = said.chain(later).collect();
    if erased.is_empty() {
        return events;
    }
    let mut by_seq: BTreeMap<Seq, StoredEvent> = events.into_iter().map(|event| (event.seq, event)).collect();
    let gone: BTreeSet<(ConversationId, MessageId)> = erased.iter().map(|erased| (erased.conversation_id, erased.message_id)).collect();
    for stored in by_seq.values_mut() {
        if let LogEvent::MessageEdited(edited) = &mut stored.event
            && gone.contains(&(edited.conversation_id, edited.message_id))
        {
            edited.body = MessageBody::Erased;
            stored.text = None;
        }
    }
    for erased in erased.into_iter().filter(|erased| after < erased.message_seq && erased.message_seq <= upto) {
        by_seq.insert(erased.message_seq, erased.tombstone(shard));
    }
    by_seq.into_values().collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use relay_protocol::log::{MessageEdited, MessageSent};

    fn id<T: std::str::FromStr<Err: std::fmt::Debug>>(n: u64) -> T {
        format!("{n:026}").parse().unwrap()
    }

    fn stored(seq: u64, event: LogEvent) -> StoredEvent {
        let owner = event.conversation().map(relay_protocol::EventOwner::Conversation);
        StoredEvent { shard: ShardId(0), seq: Seq(seq), owner, prev: None, stored_at_ms: 0, event, text: None }
    }

    fn says(seq: u64) -> StoredEvent {
        let body = MessageBody::Text { text: "x".parse().unwrap() };
        let (message_id, conversation_id, actor_id, client_id) = (id(seq), id(1), id(2), id(seq));
        stored(
            seq,
            LogEvent::MessageSent(MessageSent {
                message_id,
                conversation_id,
                actor_id,
                client_id,
                at_ms: 0,
                body,
                reply_to: None,
                thread: None,
            }),
        )
    }

    fn erases(message: u64) -> MessageErased {
        MessageErased {
            event_id: id(message),
            actor_id: None,
            actor_client_id: None,
            conversation_id: id(1),
            message_id: id(message),
            message_seq: Seq(message),
            message_prev: None,
            sender_id: id(2),
            client_id: id(message),
            sent_at_ms: 0,
            stored_at_ms: 0,
            at_ms: 0,
            thread: None,
        }
    }

    fn shown(events: Vec<StoredEvent>, later: &[u64]) -> Vec<(u64, bool)> {
        let later = later.iter().map(|message| erases(*message));
        let run = with_tombstones(ShardId(0), events, later, (Seq(1), Seq(9)));
        let erased = |event: &LogEvent| matches!(event, LogEvent::MessageSent(sent) if sent.body == MessageBody::Erased);
        run.iter().map(|stored| (stored.seq.0, erased(&stored.event))).collect()
    }

    #[test]
    fn what_was_erased_is_a_tombstone_whether_the_log_still_has_it_or_not() {
        let said = stored(7, LogEvent::MessageErased(erases(3)));
        let expected = [(2, false), (3, true), (4, true), (5, false), (7, false)];
        assert_eq!(shown(vec![says(2), says(3), says(4), says(5), said.clone()], &[4]), expected);
        assert_eq!(shown(vec![says(2), says(5), said], &[4]), expected);
    }

    fn edits(seq: u64, message: u64) -> StoredEvent {
        let body = MessageBody::Text { text: "y".parse().unwrap() };
        let (message_id, message_seq, conversation_id) = (id(message), Seq(message), id(1));
        let (event_id, actor_id, client_id) = (id(seq), id(2), id(seq));
        let edited = MessageEdited { event_id, actor_id, at_ms: 0, conversation_id, client_id, message_id, message_seq, body };
        stored(seq, LogEvent::MessageEdited(edited))
    }

    #[test]
    fn what_was_erased_takes_its_edits_with_it_wherever_it_stands() {
        let run = vec![edits(2, 1), says(3), edits(4, 3), edits(5, 8)];
        let run = with_tombstones(ShardId(0), run, [erases(1), erases(3)], (Seq(1), Seq(9)));
        let gone = |event: &LogEvent| matches!(event, LogEvent::MessageEdited(edited) if edited.body == MessageBody::Erased);
        assert_eq!(
            run.iter().map(|stored| (stored.seq.0, gone(&stored.event))).collect::<Vec<_>>(),
            [(2, true), (3, false), (4, true), (5, false)]
        );
    }

    #[test]
    fn tombstones_outside_of_the_run_are_not_in_it() {
        assert_eq!(shown(vec![says(2)], &[1, 10]), [(2, false)]);
        assert_eq!(shown(vec![says(2)], &[]), [(2, false)]);
    }
}
