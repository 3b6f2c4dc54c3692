use relay_domain::ports::{DeviceSessions as _, NewSession, Outbox as _, RefreshHash, RevokeError, RotateError, Rotation};
use relay_protocol::log::LogEvent;
use relay_types::{SessionId, UserId};

use crate::support::{Db, MemMessageLog, NOON_MS, session_id, user_id};

const HOUR_MS: i64 = 3_600_000;

fn hash(n: u8) -> RefreshHash {
    RefreshHash([n; 32])
}

fn log_in(user: UserId, session: SessionId, refresh: u8, at_ms: i64) -> NewSession {
    NewSession {
        session,
        user,
        device_name: "phone".parse().unwrap(),
        refresh: hash(refresh),
        refresh_expires_at_ms: at_ms + 10 * HOUR_MS,
        ends_at_ms: at_ms + 24 * HOUR_MS,
        at_ms,
        max_sessions: 3,
    }
}

fn rotation(presented: u8, replacement: u8, at_ms: i64) -> Rotation {
    Rotation { presented: hash(presented), replacement: hash(replacement), refresh_expires_at_ms: at_ms + 10 * HOUR_MS, at_ms }
}

#[tokio::test]
async fn refresh_tokens_rotate_and_a_second_use_ends_the_session() {
    let db = Db::fresh().await;
    let (ann, session) = (db.user("ann").await, session_id());
    assert!(db.store.open(&log_in(ann, session, 1, NOON_MS)).await.unwrap().is_empty());
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
    assert_eq!(log.names(), ["USER_REGISTERED", "SESSION_REVOKED"]);
    assert!(matches!(&log.appended()[1].2, LogEvent::SessionRevoked(e) if e.session_id == session && e.user_id == ann));
    assert!(matches!(db.store.rotate(&rotation(77, 78, NOON_MS)).await, Err(RotateError::Invalid)));
}

#[tokio::test]
async fn of_many_uses_of_one_token_exactly_one_succeeds() {
    let db = Db::fresh().await;
    let (ann, session) = (db.user("ann").await, session_id());
    db.store.open(&log_in(ann, session, 1, NOON_MS)).await.unwrap();
    db.warm().await;
    let rotations: Vec<_> = (0..6).map(|n| rotation(1, 10 + n, NOON_MS + HOUR_MS)).collect();
    let results = futures::future::join_all(rotations.iter().map(|rotation| db.store.rotate(rotation))).await;
    assert_eq!(results.iter().filter(|result| result.is_ok()).count(), 1, "{results:?}");
    let reused: Vec<_> =
        results.iter().filter_map(|result| if let Err(RotateError::Reused { touched }) = result { Some(touched) } else { None }).collect();
    assert_eq!(reused.len(), 5, "{results:?}");
    assert!(reused.iter().all(|touched| touched.len() == 1), "all wait for it: {reused:?}");
    let log = MemMessageLog::default();
    db.store.flush(reused[0][0], &log).await.unwrap();
    assert_eq!(log.names(), ["USER_REGISTERED", "SESSION_REVOKED"], "one event");
    assert!(!db.store.is_live(ann, session, NOON_MS + HOUR_MS).await.unwrap());
    assert_eq!(db.count("SELECT count(*) FROM refresh_tokens").await, 2);
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
    assert_eq!(log.names(), ["USER_REGISTERED", "SESSION_REVOKED"], "one event");
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
    let touched = db.store.open(&log_in(ann, newest, 50, NOON_MS + 2 * HOUR_MS)).await.unwrap();
    assert_eq!(touched.len(), 1);
    let live: Vec<_> = db.store.list(ann, NOON_MS + 2 * HOUR_MS).await.unwrap().iter().map(|record| record.session).collect();
    assert_eq!(live, [newest, sessions[2], sessions[0]]);
}
