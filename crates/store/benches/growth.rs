//! What grows for ever, at sizes of years. One JSON line each:
//!
//! - pages of the list of somebody in 10,000 and in 100,000 conversations, and of a bot with 1,000,000 messages of its own;
//! - an end to a month of `send_keys`: weeks of 3,000,000 keys in all are dropped, and, for comparison, deleted from;
//! - one page of the audit, and of its round over read marks.

#![expect(clippy::unwrap_used, clippy::print_stdout, clippy::indexing_slicing, reason = "a program for people, not part of the product")]

use std::time::{Duration, Instant};

use relay_dev_servers::{PostgresOptions, PostgresServer, Scratch, Servers};
use relay_domain::ports::{AuditedProjection as _, Conversations as _, ListPart, Maintenance as _, MaintenanceTask};
use relay_store::{PostgresConfig, Store};
use relay_types::{Seq, ShardId, UserId};
use sqlx::postgres::PgPoolOptions;
use sqlx::types::Uuid;
use sqlx::{AssertSqlSafe, PgPool};

const PEOPLE: &str = "
    INSERT INTO users SELECT ('00000000-0000-0000-0000-' || lpad(to_hex(g), 12, '0'))::uuid, 'u' || g, 'u', 'x', 0, now()
        FROM generate_series(1, 20000) AS g;
    INSERT INTO conversations (conversation_id, kind, title, shard, created_by, created_at)
        SELECT ('01000000-0000-0000-' || lpad(to_hex((g * 7919) % 65536), 4, '0') || '-' || lpad(to_hex(g), 12, '0'))::uuid,
               'group', 't', 0, '00000000-0000-0000-0000-000000000001', now() - interval '20 days'
        FROM generate_series(1, 200000) AS g;
    CREATE TEMP TABLE shuffled AS SELECT conversation_id, row_number() OVER (ORDER BY md5(conversation_id::text)) AS n FROM conversations;
    INSERT INTO members (conversation_id, user_id, role, added_at)
        SELECT conversation_id, '00000000-0000-0000-0000-000000000001'::uuid, 'member', now() - interval '20 days' FROM shuffled WHERE n <= 10000
        UNION ALL
        SELECT conversation_id, '00000000-0000-0000-0000-000000000002'::uuid, 'member', now() - interval '20 days' FROM shuffled WHERE n <= 100000
        UNION ALL
        SELECT conversation_id, ('00000000-0000-0000-0000-' || lpad(to_hex(4 + n % 19000), 12, '0'))::uuid, 'member',
               now() - interval '20 days' FROM shuffled;
    -- Four messages of the other person each, the last at some moment of the last 20 days.
    INSERT INTO conversation_heads (conversation_id, shard, last_seq, last_at, message_seq, message_at, active_until)
        SELECT conversation_id, 0, n * 5 + 4, at, n * 5 + 4, at, to_timestamp((floor(extract(epoch FROM at) / 21600) + 1) * 21600)
        FROM (SELECT conversation_id, n, date_trunc('second', now()) - n * interval '8.64 s' AS at FROM shuffled) AS t;
    INSERT INTO conversation_events
        SELECT s.conversation_id, s.n * 5 + k, nullif(s.n * 5 + k - 1, s.n * 5), 0, 'MESSAGE_SENT', gen_random_uuid(),
               ('00000000-0000-0000-0000-' || lpad(to_hex(4 + s.n % 19000), 12, '0'))::uuid, 'key',
               jsonb_build_object('type', 'text', 'text', repeat('x', 200)), 0, h.last_at - (4 - k) * interval '1 s'
        FROM shuffled s JOIN conversation_heads h USING (conversation_id), generate_series(1, 4) AS k;
    INSERT INTO memberships (conversation_id, user_id, joined_seq, shard, active_until)
        SELECT m.conversation_id, m.user_id, h.last_seq - 4, 0, h.active_until FROM members m JOIN conversation_heads h USING (conversation_id);";

/// User 3 is a bot that wrote 1,000,000 messages into one conversation and never marked anything as read.
const BOT: &str = "
    INSERT INTO conversations (conversation_id, kind, title, shard, created_by, created_at)
        VALUES ('02000000-0000-0000-0000-000000000000', 'group', 't', 1, '00000000-0000-0000-0000-000000000003', now());
    INSERT INTO members (conversation_id, user_id, role, added_at)
        VALUES ('02000000-0000-0000-0000-000000000000', '00000000-0000-0000-0000-000000000003', 'member', now());
    INSERT INTO conversation_events
        SELECT '02000000-0000-0000-0000-000000000000', n, n - 1, 1, 'MESSAGE_SENT', gen_random_uuid(),
               '00000000-0000-0000-0000-000000000003', 'key', '{\"type\": \"text\", \"text\": \"beep\"}', 0,
               date_trunc('second', now()) - (1000000 - n) * interval '1 s'
        FROM generate_series(1, 1000000) AS n;
    INSERT INTO conversation_heads (conversation_id, shard, last_seq, last_at, message_seq, message_at, active_until)
        SELECT conversation_id, 1, seq, at, seq, at, at + interval '6 hours' FROM conversation_events WHERE shard = 1 AND seq = 1000000;
    INSERT INTO memberships (conversation_id, user_id, joined_seq, shard, active_until, sent_seq)
        SELECT conversation_id, '00000000-0000-0000-0000-000000000003', 0, 1, active_until, last_seq
        FROM conversation_heads WHERE shard = 1;";

const MESSAGES: &str = "
    INSERT INTO messages (conversation_id, seq, prev_seq, shard, message_id, sender_id, client_id, kind, body, sent_at_ms, stored_at)
        SELECT conversation_id, seq, prev_seq, shard, event_id, actor_id, client_id, kind, body, decided_at_ms, at FROM conversation_events;";

/// 3,000,000 keys over four weeks, the last of which ended 40 days ago.
const KEYS: &str = "
    SELECT ensure_send_key_partitions(now() - interval '75 days', 6);
    INSERT INTO send_keys
        SELECT gen_random_uuid(), gen_random_uuid(), '01K9ZZZZZZZZZZZZZZ' || lpad(to_hex(n), 8, '0'), gen_random_uuid(), n, 0,
               now() - interval '68 days' + n * interval '28 days' / 3000000
        FROM generate_series(1, 3000000) AS n;";

#[tokio::main]
async fn main() {
    let servers = Servers::ready().await.unwrap();
    let scratch = Scratch::new("bench").unwrap();
    let options = PostgresOptions { fsync: true, ..PostgresOptions::for_tests(scratch.path().join("postgres")) };
    let server = PostgresServer::start(&servers, options).await.unwrap();
    relay_store::migrate(&server.url()).await.unwrap();
    let store = Store::connect(&PostgresConfig { acquire_timeout_ms: 30_000, ..PostgresConfig::new(server.url()) }).unwrap();
    let raw = PgPoolOptions::new().max_connections(1).connect(&server.url()).await.unwrap();
    execute(&raw, PEOPLE).await;
    execute(&raw, BOT).await;
    execute(&raw, MESSAGES).await;
    execute(&raw, "VACUUM ANALYZE").await;
    lists(&store).await;
    audit(&store).await;
    keys(&store, &raw).await;
}

async fn execute(raw: &PgPool, sql: &'static str) {
    sqlx::raw_sql(AssertSqlSafe(sql)).execute(raw).await.unwrap();
}

fn user(n: u128) -> UserId {
    UserId::from_uuid(Uuid::from_u128(n))
}

fn print(scenario: &str, mut times: Vec<Duration>) {
    times.sort_unstable();
    let ms = |time: Duration| time.as_secs_f64() * 1_000.0;
    let (p50, p99) = (ms(times[times.len() / 2]), ms(times[times.len() * 99 / 100]));
    println!(r#"{{"scenario":"{scenario}","times":{},"p50_ms":{p50:.2},"p99_ms":{p99:.2}}}"#, times.len());
}

async fn lists(store: &Store) {
    for (name, who, limit) in
        [("list_10000", user(1), 50), ("list_10000_by_100", user(1), 100), ("list_100000", user(2), 50), ("list_bot", user(3), 50)]
    {
        let (mut first, mut following) = (Vec::new(), Vec::new());
        for _ in 0..300 {
            let began = Instant::now();
            let page = store.list(who, ListPart::Accepted, None, limit).await.unwrap();
            first.push(began.elapsed());
            let began = Instant::now();
            store.list(who, ListPart::Accepted, page.next, limit).await.unwrap();
            following.push(began.elapsed());
        }
        print(name, first);
        print(&format!("{name}_second_page"), following);
    }
    let began = Instant::now();
    let (mut cursor, mut pages, mut items, mut times) = (None, 0, 0, Vec::new());
    loop {
        let one = Instant::now();
        let page = store.list(user(1), ListPart::Accepted, cursor, 100).await.unwrap();
        times.push(one.elapsed());
        (pages, items, cursor) = (pages + 1, items + page.items.len(), page.next);
        if cursor.is_none() {
            break;
        }
    }
    println!(r#"{{"scenario":"list_10000_whole","pages":{pages},"items":{items},"seconds":{:.2}}}"#, began.elapsed().as_secs_f64());
    print("list_10000_any_page", times);
}

async fn audit(store: &Store) {
    let (mut events, mut marks) = (Vec::new(), Vec::new());
    for n in 0..200 {
        let began = Instant::now();
        store.projected_events(ShardId(0), Seq(n * 4_000), Seq(n * 4_000 + 2_000), 4_000).await.unwrap();
        events.push(began.elapsed());
    }
    let mut after = None;
    loop {
        let began = Instant::now();
        after = store.marks_ahead(after, 5_000).await.unwrap().next;
        marks.push(began.elapsed());
        if after.is_none() {
            break;
        }
    }
    print("audit_page_of_2000", events);
    print("audit_5000_marks", marks);
}

async fn keys(store: &Store, raw: &PgPool) {
    execute(raw, KEYS).await;
    let rows: i64 = sqlx::query_scalar("SELECT count(*) FROM send_keys").fetch_one(raw).await.unwrap();
    let began = Instant::now();
    let outcome = store.maintain(MaintenanceTask::SendKeys, Duration::from_mins(10)).await.unwrap();
    let dropped = began.elapsed().as_secs_f64();
    println!(r#"{{"scenario":"send_keys_dropped","rows":{rows},"deleted_one_by_one":{},"seconds":{dropped:.3}}}"#, outcome.removed);
    // As it was before: one table, found by BRIN, 10,000 rows at a time.
    execute(raw, "CREATE TABLE flat (LIKE send_keys); ALTER TABLE flat ADD PRIMARY KEY (conversation_id, sender_id, client_id)").await;
    execute(
        raw,
        "INSERT INTO flat SELECT gen_random_uuid(), gen_random_uuid(), '01K9ZZZZZZZZZZZZZZ' || lpad(to_hex(n), 8, '0'), gen_random_uuid(), n, 0,
             now() - interval '68 days' + n * interval '28 days' / 3000000 FROM generate_series(1, 3000000) AS n",
    )
    .await;
    execute(raw, "CREATE INDEX ON flat USING brin (at)").await;
    let began = Instant::now();
    let delete = "DELETE FROM flat WHERE ctid = ANY (ARRAY (SELECT ctid FROM flat WHERE at < now() - interval '31 days' LIMIT 10000))";
    let mut deleted = 0;
    while began.elapsed() < Duration::from_secs(60) {
        let now = sqlx::query(delete).execute(raw).await.unwrap().rows_affected();
        deleted += now;
        if now == 0 {
            break;
        }
    }
    println!(r#"{{"scenario":"send_keys_deleted_as_before","deleted":{deleted},"seconds":{:.3}}}"#, began.elapsed().as_secs_f64());
}
