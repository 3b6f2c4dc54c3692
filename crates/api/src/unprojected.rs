//! Messages that the log has and the projection does not have yet.
//!
//! Usually the projection is some milliseconds behind, and a read waits for it. When it stays behind (its worker died and
//! another takes over, Postgres fails over), a page from it would look complete without being so. Then the rest is read from
//! the log, or the caller is told to come back.

use std::collections::BTreeSet;

use relay_domain::ports::HistoryAnchor;
use relay_protocol::log::{LogEvent, StoredEvent};
use relay_protocol::rest::{HistoryChange, MessagePage};
use relay_protocol::{ErrorCode, ServerFrame};
use relay_types::{ConversationId, Seq, UserId};

use crate::deps::Deps;
use crate::freshness::Behind;
use crate::refusal::Refusal;
use crate::stays::Stays;

/// Events of one conversation that are read from the log at most; reading them costs the log a scan.
const MOST: u32 = 2_000;
/// Bodies of a page, as JSON; as in the projection.
const PAGE_BYTES: usize = 1 << 20;

/// What was asked for.
pub(crate) struct Asked {
    pub reader: UserId,
    pub conversation: ConversationId,
    pub anchor: HistoryAnchor,
    pub limit: u16,
    pub changes: bool,
}

/// Completes a page that was read while the projection of the conversation's shard was behind.
pub(crate) async fn complete(deps: &Deps, asked: &Asked, behind: Behind, page: MessagePage) -> Result<MessagePage, Refusal> {
    let Asked { reader, conversation, anchor, .. } = *asked;
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
    Ok(joined(page, events, stays, asked))
}

const fn sender(event: &StoredEvent) -> Option<UserId> {
    if let LogEvent::MessageSent(sent) = &event.event { Some(sent.sender_id) } else { None }
}

/// An entry of a page, with its place.
type Entry = (Seq, ServerFrame);

/// The page, and behind it what the reader may see of `events`: what follows the event that began their present stay, by people
/// who were in the conversation when the log took it.
fn joined(page: MessagePage, events: Vec<StoredEvent>, mut stays: Stays, asked: &Asked) -> MessagePage {
    let begin = if let HistoryAnchor::After(after) = asked.anchor { after } else { Seq::ZERO };
    let mut has_more = page.has_more;
    let mut entries = entries_of(page);
    // The projection may have gone on between its watermark and the page.
    let after = entries.last().map_or(begin, |(seq, _)| *seq);
    for event in events {
        stays.apply(event.seq, &event.event);
        let shown = match &event.event {
            LogEvent::MessageSent(sent) => stays.inside(sent.sender_id, event.seq),
            _ => asked.changes,
        };
        if shown && event.seq > after {
            entries.extend(ServerFrame::from_log(&event).map(|frame| (event.seq, frame)));
        }
    }
    let nothing = || MessagePage { messages: Vec::new(), changes: Vec::new(), has_more: false };
    // Whoever has left again, or has not come in yet as far as the log says, sees nothing, as once all of it is projected.
    let Some(began) = stays.present(asked.reader) else { return nothing() };
    let before = entries.len();
    entries.retain(|(seq, _)| *seq >= began);
    // What is older was of an earlier stay.
    has_more &= entries.len() == before;
    let over = entries.len().saturating_sub(usize::from(asked.limit));
    if over > 0 {
        has_more = true;
        if matches!(asked.anchor, HistoryAnchor::Newest) {
            entries.drain(..over);
        } else {
            entries.truncate(usize::from(asked.limit));
        }
    }
    let newest = matches!(asked.anchor, HistoryAnchor::Newest);
    let fitting = if newest { fitting(entries.iter().rev()) } else { fitting(entries.iter()) };
    has_more |= fitting < entries.len();
    if newest {
        entries.drain(..entries.len() - fitting);
    } else {
        entries.truncate(fitting);
    }
    let mut page = MessagePage { has_more, ..nothing() };
    for (_, frame) in entries {
        match frame {
            ServerFrame::NewMessage(message) => page.messages.push(message),
            frame => page.changes.extend(HistoryChange::of(frame)),
        }
    }
    page
}

/// Messages and changes in one order.
fn entries_of(page: MessagePage) -> Vec<Entry> {
    let messages = page.messages.into_iter().map(|message| (message.seq, ServerFrame::NewMessage(message)));
    let changes = page.changes.into_iter().filter_map(|change| Some((change.seq()?, change.into_frame()?)));
    let mut entries: Vec<Entry> = messages.chain(changes).collect();
    entries.sort_by_key(|(seq, _)| *seq);
    entries
}

/// How many of the entries a page takes.
fn fitting<'a>(entries: impl Iterator<Item = &'a Entry>) -> usize {
    let mut bytes = 0;
    entries
        .take_while(|(_, frame)| {
            let fits = bytes < PAGE_BYTES;
            bytes += match frame {
                ServerFrame::NewMessage(message) => message.body.encoded_len(),
                frame => frame.encode().len(),
            };
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
        MessagePage { messages: Vec::new(), changes: Vec::new(), has_more: false }
    }

    fn asked(anchor: HistoryAnchor, limit: u16) -> Asked {
        Asked { reader: reader(), conversation: id('A'), anchor, limit, changes: false }
    }

    fn page(seqs: std::ops::Range<u64>, has_more: bool) -> MessagePage {
        let all = joined(empty(), seqs.map(sent).collect(), known(&[(0, None)], &[(0, None)]), &asked(HistoryAnchor::Newest, 200));
        MessagePage { has_more, ..all }
    }

    fn seqs(page: &MessagePage) -> Vec<u64> {
        page.messages.iter().map(|message| message.seq.0).collect()
    }

    #[test]
    fn the_log_goes_on_where_the_projection_ends() {
        let go_on = |page, after, limit| {
            let whole = joined(page, vec![sent(5), sent(6)], both_in(), &asked(after, limit));
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
        let shown = |reads, events| seqs(&joined(empty(), events, known(reads, &[(1, None)]), &asked(HistoryAnchor::Newest, 10)));
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
        assert_eq!(seqs(&joined(empty(), begun, known(&[], &[]), &asked(HistoryAnchor::Newest, 10))), vec![6]);
    }

    #[test]
    fn nothing_from_after_leaving_is_shown_and_of_two_stays_the_present_one() {
        let events = vec![sent(5), removed(6, reader()), sent(7)];
        let shown = joined(page(3..5, true), events.clone(), both_in(), &asked(HistoryAnchor::Newest, 10));
        assert_eq!((seqs(&shown), shown.has_more), (vec![], false), "as once it is projected");
        let back = [events, vec![added(8, reader()), sent(9)]].concat();
        let shown = joined(page(3..5, true), back.clone(), both_in(), &asked(HistoryAnchor::Newest, 10));
        assert_eq!((seqs(&shown), shown.has_more), (vec![9], false));
        // The projection has gone on to both before it was asked.
        let caught_up = known(&[(1, Some(6)), (8, None)], &[(1, None)]);
        assert_eq!(seqs(&joined(page(9..10, false), back, caught_up, &asked(HistoryAnchor::Newest, 10))), vec![9]);
    }

    #[test]
    fn what_somebody_sent_who_was_out_is_void() {
        let shown = |writes, events| seqs(&joined(empty(), events, known(&[(1, None)], writes), &asked(HistoryAnchor::Newest, 10)));
        let events = vec![sent(5), removed(6, writer()), sent(7), added(8, writer()), sent(9)];
        assert_eq!(shown(&[(1, None)], events.clone()), vec![5, 9]);
        assert_eq!(shown(&[(1, Some(6)), (8, None)], events.clone()), vec![5, 9], "projected meanwhile");
        assert_eq!(shown(&[(1, Some(4))], events), vec![9]);
    }

    #[test]
    fn changes_stand_between_messages_and_count() {
        let begun = stored(
            1,
            LogEvent::ConversationCreated(ConversationCreated {
                event_id: id('A'),
                conversation_id: id('A'),
                kind: ConversationKind::Group,
                title: None,
                created_by: writer(),
                members: vec![
                    InitialMember { user_id: reader(), role: Role::Member },
                    InitialMember { user_id: writer(), role: Role::Owner },
                ],
                at_ms: 0,
            }),
        );
        let log = || vec![begun.clone(), sent(2), added(3, id('X')), sent(4)];
        let shown = |anchor, limit, changes| {
            let page = joined(empty(), log(), known(&[], &[]), &Asked { changes, ..asked(anchor, limit) });
            let places: Vec<u64> = page.changes.iter().filter_map(HistoryChange::seq).map(|seq| seq.0).collect();
            (seqs(&page), places, page.has_more)
        };
        assert_eq!(shown(HistoryAnchor::Newest, 10, true), (vec![2, 4], vec![1, 3], false));
        assert_eq!(shown(HistoryAnchor::Newest, 2, true), (vec![4], vec![3], true));
        assert_eq!(shown(HistoryAnchor::After(Seq::ZERO), 3, true), (vec![2], vec![1, 3], true));
        assert_eq!(shown(HistoryAnchor::Newest, 10, false), (vec![2, 4], vec![], false));
        let page = joined(empty(), log(), known(&[], &[]), &Asked { changes: true, ..asked(HistoryAnchor::Newest, 10) });
        let again = joined(page.clone(), log(), both_in(), &Asked { changes: true, ..asked(HistoryAnchor::Newest, 10) });
        assert_eq!((again.messages, again.changes), (page.messages, page.changes), "twice");
    }
}
