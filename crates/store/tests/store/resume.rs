use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use relay_domain::ports::{
    DeviceSessions as _, EventRange, JoinQuestion, NewSession, PasswordHash, Projection as _, RefreshHash, ResumeStore as _,
};
use relay_store::{PostgresConfig, SchemaState, Store};
use relay_types::{Seq, ShardId};

use relay_protocol::log::EventOwner;

use crate::support::{Db, EPOCH, NOON_MS, PASSWORD, SHARD, TestLog, conversation_id, session_id, start_server, user_id};

#[tokio::test]
async fn a_snapshot_holds_what_holds_and_what_ended_after_the_cursor() {
    let db = Db::fresh().await;
    let (ann, other) = (db.user("ann").await, user_id());
    let (lobby, attic, cellar) = (conversation_id(), conversation_id(), conversation_id());
    let mut log = TestLog::new();
    log.created(lobby, &[ann, other]); // 1
    log.created(attic, &[ann]); // 2
    log.sent(lobby, ann, "a"); // 3
    log.removed(attic, ann); // 4
    log.sent(attic, other, "b"); // 5
    db.project(&log).await;
    let mut second = TestLog::of(ShardId(1));
    second.created(cellar, &[ann]); // 1
    second.removed(cellar, ann); // 2
    db.project(&second).await;

    let session = session_id();
    let now = relay_types::Clock::now_ms(&relay_types::SystemClock);
    let new = NewSession {
        session,
        user: ann,
        password_hash: PasswordHash(PASSWORD.to_owned()),
        network: "192.0.2.1".to_owned(),
        device_name: "laptop".parse().unwrap(),
        device_kind: None,
        refresh: RefreshHash([1; 32]),
        refresh_expires_at_ms: now + 60_000,
        ends_at_ms: now + 60_000,
        at_ms: now,
        max_sessions: 10,
    };
    db.store.open(&new).await.unwrap();

    let present = db.join_snapshot(ann, session, &BTreeMap::new()).await.unwrap();
    assert!(present.session_live);
    assert_eq!(present.watermarks, BTreeMap::from([(ShardId(0), Seq(5)), (ShardId(1), Seq(2))]));
    assert_eq!(present.memberships.len(), 1, "{present:?}");
    let membership = present.memberships[0];
    let interval = membership.interval;
    assert_eq!((interval.conversation, interval.joined, interval.left, membership.last), (lobby, Seq(1), None, Seq(3)));

    let left_of = |snapshot: &relay_domain::ports::JoinSnapshot| {
        let mut left: Vec<_> =
            snapshot.memberships.iter().filter_map(|m| m.interval.left.map(|left| (m.interval.conversation, left, m.last))).collect();
        left.sort();
        left
    };
    let before_leaving = db.join_snapshot(ann, session, &BTreeMap::from([(SHARD, Seq(3))])).await.unwrap();
    assert_eq!(left_of(&before_leaving), [(attic, Seq(4), Seq(5))]);
    let after_leaving = db.join_snapshot(ann, session, &BTreeMap::from([(SHARD, Seq(4)), (ShardId(1), Seq(1))])).await.unwrap();
    assert_eq!(left_of(&after_leaving), [(cellar, Seq(2), Seq(2))]);

    assert!(!db.join_snapshot(other, session, &BTreeMap::new()).await.unwrap().session_live, "another's session");
    db.store.revoke(ann, session, now).await.unwrap();
    assert!(!db.join_snapshot(ann, session, &BTreeMap::new()).await.unwrap().session_live);
    let stranger = db.join_snapshot(user_id(), session_id(), &BTreeMap::new()).await.unwrap();
    assert!(!stranger.session_live && stranger.memberships.is_empty());
}

/// Failed before: each of those who come back at once cost a question of their own.
#[tokio::test]
async fn several_who_ask_at_once_get_what_each_would_get_alone() {
    let db = Db::fresh().await;
    let (ann, bob, cat) = (user_id(), user_id(), user_id());
    let (lobby, attic) = (conversation_id(), conversation_id());
    let mut log = TestLog::new();
    log.created(lobby, &[ann, bob]); // 1
    log.created(attic, &[ann, bob]); // 2
    log.personal(ann, attic); // 3
    log.removed(attic, ann); // 4
    log.removed(attic, bob); // 5
    log.sent(lobby, ann, "a"); // 6
    db.project(&log).await;
    let ask = |user, cursors: &[(ShardId, Seq)]| JoinQuestion { user, session: session_id(), cursors: cursors.iter().copied().collect() };
    let questions =
        [ask(ann, &[(SHARD, Seq(3))]), ask(cat, &[]), ask(bob, &[(SHARD, Seq(5))]), ask(ann, &[]), ask(bob, &[(ShardId(7), Seq(1))])];
    let together = db.store.join_snapshots(&questions).await.unwrap();
    assert_eq!(together.len(), questions.len());
    for (mut answer, JoinQuestion { user, session, cursors }) in together.into_iter().zip(questions) {
        let mut alone = db.join_snapshot(user, session, &cursors).await.unwrap();
        for snapshot in [&mut answer, &mut alone] {
            snapshot.memberships.sort_by_key(|membership| membership.interval.conversation);
        }
        assert_eq!(answer, alone);
    }
    let left = async |user, cursor| {
        let snapshot = db.join_snapshot(user, session_id(), &[(SHARD, Seq(cursor))].into()).await.unwrap();
        snapshot.memberships.iter().filter_map(|membership| membership.interval.left).collect::<Vec<_>>()
    };
    assert_eq!((left(ann, 3).await, left(bob, 5).await), (vec![Seq(4)], vec![]));
    assert!(db.store.join_snapshots(&[]).await.unwrap().is_empty());
}

/// While a worker writes, every snapshot is of one moment: the watermark is exactly the last event of the conversation
/// that ends each run.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_snapshot_is_of_one_moment() {
    let db = Db::fresh().await;
    let (ann, lobby) = (user_id(), conversation_id());
    let mut log = TestLog::new();
    log.created(lobby, &[ann]);
    db.project(&log).await;
    let writing = async {
        for n in 0..60 {
            log.sent(lobby, ann, &format!("a{n}"));
            log.sent(lobby, ann, &format!("b{n}"));
            db.project(&log).await;
        }
    };
    let reading = async {
        let mut seen = Seq::ZERO;
        while seen < Seq(121) {
            let snapshot = db.join_snapshot(ann, session_id(), &BTreeMap::new()).await.unwrap();
            let watermark = snapshot.watermarks[&SHARD];
            assert_eq!(snapshot.memberships[0].last, watermark);
            assert!(watermark >= seen && watermark.0 % 2 == 1, "half a run at {watermark}");
            let range = EventRange { owner: EventOwner::Conversation(lobby), after: Seq::ZERO, upto: watermark };
            let events = db.store.events(SHARD, &[range], 1000, u32::MAX).await.unwrap().events;
            assert_eq!(events.len() as u64, watermark.0, "everything up to the watermark is there");
            seen = watermark;
        }
    };
    tokio::time::timeout(Duration::from_mins(1), async { tokio::join!(writing, reading) }).await.unwrap();
}

#[tokio::test]
async fn ranges_are_read_in_the_logs_order_page_by_page() {
    let db = Db::fresh().await;
    let ann = user_id();
    let rooms: Vec<_> = (0..3).map(|_| conversation_id()).collect();
    let mut log = TestLog::new();
    for room in &rooms {
        log.created(*room, &[ann]);
    }
    for n in 0..60 {
        log.sent(rooms[n * 7 % 3], ann, &format!("k{n}"));
    }
    db.project(&log).await;
    let ranges: Vec<_> = [(0, 10, 50), (1, 0, 40), (2, 63, 63)]
        .map(|(room, after, upto)| EventRange { owner: EventOwner::Conversation(rooms[room]), after: Seq(after), upto: Seq(upto) })
        .to_vec();
    let expected: Vec<_> = log
        .events
        .iter()
        .filter(|event| {
            let range = ranges.iter().find(|range| Some(range.owner) == event.owner).unwrap();
            event.seq > range.after && event.seq <= range.upto
        })
        .cloned()
        .collect();
    assert!(expected.len() > 15);

    let mut read = Vec::new();
    let mut left = ranges.clone();
    loop {
        let page = db.store.events(SHARD, &left, 7, u32::MAX).await.unwrap().events;
        let more = page.len() == 7;
        read.extend(page);
        if !more {
            break;
        }
        let last = read.last().unwrap().seq;
        for range in &mut left {
            range.after = range.after.max(last);
        }
    }
    assert!(read.iter().all(|event| event.prev.is_some()));
    let texts: Vec<_> = read.iter().map(|event| (event.seq, Some(event.owner), event.text.get().to_owned())).collect();
    let expected: Vec<_> = expected.iter().map(|event| (event.seq, event.owner, event.text().unwrap().into_owned())).collect();
    let json = |texts: &[(Seq, _, String)]| -> Vec<serde_json::Value> {
        texts.iter().map(|(_, _, text)| serde_json::from_str(text).unwrap()).collect()
    };
    assert_eq!(json(&texts), json(&expected), "the events are those of the log");
    let places = |texts: &[(Seq, Option<relay_protocol::EventOwner>, String)]| {
        texts.iter().map(|(seq, owner, _)| (*seq, *owner)).collect::<Vec<_>>()
    };
    assert_eq!(places(&texts), places(&expected));
    assert!(db.store.events(SHARD, &[], 7, u32::MAX).await.unwrap().events.is_empty());
}

#[tokio::test]
async fn events_are_found_by_index_and_pages_end_with_their_bytes() {
    let db = Db::fresh().await;
    let ann = user_id();
    let rooms: Vec<_> = (0..3).map(|_| conversation_id()).collect();
    let mut log = TestLog::new();
    for room in &rooms {
        log.created(*room, &[ann]);
    }
    for n in 0..30 {
        log.sent_escapes(rooms[n % 3], ann, &format!("k{n}"));
    }
    db.project(&log).await;
    let ranges: Vec<_> = [(2, 3), (0, 3), (1, 30)]
        .map(|(room, after)| EventRange { owner: EventOwner::Conversation(rooms[room]), after: Seq(after), upto: Seq(33) })
        .to_vec();
    let found = db.store.find_events(SHARD, &ranges, 100).await.unwrap().unwrap();
    let expected: Vec<_> = (4..=33_u64)
        .zip(0_usize..)
        .filter_map(|(seq, sent)| {
            let range = ranges.iter().position(|range| range.owner == EventOwner::Conversation(rooms[sent % 3]))?;
            (seq > ranges[range].after.0).then_some((seq, u32::try_from(range).unwrap()))
        })
        .collect();
    assert_eq!(found.iter().map(|event| (event.seq.0, event.range)).collect::<Vec<_>>(), expected);
    assert_eq!(found.len(), 21);
    assert!(db.store.find_events(SHARD, &ranges, 20).await.unwrap().is_none(), "more than asked for");
    assert_eq!(db.store.find_events(SHARD, &ranges, 21).await.unwrap().map(|found| found.len()), Some(21));

    let page = async |bytes| db.store.events(SHARD, &ranges, 100, bytes).await.unwrap().events.len();
    assert_eq!((page(1).await, page(100_000).await, page(u32::MAX).await), (1, 2, 21));
    let complete = async |limit, bytes| db.store.events(SHARD, &ranges, limit, bytes).await.unwrap().complete;
    assert!(complete(22, u32::MAX).await && !complete(21, u32::MAX).await && !complete(22, 100_000).await);
}

#[tokio::test]
async fn postgres_may_go_and_come_back() {
    let (_scratch, server) = start_server().await;
    let config = PostgresConfig { acquire_timeout_ms: 500, ..PostgresConfig::new(server.url()) };
    let store = Store::connect(&config).unwrap();
    assert!(matches!(store.schema_state().await.unwrap(), SchemaState::Behind { missing } if missing > 0));
    relay_store::migrate(&server.url()).await.unwrap();
    relay_store::migrate(&server.url()).await.unwrap();
    assert_eq!(store.schema_state().await.unwrap(), SchemaState::Current);
    assert!(store.watermarks().await.unwrap().is_empty());

    server.kill();
    for _ in 0..3 {
        let began = Instant::now();
        assert!(store.watermarks().await.is_err());
        assert!(began.elapsed() < Duration::from_secs(5), "a caller waited {:?}", began.elapsed());
    }
    let unborn = Store::connect(&config).unwrap();
    assert!(unborn.ping().await.is_err());

    server.restart().await.unwrap();
    let deadline = Instant::now() + Duration::from_secs(30);
    for store in [&store, &unborn] {
        while let Err(last) = store.ping().await {
            assert!(Instant::now() < deadline, "still {last}");
        }
    }
    let mut log = TestLog::new();
    log.created(conversation_id(), &[user_id()]);
    store.project(SHARD, EPOCH, Seq::ZERO, Seq(1), &log.events).await.unwrap();
    assert_eq!(store.watermarks().await.unwrap(), BTreeMap::from([(SHARD, Seq(1))]));
    assert_eq!(log.events[0].stored_at_ms, NOON_MS + 1);
}
