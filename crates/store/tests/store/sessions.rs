use relay_domain::ports::{
    Accounts as _, DeviceSessions as _, LogAddress, MemberDirectory as _, NewSession, OpenError, Outbox as _, PasswordChange, PasswordHash,
    RefreshHash, RefreshNonce, RevokeError, RotateError, Rotation, SessionUse as _,
};
use relay_protocol::log::LogEvent;
use relay_types::{SessionId, ShardId, UserId};

use crate::support::{Db, MemMessageLog, NOON_MS, PASSWORD, SHARD, session_id, user_id};

const HOUR_MS: i64 = 3_600_000;

fn hash(n: u8) -> RefreshHash {
    RefreshHash([n; 32])
}

fn log_in(user: UserId, session: SessionId, refresh: u8, at_ms: i64) -> NewSession {
    NewSession {
        session,
        user,
        password_hash: PasswordHash(PASSWORD.to_owned()),
        network: "192.0.2.1".to_owned(),
        device_name: "phone".parse().unwrap(),
        device_kind: None,
        refresh: hash(refresh),
        refresh_expires_at_ms: at_ms + 10 * HOUR_MS,
        ends_at_ms: at_ms + 24 * HOUR_MS,
        at_ms,
        max_sessions: 3,
    }
}

fn rotation(presented: u8, replacement: u8, at_ms: i64) -> Rotation {
    Rotation {
        presented: hash(presented),
        replacement: hash(replacement),
        nonce: RefreshNonce([replacement; 32]),
        refresh_expires_at_ms: at_ms + 10 * HOUR_MS,
        at_ms,
    }
}

#[tokio::test]
async fn refresh_tokens_rotate_and_a_second_use_ends_the_session() {
    let db = Db::fresh().await;
    let (ann, session) = (db.user("ann").await, session_id());
    assert!(db.store.open(&log_in(ann, session, 1, NOON_MS)).await.unwrap().touched.is_empty());
    let rotated = db.store.rotate(&rotation(1, 2, NOON_MS + HOUR_MS)).await.unwrap();
    assert_eq!((rotated.user, rotated.session), (ann, session));
    db.store.rotate(&rotation(2, 3, NOON_MS + 2 * HOUR_MS)).await.unwrap();
    let listed = db.store.list(ann, NOON_MS + 2 * HOUR_MS).await.unwrap();
    assert_eq!((listed[0].created_at_ms, listed[0].last_used_at_ms), (NOON_MS, NOON_MS + 2 * HOUR_MS));

    let Err(RotateError::Reused { touched }) = db.store.rotate(&rotation(1, 9, NOON_MS + 3 * HOUR_MS)).await else {
        panic!("reuse passed")
    };
    assert!(!db.store.is_live(ann, session, NOON_MS + 3 * HOUR_MS).await.unwrap());
    assert!(matches!(db.store.rotate(&rotation(3, 4, NOON_MS + 3 * HOUR_MS)).await, Err(RotateError::Revoked)));
    let Err(RotateError::Reused { touched: again }) = db.store.rotate(&rotation(1, 9, NOON_MS + 3 * HOUR_MS)).await else {
        panic!("reuse passed")
    };
    let log = MemMessageLog::default();
    assert_eq!((touched.len(), &again), (1, &touched), "it had been revoked, and the log does not have it yet");
    db.store.flush(touched[0], &log).await.unwrap();
    assert_eq!(log.names_besides("SESSION_STARTED"), ["USER_REGISTERED", "USER_SEEN", "SESSION_REVOKED"]);
    assert!(matches!(&log.appended().last().unwrap().2, LogEvent::SessionRevoked(e) if e.session_id == session && e.user_id == ann));
    assert!(matches!(db.store.rotate(&rotation(77, 78, NOON_MS)).await, Err(RotateError::Invalid)));
}

#[tokio::test]
async fn of_many_uses_of_one_token_all_are_given_the_same_successor() {
    let db = Db::fresh().await;
    let (ann, session) = (db.user("ann").await, session_id());
    db.store.open(&log_in(ann, session, 1, NOON_MS)).await.unwrap();
    db.warm().await;
    let rotations: Vec<_> = (0..6).map(|n| rotation(1, 10 + n, NOON_MS + HOUR_MS)).collect();
    let results = futures::future::try_join_all(rotations.iter().map(|rotation| db.store.rotate(rotation))).await.unwrap();
    let nonce = results[0].nonce;
    assert!(results.iter().all(|rotated| rotated.nonce == nonce && rotated.session == session), "{results:?}");
    assert!(db.store.is_live(ann, session, NOON_MS + HOUR_MS).await.unwrap());
    assert_eq!(db.count("SELECT count(*) FROM refresh_tokens").await, 2);
    // The one that stands in the table is the one that was told.
    db.store.rotate(&rotation(nonce.0[0], 50, NOON_MS + 2 * HOUR_MS)).await.unwrap();
}

#[tokio::test]
async fn a_token_stays_good_until_its_successor_is_used_and_proves_theft_from_then_on() {
    let db = Db::fresh().await;
    let (ann, session) = (db.user("ann").await, session_id());
    db.store.open(&log_in(ann, session, 1, NOON_MS)).await.unwrap();
    let first = db.store.rotate(&rotation(1, 2, NOON_MS)).await.unwrap();
    // The phone slept through the answer.
    let again = db.store.rotate(&rotation(1, 9, NOON_MS + 9 * HOUR_MS)).await.unwrap();
    assert_eq!(first, again);
    assert!(matches!(db.store.rotate(&rotation(9, 8, NOON_MS)).await, Err(RotateError::Invalid)), "nothing was issued for the second");
    assert!(matches!(db.store.rotate(&rotation(1, 9, NOON_MS + 10 * HOUR_MS)).await, Err(RotateError::Invalid)), "its own end bounds it");
    db.store.rotate(&rotation(2, 3, NOON_MS + 9 * HOUR_MS)).await.unwrap();
    assert_eq!(db.count("SELECT count(*) FROM refresh_tokens WHERE successor_nonce IS NOT NULL").await, 1, "the one before is forgotten");
    let stolen = db.store.rotate(&rotation(1, 9, NOON_MS + 9 * HOUR_MS)).await;
    let Err(RotateError::Reused { touched }) = stolen else { panic!("{stolen:?}") };
    let log = MemMessageLog::default();
    db.store.flush(touched[0], &log).await.unwrap();
    assert_eq!(log.names_besides("SESSION_STARTED"), ["USER_REGISTERED", "USER_SEEN", "SESSION_REVOKED"], "one event");
    assert!(!db.store.is_live(ann, session, NOON_MS + 9 * HOUR_MS).await.unwrap());
    for token in [2, 3] {
        assert!(matches!(db.store.rotate(&rotation(token, 9, NOON_MS + 9 * HOUR_MS)).await, Err(RotateError::Revoked)), "{token}");
    }
}

/// A thief who stays one step behind the owner, or the owner behind the thief, is given the same tokens; not for long.
#[tokio::test]
async fn two_who_share_tokens_step_by_step_are_found_out_and_lost_answers_are_not() {
    let db = Db::fresh().await;
    let (ann, shared, unlucky) = (db.user("ann").await, session_id(), session_id());
    db.store.open(&log_in(ann, shared, 1, NOON_MS)).await.unwrap();
    let mut rounds = 0;
    let end = loop {
        let at = NOON_MS + i64::from(rounds) * HOUR_MS / 4;
        db.store.rotate(&rotation(1 + rounds, 2 + rounds, at)).await.unwrap();
        // At once, as a second tab, nothing is counted; later it is, once for each token.
        db.store.rotate(&rotation(1 + rounds, 99, at + 30_000)).await.unwrap();
        match db.store.rotate(&rotation(1 + rounds, 99, at + 600_000)).await {
            Ok(_) => drop(db.store.rotate(&rotation(1 + rounds, 99, at + 601_000)).await.unwrap()),
            Err(end) => break end,
        }
        rounds += 1;
    };
    assert!(matches!(end, RotateError::Reused { .. }) && rounds == 4, "{end:?} after {rounds}");
    db.store.open(&log_in(ann, unlucky, 101, NOON_MS)).await.unwrap();
    for round in 0..40 {
        let at = NOON_MS + i64::from(round) * HOUR_MS / 4;
        db.store.rotate(&rotation(101 + round, 102 + round, at)).await.unwrap();
        if round % 5 < 4 {
            db.store.rotate(&rotation(101 + round, 99, at + 600_000)).await.unwrap();
        }
    }
}

fn change(user: UserId, known: &str, new: &str, keep: SessionId) -> PasswordChange {
    PasswordChange { user, known: PasswordHash(known.to_owned()), new: PasswordHash(new.to_owned()), keep, at_ms: NOON_MS }
}

#[tokio::test]
async fn a_changed_password_ends_the_other_sessions_and_log_ins_with_the_old_one() {
    let db = Db::fresh().await;
    let (ann, kept, other) = (db.user("ann").await, session_id(), session_id());
    for (n, session) in [(1, kept), (2, other)] {
        db.store.open(&log_in(ann, session, n, NOON_MS)).await.unwrap();
    }
    assert_eq!(db.store.change_password(&change(ann, "not this", "new", kept)).await.unwrap(), None);
    let touched = db.store.change_password(&change(ann, PASSWORD, "new", kept)).await.unwrap().unwrap();
    let log = MemMessageLog::default();
    db.store.flush(touched[0], &log).await.unwrap();
    assert_eq!(log.names_besides("SESSION_STARTED"), ["USER_REGISTERED", "USER_SEEN", "SESSION_REVOKED"]);
    assert!(matches!(&log.appended().last().unwrap().2, LogEvent::SessionRevoked(e) if e.session_id == other));
    assert!(db.store.is_live(ann, kept, NOON_MS).await.unwrap() && !db.store.is_live(ann, other, NOON_MS).await.unwrap());
    // Compared before the change, opened after it.
    assert!(matches!(db.store.open(&log_in(ann, session_id(), 3, NOON_MS)).await, Err(OpenError::Outdated)));
    assert_eq!(db.store.change_password(&change(ann, "new", "new", kept)).await.unwrap(), Some(touched), "a repetition flushes again");
    assert_eq!(db.store.revoke_all(ann, NOON_MS).await.unwrap().len(), 1);
    assert!(db.store.list(ann, NOON_MS).await.unwrap().is_empty());
}

#[tokio::test]
async fn a_disabled_account_has_no_sessions_and_opens_none() {
    let db = Db::fresh().await;
    let (ann, session) = (db.user("ann").await, session_id());
    let handle = "ann".parse().unwrap();
    db.store.open(&log_in(ann, session, 1, NOON_MS)).await.unwrap();
    let touched = db.store.set_disabled(ann, true, NOON_MS).await.unwrap().unwrap();
    assert!(matches!(touched.as_slice(), [LogAddress::User { id, .. }] if *id == ann));
    assert!(!db.store.is_live(ann, session, NOON_MS).await.unwrap());
    assert!(db.store.credentials(&handle, "192.0.2.1", NOON_MS).await.unwrap().unwrap().disabled);
    assert!(matches!(db.store.open(&log_in(ann, session_id(), 2, NOON_MS)).await, Err(OpenError::Outdated)));
    assert_eq!(db.store.change_password(&change(ann, PASSWORD, "new", session)).await.unwrap(), None);
    assert_eq!(db.store.set_disabled(ann, true, NOON_MS).await.unwrap(), Some(touched), "again, for whoever did not hear");
    db.store.set_disabled(ann, false, NOON_MS).await.unwrap().unwrap();
    db.store.open(&log_in(ann, session_id(), 2, NOON_MS)).await.unwrap();
    assert_eq!(db.store.set_disabled(user_id(), true, NOON_MS).await.unwrap(), None);
}

#[tokio::test]
async fn networks_are_known_after_a_log_in_and_for_a_time() {
    const DAY_MS: i64 = 24 * HOUR_MS;
    let db = Db::fresh().await;
    let (ann, handle) = (db.user("ann").await, "ann".parse().unwrap());
    let known = async |network: &str, at_ms| db.store.credentials(&handle, network, at_ms).await.unwrap().unwrap().known_network;
    assert!(!known("192.0.2.1", NOON_MS).await);
    db.store.open(&log_in(ann, session_id(), 1, NOON_MS)).await.unwrap();
    assert!(known("192.0.2.1", NOON_MS + 89 * DAY_MS).await && !known("192.0.2.1", NOON_MS + 91 * DAY_MS).await);
    assert!(!known("192.0.2.2", NOON_MS).await);
    for n in 2..30 {
        let from = NewSession { network: format!("198.51.100.{n}"), ..log_in(ann, session_id(), n, NOON_MS + i64::from(n)) };
        db.store.open(&from).await.unwrap();
    }
    assert_eq!(db.count("SELECT count(*) FROM login_networks").await, 20);
    assert!(known("198.51.100.29", NOON_MS).await && !known("192.0.2.1", NOON_MS).await);
}

#[tokio::test]
async fn sessions_run_out() {
    let db = Db::fresh().await;
    let (ann, session) = (db.user("ann").await, session_id());
    db.store.open(&log_in(ann, session, 1, NOON_MS)).await.unwrap();
    assert!(db.store.is_live(ann, session, NOON_MS + 10 * HOUR_MS - 1).await.unwrap());
    assert!(!db.store.is_live(ann, session, NOON_MS + 10 * HOUR_MS).await.unwrap());
    assert!(!db.store.is_live(user_id(), session, NOON_MS).await.unwrap());
    assert!(db.store.list(ann, NOON_MS + 10 * HOUR_MS).await.unwrap().is_empty());
    assert!(matches!(db.store.rotate(&rotation(1, 2, NOON_MS + 10 * HOUR_MS)).await, Err(RotateError::Invalid)));
    // Refreshing does not carry it beyond its own end, 24 hours after log-in.
    db.store.rotate(&rotation(1, 2, NOON_MS + 9 * HOUR_MS)).await.unwrap();
    db.store.rotate(&rotation(2, 3, NOON_MS + 18 * HOUR_MS)).await.unwrap();
    assert!(db.store.is_live(ann, session, NOON_MS + 24 * HOUR_MS - 1).await.unwrap());
    assert!(!db.store.is_live(ann, session, NOON_MS + 24 * HOUR_MS).await.unwrap());
    assert!(matches!(db.store.rotate(&rotation(3, 4, NOON_MS + 24 * HOUR_MS)).await, Err(RotateError::Invalid)));
}

#[tokio::test]
async fn revoking_is_the_owners_and_happens_once() {
    let db = Db::fresh().await;
    let (ann, bob, session) = (db.user("ann").await, db.user("bob").await, session_id());
    db.store.open(&log_in(ann, session, 1, NOON_MS)).await.unwrap();
    assert!(matches!(db.store.revoke(bob, session, NOON_MS).await, Err(RevokeError::UnknownSession)));
    assert!(matches!(db.store.revoke(ann, session_id(), NOON_MS).await, Err(RevokeError::UnknownSession)));
    db.warm().await;
    let attempts = futures::future::try_join_all((0..5).map(|_| db.store.revoke(ann, session, NOON_MS))).await.unwrap();
    assert!(attempts.iter().all(|touched| touched.len() == 1), "all wait for it: {attempts:?}");
    let log = MemMessageLog::default();
    db.store.flush(attempts[0][0], &log).await.unwrap();
    assert_eq!(log.names_besides("SESSION_STARTED"), ["USER_REGISTERED", "USER_SEEN", "SESSION_REVOKED"], "one event");
    assert!(db.store.revoke(ann, session, NOON_MS).await.unwrap().is_empty(), "it is in the log");
    assert!(db.store.list(ann, NOON_MS).await.unwrap().is_empty());
}

#[tokio::test]
async fn one_session_too_many_ends_the_least_recently_used() {
    let db = Db::fresh().await;
    let ann = db.user("ann").await;
    let sessions: Vec<_> = (0..3).map(|_| session_id()).collect();
    for (n, session) in (0u8..).zip(&sessions) {
        db.store.open(&log_in(ann, *session, n, NOON_MS + i64::from(n))).await.unwrap();
    }
    db.store.rotate(&rotation(0, 100, NOON_MS + HOUR_MS)).await.unwrap();
    let newest = session_id();
    let opened = db.store.open(&log_in(ann, newest, 50, NOON_MS + 2 * HOUR_MS)).await.unwrap();
    assert_eq!(opened.touched.len(), 1);
    let live: Vec<_> = db.store.list(ann, NOON_MS + 2 * HOUR_MS).await.unwrap().iter().map(|record| record.session).collect();
    assert_eq!(live, [newest, sessions[2], sessions[0]]);
}

#[tokio::test]
async fn a_session_that_is_in_use_outlasts_log_ins_and_only_what_lives_is_in_use() {
    let db = Db::fresh().await;
    let ann = db.user("ann").await;
    let now_ms = i64::try_from(std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_millis()).unwrap();
    let (phone, over, revoked) = (session_id(), session_id(), session_id());
    for (n, session, at_ms) in [(1, phone, now_ms), (2, over, now_ms - 11 * HOUR_MS), (3, revoked, now_ms)] {
        db.store.open(&log_in(ann, session, n, at_ms)).await.unwrap();
    }
    db.store.revoke(ann, revoked, now_ms).await.unwrap();
    let hold = std::time::Duration::from_mins(5);
    let live = db.store.in_use(&[over, phone, revoked, session_id()], hold).await.unwrap();
    let [(session, left)] = live.as_slice() else { panic!("{live:?}") };
    assert_eq!(*session, phone);
    assert!(left.as_secs() > 35_000 && left.as_secs() <= 36_000, "ten hours, not {left:?}");
    // Three at most: every log-in is newer than the phone's use, and none is connected.
    for n in 10..20 {
        db.store.open(&log_in(ann, session_id(), n, now_ms + i64::from(n) * 1_000)).await.unwrap();
    }
    assert!(db.store.is_live(ann, phone, now_ms + HOUR_MS).await.unwrap());
    assert_eq!(db.store.list(ann, now_ms + HOUR_MS).await.unwrap().len(), 3);
    // Once it is not said any more, it is as any other.
    for n in 20..30 {
        db.store.open(&log_in(ann, session_id(), n, now_ms + HOUR_MS)).await.unwrap();
    }
    assert!(!db.store.is_live(ann, phone, now_ms + HOUR_MS).await.unwrap());
}

#[tokio::test]
async fn what_a_consumer_names_is_read_by_shard_and_bounded() {
    let db = Db::fresh().await;
    let ann = db.user("ann").await;
    db.seen(ann).await;
    sqlx::query(
        "WITH made AS (INSERT INTO conversations (conversation_id, kind, title, shard, created_by, created_at)
             SELECT gen_random_uuid(), 'group', 'x', n % 2, $1, now() FROM generate_series(1, 40) AS n RETURNING conversation_id)
         INSERT INTO members (conversation_id, user_id, role, added_at) SELECT conversation_id, $1, 'member', now() FROM made",
    )
    .bind(ann.to_uuid())
    .execute(&db.raw)
    .await
    .unwrap();
    let shards = [SHARD, ShardId(1)];
    let all = db.store.conversations_of(ann, &shards, 500).await.unwrap().unwrap();
    assert_eq!(all.values().map(Vec::len).collect::<Vec<_>>(), [20, 20]);
    let some = db.store.conversations_of(ann, &shards[1..], 5).await.unwrap().unwrap();
    assert_eq!(some, [(ShardId(1), all[&ShardId(1)][..5].to_vec())].into());
}

#[tokio::test]
async fn only_the_first_log_in_makes_somebody_one_who_needs_consumers() {
    let db = Db::fresh().await;
    let ann = db.user("ann").await;
    let consumed = async || db.store.conversations_of(ann, &[SHARD, ShardId(1)], 500).await.unwrap();
    assert_eq!(consumed().await, None);
    assert!(db.store.users_page(None, 10).await.unwrap().is_empty());
    db.warm().await;
    // Two devices at once.
    let log_ins = [1, 2].map(|n| log_in(ann, session_id(), n, NOON_MS));
    let opened = futures::future::try_join_all(log_ins.iter().map(|log_in| db.store.open(log_in))).await.unwrap();
    let told: Vec<_> = opened.iter().map(|opened| opened.told).collect();
    assert_eq!(told, [LogAddress::User { shard: SHARD, id: ann }; 2]);
    db.store.open(&log_in(ann, session_id(), 3, NOON_MS + HOUR_MS)).await.unwrap();
    assert_eq!(consumed().await, Some([(SHARD, Vec::new()), (ShardId(1), Vec::new())].into()));
    assert_eq!(db.store.users_page(None, 10).await.unwrap(), [ann]);
    let log = MemMessageLog::default();
    db.store.flush(told[0], &log).await.unwrap();
    assert_eq!(log.names(), ["USER_REGISTERED", "USER_SEEN", "SESSION_STARTED", "SESSION_STARTED", "SESSION_STARTED"]);
    // With the right that the worker has.
    assert!(db.as_role("relay_worker").conversations_of(ann, &[SHARD], 500).await.unwrap().is_some());
    assert_eq!(db.as_role("relay_worker").users_page(None, 10).await.unwrap(), [ann]);
}
