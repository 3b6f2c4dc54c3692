//! Maintenance: what has run out goes, nothing else does, and none waits for another.

use std::time::Duration;

use relay_domain::ports::{Maintenance as _, MaintenanceTask, ResumeStore as _, SendKey};
use relay_types::Seq;

use crate::support::{Db, TestLog, conversation_id, user_id};

const BUDGET: Duration = Duration::from_secs(10);

async fn all(db: &Db) {
    for kind in MaintenanceTask::ALL {
        let outcome = db.store.maintain(kind, BUDGET).await.unwrap();
        assert!(outcome.done, "{kind:?}");
    }
}

async fn execute(db: &Db, sql: &'static str) {
    sqlx::query(sql).execute(&db.raw).await.unwrap();
}

#[tokio::test]
async fn what_is_kept_for_a_time_ends_and_nothing_else_does() {
    let db = Db::fresh().await;
    let (ann, lobby) = (user_id(), conversation_id());
    db.user("carol").await; // an unpublished outbox row
    let mut log = TestLog::new();
    log.created(lobby, &[ann]);
    log.sent(lobby, ann, "old");
    log.sent(lobby, ann, "new");
    db.project(&log).await;
    for sql in [
        "UPDATE send_keys SET at = now() - interval '39 days' WHERE client_id = 'old'",
        "UPDATE send_keys SET at = now() - interval '30 days' WHERE client_id = 'new'",
        "UPDATE outbox SET created_at = now() - interval '90 days'",
    ] {
        execute(&db, sql).await;
    }
    all(&db).await;
    all(&db).await;
    assert_eq!(db.count("SELECT count(*) FROM send_keys").await, 1);
    assert_eq!(db.count("SELECT count(*) FROM outbox").await, 1, "what was not published stays");
    execute(&db, "UPDATE outbox SET published_seq = 1").await;
    assert_eq!(db.store.maintain(MaintenanceTask::Outbox, BUDGET).await.unwrap().removed, 1);
    assert_eq!(db.count("SELECT count(*) FROM outbox").await, 0);
}

#[tokio::test]
async fn weeks_of_keys_that_ran_out_are_dropped_not_deleted_from() {
    let db = Db::fresh().await;
    execute(&db, "SELECT ensure_send_key_partitions(now() - interval '60 days', 4)").await;
    execute(
        &db,
        "INSERT INTO send_keys SELECT gen_random_uuid(), gen_random_uuid(), 'key', gen_random_uuid(), n, 0, now() - make_interval(days => n)
         FROM generate_series(0, 60) AS n",
    )
    .await;
    let weeks = "SELECT count(*) FROM pg_inherits WHERE inhparent = 'send_keys'::regclass";
    let before = db.count(weeks).await;
    let outcome = db.store.maintain(MaintenanceTask::SendKeys, BUDGET).await.unwrap();
    assert!(outcome.removed <= 7, "only what lay in no week is deleted row by row: {outcome:?}");
    assert!(db.count(weeks).await <= before - 3);
    // A week goes when its last day is 31 days old.
    let kept = db.count("SELECT count(*) FROM send_keys").await;
    assert!((32..=38).contains(&kept), "{kept}");
    assert_eq!(db.count("SELECT count(*) FROM send_keys WHERE at > now() - interval '31 days'").await, 31);
    assert_eq!(db.count("SELECT count(*) FROM send_keys_default").await, 0);
    // Three weeks ahead are there, and stay.
    assert_eq!(db.count("SELECT ensure_send_key_partitions(now(), 3)::bigint").await, 0);
    assert_eq!(db.count("SELECT drop_send_key_partitions(now() - interval '31 days')::bigint").await, 0);
}

#[tokio::test]
async fn a_key_that_was_used_twice_is_the_first_messages() {
    let db = Db::fresh().await;
    let (ann, lobby) = (user_id(), conversation_id());
    let mut log = TestLog::new();
    log.created(lobby, &[ann]);
    let first = log.sent(lobby, ann, "key");
    log.sent(lobby, ann, "other");
    log.sent(lobby, ann, "key");
    // In another week.
    log.events.last_mut().unwrap().stored_at_ms += 10 * 86_400_000;
    db.project(&log).await;
    let key = |client_id: &str| SendKey { conversation: lobby, sender: ann, client_id: client_id.parse().unwrap() };
    let found = db.store.find_sends(&[key("key"), key("none"), key("other")]).await.unwrap();
    assert_eq!(found.iter().map(|found| found.as_ref().map(|found| found.seq)).collect::<Vec<_>>(), [Some(first), None, Some(Seq(3))]);
}

#[tokio::test]
async fn a_task_that_is_held_up_holds_up_no_other() {
    let db = Db::fresh().await;
    let mut held = db.raw.begin().await.unwrap();
    sqlx::query("LOCK TABLE outbox IN ACCESS EXCLUSIVE MODE").execute(&mut *held).await.unwrap();
    for kind in MaintenanceTask::ALL {
        let outcome = db.store.maintain(kind, BUDGET).await;
        assert_eq!(outcome.is_ok(), kind != MaintenanceTask::Outbox, "{kind:?}: {outcome:?}");
    }
    held.rollback().await.unwrap();
    all(&db).await;
}

#[tokio::test]
async fn sessions_are_looked_at_page_by_page() {
    let db = Db::fresh().await;
    db.user("ann").await;
    execute(
        &db,
        "INSERT INTO sessions (session_id, user_id, device_name, created_at, last_used_at, refresh_expires_at, ends_at)
         SELECT gen_random_uuid(), user_id, 'phone', now(), now(), now() - make_interval(days => n % 60), now() + interval '1 year'
         FROM users, generate_series(0, 24999) AS n",
    )
    .await;
    let outcome = db.store.maintain(MaintenanceTask::Sessions, BUDGET).await.unwrap();
    assert!(outcome.done && outcome.removed > 10_000, "{outcome:?}");
    assert_eq!(db.count("SELECT count(*) FROM sessions WHERE refresh_expires_at < now() - interval '30 days'").await, 0);
    assert_eq!(db.count("SELECT count(*) FROM sessions").await + i64::try_from(outcome.removed).unwrap(), 25_000);
    // Without time, a turn still gets on.
    execute(&db, "UPDATE sessions SET refresh_expires_at = now() - interval '1 year'").await;
    let outcome = db.store.maintain(MaintenanceTask::Sessions, Duration::ZERO).await.unwrap();
    assert_eq!((outcome.removed, outcome.done), (10_000, false));
}

#[tokio::test]
async fn the_worker_may_run_every_task() {
    let db = Db::fresh().await;
    execute(&db, "SELECT ensure_send_key_partitions(now() - interval '60 days', 2)").await;
    execute(
        &db,
        "INSERT INTO send_keys SELECT gen_random_uuid(), gen_random_uuid(), 'key', gen_random_uuid(), n, 0, now() - interval '90 days'
         FROM generate_series(1, 3) AS n",
    )
    .await;
    let worker = db.as_role("relay_worker");
    for kind in MaintenanceTask::ALL {
        let outcome = worker.maintain(kind, BUDGET).await.unwrap_or_else(|error| panic!("{kind:?}: {error}"));
        assert!(outcome.done, "{kind:?}");
    }
    assert_eq!(db.count("SELECT count(*) FROM send_keys").await, 0);
    // The same as the gateway, which shows that the role was taken on.
    assert!(db.as_role("relay_gateway").maintain(MaintenanceTask::Outbox, BUDGET).await.is_err());
}

#[tokio::test]
async fn a_month_that_stays_locked_keeps_no_older_one() {
    let db = Db::fresh().await;
    execute(&db, "SELECT ensure_event_partitions(date_trunc('month', now()) - interval '7 months', 7)").await;
    let months = "SELECT count(*) FROM pg_inherits WHERE inhparent = 'conversation_events'::regclass";
    let before = db.count(months).await;
    let locked = sqlx::query_scalar::<_, String>(
        "SELECT 'conversation_events_' || to_char(date_trunc('month', now()) - interval '6 months', 'YYYY_MM')",
    );
    let locked = locked.fetch_one(&db.raw).await.unwrap();
    let mut reader = db.raw.begin().await.unwrap();
    sqlx::query(sqlx::AssertSqlSafe(format!("LOCK TABLE {locked} IN ACCESS SHARE MODE"))).execute(&mut *reader).await.unwrap();
    assert!(db.store.maintain(MaintenanceTask::EventPartitions, BUDGET).await.is_err(), "the second one is locked");
    assert_eq!(db.count(months).await, before - 1, "the first one is gone");
    reader.rollback().await.unwrap();
    assert!(db.store.maintain(MaintenanceTask::EventPartitions, BUDGET).await.unwrap().done);
    assert!(db.count(months).await <= before - 4);
}
