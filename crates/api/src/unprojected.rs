//! Messages that the log has and the projection does not have yet.
//!
//! Usually the projection is some milliseconds behind, and a read waits for it. When it stays behind (its worker died and
//! another takes over, Postgres fails over), a page from it would look complete without being so. Then the rest is read from
//! the log, or the caller is told to come back.

use std::collections::BTreeSet;

use relay_domain::ports::HistoryAnchor;
use relay_protocol::ErrorCode;
use relay_protocol::frame::NewMessage;
use relay_protocol::log::{LogEvent, StoredEvent};
use relay_protocol::rest::MessagePage;
use relay_types::{ConversationId, Seq, UserId};

use crate::deps::Deps;
use crate::freshness::Behind;
use crate::refusal::Refusal;
use crate::stays::Stays;

/// Events of one conversation that are read from the log at most; reading them costs the log a scan.
const MOST: u32 = 2_000;
/// Bodies of a page, as JSON; as in the projection.
const PAGE_BYTES: usize = 1 << 20;

/// Completes a page that was read while the projection of the conversation's shard was behind.
pub(crate) async fn complete(
    deps: &Deps,
    reader: UserId,
    conversation: ConversationId,
    anchor: HistoryAnchor,
    limit: u16,
    behind: Behind,
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
    let Behind { shard, watermark, head } = behind;
    let events = deps.unprojected.read_since(shard, reader, &[conversation], watermark, head, MOST).await.map_err(|_| come_back())?;
    if events.len() >= MOST as usize {
        return Err(come_back());
    }
    let people: BTreeSet<UserId> = events.iter().filter_map(sender).chain([reader]).collect();
    let people: Vec<UserId> = people.into_iter().collect();
    // Asked after the page was read, and with an answer of the same moment or later.
    let stays = Stays::of(&people, deps.history.stays(conversation, &people).await?);
    Ok(joined(page, events, stays, reader, anchor, limit))
}

const fn sender(event: &StoredEvent) -> Option<UserId> {
    if let LogEvent::MessageSent(sent) = &event.event { Some(sent.sender_id) } else { None }
}

/// The page, and behind it what the reader may see of `events`: what follows the event that began their present stay, by people
/// who were in the conversation when the log took it.
fn joined(page: MessagePage, events: Vec<StoredEvent>, mut stays: Stays, reader: UserId, anchor: HistoryAnchor, limit: u16) -> MessagePage {
    let asked = if let HistoryAnchor::After(after) = anchor { after } else { Seq::ZERO };
    // The projection may have gone on between its watermark and the page.
    let after = page.messages.last().map_or(asked, |message| message.seq);
    let MessagePage { mut messages, mut has_more } = page;
    for event in events {
        stays.apply(event.seq, &event.event);
        match event.event {
            LogEvent::MessageSent(sent) if event.seq > after && stays.inside(sent.sender_id, event.seq) => messages.push(NewMessage {
                conversation_id: sent.conversation_id,
                seq: event.seq,
                prev: event.prev,
                message_id: sent.message_id,
                sender_id: sent.sender_id,
                client_id: sent.client_id,
                sent_at_ms: sent.sent_at_ms,
                body: sent.body,
            }),
            _ => {}
        }
    }
    // Whoever has left again, or has not come in yet as far as the log says, sees nothing, as once all of it is projected.
    let Some(began) = stays.present(reader) else { return MessagePage { messages: Vec::new(), has_more: false } };
    let before = messages.len();
    messages.retain(|message| message.seq > began);
    // What is older was of an earlier stay.
    has_more &= messages.len() == before;
    let over = messages.len().saturating_sub(usize::from(limit));
    if over > 0 {
        has_more = true;
        if matches!(anchor, HistoryAnchor::Newest) {
            messages.drain(..over);
        } else {
            messages.truncate(usize::from(limit));
        }
    }
    let newest = matches!(anchor, HistoryAnchor::Newest);
    let fitting = if newest { fitting(messages.iter().rev()) } else { fitting(messages.iter()) };
    has_more |= fitting < messages.len();
    if newest {
        messages.drain(..messages.len() - fitting);
    } else {
        messages.truncate(fitting);
    }
    MessagePage { messages, has_more }
}

/// How many of the messages a page takes.
fn fitting<'a>(messages: impl Iterator<Item = &'a NewMessage>) -> usize {
    let mut bytes = 0;
    messages
        .take_while(|message| {
            let fits = bytes < PAGE_BYTES;
            bytes += message.body.encoded_len();
            fits
        })
        .count()
}

#[cfg(test)]
mod tests {
    use super::*;
    use relay_domain::ports::Stay;
    use relay_protocol::MessageBody;
    use relay_protocol::log::{ConversationCreated, InitialMember, MemberAdded, MemberRemoved, MessageSent};
    use relay_protocol::message::{ConversationKind, Role};
    use relay_types::ShardId;

    fn id<T: std::str::FromStr<Err: std::fmt::Debug>>(last: char) -> T {
        format!("01ARZ3NDEKTSV4RRFFQ69G5FA{last}").parse().unwrap()
    }

    fn reader() -> UserId {
        id('R')
    }

    fn writer() -> UserId {
        id('W')
    }

    fn stored(seq: u64, event: LogEvent) -> StoredEvent {
        StoredEvent { shard: ShardId(0), seq: Seq(seq), prev: None, stored_at_ms: 0, event }
    }

    fn sent(seq: u64) -> StoredEvent {
        let message = MessageSent {
            message_id: id('A'),
            conversation_id: id('A'),
            sender_id: writer(),
            client_id: "key".parse().unwrap(),
            sent_at_ms: 0,
            body: MessageBody::Text { text: "x".parse().unwrap() },
        };
        stored(seq, LogEvent::MessageSent(message))
    }

    fn added(seq: u64, user_id: UserId) -> StoredEvent {
        let added = MemberAdded {
            event_id: id('A'),
            conversation_id: id('A'),
            user_id,
            role: Role::Member,
            added_by: writer(),
            kind: ConversationKind::Group,
            title: None,
            at_ms: 0,
        };
        stored(seq, LogEvent::MemberAdded(added))
    }

    fn removed(seq: u64, user_id: UserId) -> StoredEvent {
        let removed = MemberRemoved { event_id: id('A'), conversation_id: id('A'), user_id, removed_by: writer(), at_ms: 0 };
        stored(seq, LogEvent::MemberRemoved(removed))
    }

    /// What the projection knows: each stay from, and to.
    fn known(reads: &[(u64, Option<u64>)], writes: &[(u64, Option<u64>)]) -> Stays {
        let stay = |user, stays: &[(u64, Option<u64>)]| -> Vec<Stay> {
            stays.iter().map(|(joined, left)| Stay { user, joined: Seq(*joined), left: left.map(Seq) }).collect()
        };
        let stays = [stay(reader(), reads), stay(writer(), writes)].concat();
        Stays::of(&[reader(), writer()], stays)
    }

    fn both_in() -> Stays {
        known(&[(1, None)], &[(1, None)])
    }

    fn empty() -> MessagePage {
        MessagePage { messages: Vec::new(), has_more: false }
    }

    fn page(seqs: std::ops::Range<u64>, has_more: bool) -> MessagePage {
        let all = joined(empty(), seqs.map(sent).collect(), known(&[(0, None)], &[(0, None)]), reader(), HistoryAnchor::Newest, 200);
        MessagePage { has_more, ..all }
    }

    fn seqs(page: &MessagePage) -> Vec<u64> {
        page.messages.iter().map(|message| message.seq.0).collect()
    }

    #[test]
    fn the_log_goes_on_where_the_projection_ends() {
        let go_on = |page, after, limit| {
            let whole = joined(page, vec![sent(5), sent(6)], both_in(), reader(), after, limit);
            (seqs(&whole), whole.has_more)
        };
        assert_eq!(go_on(page(3..5, false), HistoryAnchor::After(Seq(2)), 10), (vec![3, 4, 5, 6], false));
        assert_eq!(go_on(page(3..5, false), HistoryAnchor::After(Seq(2)), 3), (vec![3, 4, 5], true));
        assert_eq!(go_on(page(3..5, false), HistoryAnchor::Newest, 3), (vec![4, 5, 6], true));
        assert_eq!(go_on(page(3..5, true), HistoryAnchor::Newest, 4), (vec![3, 4, 5, 6], true));
        assert_eq!(go_on(page(3..6, false), HistoryAnchor::After(Seq(2)), 10).0, vec![3, 4, 5, 6], "twice");
    }

    /// Whoever is in it as decided, while the projection has no stay of theirs.
    #[test]
    fn nothing_from_before_joining_is_shown() {
        let shown = |reads, events| seqs(&joined(empty(), events, known(reads, &[(1, None)]), reader(), HistoryAnchor::Newest, 10));
        assert_eq!(shown(&[], vec![sent(5), sent(6)]), vec![0_u64; 0], "the joining event is on its way to the log");
        assert_eq!(shown(&[], vec![sent(5), added(6, reader()), sent(7)]), vec![7]);
        assert_eq!(shown(&[], vec![sent(5), added(6, writer()), sent(7)]), vec![0_u64; 0], "somebody else's joining");
        let members = [reader(), writer()].map(|user_id| InitialMember { user_id, role: Role::Member }).to_vec();
        let created = ConversationCreated {
            event_id: id('A'),
            conversation_id: id('A'),
            kind: ConversationKind::Group,
            title: None,
            created_by: writer(),
            members,
            at_ms: 0,
        };
        let begun = vec![stored(5, LogEvent::ConversationCreated(created)), sent(6)];
        assert_eq!(seqs(&joined(empty(), begun, known(&[], &[]), reader(), HistoryAnchor::Newest, 10)), vec![6]);
    }

    #[test]
    fn nothing_from_after_leaving_is_shown_and_of_two_stays_the_present_one() {
        let events = vec![sent(5), removed(6, reader()), sent(7)];
        let shown = joined(page(3..5, true), events.clone(), both_in(), reader(), HistoryAnchor::Newest, 10);
        assert_eq!((seqs(&shown), shown.has_more), (vec![], false), "as once it is projected");
        let back = [events, vec![added(8, reader()), sent(9)]].concat();
        let shown = joined(page(3..5, true), back.clone(), both_in(), reader(), HistoryAnchor::Newest, 10);
        assert_eq!((seqs(&shown), shown.has_more), (vec![9], false));
        // The projection has gone on to both before it was asked.
        let caught_up = known(&[(1, Some(6)), (8, None)], &[(1, None)]);
        assert_eq!(seqs(&joined(page(9..10, false), back, caught_up, reader(), HistoryAnchor::Newest, 10)), vec![9]);
    }

    #[test]
    fn what_somebody_sent_who_was_out_is_void() {
        let shown = |writes, events| seqs(&joined(empty(), events, known(&[(1, None)], writes), reader(), HistoryAnchor::Newest, 10));
        let events = vec![sent(5), removed(6, writer()), sent(7), added(8, writer()), sent(9)];
        assert_eq!(shown(&[(1, None)], events.clone()), vec![5, 9]);
        assert_eq!(shown(&[(1, Some(6)), (8, None)], events.clone()), vec![5, 9], "projected meanwhile");
        assert_eq!(shown(&[(1, Some(4))], events), vec![9]);
    }
}
