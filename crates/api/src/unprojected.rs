//! Messages that the log has and the projection does not have yet.
//!
//! Usually the projection is some milliseconds behind, and a read waits for it. When it stays behind (its worker died and
//! another takes over, Postgres fails over), a page from it would look complete without being so. Then the rest is read from
//! the log, or the caller is told to come back.

use relay_domain::ports::HistoryAnchor;
use relay_protocol::ErrorCode;
use relay_protocol::frame::NewMessage;
use relay_protocol::log::{LogEvent, StoredEvent};
use relay_protocol::rest::MessagePage;
use relay_types::{ConversationId, Seq, UserId};

use crate::deps::Deps;
use crate::freshness::Behind;
use crate::refusal::Refusal;

/// Events of one conversation that are read from the log at most; reading them costs the log a scan.
const MOST: u32 = 2_000;

/// Completes a page that was read while the projection was behind.
pub(crate) async fn complete(
    deps: &Deps,
    reader: UserId,
    conversation: ConversationId,
    anchor: HistoryAnchor,
    limit: u16,
    behind: &[Behind],
    page: MessagePage,
) -> Result<MessagePage, Refusal> {
    // A page that goes on in the projection does not reach its end.
    if page.has_more && !matches!(anchor, HistoryAnchor::Newest) {
        return Ok(page);
    }
    // Where the unread begins, only the projection knows.
    let come_back = || Refusal::new(ErrorCode::Unavailable, "the newest messages cannot be read now");
    if matches!(anchor, HistoryAnchor::Unread) {
        return Err(come_back());
    }
    let mut events = Vec::new();
    for Behind { shard, watermark, head } in behind {
        let more = deps.unprojected.read_since(*shard, reader, &[conversation], *watermark, *head, MOST).await;
        let more = more.map_err(|_| come_back())?;
        if more.len() >= MOST as usize {
            return Err(come_back());
        }
        events.extend(more);
    }
    Ok(joined(page, events, reader, anchor, limit))
}

/// What the reader may see of `events`, behind the page.
fn joined(page: MessagePage, events: Vec<StoredEvent>, reader: UserId, anchor: HistoryAnchor, limit: u16) -> MessagePage {
    let asked = if let HistoryAnchor::After(after) = anchor { after } else { Seq::ZERO };
    // The projection may have gone on between its watermark and the page.
    let after = page.messages.last().map_or(asked, |message| message.seq);
    let MessagePage { mut messages, mut has_more } = page;
    let known = messages.len();
    for event in events {
        match event.event {
            // What came before somebody's joining is not for them.
            LogEvent::MessageSent(sent) if event.seq > after => messages.push(NewMessage {
                conversation_id: sent.conversation_id,
                seq: event.seq,
                prev: event.prev,
                message_id: sent.message_id,
                sender_id: sent.sender_id,
                client_id: sent.client_id,
                sent_at_ms: sent.sent_at_ms,
                body: sent.body,
            }),
            other if other.joining().contains(&reader) => messages.truncate(known),
            _ => {}
        }
    }
    let over = messages.len().saturating_sub(usize::from(limit));
    if over > 0 {
        has_more = true;
        if matches!(anchor, HistoryAnchor::Newest) {
            messages.drain(..over);
        } else {
            messages.truncate(usize::from(limit));
        }
    }
    MessagePage { messages, has_more }
}

#[cfg(test)]
mod tests {
    use super::*;
    use relay_protocol::MessageBody;
    use relay_protocol::log::{MemberAdded, MessageSent};
    use relay_protocol::message::{ConversationKind, Role};
    use relay_types::ShardId;

    fn id<T: std::str::FromStr<Err: std::fmt::Debug>>() -> T {
        "01ARZ3NDEKTSV4RRFFQ69G5FAV".parse().unwrap()
    }

    fn stored(seq: u64, event: LogEvent) -> StoredEvent {
        StoredEvent { shard: ShardId(0), seq: Seq(seq), prev: None, stored_at_ms: 0, event }
    }

    fn sent(seq: u64) -> StoredEvent {
        let message = MessageSent {
            message_id: id(),
            conversation_id: id(),
            sender_id: id(),
            client_id: id(),
            sent_at_ms: 0,
            body: MessageBody::Text { text: "x".parse().unwrap() },
        };
        stored(seq, LogEvent::MessageSent(message))
    }

    fn page(seqs: std::ops::Range<u64>, has_more: bool) -> MessagePage {
        let all = joined(MessagePage { messages: Vec::new(), has_more: false }, seqs.map(sent).collect(), id(), HistoryAnchor::Newest, 200);
        MessagePage { has_more, ..all }
    }

    fn seqs(page: &MessagePage) -> Vec<u64> {
        page.messages.iter().map(|message| message.seq.0).collect()
    }

    #[test]
    fn the_log_goes_on_where_the_projection_ends() {
        let whole = joined(page(3..5, false), vec![sent(5), sent(6)], id(), HistoryAnchor::After(Seq(2)), 10);
        assert_eq!((seqs(&whole), whole.has_more), (vec![3, 4, 5, 6], false));
        let cut = joined(page(3..5, false), vec![sent(5), sent(6)], id(), HistoryAnchor::After(Seq(2)), 3);
        assert_eq!((seqs(&cut), cut.has_more), (vec![3, 4, 5], true));
        let newest = joined(page(3..5, false), vec![sent(5), sent(6)], id(), HistoryAnchor::Newest, 3);
        assert_eq!((seqs(&newest), newest.has_more), (vec![4, 5, 6], true));
        let twice = joined(page(3..6, false), vec![sent(5), sent(6)], id(), HistoryAnchor::After(Seq(2)), 10);
        assert_eq!(seqs(&twice), vec![3, 4, 5, 6]);
    }

    #[test]
    fn nothing_from_before_joining_is_shown() {
        let added = MemberAdded {
            event_id: id(),
            conversation_id: id(),
            user_id: id(),
            role: Role::Member,
            added_by: id(),
            kind: ConversationKind::Group,
            title: None,
            at_ms: 0,
        };
        let events = vec![sent(5), stored(6, LogEvent::MemberAdded(added)), sent(7)];
        let shown = joined(page(0..0, false), events, id(), HistoryAnchor::Newest, 10);
        assert_eq!(seqs(&shown), vec![7]);
    }
}
