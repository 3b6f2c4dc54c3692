//! Read marks are told at once, then at most once in a while, the newest; and never back.

use relay_domain::ports::{Conversations as _, LogAddress, Outbox as _, ReadMarkNews as _};
use relay_protocol::log::LogEvent;
use relay_types::{ConversationId, Seq, UserId};

use crate::support::{Db, MemMessageLog, NOON_MS, SHARD, TestLog};

/// A group of ann's with ten messages.
async fn read_up() -> (Db, UserId, ConversationId) {
    let db = Db::fresh().await;
    let (ann, bob) = (db.user("ann").await, db.user("bob").await);
    let id = crate::support::conversation_id();
    for sql in [
        "INSERT INTO conversations (conversation_id, kind, title, shard, created_by, created_at) VALUES ($1, 'group', 'x', 0, $2, now())",
        "INSERT INTO members (conversation_id, user_id, role, added_at) VALUES ($1, $2, 'member', now())",
    ] {
        sqlx::query(sql).bind(id.to_uuid()).bind(ann.to_uuid()).execute(&db.raw).await.unwrap();
    }
    let mut log = TestLog::new();
    log.created(id, &[ann, bob]); // 1
    for n in 0..10 {
        log.sent(id, bob, &format!("k{n}")); // 2 to 11
    }
    db.project(&log).await;
    (db, ann, id)
}

async fn due(db: &Db) {
    sqlx::query("UPDATE read_mark_news SET due_at = now() - interval '1 second'").execute(&db.raw).await.unwrap();
}

/// The marks that were told, in order.
async fn told(db: &Db, ann: UserId) -> Vec<u64> {
    let log = MemMessageLog::default();
    db.store.flush(LogAddress::User { shard: SHARD, id: ann }, &log).await.unwrap();
    let mark = |event| if let LogEvent::ReadMarkMoved(moved) = event { Some(moved.read_seq.0) } else { None };
    log.appended().into_iter().filter_map(|(_, _, event)| mark(event)).collect()
}

#[tokio::test]
async fn read_mark_is_told_at_once_and_then_the_newest_when_its_time_has_come() {
    let (db, ann, id) = read_up().await;
    let address = LogAddress::User { shard: SHARD, id: ann };
    let first = db.store.mark_read(ann, id, Seq(3), NOON_MS, None).await.unwrap();
    assert_eq!((first.seq, first.touched), (Seq(3), Some(address)));
    for (seq, mark) in [(5, 5), (4, 5), (9, 9), (1, 9)] {
        let moved = db.store.mark_read(ann, id, Seq(seq), NOON_MS, None).await.unwrap();
        assert_eq!((moved.seq, moved.touched), (Seq(mark), None));
    }
    assert_eq!(told(&db, ann).await, [3]);
    let worker = db.as_role("relay_worker");
    assert_eq!(worker.tell_due(10).await.unwrap(), (Vec::new(), false), "not yet");
    due(&db).await;
    assert_eq!(worker.tell_due(10).await.unwrap(), (vec![address], false));
    assert_eq!(told(&db, ann).await, [9]);
    // The next one waits again.
    assert_eq!(db.store.mark_read(ann, id, Seq(10), NOON_MS, None).await.unwrap().touched, None);
    due(&db).await;
    // Once the time is over, the API tells it by itself.
    assert_eq!(db.store.mark_read(ann, id, Seq(11), NOON_MS, None).await.unwrap().touched, Some(address));
    assert_eq!(told(&db, ann).await, [11]);
    due(&db).await;
    assert_eq!(worker.tell_due(10).await.unwrap(), (Vec::new(), false));
    assert_eq!(db.count("SELECT count(*) FROM read_mark_news").await, 0, "nothing is left of it");
    // What does not move is not told, and nothing lies beyond the end.
    assert_eq!(db.store.mark_read(ann, id, Seq(99), NOON_MS, None).await.unwrap().touched, None);
    assert_eq!(db.count("SELECT count(*) FROM read_mark_news").await, 0);
}

#[tokio::test]
async fn read_mark_moved_from_many_places_at_once_is_told_in_order() {
    let (db, ann, id) = read_up().await;
    db.warm().await;
    let api = db.as_role("relay_api");
    futures::future::try_join_all((2..=11).map(|seq| api.mark_read(ann, id, Seq(seq), NOON_MS, None))).await.unwrap();
    due(&db).await;
    let both = futures::future::try_join_all([db.store.tell_due(10), db.store.tell_due(10)]).await.unwrap();
    let told = told(&db, ann).await;
    assert!(told.is_sorted_by(|a, b| a < b) && told.last() == Some(&11) && told.len() <= 2, "{told:?}, {both:?}");
}
