//! A user's list of conversations, at sizes that show what it costs.

use std::time::Duration;

use relay_domain::ports::{Conversations as _, ListPart, Projection as _};
use relay_types::{ConversationId, Seq, UserId};
use sqlx::types::Uuid;

use crate::support::{Db, NOON_MS, TestLog, conversation_id};

/// How long a connection may take to end.
const BOUND: Duration = Duration::from_secs(30);

/// A group as decided, without its events.
async fn group(db: &Db, members: &[UserId]) -> ConversationId {
    let id = conversation_id();
    sqlx::query(
        "INSERT INTO conversations (conversation_id, kind, title, shard, created_by, created_at) VALUES ($1, 'group', 'x', 0, $2, now())",
    )
    .bind(id.to_uuid())
    .bind(members[0].to_uuid())
    .execute(&db.raw)
    .await
    .unwrap();
    for member in members {
        sqlx::query("INSERT INTO members (conversation_id, user_id, role, added_at) VALUES ($1, $2, 'member', '2026-11-01')")
            .bind(id.to_uuid())
            .bind(member.to_uuid())
            .execute(&db.raw)
            .await
            .unwrap();
    }
    id
}

async fn listed(db: &Db, user: UserId, limit: u16) -> Vec<Uuid> {
    let (mut all, mut cursor) = (Vec::new(), None);
    loop {
        let page = db.store.list(user, ListPart::Accepted, cursor, limit).await.unwrap();
        assert!(page.items.len() <= usize::from(limit));
        all.extend(page.items.iter().map(|item| item.conversation_id.to_uuid()));
        cursor = page.next;
        if cursor.is_none() {
            return all;
        }
    }
}

/// By looking at everything.
async fn expected(db: &Db, user: UserId) -> Vec<Uuid> {
    sqlx::query_scalar(
        "SELECT conversation_id FROM members m LEFT JOIN conversation_heads h USING (conversation_id)
         WHERE m.user_id = $1 ORDER BY coalesce(h.last_at, m.added_at) DESC, conversation_id DESC",
    )
    .bind(user.to_uuid())
    .fetch_all(&db.raw)
    .await
    .unwrap()
}

#[tokio::test]
async fn whatever_the_times_are_the_order_is_that_of_the_last_activity() {
    let db = Db::fresh().await;
    let (ann, bob) = (db.user("ann").await, db.user("bob").await);
    let mut log = TestLog::new();
    let mut ids = Vec::new();
    for _ in 0..60 {
        ids.push(group(&db, &[ann, bob]).await);
    }
    // Twenty that the projection does not know yet.
    let known = &ids[..40];
    let mut n: u64 = 7;
    let mut random = |below: u64| {
        n = n.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (n >> 33) % below
    };
    for id in known {
        log.created(*id, &[ann, bob]);
    }
    for round in 0..6 {
        for k in 0..40 {
            log.sent(known[usize::try_from(random(40)).unwrap()], bob, &format!("{round}-{k}"));
            let event = log.events.last_mut().unwrap();
            // Two days in all, now and then with a step back.
            event.stored_at_ms = NOON_MS + i64::from(round) * 8 * 3_600_000 + i64::try_from(random(9 * 3_600_000)).unwrap();
        }
        db.project(&log).await;
        let wanted = expected(&db, ann).await;
        assert_eq!(wanted.len(), 60);
        for limit in [1, 7, 50, 100] {
            assert_eq!(listed(&db, ann, limit).await, wanted, "round {round}, pages of {limit}");
        }
    }
    let told: i64 = db
        .count(
            "SELECT count(*) FROM memberships m JOIN conversation_heads h USING (conversation_id)
             WHERE m.active_until <= h.last_at OR m.active_until > h.last_at + interval '6 hours'",
        )
        .await;
    assert_eq!(told, 0, "what members know is never before the last activity, and six hours behind it at most");

    // Removed, and the projection does not know it yet: nearly all of the first page.
    let first: Vec<Uuid> = listed(&db, ann, 100).await.into_iter().take(30).collect();
    sqlx::query("DELETE FROM members WHERE user_id = $1 AND conversation_id = ANY ($2)")
        .bind(ann.to_uuid())
        .bind(&first)
        .execute(&db.raw)
        .await
        .unwrap();
    assert_eq!(listed(&db, ann, 3).await, expected(&db, ann).await);
    assert_eq!(listed(&db, ann, 3).await.len(), 30);
}

#[tokio::test]
async fn what_one_wrote_behind_one_has_read() {
    let db = Db::fresh().await;
    let (ann, bob) = (db.user("ann").await, db.user("bob").await);
    let id = group(&db, &[ann, bob]).await;
    let mut log = TestLog::new();
    log.created(id, &[ann, bob]);
    log.sent(id, bob, "a");
    let own = log.sent(id, ann, "b");
    log.sent(id, bob, "c");
    let last = log.sent(id, bob, "d");
    // Behind the last message; the preview shows the message.
    let carol = db.user("carol").await;
    log.added(id, carol);
    db.project(&log).await;
    let item = db.store.list(ann, ListPart::Accepted, None, 10).await.unwrap().items.remove(0);
    assert_eq!((item.unread_count, item.read_seq), (2, own));
    assert_eq!(item.last_message.unwrap().seq, last);
    assert_eq!(item.last_seq, Seq(last.0 + 1));
    let item = db.store.list(bob, ListPart::Accepted, None, 10).await.unwrap().items.remove(0);
    assert_eq!((item.unread_count, item.read_seq), (0, last));
    // A mark that is further stays.
    assert_eq!(db.store.mark_read(ann, id, Seq(last.0 - 1), NOON_MS, None).await.unwrap().seq, Seq(last.0 - 1));
    assert_eq!(db.store.list(ann, ListPart::Accepted, None, 10).await.unwrap().items[0].unread_count, 1);
}

#[tokio::test]
async fn ones_own_messages_are_not_looked_at_to_count_those_of_others() {
    let db = Db::fresh().await;
    let (bot, bob) = (db.user("bot").await, db.user("bob").await);
    let id = group(&db, &[bot, bob]).await;
    let mut log = TestLog::new();
    log.created(id, &[bot, bob]);
    log.sent(id, bob, "first");
    for n in 0..1_500 {
        log.sent(id, bot, &format!("k{n}"));
    }
    log.sent(id, bob, "last");
    db.project(&log).await;
    let item = db.store.list(bot, ListPart::Accepted, None, 10).await.unwrap().items.remove(0);
    assert_eq!(item.unread_count, 1, "the one behind 1,500 own messages");
    let mut connection = db.raw.acquire().await.unwrap();
    let mark: i64 = sqlx::query_scalar("SELECT sent_seq FROM memberships WHERE conversation_id = $1 AND user_id = $2")
        .bind(id.to_uuid())
        .bind(bot.to_uuid())
        .fetch_one(&mut *connection)
        .await
        .unwrap();
    assert_eq!(Seq::from_i64(mark).0 + 1, log.head().0, "counting begins behind the bot's newest message");
}

#[tokio::test]
async fn everybody_in_a_large_group_is_told_of_a_new_span() {
    let db = Db::fresh().await;
    let (id, ann) = (conversation_id(), db.user("ann").await);
    let mut log = TestLog::new();
    log.created(id, &[ann]);
    db.project(&log).await;
    // More than one statement changes. The head, too, is of long ago.
    sqlx::query(
        "INSERT INTO memberships (conversation_id, user_id, joined_seq, shard, active_until)
         SELECT $1, gen_random_uuid(), 1, 0, '2026-01-01' FROM generate_series(1, 45000)",
    )
    .bind(id.to_uuid())
    .execute(&db.raw)
    .await
    .unwrap();
    sqlx::query("UPDATE conversation_heads SET active_until = '2026-01-01', last_at = '2025-12-31 23:00'").execute(&db.raw).await.unwrap();
    log.sent(id, ann, "hello");
    db.store.project(crate::support::SHARD, crate::support::EPOCH, Seq::ZERO, log.head(), &log.events).await.unwrap();
    let late =
        "SELECT count(*) FROM memberships m JOIN conversation_heads h USING (conversation_id) WHERE m.active_until <> h.active_until";
    assert_eq!(db.count(late).await, 0);
    assert_eq!(db.count("SELECT count(*) FROM memberships").await, 45_001);
}

/// One person in 10,000 groups among 10,000 who are in one: the planner takes everybody for somebody in few.
const CROWD: &str = "
    INSERT INTO users SELECT ('00000000-0000-0000-0000-' || lpad(to_hex(g), 12, '0'))::uuid, 'u' || g, 'u', 'x', 0, now()
        FROM generate_series(1, 10000) AS g;
    INSERT INTO conversations (conversation_id, kind, title, shard, created_by, created_at)
        SELECT ('01000000-0000-0000-0000-' || lpad(to_hex(g), 12, '0'))::uuid, 'group', 't', 0, '00000000-0000-0000-0000-000000000001', now()
        FROM generate_series(1, 10000) AS g;
    INSERT INTO members (conversation_id, user_id, role, added_at)
        SELECT conversation_id, '00000000-0000-0000-0000-000000000001'::uuid, 'member', now() FROM conversations
        UNION SELECT conversation_id, ('00000000-0000-0000-0000-' || right(conversation_id::text, 12))::uuid, 'member', now() FROM conversations;
    INSERT INTO conversation_heads (conversation_id, shard, last_seq, last_at, message_seq, message_at, active_until)
        SELECT conversation_id, 0, n, now() - n * interval '1 hour', n, now(), now() - n * interval '1 hour' + interval '1 minute'
        FROM (SELECT conversation_id, row_number() OVER () AS n FROM conversations) AS c;
    INSERT INTO memberships (conversation_id, user_id, joined_seq, shard, active_until)
        SELECT conversation_id, user_id, 0, 0, active_until FROM members JOIN conversation_heads USING (conversation_id);
    ANALYZE";

#[tokio::test]
async fn a_page_reads_what_it_shows_however_many_conversations_its_user_has() {
    let db = Db::fresh().await;
    sqlx::raw_sql(CROWD).execute(&db.raw).await.unwrap();
    let read = "SELECT sum(idx_tup_read)::bigint FROM pg_stat_user_indexes WHERE relname IN ('members', 'memberships')";
    let before = db.count(read).await;
    let (store, busy) = (db.as_role("relay_api"), UserId::from_uuid(Uuid::from_u128(1)));
    let page = store.list(busy, ListPart::Accepted, None, 50).await.unwrap();
    assert_eq!(page.items.len(), 50);
    // Its connections tell what they read as they end.
    store.close().await;
    let open = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND usename = 'relay_api'";
    let ended = async {
        while db.count(open).await > 0 {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    };
    assert!(tokio::time::timeout(BOUND, ended).await.is_ok(), "a connection stays open");
    let rows = db.count(read).await - before;
    assert!((50..2_000).contains(&rows), "{rows} rows for 50 entries");
}
