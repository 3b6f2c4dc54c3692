//! What replies make of threads: counts at the root, who follows, what is unread, and a timeline without them.

use relay_domain::ports::{
    AuditedProjection as _, Conversations as _, History as _, HistoryAnchor, ListPart, Projection as _, ThreadError, ThreadNews as _,
    Threads as _,
};
use relay_protocol::MessageBody;
use relay_protocol::threads::FollowedThread;
use relay_types::{ConversationId, MessageId, Seq, UserId};

use crate::edits::lobby;
use crate::support::{Db, EPOCH, NOON_MS, SHARD, TestLog};

fn id_at(log: &TestLog, seq: Seq) -> MessageId {
    log.event_at(seq).event.message().unwrap().message_id
}

type Shown = Vec<(u64, Option<(u32, u64, Vec<UserId>, u64)>)>;

/// The timeline: each message's place, and what its root says: how many, the newest, by whom, up to where.
async fn timeline(db: &Db, reader: UserId, lobby: ConversationId) -> Shown {
    let page = db.store.messages(reader, lobby, HistoryAnchor::Newest, 50, false).await.unwrap().messages;
    let replies = |message: &relay_protocol::Message| {
        message.replies.as_ref().map(|replies| (replies.count, replies.last_seq.0, replies.by.clone(), replies.upto_seq.0))
    };
    page.iter().map(|message| (message.seq.0, replies(message))).collect()
}

async fn thread(db: &Db, reader: UserId, lobby: ConversationId, root: MessageId) -> (Vec<u64>, bool, Option<u64>) {
    let page = db.store.thread(reader, lobby, root, HistoryAnchor::Newest, 50).await.unwrap();
    (page.messages.iter().map(|message| message.seq.0).collect(), page.following, page.read_seq.map(|seq| seq.0))
}

/// Of each thread that somebody follows: its root, up to where they have read it, and how many are unread.
async fn followed(db: &Db, user: UserId) -> Vec<(u64, u64, u32)> {
    let page = db.as_role("relay_api").followed_threads(user, None, 50).await.unwrap();
    assert_eq!(page.next, None);
    page.threads.iter().map(|FollowedThread { root, read_seq, unread_count }| (root.seq.0, read_seq.0, *unread_count)).collect()
}

#[tokio::test]
async fn replies_stand_under_their_root_and_nowhere_in_the_timeline() {
    let db = Db::fresh().await;
    let (ann, bob, lobby, mut log) = lobby(&db).await;
    let one = log.sent(lobby, ann, "one"); // 2
    let two = log.sent(lobby, bob, "two"); // 3
    let first = log.said_under(one, bob, "r1"); // 4
    log.said_under(one, ann, "r2"); // 5
    log.said_under(one, bob, "r3"); // 6
    log.said_under(two, bob, "r4"); // 7
    db.project(&log).await;
    // Delivered again, nothing counts twice.
    db.store.project(SHARD, EPOCH, Seq::ZERO, log.head(), &log.events).await.unwrap();
    assert_eq!(timeline(&db, ann, lobby).await, [(2, Some((3, 6, vec![bob, ann], 6))), (3, Some((1, 7, vec![bob], 7)))]);
    let newer = db.store.messages(ann, lobby, HistoryAnchor::After(Seq(1)), 50, false).await.unwrap().messages;
    assert_eq!(newer.iter().map(|message| message.seq.0).collect::<Vec<_>>(), [2, 3]);
    assert_eq!(thread(&db, ann, lobby, id_at(&log, one)).await, (vec![4, 5, 6], true, Some(5)));
    let older = db.store.thread(ann, lobby, id_at(&log, one), HistoryAnchor::Before(Seq(6)), 1).await.unwrap();
    assert_eq!((older.messages[0].seq, older.has_more), (Seq(5), true));
    let newer = db.store.thread(ann, lobby, id_at(&log, one), HistoryAnchor::After(Seq(4)), 1).await.unwrap();
    assert_eq!((newer.messages[0].seq, newer.has_more), (Seq(5), true));
    assert!(matches!(db.store.thread(ann, lobby, id_at(&log, first), HistoryAnchor::Newest, 1).await, Err(ThreadError::NotARoot)));
    // They are no preview, and nothing unread, of the conversation.
    for (user, unread) in [(ann, 1), (bob, 0)] {
        let row = db.store.list(user, ListPart::Accepted, None, 10).await.unwrap().items.remove(0);
        assert_eq!((row.unread_count, row.last_message.unwrap().seq, row.last_seq), (unread, two, Seq(7)), "{user}");
    }
    assert_eq!(db.store.verify_unread(None, 50).await.unwrap().wrong, []);
    db.store.repair_unread(&[lobby]).await.unwrap();
    let row = db.store.list(bob, ListPart::Accepted, None, 10).await.unwrap().items.remove(0);
    assert_eq!((row.unread_count, row.last_message.unwrap().seq), (0, two));
    // What one wrote oneself is not unread; the root's author follows from the first reply on.
    assert_eq!(followed(&db, ann).await, [(2, 5, 1)]);
    assert_eq!(followed(&db, bob).await, [(3, 7, 0), (2, 6, 0)]);
}

#[tokio::test]
async fn what_is_erased_counts_no_more_and_stays_in_its_thread() {
    let db = Db::fresh().await;
    let (ann, bob, lobby, mut log) = lobby(&db).await;
    let one = log.sent(lobby, ann, "one"); // 2
    let first = log.said_under(one, bob, "r1"); // 3
    log.said_under(one, ann, "r2"); // 4
    let last = log.said_under(one, bob, "r3"); // 5
    db.project(&log).await;
    log.deleted(last, bob); // 6
    log.deleted(last, ann); // 7: twice
    log.erased(first); // 8
    db.project(&log).await;
    assert_eq!(timeline(&db, bob, lobby).await, [(2, Some((1, 4, vec![ann], 8)))]);
    let page = db.store.thread(bob, lobby, id_at(&log, one), HistoryAnchor::Newest, 50).await.unwrap();
    let shown: Vec<_> = page.messages.iter().map(|message| (message.seq.0, message.body == MessageBody::Erased, message.thread)).collect();
    assert!(shown.iter().all(|(_, _, root)| root.is_some_and(|root| root.seq == one)), "{shown:?}");
    assert_eq!(shown.iter().map(|(seq, erased, _)| (*seq, *erased)).collect::<Vec<_>>(), [(3, true), (4, false), (5, true)]);
    assert_eq!(followed(&db, ann).await, [(2, 4, 0)]);
    // Whatever is missing comes back from the log, in any order, and is counted once.
    let whole = timeline(&db, bob, lobby).await;
    for missing in ["seq = 4", "seq = 5", "seq IN (3, 4, 5)", "seq IN (2, 4)"] {
        let rows = format!("DELETE FROM conversation_events WHERE {missing}; DELETE FROM messages WHERE {missing}");
        sqlx::raw_sql(sqlx::AssertSqlSafe(rows)).execute(&db.raw).await.unwrap();
        for event in log.events.iter().rev() {
            db.store.repair(SHARD, std::slice::from_ref(event)).await.unwrap();
        }
        let counted = |shown: &Shown| -> Vec<_> {
            shown.iter().map(|(seq, replies)| (*seq, replies.as_ref().map(|(count, newest, ..)| (*count, *newest)))).collect()
        };
        assert_eq!(counted(&timeline(&db, bob, lobby).await), counted(&whole), "without {missing}");
    }
}

#[tokio::test]
async fn of_a_log_that_has_a_deleted_reply_no_more_its_place_is_in_its_thread() {
    let db = Db::fresh().await;
    let (ann, bob, lobby, mut log) = lobby(&db).await;
    let one = log.sent(lobby, ann, "one"); // 2
    let first = log.said_under(one, bob, "r1"); // 3
    log.said_under(one, ann, "r2"); // 4
    log.deleted(first, bob); // 5
    let mut events = log.events.clone();
    events.retain(|event| event.seq != first);
    db.store.project(SHARD, EPOCH, Seq::ZERO, log.head(), &events).await.unwrap();
    assert_eq!(timeline(&db, bob, lobby).await, [(2, Some((1, 4, vec![ann], 4)))]);
    assert_eq!(thread(&db, bob, lobby, id_at(&log, one)).await.0, [3, 4]);
}

#[tokio::test]
async fn a_follow_is_ones_own_until_one_replies_again_and_goes_with_the_membership() {
    let db = Db::fresh().await;
    let (ann, bob, lobby, mut log) = lobby(&db).await;
    let (api, worker) = (db.as_role("relay_api"), db.as_role("relay_worker"));
    let one = log.sent(lobby, ann, "one"); // 2
    let root = id_at(&log, one);
    log.said_under(one, bob, "r1"); // 3
    db.project(&log).await;
    let address = api.follow_thread(ann, lobby, root, false, NOON_MS).await.unwrap();
    assert_eq!(followed(&db, ann).await, []);
    let replying = log.said_under(one, bob, "r2"); // 4
    db.project(&log).await;
    assert_eq!(followed(&db, ann).await, [], "others' replies do not bring her back");
    // What was in the log when she said so does not either, in whatever order it is delivered.
    db.store.repair(SHARD, std::slice::from_ref(log.event_at(replying))).await.unwrap();
    log.said_under(one, ann, "r3"); // 5
    log.said_under(one, bob, "r4"); // 6
    db.project(&log).await;
    assert_eq!(followed(&db, ann).await, [(2, 5, 1)]);
    // Marks rise, at most to the newest reply, and are told at once, and then a little later.
    assert_eq!(api.mark_thread_read(ann, lobby, root, Seq(3), NOON_MS).await.unwrap(), None, "no step back");
    assert_eq!(api.mark_thread_read(ann, lobby, root, Seq(99), NOON_MS).await.unwrap(), Some(address));
    assert_eq!(followed(&db, ann).await, [(2, 6, 0)]);
    log.said_under(one, bob, "r5"); // 7
    db.project(&log).await;
    assert_eq!(api.mark_thread_read(ann, lobby, root, Seq(7), NOON_MS).await.unwrap(), None, "not so soon");
    assert_eq!(worker.tell_due_threads(10).await.unwrap(), (vec![], false));
    sqlx::query("UPDATE thread_follows SET due_at = now() - interval '1 second'").execute(&db.raw).await.unwrap();
    assert_eq!(worker.tell_due_threads(10).await.unwrap(), (vec![address], false));
    assert_eq!(db.count("SELECT count(*) FROM outbox WHERE payload LIKE '%THREAD_MARK_MOVED%'").await, 3, "told, and no more than that");
    // Nobody's but those who see the root.
    let cid = db.user("cid").await;
    assert!(matches!(api.follow_thread(cid, lobby, root, true, NOON_MS).await, Err(ThreadError::NotMember)));
    assert!(matches!(api.thread(cid, lobby, root, HistoryAnchor::Newest, 1).await, Err(ThreadError::NotMember)));
    let member = "INSERT INTO members (conversation_id, user_id, role, added_at) VALUES ($1, $2, 'member', now())";
    sqlx::query(member).bind(lobby.to_uuid()).bind(cid.to_uuid()).execute(&db.raw).await.unwrap();
    log.added(lobby, cid); // 8
    log.removed(lobby, ann); // 9
    log.said_under(one, bob, "r6"); // 10
    db.project(&log).await;
    assert!(matches!(api.thread(cid, lobby, root, HistoryAnchor::Newest, 1).await, Err(ThreadError::UnknownMessage)));
    assert!(matches!(api.follow_thread(cid, lobby, root, true, NOON_MS).await, Err(ThreadError::UnknownMessage)));
    assert!(matches!(api.mark_thread_read(cid, lobby, root, Seq(10), NOON_MS).await, Err(ThreadError::UnknownMessage)));
    assert_eq!((followed(&db, ann).await, followed(&db, cid).await), (vec![], vec![]));
    assert_eq!(db.count("SELECT count(*) FROM thread_follows").await, 1, "bob's");
}

#[tokio::test]
async fn the_list_goes_by_the_newest_reply_in_pages_and_keeps_a_thousand() {
    let db = Db::fresh().await;
    let (ann, bob, lobby, mut log) = lobby(&db).await;
    let roots: Vec<Seq> = (0..5).map(|n| log.sent(lobby, ann, &format!("root{n}"))).collect();
    for (n, root) in roots.iter().enumerate() {
        log.said_under(*root, bob, &format!("r{n}"));
    }
    db.project(&log).await;
    let api = db.as_role("relay_api");
    let (mut after, mut seen) = (None, Vec::new());
    loop {
        let page = api.followed_threads(ann, after, 2).await.unwrap();
        seen.extend(page.threads.iter().map(|thread| (thread.root.seq, thread.unread_count)));
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    let newest_first: Vec<_> = roots.iter().rev().map(|root| (*root, 1)).collect();
    assert_eq!(seen, newest_first);
    let many =
        "INSERT INTO thread_follows (user_id, conversation_id, root_seq, root_id, shard, follows, said_seq, read_seq, told_seq, touched_at)
                SELECT $1, $2, n, gen_random_uuid(), 0, true, n, n, n, now() FROM generate_series(10000, 11200) AS n";
    sqlx::query(many).bind(bob.to_uuid()).bind(lobby.to_uuid()).execute(&db.raw).await.unwrap();
    for n in 0..4 {
        let root = log.sent(lobby, ann, &format!("more{n}"));
        log.said_under(root, bob, &format!("m{n}"));
        db.project(&log).await;
    }
    assert!(db.count("SELECT count(*) FROM thread_follows GROUP BY user_id ORDER BY 1 DESC LIMIT 1").await <= 1_000);
}

/// Others' replies to old messages put out nothing that somebody took part in since, and what one does not follow takes room, too.
#[tokio::test]
async fn a_thousand_are_kept_whatever_others_reply_to_and_one_declines() {
    let db = Db::fresh().await;
    let (ann, bob, lobby, mut log) = lobby(&db).await;
    let roots: Vec<Seq> = (0..5).map(|n| log.sent(lobby, ann, &format!("old{n}"))).collect();
    db.project(&log).await;
    let many =
        "INSERT INTO thread_follows (user_id, conversation_id, root_seq, root_id, shard, follows, said_seq, read_seq, told_seq, touched_at)
                SELECT $1, $2, n, gen_random_uuid(), 0, true, n, n, n, now() + interval '1 minute' FROM generate_series(10000, 10999) AS n";
    sqlx::query(many).bind(ann.to_uuid()).bind(lobby.to_uuid()).execute(&db.raw).await.unwrap();
    let kept = "SELECT count(*) FROM thread_follows WHERE root_seq >= 10000";
    for (n, root) in roots.iter().enumerate() {
        log.said_under(*root, bob, &format!("r{n}"));
    }
    db.project(&log).await;
    assert_eq!(db.count(kept).await, 1_000);
    let api = db.as_role("relay_api");
    let root = id_at(&log, roots[0]);
    sqlx::query("DELETE FROM thread_follows WHERE user_id = $1 AND root_seq < 10000").bind(ann.to_uuid()).execute(&db.raw).await.unwrap();
    api.follow_thread(ann, lobby, root, false, NOON_MS).await.unwrap();
    let of_ann = "SELECT count(*) FROM thread_follows GROUP BY user_id ORDER BY 1 DESC LIMIT 1";
    assert_eq!(db.count(of_ann).await, 1_000);
}

/// A page of a conversation reads its own rows, however many stand in threads between them.
#[tokio::test]
async fn a_timeline_reads_no_reply_and_a_thread_nothing_else() {
    let db = Db::fresh().await;
    let (ann, _, lobby, mut log) = lobby(&db).await;
    let one = log.sent(lobby, ann, "one");
    log.sent(lobby, ann, "two");
    db.project(&log).await;
    let many = "INSERT INTO messages (conversation_id, seq, shard, message_id, sender_id, client_id, kind, body, sent_at_ms, stored_at, thread_seq)
                SELECT $1, n, 0, gen_random_uuid(), $2, n::text, 'MESSAGE_SENT', '{\"type\": \"text\", \"text\": \"x\"}', 0, now(), $3
                FROM generate_series(100, 20000) AS n";
    sqlx::query(many).bind(lobby.to_uuid()).bind(ann.to_uuid()).bind(one.to_i64()).execute(&db.raw).await.unwrap();
    sqlx::query("ANALYZE messages").execute(&db.raw).await.unwrap();
    // As prepared: one plan for all.
    let plan = "SET plan_cache_mode = force_generic_plan; SET enable_seqscan = off;
                PREPARE page (uuid, bigint, bigint, bigint) AS
                    SELECT seq FROM messages WHERE conversation_id = $1 AND (thread_seq, seq) >= ($2, $3) AND (thread_seq, seq) < ($2, $4)
                    ORDER BY thread_seq DESC, seq DESC LIMIT 50;";
    let mut connection = db.raw.acquire().await.unwrap();
    sqlx::raw_sql(plan).execute(&mut *connection).await.unwrap();
    let explain = format!("EXPLAIN (ANALYZE, BUFFERS) EXECUTE page ('{}', 0, 0, 9223372036854775807)", lobby.to_uuid());
    let lines: Vec<String> = sqlx::raw_sql(sqlx::AssertSqlSafe(explain))
        .fetch_all(&mut *connection)
        .await
        .unwrap()
        .iter()
        .map(|row| sqlx::Row::get(row, 0))
        .collect();
    let plan = lines.join("\n");
    assert!(plan.contains("conversation_id_thread_seq_seq") && !plan.contains("Sort  ("), "{plan}");
    let shown = db.store.messages(ann, lobby, HistoryAnchor::Newest, 50, false).await.unwrap().messages;
    assert_eq!(shown.len(), 2);
}
