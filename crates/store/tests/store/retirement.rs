//! Users who are away for long: retired, and back.

use std::collections::BTreeMap;
use std::time::Duration;

use relay_domain::ports::{
    ConsumerFloor, DeviceSessions as _, LogAddress, MemberDirectory as _, NewSession, Outbox as _, PasswordHash, RefreshHash, RefreshNonce,
    Retirement as _, Rotation, SessionUse as _, WalkedUser,
};
use relay_types::{Clock as _, Seq, SessionId, ShardId, SystemClock, UserId};

use crate::support::{Db, MemMessageLog, PASSWORD, SHARD, session_id, user_id};

const MONTH: Duration = Duration::from_hours(30 * 24);
const HOUR_MS: i64 = 3_600_000;

fn log_in(user: UserId, session: SessionId, refresh: u8) -> NewSession {
    let at_ms = SystemClock.now_ms();
    NewSession {
        session,
        user,
        password_hash: PasswordHash(PASSWORD.to_owned()),
        network: "192.0.2.1".to_owned(),
        device_name: "phone".parse().unwrap(),
        device_kind: None,
        refresh: RefreshHash([refresh; 32]),
        refresh_expires_at_ms: at_ms + 10 * HOUR_MS,
        ends_at_ms: at_ms + 24 * HOUR_MS,
        at_ms,
        max_sessions: 50,
    }
}

fn rotation(presented: u8, replacement: u8) -> Rotation {
    let at_ms = SystemClock.now_ms();
    Rotation {
        presented: RefreshHash([presented; 32]),
        replacement: RefreshHash([replacement; 32]),
        nonce: RefreshNonce([replacement; 32]),
        refresh_expires_at_ms: at_ms + 10 * HOUR_MS,
        at_ms,
    }
}

fn floor(epoch: &str, seq: u64) -> ConsumerFloor {
    ConsumerFloor { epoch: epoch.to_owned(), seq: Seq(seq) }
}

impl Db {
    /// As if nobody had seen them, nor their devices, for so many days.
    async fn away(&self, user: UserId, days: i32) {
        sqlx::query("UPDATE users SET seen_at = now() - make_interval(days => $2), retired_at = NULL WHERE user_id = $1")
            .bind(user.to_uuid())
            .bind(days)
            .execute(&self.raw)
            .await
            .unwrap();
        sqlx::query("UPDATE sessions SET last_used_at = now() - make_interval(days => $2), in_use_until = NULL WHERE user_id = $1")
            .bind(user.to_uuid())
            .bind(days)
            .execute(&self.raw)
            .await
            .unwrap();
    }

    async fn is_retired(&self, user: UserId) -> bool {
        let row: (bool, bool) = sqlx::query_as("SELECT seen_at IS NULL, retired_at IS NOT NULL FROM users WHERE user_id = $1")
            .bind(user.to_uuid())
            .fetch_one(&self.raw)
            .await
            .unwrap();
        assert_eq!(row.0, row.1, "unseen and retired go together for whoever has logged in");
        row.0
    }
}

#[tokio::test]
async fn of_what_is_noted_of_a_consumer_the_greatest_wins() {
    let db = Db::fresh().await;
    let (ann, bob) = (db.user("ann").await, db.user("bob").await);
    let store = db.as_role("relay_worker");
    let other = ShardId(1);
    assert_eq!(store.floor_of(ann, SHARD).await.unwrap(), None);
    let noted =
        [(ann, SHARD, floor("one", 5)), (ann, other, floor("one", 0)), (bob, SHARD, floor("one", 7)), (user_id(), SHARD, floor("one", 1))];
    store.note_floors(&noted).await.unwrap();
    store.note_floors(&[(ann, SHARD, floor("one", 4)), (bob, SHARD, floor("one", 9)), (bob, SHARD, floor("one", 8))]).await.unwrap();
    store.note_floors(&[]).await.unwrap();
    assert_eq!(store.floor_of(ann, SHARD).await.unwrap(), Some(floor("one", 5)));
    assert_eq!(store.floor_of(ann, other).await.unwrap(), Some(floor("one", 0)));
    assert_eq!(store.floor_of(bob, SHARD).await.unwrap(), Some(floor("one", 9)));
    // The next log begins far ahead.
    store.note_floors(&[(ann, SHARD, floor("two", 1 << 32))]).await.unwrap();
    store.note_floors(&[(ann, SHARD, floor("one", 6))]).await.unwrap();
    assert_eq!(store.floor_of(ann, SHARD).await.unwrap(), Some(floor("two", 1 << 32)));
    // Many at once.
    let many: Vec<_> = (1..=20).map(|seq| [(bob, SHARD, floor("one", 100 + seq))]).collect();
    futures::future::try_join_all(many.iter().map(|floors| store.note_floors(floors))).await.unwrap();
    assert_eq!(store.floor_of(bob, SHARD).await.unwrap(), Some(floor("one", 120)));
    assert_eq!(db.count("SELECT count(*) FROM consumer_floors").await, 3);
}

#[tokio::test]
async fn idle_is_whose_devices_were_not_used_either() {
    let db = Db::fresh().await;
    let store = db.as_role("relay_worker");
    let mut users = Vec::new();
    for handle in ["ann", "bob", "cat", "dan"] {
        users.push(db.user(handle).await);
    }
    let &[ann, bob, cat, dan] = users.as_slice() else { panic!("four") };
    let session = session_id();
    for (n, user) in [(1, ann), (2, cat), (3, dan)] {
        db.store.open(&log_in(user, if user == cat { session } else { session_id() }, n)).await.unwrap();
        db.away(user, 31).await;
    }
    let walked = |user, idle| WalkedUser { user, idle };
    // Bob has never logged in.
    assert_eq!(store.walk(None, 10, MONTH).await.unwrap(), [walked(ann, true), walked(cat, true), walked(dan, true)]);
    // A device that is connected, and one that refreshes.
    let gateway = db.as_role("relay_gateway");
    gateway.in_use(&[session], Duration::from_mins(10)).await.unwrap();
    db.store.rotate(&rotation(3, 30)).await.unwrap();
    assert_eq!(store.walk(None, 2, MONTH).await.unwrap(), [walked(ann, true), walked(cat, false)]);
    assert_eq!(store.walk(Some(cat), 2, MONTH).await.unwrap(), [walked(dan, false)]);
    // It is carried over before the sessions' rows are pruned.
    sqlx::query("DELETE FROM sessions").execute(&db.raw).await.unwrap();
    assert_eq!(store.walk(None, 10, MONTH).await.unwrap(), [walked(ann, true), walked(cat, false), walked(dan, false)]);
    assert_eq!(store.retire(&[ann, bob, cat, dan], MONTH).await.unwrap(), [ann]);
    assert_eq!(store.retire(&[ann, bob, cat, dan], MONTH).await.unwrap(), []);
    assert!(db.is_retired(ann).await);
    assert_eq!(store.users_page(None, 10).await.unwrap(), [cat, dan]);
    assert_eq!(store.conversations_of(ann, &[SHARD], 500).await.unwrap(), None, "a retired user needs no consumer");
}

#[tokio::test]
async fn a_retired_user_who_logs_in_or_refreshes_is_told_of_like_a_new_one() {
    let db = Db::fresh().await;
    let (ann, log) = (db.user("ann").await, MemMessageLog::default());
    let home = LogAddress::User { shard: SHARD, id: ann };
    db.store.open(&log_in(ann, session_id(), 1)).await.unwrap();
    let retire = async || {
        db.away(ann, 31).await;
        assert_eq!(db.as_role("relay_worker").retire(&[ann], MONTH).await.unwrap(), [ann]);
        assert!(db.is_retired(ann).await);
    };
    let seen = async || {
        db.store.flush(home, &log).await.unwrap();
        log.names().iter().filter(|name| *name == "USER_SEEN").count()
    };
    assert_eq!(seen().await, 1);

    retire().await;
    assert_eq!(db.store.open(&log_in(ann, session_id(), 2)).await.unwrap().told, home);
    assert!(!db.is_retired(ann).await);
    assert_eq!(seen().await, 2);

    retire().await;
    let rotated = db.store.rotate(&rotation(2, 3)).await.unwrap();
    assert_eq!(rotated.told, Some(home));
    assert!(!db.is_retired(ann).await);
    assert_eq!(seen().await, 3);
    // The answer was lost; and the next one.
    assert_eq!(db.store.rotate(&rotation(2, 3)).await.unwrap().told, None);
    assert_eq!(db.store.rotate(&rotation(3, 4)).await.unwrap().told, None);
    assert_eq!(seen().await, 3);

    // A token that is not good brings nobody back.
    retire().await;
    assert!(db.store.rotate(&rotation(99, 98)).await.is_err());
    assert!(db.is_retired(ann).await);
}

#[tokio::test]
async fn whoever_is_seen_while_they_are_retired_is_not_retired_afterwards() {
    let db = Db::fresh().await;
    let worker = db.as_role("relay_worker");
    let ann = db.user("ann").await;
    db.store.open(&log_in(ann, session_id(), 0)).await.unwrap();
    db.store.open(&log_in(ann, session_id(), 200)).await.unwrap();
    db.warm().await;
    let mut meanwhile = 0;
    for n in 0..40 {
        db.away(ann, 31).await;
        // Two devices, and the worker.
        let (refresh, log_in, users) = (rotation(n, n + 1), log_in(ann, session_id(), 100 + n), [ann]);
        let (retired, rotated, opened) = tokio::join!(worker.retire(&users, MONTH), db.store.rotate(&refresh), async {
            if n % 2 == 0 { Some(db.store.open(&log_in).await) } else { None }
        });
        rotated.unwrap();
        opened.map(Result::unwrap);
        assert!(!db.is_retired(ann).await, "round {n}");
        meanwhile += retired.unwrap().len();
    }
    let log = MemMessageLog::default();
    db.store.flush(LogAddress::User { shard: SHARD, id: ann }, &log).await.unwrap();
    let seen = log.names().iter().filter(|name| *name == "USER_SEEN").count();
    assert_eq!(seen, 1 + meanwhile, "each time that they were retired, the workers are told that they are back");
}

#[tokio::test]
async fn one_worker_walks_at_a_time_and_the_next_goes_on_where_it_stopped() {
    let db = Db::fresh().await;
    let store = db.as_role("relay_worker");
    let (hold, nobody) = (Duration::from_mins(1), BTreeMap::new());
    let ann = db.user("ann").await;
    let first = store.hold_walk("one", hold).await.unwrap();
    assert!(first.held && first.after.is_none() && first.ended_ago.is_none() && first.epochs.is_empty());
    assert!(!store.hold_walk("two", hold).await.unwrap().held);
    assert!(store.hold_walk("one", hold).await.unwrap().held);
    let epochs: BTreeMap<ShardId, String> = [(SHARD, "e".to_owned()), (ShardId(3), "f".to_owned())].into();
    store.save_walk("two", None, &nobody).await.unwrap();
    store.save_walk("one", Some(ann), &epochs).await.unwrap();
    store.leave_walk("two").await.unwrap();
    assert!(!store.hold_walk("two", hold).await.unwrap().held);
    store.leave_walk("one").await.unwrap();
    let second = store.hold_walk("two", hold).await.unwrap();
    assert_eq!((second.held, second.after, &second.epochs), (true, Some(ann), &epochs));
    store.save_walk("two", None, &epochs).await.unwrap();
    let ended = store.hold_walk("two", Duration::ZERO).await.unwrap();
    assert!(ended.held && ended.after.is_none() && ended.ended_ago.is_some_and(|ago| ago < Duration::from_mins(1)));
    // It said nothing for too long.
    assert!(store.hold_walk("three", hold).await.unwrap().held);
}
