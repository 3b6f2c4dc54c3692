//! Events on users' own subjects: kept as they came, in a chain per user and shard, for as long as a position may be old.

use std::collections::BTreeMap;
use std::time::Duration;

use relay_domain::ports::{
    AuditedProjection as _, EventRange, Maintenance as _, MaintenanceTask, OwnHead, Projection as _, ResumeStore as _,
};
use relay_protocol::log::{EventOwner, LogEvent, StoredEvent, UserRegistered};
use relay_types::{Seq, UserId};

use crate::support::{Db, EPOCH, NOON_MS, SHARD, TestLog, conversation_id, event_id, read, session_id, user_id};

fn all_of(user: UserId) -> EventRange {
    EventRange { owner: EventOwner::User(user), after: Seq::ZERO, upto: Seq(1_000_000) }
}

async fn events(db: &Db, user: UserId) -> Vec<StoredEvent> {
    db.store.events(SHARD, &[all_of(user)], 1_000, u32::MAX).await.unwrap().events.into_iter().map(read).collect()
}

async fn prevs(db: &Db, user: UserId) -> Vec<(u64, Option<u64>)> {
    events(db, user).await.iter().map(|event| (event.seq.0, event.prev.map(|prev| prev.0))).collect()
}

async fn head(db: &Db, user: UserId) -> Option<OwnHead> {
    db.join_snapshot(user, session_id(), &BTreeMap::new()).await.unwrap().own.get(&SHARD).copied()
}

fn registered(log: &mut TestLog, user: UserId) {
    log.push(LogEvent::UserRegistered(UserRegistered { event_id: event_id(), actor_id: Some(user), at_ms: NOON_MS, user_id: user }));
}

#[tokio::test]
async fn own_events_are_chained_per_user_however_the_log_is_cut() {
    let (ann, bob, lobby) = (user_id(), user_id(), conversation_id());
    let mut log = TestLog::new();
    registered(&mut log, ann); // 1
    log.created(lobby, &[ann, bob]); // 2
    log.personal(ann, lobby); // 3
    log.personal(bob, lobby); // 4
    log.sent(lobby, ann, "a"); // 5
    log.personal(ann, lobby); // 6
    log.personal(bob, lobby); // 7
    for cut in 0..=7 {
        let db = Db::fresh().await;
        let (one, two) = log.events.split_at(cut);
        db.store.project(SHARD, EPOCH, Seq::ZERO, Seq(cut as u64), one).await.unwrap();
        db.store.project(SHARD, EPOCH, Seq(cut as u64), log.head(), two).await.unwrap();
        // Delivered again, as a whole and in part.
        db.store.project(SHARD, EPOCH, Seq::ZERO, log.head(), &log.events).await.unwrap();
        db.store.project(SHARD, EPOCH, Seq(2), log.head(), &log.after(Seq(2))).await.unwrap();
        assert_eq!(prevs(&db, ann).await, [(1, Some(0)), (3, Some(1)), (6, Some(3))], "cut at {cut}");
        assert_eq!(prevs(&db, bob).await, [(4, None), (7, Some(4))], "cut at {cut}");
        assert_eq!(db.count("SELECT count(*) FROM user_events").await, 5);
        assert_eq!(head(&db, ann).await, Some(OwnHead { last: Seq(6), certain: true }));
        assert_eq!(head(&db, bob).await, Some(OwnHead { last: Seq(7), certain: true }));
        assert_eq!(head(&db, user_id()).await, None);
    }
}

#[tokio::test]
async fn own_event_of_a_newer_version_is_stored_as_it_came() {
    let db = Db::fresh().await;
    let (ann, lobby) = (user_id(), conversation_id());
    let json = format!(r#"{{"v":9,"type":"FROM_THE_FUTURE","at_ms":7,"user_id":"{ann}","conversation_id":"{lobby}","x":[1.50]}}"#);
    let mut log = TestLog::new();
    log.publish(EventOwner::User(ann), &json);
    log.publish(EventOwner::User(ann), r#"{"type":"BARE"}"#);
    db.project(&log).await;
    let read = events(&db, ann).await;
    assert_eq!(read.len(), 2);
    for (read, logged) in read.iter().zip(&log.events) {
        let json = |event: &LogEvent| serde_json::to_value(event).unwrap();
        assert_eq!((json(&read.event), read.owner), (json(&logged.event), logged.owner));
    }
}

#[tokio::test]
async fn own_events_and_conversations_are_found_and_read_as_one_list() {
    let db = Db::fresh().await;
    let (ann, bob, lobby) = (user_id(), user_id(), conversation_id());
    let mut log = TestLog::new();
    log.created(lobby, &[ann, bob]); // 1
    for n in 0..20 {
        log.personal(ann, lobby);
        log.sent(lobby, bob, &format!("k{n}"));
        log.personal(bob, lobby);
    }
    db.project(&log).await;
    let upto = log.head();
    let ranges =
        [all_of(ann), EventRange { owner: EventOwner::Conversation(lobby), after: Seq(1), upto }].map(|range| EventRange { upto, ..range });
    let wanted: Vec<(u64, u32)> = (0..20).flat_map(|n| [(2 + 3 * n, 0), (3 + 3 * n, 1)]).collect();
    let found = db.store.find_events(SHARD, &ranges, 40).await.unwrap().unwrap();
    assert_eq!(found.iter().map(|found| (found.seq.0, found.range)).collect::<Vec<_>>(), wanted);
    assert!(db.store.find_events(SHARD, &ranges, 39).await.unwrap().is_none(), "more than asked for");
    assert!(db.store.find_events(SHARD, &ranges[..1], 19).await.unwrap().is_none());
    // In pages of every size and weight, nothing is left out and nothing comes twice.
    for (limit, bytes) in [(1, u32::MAX), (7, u32::MAX), (1_000, 1), (1_000, 300), (9, 700)] {
        let (mut seen, mut after) = (Vec::new(), Seq::ZERO);
        loop {
            let left = ranges.map(|range| EventRange { after: range.after.max(after), ..range });
            let page = db.store.events(SHARD, &left, limit, bytes).await.unwrap().events;
            assert!(page.len() <= limit as usize);
            let Some(last) = page.last() else { break };
            after = last.seq;
            seen.extend(page.iter().map(|event| event.seq.0));
        }
        assert_eq!(seen, wanted.iter().map(|(seq, _)| *seq).collect::<Vec<_>>(), "{limit} events, {bytes} bytes");
    }
    let another_shard = relay_types::ShardId(7);
    assert!(db.store.events(another_shard, &[all_of(ann)], 10, u32::MAX).await.unwrap().events.is_empty());
}

/// An old worker moves the watermark and writes none of these.
#[tokio::test]
async fn heads_of_before_a_worker_that_kept_none_are_not_believed() {
    let db = Db::fresh().await;
    let (ann, lobby) = (user_id(), conversation_id());
    let mut log = TestLog::new();
    registered(&mut log, ann); // 1
    log.personal(ann, lobby); // 2
    db.project(&log).await;
    log.personal(ann, lobby); // 3
    sqlx::query("UPDATE watermarks SET seq = 3").execute(&db.raw).await.unwrap();
    assert_eq!(head(&db, ann).await, Some(OwnHead { last: Seq(2), certain: false }));
    log.personal(ann, lobby); // 4
    log.personal(ann, lobby); // 5
    db.project(&log).await;
    assert_eq!(prevs(&db, ann).await, [(1, Some(0)), (2, Some(1)), (4, None), (5, Some(4))]);
    assert_eq!(head(&db, ann).await, Some(OwnHead { last: Seq(5), certain: true }));
    // What the audit finds missing goes between the others.
    let missing = log.event_at(Seq(3)).clone();
    assert_eq!(db.store.repair(SHARD, std::slice::from_ref(&missing)).await.unwrap(), 1);
    assert_eq!(db.store.repair(SHARD, &[missing]).await.unwrap(), 0);
    assert_eq!(prevs(&db, ann).await, [(1, Some(0)), (2, Some(1)), (3, Some(2)), (4, Some(3)), (5, Some(4))]);
}

#[tokio::test]
async fn days_of_own_events_that_ran_out_are_dropped_one_by_one() {
    let db = Db::fresh().await;
    for sql in [
        "SELECT ensure_user_event_partitions(now() - interval '40 days', 41)",
        "INSERT INTO user_events SELECT gen_random_uuid(), 0, n, null, 'X', '{}', now() - make_interval(days => n)
         FROM generate_series(0, 50) AS n",
    ] {
        sqlx::query(sql).execute(&db.raw).await.unwrap();
    }
    let budget = Duration::from_secs(10);
    // Without time, each run still gets on.
    let worker = db.as_role("relay_worker");
    let first = worker.maintain(MaintenanceTask::UserEvents, Duration::ZERO).await.unwrap();
    assert!(!first.done);
    let rest = worker.maintain(MaintenanceTask::UserEvents, budget).await.unwrap();
    assert!(rest.done);
    assert_eq!(rest.removed, 10, "only what lay in no day is deleted row by row");
    let kept = db.count("SELECT count(*) FROM user_events").await;
    assert!((32..=33).contains(&kept), "{kept}");
    assert_eq!(db.count("SELECT count(*) FROM user_events_default").await, 0);
    assert_eq!(db.count("SELECT ensure_user_event_partitions(now(), 5)::bigint").await, 0);
}
