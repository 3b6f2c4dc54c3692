use relay_domain::ports::{Conversations as _, History as _, HistoryAnchor, HistoryError, NewConversation, Stay};
use relay_protocol::rest::MessagePage;
use relay_types::Seq;

use crate::support::{Db, NOON_MS, TestLog, conversation_id};

fn seqs(page: &MessagePage) -> Vec<u64> {
    page.messages.iter().map(|message| message.seq.0).collect()
}

#[tokio::test]
async fn pages_hang_on_either_end_and_begin_where_the_reader_joined() {
    let db = Db::fresh().await;
    let (ann, bob, eve) = (db.user("ann").await, db.user("bob").await, db.user("eve").await);
    let new = NewConversation::Group { title: "Lobby".parse().unwrap(), members: vec![bob], max_members: 9 };
    let id = db.store.create(conversation_id(), ann, &new, NOON_MS).await.unwrap().value.conversation.conversation_id;
    let read = async |reader, anchor, limit| db.store.messages(reader, id, anchor, limit).await;
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
    db.store.add_member(ann, id, eve, 9, NOON_MS).await.unwrap();
    db.project(&log).await;

    let newest = read(ann, HistoryAnchor::Newest, 3).await.unwrap();
    assert_eq!((seqs(&newest), newest.has_more), (vec![6, 8, 9], true));
    let before = read(ann, HistoryAnchor::Before(Seq(6)), 10).await.unwrap();
    assert_eq!((seqs(&before), before.has_more), (vec![2, 3, 4, 5], false));
    let after = read(ann, HistoryAnchor::After(Seq(3)), 2).await.unwrap();
    assert_eq!((seqs(&after), after.has_more), (vec![4, 5], true));
    assert_eq!(after.messages[0].prev, Some(Seq(3)));
    db.store.mark_read(bob, id, Seq(6)).await.unwrap();
    let unread = read(bob, HistoryAnchor::Unread, 10).await.unwrap();
    assert_eq!((seqs(&unread), unread.has_more), (vec![], false), "he wrote behind the rest, and so has read it");
    let unread = read(ann, HistoryAnchor::Unread, 10).await.unwrap();
    assert_eq!((seqs(&unread), unread.has_more), (vec![9], false));

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
    db.store.add_member(ann, id, eve, 9, NOON_MS).await.unwrap();
    db.project(&log).await;
    assert_eq!(seqs(&read(eve, HistoryAnchor::Newest, 10).await.unwrap()), [13], "nothing of the first time, nothing of between");
    let mut stays = db.store.stays(id, &[eve, bob]).await.unwrap();
    stays.sort_by_key(|stay| (stay.user != eve, stay.joined));
    let stay = |user, joined, left: Option<u64>| Stay { user, joined: Seq(joined), left: left.map(Seq) };
    assert_eq!(stays, [stay(eve, 7, Some(10)), stay(eve, 12, None), stay(bob, 1, None)]);
}
