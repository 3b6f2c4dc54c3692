//! Messages that the log has and the projection does not have yet.
//!
//! Usually the projection is some milliseconds behind, and a read waits for it. When it stays behind (its worker died and
//! another takes over, Postgres fails over), a page from it would look complete without being so. Then the rest is read from
//! the log, or the caller is told to come back.

mod fold;

use relay_domain::ports::HistoryAnchor;
use relay_protocol::ErrorCode;
use relay_protocol::rest::MessagePage;
use relay_types::{ConversationId, UserId};

use crate::deps::Deps;
use crate::error::ApiError;
use crate::read_your_writes::Behind;
use fold::Fold;

/// Events of one conversation that are read from the log at most; reading them costs the log a scan.
const MOST: usize = 2_000;
/// Of these so many at once: what a page does not show is let go before more is read.
const CHUNK: u32 = 100;
/// People whose comings and goings are remembered, for those who write later.
const MOST_MEMBERSHIP_CHANGES: usize = 20_000;

/// What was asked for.
pub(crate) struct Asked {
    pub reader: UserId,
    pub conversation: ConversationId,
    pub anchor: HistoryAnchor,
    pub limit: u16,
    pub changes: bool,
}

/// Completes a page that was read while the projection of the conversation's shard was behind.
pub(crate) async fn complete(deps: &Deps, asked: &Asked, behind: Behind, page: MessagePage) -> Result<MessagePage, ApiError> {
    let Asked { reader, conversation, anchor, .. } = *asked;
    // A page that goes on in the projection does not reach its end.
    if page.has_more && !matches!(anchor, HistoryAnchor::Newest) {
        return Ok(page);
    }
    // Where the unread begins, only the projection knows.
    let come_back = || ApiError::new(ErrorCode::Unavailable, "the newest messages cannot be read now");
    if matches!(anchor, HistoryAnchor::Unread) {
        return Err(come_back());
    }
    let Behind { shard, watermark, head } = behind;
    let mut fold = Fold::new(page, asked);
    let (mut reached, mut read) = (watermark, 0);
    loop {
        let events = deps.log_reader.read_since(shard, reader, &[conversation], reached, head, CHUNK).await.map_err(|_| come_back())?;
        read += events.len();
        let last = events.last().map(|event| event.seq).filter(|_| events.len() >= CHUNK as usize);
        // Asked after the page was read, and with an answer of the same moment or later.
        let people = fold.strangers(&events);
        let known = deps.history.member_intervals(conversation, &people).await?;
        fold.meet(&people, known);
        fold.take(events);
        match last {
            Some(_) if read >= MOST || fold.membership_changes() > MOST_MEMBERSHIP_CHANGES => return Err(come_back()),
            Some(last) => reached = last,
            None => return Ok(fold.page()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use relay_domain::ports::MemberInterval;
    use relay_protocol::conversation::{ConversationKind, Role};
    use relay_protocol::log::{
        ConversationCreated, InitialMember, LogEvent, MemberAdded, MemberRemoved, MessageEdited, MessageErased, MessageReacted,
        MessageSent, StoredEvent,
    };
    use relay_protocol::{MessageBody, ThreadRef};
    use relay_types::Seq;
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
        let owner = event.conversation().map(relay_protocol::EventOwner::Conversation);
        StoredEvent { shard: ShardId(0), seq: Seq(seq), owner, prev: None, stored_at_ms: 0, event, text: None }
    }

    fn sent(seq: u64) -> StoredEvent {
        let message = MessageSent {
            message_id: id('A'),
            conversation_id: id('A'),
            actor_id: writer(),
            client_id: "key".parse().unwrap(),
            at_ms: 0,
            body: MessageBody::Text { text: "x".parse().unwrap() },
            reply_to: None,
            thread: None,
        };
        stored(seq, LogEvent::MessageSent(message))
    }

    fn added(seq: u64, user_id: UserId) -> StoredEvent {
        let added = MemberAdded {
            event_id: id('A'),
            conversation_id: id('A'),
            user_id,
            role: Role::Member,
            actor_id: writer(),
            kind: ConversationKind::Group,
            title: None,
            at_ms: 0,
        };
        stored(seq, LogEvent::MemberAdded(added))
    }

    fn removed(seq: u64, user_id: UserId) -> StoredEvent {
        let removed = MemberRemoved { event_id: id('A'), conversation_id: id('A'), user_id, actor_id: writer(), at_ms: 0 };
        stored(seq, LogEvent::MemberRemoved(removed))
    }

    /// The page gone on with, which is the same in whatever portions the events come.
    #[expect(clippy::needless_pass_by_value, reason = "the tests give what they have no more use for")]
    fn joined(page: MessagePage, events: Vec<StoredEvent>, known: Vec<MemberInterval>, asked: &Asked) -> MessagePage {
        let pages = [1, 2, 100].map(|portion| {
            let mut fold = Fold::new(page.clone(), asked);
            let mut portions: Vec<&[StoredEvent]> = events.chunks(portion).collect();
            portions.push(&[]);
            for some in portions {
                let people = fold.strangers(some);
                let of_them = known.iter().filter(|interval| people.contains(&interval.user)).copied().collect();
                fold.meet(&people, of_them);
                fold.take(some.to_vec());
            }
            fold.page()
        });
        let [first, second, whole] = pages;
        for other in [first, second] {
            assert_eq!((other.messages, other.changes, other.has_more), (whole.messages.clone(), whole.changes.clone(), whole.has_more));
        }
        whole
    }

    /// What the projection knows: each interval from, and to.
    fn known(reads: &[(u64, Option<u64>)], writes: &[(u64, Option<u64>)]) -> Vec<MemberInterval> {
        let interval = |user, intervals: &[(u64, Option<u64>)]| -> Vec<MemberInterval> {
            intervals.iter().map(|(joined, left)| MemberInterval { user, joined: Seq(*joined), left: left.map(Seq) }).collect()
        };
        [interval(reader(), reads), interval(writer(), writes)].concat()
    }

    fn both_in() -> Vec<MemberInterval> {
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

    /// Whoever is in it as decided, while the projection has no interval of theirs.
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
            actor_id: writer(),
            members,
            at_ms: 0,
        };
        let begun = vec![stored(5, LogEvent::ConversationCreated(created)), sent(6)];
        assert_eq!(seqs(&joined(empty(), begun, known(&[], &[]), &asked(HistoryAnchor::Newest, 10))), vec![6]);
    }

    #[test]
    fn history_shows_only_the_present_membership() {
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
                actor_id: writer(),
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
            let changes: Vec<u64> = page.changes.iter().map(|change| change.seq.0).collect();
            (seqs(&page), changes, page.has_more)
        };
        assert_eq!(shown(HistoryAnchor::Newest, 10, true), (vec![2, 4], vec![1, 3], false));
        assert_eq!(shown(HistoryAnchor::Newest, 2, true), (vec![4], vec![3], true));
        assert_eq!(shown(HistoryAnchor::After(Seq::ZERO), 3, true), (vec![2], vec![1, 3], true));
        assert_eq!(shown(HistoryAnchor::Newest, 10, false), (vec![2, 4], vec![], false));
        let page = joined(empty(), log(), known(&[], &[]), &Asked { changes: true, ..asked(HistoryAnchor::Newest, 10) });
        let again = joined(page.clone(), log(), both_in(), &Asked { changes: true, ..asked(HistoryAnchor::Newest, 10) });
        assert_eq!((again.messages, again.changes), (page.messages, page.changes), "twice");
    }

    #[test]
    fn the_newest_edit_of_the_sender_shows() {
        let edited = |seq, editor, text: &str| {
            let edited = MessageEdited {
                event_id: id('A'),
                actor_id: editor,
                at_ms: 7,
                conversation_id: id('A'),
                client_id: "key".parse().unwrap(),
                message_id: id('A'),
                message_seq: Seq(2),
                body: MessageBody::Text { text: text.parse().unwrap() },
            };
            stored(seq, LogEvent::MessageEdited(edited))
        };
        let log = vec![
            sent(2),
            edited(3, writer(), "first"),
            edited(4, writer(), "second"),
            edited(5, reader(), "forged"),
            removed(6, writer()),
            edited(7, writer(), "void"),
        ];
        let both = known(&[(1, None)], &[(1, None)]);
        let page = joined(empty(), log.clone(), both.clone(), &asked(HistoryAnchor::Newest, 10));
        let shown = |page: &MessagePage| {
            let message = page.messages.first().unwrap();
            (message.body.text().unwrap().as_str().to_owned(), message.edited_seq, message.edited_at_ms)
        };
        assert_eq!((page.messages.len(), shown(&page)), (1, ("second".to_owned(), Some(Seq(4)), Some(7))));
        // The projection may have gone on meanwhile.
        let again = joined(page, log[..2].to_vec(), both, &asked(HistoryAnchor::Newest, 10));
        assert_eq!(shown(&again).1, Some(Seq(4)));
    }

    #[test]
    fn what_is_said_in_a_thread_counts_at_its_root_and_shows_nowhere_else() {
        let thread = Some(ThreadRef { message_id: id('A'), seq: Seq(2), sender_id: writer() });
        let under = |seq| {
            let LogEvent::MessageSent(message) = sent(seq).event else { unreachable!("a message") };
            stored(seq, LogEvent::MessageSent(MessageSent { message_id: id('B'), thread, ..message }))
        };
        let erased = MessageErased {
            event_id: id('C'),
            actor_id: None,
            actor_client_id: None,
            at_ms: 0,
            conversation_id: id('A'),
            message_id: id('B'),
            message_seq: Seq(3),
            message_prev: None,
            sender_id: writer(),
            client_id: "key".parse().unwrap(),
            sent_at_ms: 0,
            stored_at_ms: 0,
            thread,
        };
        let log = vec![sent(2), under(3), under(4), stored(5, LogEvent::MessageErased(erased)), removed(6, writer()), under(7)];
        let shown = joined(empty(), log, known(&[(1, None)], &[(1, None)]), &asked(HistoryAnchor::Newest, 10));
        let replies = shown.messages[0].replies.clone().unwrap();
        assert_eq!((seqs(&shown), replies.count, replies.last_seq, replies.upto_seq), (vec![2], 1, Seq(4), Seq(5)));
    }

    #[test]
    fn the_newest_that_each_person_said_with_an_emoji_shows() {
        let reacted = |seq, actor_id, emoji: &str, on| {
            let reacted = MessageReacted {
                event_id: id('A'),
                actor_id,
                at_ms: 7,
                conversation_id: id('A'),
                client_id: "key".parse().unwrap(),
                message_id: id('A'),
                message_seq: Seq(2),
                emoji: emoji.parse().unwrap(),
                on,
            };
            stored(seq, LogEvent::MessageReacted(reacted))
        };
        let log = vec![
            sent(2),
            reacted(3, writer(), "👍", true),
            reacted(4, reader(), "👍", true),
            reacted(5, writer(), "🎉", true),
            reacted(6, writer(), "👍", false),
            reacted(7, reader(), "👍", true),
            removed(8, writer()),
            reacted(9, writer(), "🎉", false),
        ];
        let both = known(&[(1, None)], &[(1, None)]);
        let page = joined(empty(), log.clone(), both.clone(), &asked(HistoryAnchor::Newest, 10));
        let shown = |page: &MessagePage| {
            let message = page.messages.first().unwrap();
            let kinds = message.reactions.iter().map(|kind| (kind.emoji.to_string(), kind.count, kind.mine, kind.by.clone()));
            (kinds.collect::<Vec<_>>(), message.reacted_seq)
        };
        let expected = (vec![("👍".to_owned(), 1, true, vec![reader()]), ("🎉".to_owned(), 1, false, vec![writer()])], Some(Seq(7)));
        assert_eq!(shown(&page), expected);
        // The projection may have gone on meanwhile.
        assert_eq!(shown(&joined(page, log[..4].to_vec(), both, &asked(HistoryAnchor::Newest, 10))), expected);
    }

    #[test]
    fn what_passes_by_is_not_held() {
        for (anchor, shown) in [(HistoryAnchor::Newest, 1_951..=2_000), (HistoryAnchor::After(Seq::ZERO), 1..=50)] {
            let mut fold = Fold::new(empty(), &asked(anchor, 50));
            fold.meet(&[reader(), writer()], known(&[(0, None)], &[(0, None)]));
            for first in (1..2_000).step_by(100) {
                fold.take((first..first + 100).map(sent).collect());
                assert!(fold.held().0 <= 50, "{:?}", fold.held());
            }
            let page = fold.page();
            assert_eq!((seqs(&page), page.has_more), (shown.collect(), true));
        }
        // Long texts: fewer fit.
        let long = |seq| {
            let mut event = sent(seq);
            if let LogEvent::MessageSent(sent) = &mut event.event {
                sent.body = MessageBody::Text { text: "x".repeat(16_000).parse().unwrap() };
            }
            event
        };
        for anchor in [HistoryAnchor::Newest, HistoryAnchor::After(Seq::ZERO)] {
            let mut fold = Fold::new(empty(), &asked(anchor, 200));
            fold.meet(&[reader(), writer()], known(&[(0, None)], &[(0, None)]));
            for first in (1..1_000).step_by(100) {
                fold.take((first..first + 100).map(long).collect());
                assert!(fold.held().1 <= (1 << 20) + 20_000, "{:?}", fold.held());
            }
            let page = fold.page();
            assert!((60..70).contains(&page.messages.len()) && page.has_more, "{}", page.messages.len());
        }
    }

    /// Whoever came in portions before they write: the projection knows nothing of them.
    #[test]
    fn somebody_who_came_long_before_they_wrote_is_heard() {
        let events: Vec<StoredEvent> = std::iter::once(added(5, writer())).chain((6..300).map(|seq| added(seq, id('X')))).collect();
        let page = joined(empty(), [events, vec![sent(300)]].concat(), known(&[(1, None)], &[]), &asked(HistoryAnchor::Newest, 10));
        assert_eq!(seqs(&page), [300]);
    }
}
