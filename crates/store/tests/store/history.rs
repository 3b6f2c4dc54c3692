use relay_domain::ports::{Conversations as _, History as _, HistoryAnchor, HistoryError, ListPart, MemberInterval, NewConversation};
use relay_protocol::rest::MessagePage;
use relay_types::Seq;

use crate::support::{Db, LIMITS, NOON_MS, TestLog, conversation_id};

fn seqs(page: &MessagePage) -> Vec<u64> {
    page.messages.iter().map(|message| message.seq.0).collect()
}

#[tokio::test]
async fn pages_hang_on_either_end_and_begin_where_the_reader_joined() {
    let db = Db::fresh().await;
    let (ann, bob, eve) = (db.user("ann").await, db.user("bob").await, db.user("eve").await);
    let new = NewConversation::Group { title: "Lobby".parse().unwrap(), members: vec![bob], client_key: None };
    let created = db.acquainted(&[ann, bob], db.store.create(conversation_id(), ann, &new, LIMITS, NOON_MS)).await;
    let id = created.unwrap().value.conversation.conversation_id;
    let read = async |reader, anchor, limit| db.store.messages(reader, id, anchor, limit, false).await;
    let nothing_yet = read(ann, HistoryAnchor::Newest, 10).await.unwrap();
    assert!(nothing_yet.messages.is_empty() && !nothing_yet.has_more, "a member whom the projection does not know yet");

    let mut log = TestLog::new();
    log.created(id, &[ann, bob]); // 1
    for n in 2..=6 {
        log.sent(id, ann, &format!("k{n}")); // 2 to 6
    }
    log.added(id, eve); // 7
    log.sent(id, ann, "k8"); // 8
    log.sent(id, bob, "k9"); // 9
    db.acquainted(&[ann, eve], db.store.add_members(ann, id, &[eve], LIMITS, NOON_MS)).await.unwrap();
    db.project(&log).await;

    let newest = read(ann, HistoryAnchor::Newest, 3).await.unwrap();
    assert_eq!((seqs(&newest), newest.has_more), (vec![6, 8, 9], true));
    let before = read(ann, HistoryAnchor::Before(Seq(6)), 10).await.unwrap();
    assert_eq!((seqs(&before), before.has_more), (vec![2, 3, 4, 5], false));
    let after = read(ann, HistoryAnchor::After(Seq(3)), 2).await.unwrap();
    assert_eq!((seqs(&after), after.has_more), (vec![4, 5], true));
    assert_eq!(after.messages[0].prev, Some(Seq(3)));
    db.store.mark_read(bob, id, Seq(6), NOON_MS, None).await.unwrap();
    let unread = read(bob, HistoryAnchor::Unread, 10).await.unwrap();
    assert_eq!((seqs(&unread), unread.has_more), (vec![], false), "he wrote behind the rest, and so has read it");
    let unread = read(ann, HistoryAnchor::Unread, 10).await.unwrap();
    assert_eq!((seqs(&unread), unread.has_more), (vec![9], false));

    // With what happened to the conversation, which counts as messages do.
    let with_changes = async |reader, anchor, limit| db.store.messages(reader, id, anchor, limit, true).await.unwrap();
    let changed = |page: &MessagePage| page.changes.iter().map(|change| change.seq.0).collect::<Vec<_>>();
    let newest = with_changes(ann, HistoryAnchor::Newest, 3).await;
    assert_eq!((seqs(&newest), changed(&newest), newest.has_more), (vec![8, 9], vec![7], true));
    let oldest = with_changes(ann, HistoryAnchor::After(Seq::ZERO), 3).await;
    assert_eq!((seqs(&oldest), changed(&oldest), oldest.has_more), (vec![2, 3], vec![1], true));
    assert_eq!(changed(&with_changes(eve, HistoryAnchor::Newest, 10).await), [7], "one's own joining is the first thing seen");

    // Eve sees what followed her joining, whichever way she asks.
    for anchor in [HistoryAnchor::Newest, HistoryAnchor::Before(Seq(u64::MAX)), HistoryAnchor::After(Seq::ZERO), HistoryAnchor::Unread] {
        assert_eq!(seqs(&read(eve, anchor, 10).await.unwrap()), [8, 9], "{anchor:?}");
    }
    log.removed(id, eve); // 10
    db.store.remove_member(ann, id, eve, NOON_MS).await.unwrap();
    assert!(matches!(read(eve, HistoryAnchor::Newest, 10).await, Err(HistoryError::NotMember)), "as decided, before the log says so");
    log.sent(id, ann, "k11"); // 11
    log.added(id, eve); // 12
    log.sent(id, ann, "k13"); // 13
    db.acquainted(&[ann, eve], db.store.add_members(ann, id, &[eve], LIMITS, NOON_MS)).await.unwrap();
    db.project(&log).await;
    assert_eq!(seqs(&read(eve, HistoryAnchor::Newest, 10).await.unwrap()), [13], "nothing of the first time, nothing of between");
    let mut intervals = db.store.member_intervals(id, &[eve, bob]).await.unwrap();
    intervals.sort_by_key(|interval| (interval.user != eve, interval.joined));
    let interval = |user, joined, left: Option<u64>| MemberInterval { user, joined: Seq(joined), left: left.map(Seq) };
    assert_eq!(intervals, [interval(eve, 7, Some(10)), interval(eve, 12, None), interval(bob, 1, None)]);
}

/// Failed before: 200 such messages were one page of 19.7 MB.
#[tokio::test]
async fn a_page_ends_with_its_bytes_and_the_next_one_goes_on_there() {
    let db = Db::fresh().await;
    let (ann, bob) = (db.user("ann").await, db.user("bob").await);
    let new = NewConversation::Group { title: "Lobby".parse().unwrap(), members: vec![bob], client_key: None };
    let created = db.acquainted(&[ann, bob], db.store.create(conversation_id(), ann, &new, LIMITS, NOON_MS)).await;
    let id = created.unwrap().value.conversation.conversation_id;
    let mut log = TestLog::new();
    log.created(id, &[ann, bob]);
    for n in 0..30 {
        log.sent_escapes(id, ann, &format!("k{n}"));
    }
    db.project(&log).await;
    let all: Vec<u64> = (2..=31).collect();
    let encoded = |page: &MessagePage| serde_json::to_string(page).unwrap().len();

    let (mut older, mut anchor, mut pages) = (Vec::new(), HistoryAnchor::Newest, 0);
    loop {
        let page = db.store.messages(bob, id, anchor, 200, false).await.unwrap();
        assert!(!page.messages.is_empty() && encoded(&page) < 1_200_000, "{} bytes", encoded(&page));
        older.splice(0..0, seqs(&page));
        anchor = HistoryAnchor::Before(page.messages[0].seq);
        pages += 1;
        if !page.has_more {
            break;
        }
    }
    assert_eq!((older, pages), (all.clone(), 3));

    let (mut newer, mut after) = (Vec::new(), Seq::ZERO);
    loop {
        let page = db.store.messages(bob, id, HistoryAnchor::After(after), 200, false).await.unwrap();
        assert!(encoded(&page) < 1_200_000, "{} bytes", encoded(&page));
        newer.extend(seqs(&page));
        after = page.messages.last().unwrap().seq;
        if !page.has_more {
            break;
        }
    }
    assert_eq!(newer, all);

    let item = db.store.list(bob, ListPart::Accepted, None, 10).await.unwrap().items.remove(0);
    let last = item.last_message.unwrap();
    assert!(item.last_message_cut && last.body.encoded_len() < 2_000, "a list shows the beginning: {} bytes", last.body.encoded_len());
    log.sent(id, ann, "short");
    db.project(&log).await;
    let item = db.store.list(bob, ListPart::Accepted, None, 10).await.unwrap().items.remove(0);
    assert!(!item.last_message_cut);
    assert_eq!(
        item.last_message.unwrap().body,
        db.store.messages(bob, id, HistoryAnchor::Newest, 1, false).await.unwrap().messages[0].body
    );
}

/// Small messages, more than are asked for at once.
#[tokio::test]
async fn a_long_page_of_short_messages_is_whole() {
    let db = Db::fresh().await;
    let ann = db.user("ann").await;
    let new = NewConversation::Group { title: "Lobby".parse().unwrap(), members: vec![], client_key: None };
    let id = db.store.create(conversation_id(), ann, &new, LIMITS, NOON_MS).await.unwrap().value.conversation.conversation_id;
    let mut log = TestLog::new();
    log.created(id, &[ann]);
    for n in 0..200 {
        log.sent(id, ann, &format!("k{n}"));
    }
    db.project(&log).await;
    for (limit, more) in [(63, true), (64, true), (65, true), (199, true), (200, false)] {
        let newest = db.store.messages(ann, id, HistoryAnchor::Newest, limit, false).await.unwrap();
        let first = 202 - u64::from(limit);
        assert_eq!((seqs(&newest), newest.has_more), ((first..=201).collect::<Vec<_>>(), more), "{limit}");
        let oldest = db.store.messages(ann, id, HistoryAnchor::After(Seq(1)), limit, false).await.unwrap();
        assert_eq!((seqs(&oldest), oldest.has_more), ((2..2 + u64::from(limit)).collect::<Vec<_>>(), more), "{limit}");
    }
}
