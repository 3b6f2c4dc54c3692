//! Read marks are told at once, then at most once in a while, the newest; and never back.

use relay_domain::ports::{ConversationError, Conversations as _, ListPart, LogAddress, Outbox as _, ReadMarkNews as _};
use relay_protocol::log::LogEvent;
use relay_protocol::rest::ConversationListItem;
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

/// The marks and what is unread from where, as told.
async fn words(db: &Db, ann: UserId) -> Vec<(u64, Option<u64>)> {
    let log = MemMessageLog::default();
    db.store.flush(LogAddress::User { shard: SHARD, id: ann }, &log).await.unwrap();
    let word = |event| match event {
        LogEvent::ReadMarkMoved(moved) => Some((moved.read_seq.0, moved.unread_from.map(|seq| seq.0))),
        _ => None,
    };
    log.appended().into_iter().filter_map(|(_, _, event)| word(event)).collect()
}

async fn row(db: &Db, ann: UserId) -> ConversationListItem {
    db.as_role("relay_api").list(ann, ListPart::Accepted, None, 10).await.unwrap().items.remove(0)
}

#[tokio::test]
async fn what_is_marked_unread_counts_from_there_until_it_is_read_or_answered() {
    let db = Db::fresh().await;
    let (ann, bob) = (db.user("ann").await, db.user("bob").await);
    let id = crate::support::conversation_id();
    for (sql, user) in [
        (
            "INSERT INTO conversations (conversation_id, kind, title, shard, created_by, created_at, member_count) VALUES ($1, 'group', 'x', 0, $2, now(), 2)",
            ann,
        ),
        ("INSERT INTO members (conversation_id, user_id, role, added_at) VALUES ($1, $2, 'member', now())", ann),
        ("INSERT INTO members (conversation_id, user_id, role, added_at) VALUES ($1, $2, 'member', now())", bob),
    ] {
        sqlx::query(sql).bind(id.to_uuid()).bind(user.to_uuid()).execute(&db.raw).await.unwrap();
    }
    let mut log = TestLog::new();
    log.created(id, &[ann, bob]); // 1
    for n in 0..10 {
        log.sent(id, bob, &format!("k{n}")); // 2 to 11
    }
    db.project(&log).await;
    let api = db.as_role("relay_api");
    let marks = async || {
        let row = row(&db, ann).await;
        (row.unread_count, row.read_seq.0, row.unread_from.map(|seq| seq.0))
    };
    assert!(api.mark_read(ann, id, Seq(11), NOON_MS, None).await.unwrap().receipt.is_some());
    assert_eq!(words(&db, ann).await, [(11, None)]);
    assert_eq!(marks().await, (0, 11, None));

    api.mark_unread(ann, id, Seq(10), NOON_MS).await.unwrap();
    api.mark_unread(ann, id, Seq(10), NOON_MS).await.unwrap();
    assert_eq!(words(&db, ann).await, [(11, Some(10))], "once, and at once");
    assert_eq!(marks().await, (2, 11, Some(10)), "the read mark stays");
    // Nobody else is told: the mark did not move.
    assert_eq!(api.mark_read(ann, id, Seq(9), NOON_MS, None).await.unwrap().receipt, None);
    assert_eq!((marks().await, words(&db, ann).await), ((2, 11, Some(10)), vec![]), "what lies before it ends nothing");
    let read = api.mark_read(ann, id, Seq(10), NOON_MS, None).await.unwrap();
    assert_eq!((read.seq, read.receipt, read.touched.is_some()), (Seq(11), None, true));
    assert_eq!((marks().await, words(&db, ann).await), ((0, 11, None), vec![(11, None)]));

    // From the beginning of her stay on, and not beyond the end.
    api.mark_unread(ann, id, Seq(0), NOON_MS).await.unwrap();
    assert_eq!(marks().await, (10, 11, Some(2)));
    api.mark_unread(ann, id, Seq(u64::MAX), NOON_MS).await.unwrap();
    assert_eq!(marks().await, (1, 11, Some(11)));
    let verified = db.store.verify_unread(None, 10).await.unwrap();
    assert_eq!((verified.counts, verified.wrong, verified.next), (2, vec![], None));
    log.sent(id, ann, "answer"); // 12
    log.sent(id, bob, "thanks"); // 13
    db.project(&log).await;
    assert_eq!(marks().await, (1, 12, None));
    let eve = db.user("eve").await;
    assert!(matches!(api.mark_unread(eve, id, Seq(1), NOON_MS).await, Err(ConversationError::NotMember)));
}

#[tokio::test]
async fn unread_counts_that_went_by_something_wrong_are_found_and_repaired() {
    let (db, ann, id) = read_up().await;
    db.store.mark_read(ann, id, Seq(7), NOON_MS, None).await.unwrap();
    let found = async |db: &Db| {
        let page = db.store.verify_unread(None, 10).await.unwrap();
        (page.counts, page.wrong.iter().map(|wrong| (wrong.user, wrong.shown, wrong.found)).collect::<Vec<_>>())
    };
    assert_eq!(found(&db).await, (1, vec![]));
    let wrongs = [
        ("UPDATE conversation_heads SET message_seq = 6", 0, 4),
        ("UPDATE conversation_heads SET message_seq = NULL", 0, 4),
        ("UPDATE memberships SET sent_seq = 10", 1, 4),
        ("UPDATE members SET read_seq = 99", 0, 0),
    ];
    for (wrong, shown, proven) in wrongs {
        sqlx::query(wrong).execute(&db.raw).await.unwrap();
        let differs = if shown == proven { vec![] } else { vec![(ann, shown, proven)] };
        assert_eq!(found(&db).await, (1, differs), "{wrong}");
        assert_eq!(u64::from(row(&db, ann).await.unread_count), shown, "as her list says: {wrong}");
        db.store.repair_unread(&[id]).await.unwrap();
        assert_eq!(found(&db).await, (1, vec![]), "{wrong}");
        assert_eq!(u64::from(row(&db, ann).await.unread_count), proven, "{wrong}");
    }
    assert_eq!(row(&db, ann).await.read_seq, Seq(11), "not beyond the end");
    // What comes later goes on from there; a page at a time finds the same.
    assert_eq!(db.store.verify_unread(Some((id, ann)), 1).await.unwrap().counts, 0);
    assert_eq!(db.store.verify_unread(None, 1).await.unwrap().next, Some((id, ann)));
    db.store.repair_unread(&[]).await.unwrap();
}

#[tokio::test]
async fn a_repair_reads_a_conversation_before_the_persist_worker_has_to_wait() {
    let (db, ann, id) = read_up().await;
    sqlx::query("UPDATE memberships SET sent_seq = 10").execute(&db.raw).await.unwrap();
    let mut blocking = db.raw.begin().await.unwrap();
    sqlx::query("LOCK TABLE messages IN ACCESS EXCLUSIVE MODE").execute(&mut *blocking).await.unwrap();
    let project = async {
        let waits = "SELECT count(*) FROM pg_locks WHERE NOT granted
                     AND database = (SELECT oid FROM pg_database WHERE datname = current_database())";
        let begun = std::time::Instant::now();
        while db.count(waits).await == 0 {
            assert!(begun.elapsed() < std::time::Duration::from_secs(20), "the repair reads nothing");
            tokio::task::yield_now().await;
        }
        // As the worker does.
        sqlx::query("SELECT seq FROM watermarks FOR UPDATE NOWAIT").fetch_all(&db.raw).await.unwrap();
        blocking.rollback().await.unwrap();
    };
    let conversations = [id];
    let (repaired, ()) = tokio::join!(db.store.repair_unread(&conversations), project);
    repaired.unwrap();
    assert_eq!(db.store.verify_unread(None, 10).await.unwrap().wrong, vec![]);
    assert_eq!(row(&db, ann).await.unread_count, 10);
}
