//! The current state of messages: what it holds, how it is filled, and what reading it visits.

use std::time::Duration;

use relay_domain::ports::{
    AuditedProjection as _, Conversations as _, History as _, HistoryAnchor, ListPart, Maintenance as _, MaintenanceTask, ProjectedEvent,
};
use relay_protocol::rest::MessagePage;
use relay_types::{ConversationId, Seq, UserId};
use serde_json::Value;
use sqlx::AssertSqlSafe;

use crate::support::{Db, SHARD, TestLog, conversation_id};

const BUDGET: Duration = Duration::from_secs(10);

/// Ann and Bob in a group, as decided and in the log.
async fn lobby(db: &Db) -> (UserId, UserId, ConversationId, TestLog) {
    let (ann, bob, lobby) = (db.user("ann").await, db.user("bob").await, conversation_id());
    let conversation = "INSERT INTO conversations (conversation_id, kind, title, shard, created_by, created_at, member_count)
                        VALUES ($1, 'group', 'Lobby', 0, $2, now(), 2)";
    sqlx::query(conversation).bind(lobby.to_uuid()).bind(ann.to_uuid()).execute(&db.raw).await.unwrap();
    for user in [ann, bob] {
        let member = "INSERT INTO members (conversation_id, user_id, role, added_at) VALUES ($1, $2, 'member', now())";
        sqlx::query(member).bind(lobby.to_uuid()).bind(user.to_uuid()).execute(&db.raw).await.unwrap();
    }
    let mut log = TestLog::new();
    log.created(lobby, &[ann, bob]);
    (ann, bob, lobby, log)
}

async fn execute(db: &Db, sql: &'static str) {
    sqlx::raw_sql(sql).execute(&db.raw).await.unwrap();
}

#[tokio::test]
async fn messages_hold_what_history_shows_and_nothing_void() {
    let db = Db::fresh().await;
    let (ann, bob, lobby, mut log) = lobby(&db).await;
    log.sent(lobby, ann, "a"); // 2
    log.personal(ann, lobby); // 3
    log.removed(lobby, bob); // 4
    log.sent(lobby, bob, "void"); // 5
    let twice = log.event_at(Seq(4)).event.clone();
    log.push(twice); // 6: published twice
    log.sent(lobby, ann, "b"); // 7
    db.project(&log).await;
    db.project(&log).await;
    let rows = "SELECT array_agg((seq, coalesce(prev_seq, -1), kind)::text ORDER BY seq) FROM messages";
    let rows: Vec<String> = sqlx::query_scalar(rows).fetch_one(&db.raw).await.unwrap();
    assert_eq!(rows, ["(1,0,CONVERSATION_CREATED)", "(2,1,MESSAGE_SENT)", "(4,2,MEMBER_REMOVED)", "(7,6,MESSAGE_SENT)"]);
    assert_eq!(db.count("SELECT count(*) FROM conversation_events").await, 5);
    let audited = async || {
        let rows: Vec<ProjectedEvent> = db.store.projected_messages(SHARD, Seq(0), Seq(9), 100).await.unwrap();
        rows.into_iter().map(|row| row.seq.0).collect::<Vec<_>>()
    };
    assert_eq!(audited().await, [1, 2, 4, 6, 7], "what was published twice is there");

    // What `messages` alone lacks is found, and comes back from the log.
    execute(&db, "DELETE FROM messages WHERE seq IN (2, 4)").await;
    assert_eq!(audited().await, [1, 7]);
    assert_eq!(db.store.repair(SHARD, &log.events).await.unwrap(), 2);
    assert_eq!(audited().await, [1, 2, 4, 6, 7]);
    assert_eq!(db.store.repair(SHARD, &log.events).await.unwrap(), 0);
    assert_eq!(db.count("SELECT prev_seq FROM messages WHERE seq = 2").await, 1);
    assert_eq!(db.count("SELECT prev_seq FROM messages WHERE seq = 7").await, 6);
}

#[tokio::test]
async fn a_backfill_is_read_correctly_before_during_and_after() {
    let db = Db::fresh().await;
    let (ann, bob, lobby, mut log) = lobby(&db).await;
    for n in 0..4_500 {
        log.sent(lobby, if n % 2 == 0 { bob } else { ann }, &format!("k{n}"));
    }
    log.added(lobby, bob);
    db.project(&log).await;
    // As a database was that is older than `messages`.
    execute(
        &db,
        "DELETE FROM messages; UPDATE backfills SET done_at = NULL; SELECT ensure_event_partitions(now() - interval '5 months', 2)",
    )
    .await;
    let months = "SELECT count(*) FROM pg_inherits WHERE inhparent = 'conversation_events'::regclass";
    let before = db.count(months).await;
    let read = async || -> (Value, Value, String) {
        let api = db.as_role("relay_api");
        let newest = api.messages(bob, lobby, HistoryAnchor::Newest, 50, true).await.unwrap();
        let oldest = api.messages(bob, lobby, HistoryAnchor::After(Seq::ZERO), 50, true).await.unwrap();
        let json = |page: MessagePage| serde_json::to_value(page).unwrap();
        (json(newest), json(oldest), format!("{:?}", api.list(bob, ListPart::Accepted, None, 10).await.unwrap()))
    };
    let expected = read().await;
    assert_eq!(expected.0["messages"].as_array().unwrap().len() + expected.0["changes"].as_array().unwrap().len(), 50);
    assert!(expected.2.contains("unread_count: 1"), "{}", expected.2);

    let worker = db.as_role("relay_worker");
    let step = worker.backfill_messages(Duration::ZERO, true).await.unwrap();
    assert_eq!((step.rows, step.done), (2_000, false));
    assert_eq!(read().await, expected);
    worker.maintain(MaintenanceTask::EventPartitions, BUDGET).await.unwrap();
    assert_eq!(db.count(months).await, before, "no month is dropped while it is copied from");
    // What comes meanwhile lies in both.
    log.sent(lobby, ann, "meanwhile");
    db.project(&log).await;
    let expected = read().await;
    assert_eq!(expected.0["messages"].as_array().unwrap().last().unwrap()["seq"], log.head().0);

    // The next run goes on there, and a third finds nothing to do.
    let outcome = worker.maintain(MaintenanceTask::Messages, BUDGET).await.unwrap();
    assert!(outcome.done);
    assert!(worker.backfill_messages(BUDGET, false).await.unwrap().done);
    assert_eq!(db.count("SELECT rows FROM backfills WHERE done_at IS NOT NULL").await, 4_502);
    assert_eq!(db.count("SELECT count(*) FROM messages").await, 4_503);
    assert_eq!(read().await, expected);
    // From now on history needs no events.
    worker.maintain(MaintenanceTask::EventPartitions, BUDGET).await.unwrap();
    assert_eq!(db.count(months).await, before - 2);
    execute(&db, "TRUNCATE conversation_events").await;
    assert_eq!(read().await, expected);
}

/// Months of events: 60 behind, some of them ahead.
const SIXTY_MONTHS: &str = "
    SELECT ensure_event_partitions(now() - interval '59 months', 62);
    INSERT INTO watermarks (shard, seq, epoch, stored_at) VALUES (0, 100000, 'e', now());
    INSERT INTO conversation_events
        SELECT ('01000000-0000-0000-0000-' || lpad(to_hex(n % 20), 12, '0'))::uuid, n, greatest(n - 20, 0), 0, 'MESSAGE_SENT', gen_random_uuid(),
               '00000000-0000-0000-0000-000000000001', 'key', '{\"type\": \"text\", \"text\": \"x\"}', 0,
               now() - (12000 - n) * interval '59 months' / 12000
        FROM generate_series(1, 12000) AS n;
    INSERT INTO messages (conversation_id, seq, prev_seq, shard, message_id, sender_id, client_id, kind, body, sent_at_ms, stored_at)
        SELECT conversation_id, seq, prev_seq, shard, event_id, actor_id, client_id, kind, body, decided_at_ms, at FROM conversation_events;
    ANALYZE";

/// The statement of ours that contains all of `marks`, as it is checked at compile time.
fn statement(marks: &[&str]) -> String {
    let files = std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/.sqlx")).unwrap();
    let queries = files.map(|file| serde_json::from_str::<Value>(&std::fs::read_to_string(file.unwrap().path()).unwrap()).unwrap());
    let found: Vec<String> = queries
        .map(|file| file["query"].as_str().unwrap().to_owned())
        .filter(|query| marks.iter().all(|mark| query.contains(mark)))
        .collect();
    assert_eq!(found.len(), 1, "{marks:?}: {found:?}");
    found.into_iter().next().unwrap()
}

/// The tables that the generic plan reads when it runs with `arguments`.
async fn visited(db: &Db, query: &str, arguments: &str) -> Vec<String> {
    let mut connection = db.raw.acquire().await.unwrap();
    // As `Store` has it.
    let settings = "SET plan_cache_mode = 'force_generic_plan'; SET enable_seqscan = off; SET jit = off";
    sqlx::raw_sql(settings).execute(&mut *connection).await.unwrap();
    let script = format!("PREPARE asked AS {query}");
    sqlx::raw_sql(AssertSqlSafe(script)).execute(&mut *connection).await.unwrap();
    let explain = format!("EXPLAIN (ANALYZE, FORMAT JSON) EXECUTE asked ({arguments})");
    let plan: Value = sqlx::query_scalar(AssertSqlSafe(explain)).fetch_one(&mut *connection).await.unwrap();
    sqlx::raw_sql("DEALLOCATE asked; RESET ALL").execute(&mut *connection).await.unwrap();
    let mut tables = Vec::new();
    collect(&plan[0]["Plan"], &mut tables);
    tables.sort();
    tables.dedup();
    tables
}

fn collect(node: &Value, tables: &mut Vec<String>) {
    if let Some(table) = node["Relation Name"].as_str().filter(|_| node["Actual Loops"].as_f64().is_some_and(|loops| loops > 0.0)) {
        tables.push(table.to_owned());
    }
    for child in node["Plans"].as_array().into_iter().flatten() {
        collect(child, tables);
    }
}

fn of<'a>(tables: &'a [String], name: &str) -> Vec<&'a String> {
    tables.iter().filter(|table| table.starts_with(name)).collect()
}

#[tokio::test]
async fn with_sixty_months_a_page_visits_one_partition_and_catching_up_the_last_months() {
    let db = Db::fresh().await;
    execute(&db, SIXTY_MONTHS).await;
    assert!(db.count("SELECT count(*) FROM pg_inherits WHERE inhparent = 'conversation_events'::regclass").await >= 60);
    let conversation = "'01000000-0000-0000-0000-000000000007'";
    let reader = "'00000000-0000-0000-0000-000000000001'";

    let older = statement(&["FROM messages", "thread_replies", "ORDER BY seq DESC LIMIT $4"]);
    let tables = visited(&db, &older, &format!("{conversation}, 0, 6000, 50, 1000000, true, true, {reader}, 0")).await;
    assert_eq!((of(&tables, "messages").len(), of(&tables, "conversation_events").len()), (1, 0), "{tables:?}");
    let newer = statement(&["FROM messages", "thread_replies", "ORDER BY seq LIMIT $3"]);
    let tables = visited(&db, &newer, &format!("{conversation}, 0, 50, 1000000, true, true, {reader}, 0")).await;
    assert_eq!((of(&tables, "messages").len(), of(&tables, "conversation_events").len()), (1, 0), "{tables:?}");
    // The way it was, and is until the table is filled: every month.
    let tables = visited(&db, &newer, &format!("{conversation}, 0, 50, 1000000, true, false, {reader}, 0")).await;
    assert!(of(&tables, "messages").is_empty() && of(&tables, "conversation_events").len() >= 60, "{tables:?}");

    let catch_up = statement(&["FROM conversation_events", "page.bytes_before < $6"]);
    let ranges = format!("ARRAY[{conversation}]::uuid[], ARRAY[0], ARRAY[20000]");
    let tables = visited(&db, &catch_up, &format!("{ranges}, 100, 0, 1000000")).await;
    let months = of(&tables, "conversation_events").len();
    assert!((4..=7).contains(&months), "two months and the present, three ahead, and the default: {tables:?}");
    let count = statement(&["range.number", "SELECT e.seq FROM conversation_events"]);
    let tables = visited(&db, &count, &format!("{ranges}, 100, ARRAY[0]")).await;
    assert!((4..=7).contains(&of(&tables, "conversation_events").len()), "{tables:?}");
}
