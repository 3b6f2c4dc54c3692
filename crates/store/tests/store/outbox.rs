use std::collections::BTreeMap;
use std::time::Duration;

use relay_domain::ports::{AppendError, Conversations as _, FlushError, LogAddress, NewConversation, Outbox as _, OutboxBacklog};
use relay_protocol::log::{ConversationMembershipChanged, LogEvent};
use relay_types::{ConversationId, UserId};

use crate::support::{Db, LIMITS, MemMessageLog, NOON_MS, SHARD, conversation_id, event_id, user_id};

/// A group renamed `times` times, nothing of it published.
async fn renamed(db: &Db, owner: UserId, times: usize) -> (ConversationId, LogAddress) {
    let new = NewConversation::Group { title: "Lobby".parse().unwrap(), members: Vec::new(), client_key: None };
    let id = db.store.create(conversation_id(), owner, &new, LIMITS, NOON_MS).await.unwrap().value.conversation.conversation_id;
    for n in 0..times {
        db.store.rename(owner, id, &format!("Title {n}").parse().unwrap(), NOON_MS).await.unwrap();
    }
    (id, LogAddress::Conversation { shard: SHARD, id })
}

fn titles(log: &MemMessageLog) -> Vec<String> {
    let events = log.appended();
    let renamed = events.iter().filter_map(|(_, _, event)| match event {
        LogEvent::ConversationRenamed(e) => Some(e.title.as_str().to_owned()),
        _ => None,
    });
    renamed.collect()
}

#[tokio::test]
async fn a_subject_is_published_in_order_and_once() {
    let db = Db::fresh().await;
    let ann = db.user("ann").await;
    let (_, address) = renamed(&db, ann, 250).await;
    let log = MemMessageLog::default();
    db.warm().await;
    let flushed = futures::future::try_join_all((0..4).map(|_| db.store.flush(address, &log))).await.unwrap();
    assert_eq!(flushed.iter().sum::<usize>(), 251);
    assert_eq!(titles(&log), (0..250).map(|n| format!("Title {n}")).collect::<Vec<_>>());
    assert_eq!(db.store.flush(address, &log).await.unwrap(), 0);
    assert_eq!(log.appended().len(), 251);
}

#[tokio::test]
async fn what_the_log_does_not_answer_for_holds_back_what_follows_and_goes_out_later() {
    let db = Db::fresh().await;
    let ann = db.user("ann").await;
    let (_, address) = renamed(&db, ann, 5).await;
    let log = MemMessageLog::default();
    log.accept(Some(3));
    assert!(matches!(db.store.flush(address, &log).await, Err(FlushError::Append(_))));
    assert_eq!(log.appended().len(), 3);
    assert_eq!(db.count("SELECT count(*) FROM outbox WHERE published_seq IS NOT NULL").await, 3);

    // The log took a row, but this process died before it could say so: the row comes again under the same dedup id.
    sqlx::query("UPDATE outbox SET published_seq = NULL WHERE published_seq = 3").execute(&db.raw).await.unwrap();
    log.accept(None);
    assert_eq!(db.store.flush(address, &log).await.unwrap(), 4);
    assert_eq!(log.appended().len(), 6);
    assert_eq!(titles(&log), ["Title 0", "Title 1", "Title 2", "Title 3", "Title 4"]);
}

#[tokio::test]
async fn what_waits_is_named_oldest_first() {
    let db = Db::fresh().await;
    let ann = db.user("ann").await;
    let (_, first) = renamed(&db, ann, 1).await;
    let (_, second) = renamed(&db, ann, 1).await;
    let user = LogAddress::User { shard: SHARD, id: ann };
    assert_eq!(db.store.due(SHARD, Duration::ZERO, 10).await.unwrap(), [user, first, second]);
    assert_eq!(db.store.due(SHARD, Duration::ZERO, 1).await.unwrap(), [user]);
    assert!(db.store.due(SHARD, Duration::from_mins(5), 10).await.unwrap().is_empty());
    db.store.flush(first, &MemMessageLog::default()).await.unwrap();
    assert_eq!(db.store.due(SHARD, Duration::ZERO, 10).await.unwrap(), [user, second]);
}

#[tokio::test]
async fn a_refused_row_is_parked_and_holds_up_nothing_but_its_own_subject() {
    let db = Db::fresh().await;
    let ann = db.user("ann").await;
    let (id, sick) = renamed(&db, ann, 3).await;
    let (_, well) = renamed(&db, ann, 2).await;
    let user = LogAddress::User { shard: SHARD, id: ann };
    let log = MemMessageLog::default();
    db.store.flush(user, &log).await.unwrap();

    log.refuse(Some("Title 1"));
    let first = db.store.flush(sick, &log).await;
    assert!(matches!(first, Err(FlushError::Append(AppendError::Refused { .. }))), "{first:?}");
    assert_eq!(db.store.due(SHARD, Duration::ZERO, 10).await.unwrap(), [well], "nobody tries it again");
    assert_eq!(db.store.backlog(SHARD).await.unwrap(), OutboxBacklog { waiting: 5, parked: 1 });
    log.refuse(None);
    // What would follow it waits: members must not see a change before the one it was made upon.
    db.store.rename(ann, id, &"Later".parse().unwrap(), NOON_MS).await.unwrap();
    assert!(matches!(db.store.flush(sick, &log).await, Err(FlushError::Parked)));
    db.store.flush(well, &log).await.unwrap();
    assert_eq!(titles(&log), ["Title 0", "Title 0", "Title 1"]);

    let troubled = db.store.troubled(10).await.unwrap();
    let [row] = troubled.as_slice() else { panic!("{troubled:?}") };
    assert_eq!((row.address, row.parked, row.attempts, row.behind), (sick, true, 1, 2));
    assert!(row.failure.contains("as told"), "{row:?}");
    assert_eq!(db.store.redrive(Some(&[row.id + 1])).await.unwrap(), 0, "only what is parked");
    assert_eq!(db.store.redrive(Some(&[row.id])).await.unwrap(), 1);
    assert_eq!(db.store.due(SHARD, Duration::ZERO, 10).await.unwrap(), [sick]);
    db.store.flush(sick, &log).await.unwrap();
    assert_eq!(titles(&log), ["Title 0", "Title 0", "Title 1", "Title 1", "Title 2", "Later"]);
    assert_eq!((db.store.troubled(10).await.unwrap(), db.store.redrive(None).await.unwrap()), (Vec::new(), 0));
}

#[tokio::test]
async fn what_the_log_did_not_answer_for_is_left_alone_for_longer_each_time() {
    let db = Db::fresh().await;
    let ann = db.user("ann").await;
    let address = LogAddress::User { shard: SHARD, id: ann };
    let log = MemMessageLog::default();
    log.accept(Some(0));
    let mut waits = Vec::new();
    for _ in 0..8 {
        assert!(matches!(db.store.flush(address, &log).await, Err(FlushError::Append(AppendError::OutcomeUnknown { .. }))));
        assert!(db.store.due(SHARD, Duration::ZERO, 10).await.unwrap().is_empty());
        waits.push(db.count("SELECT ceil(extract(epoch FROM retry_at - clock_timestamp()))::bigint FROM outbox").await);
    }
    assert!(waits.is_sorted() && waits[0] <= 1 && (55..=60).contains(&waits[7]), "{waits:?}");
    assert_eq!(db.store.backlog(SHARD).await.unwrap(), OutboxBacklog { waiting: 1, parked: 0 });
    assert_eq!(db.store.redrive(None).await.unwrap(), 1, "an operator need not wait");
    assert_eq!(db.store.due(SHARD, Duration::ZERO, 10).await.unwrap(), [address]);
}

/// Events written by SQL, `each` for each of `subjects` people; nobody decided them, the outbox does not mind.
async fn crowd(db: &Db, subjects: usize, each: usize) -> Vec<LogAddress> {
    let users: Vec<UserId> = (0..subjects).map(|_| user_id()).collect();
    let moved = ConversationMembershipChanged {
        actor_id: None,
        event_id: event_id(),
        user_id: user_id(),
        conversation_id: conversation_id(),
        at_ms: NOON_MS,
    };
    let joined = LogEvent::ConversationJoined(moved);
    let targets: Vec<sqlx::types::Uuid> = users.iter().map(|user| user.to_uuid()).collect();
    sqlx::query(
        "INSERT INTO outbox (subject_kind, shard, target_id, dedup_id, payload)
         SELECT 'u', $3, u, u::text || '-' || n, $4 FROM generate_series(1, $2) AS n, unnest($1::uuid[]) AS u ORDER BY n, u",
    )
    .bind(targets)
    .bind(i64::try_from(each).unwrap())
    .bind(i32::from(SHARD.0))
    .bind(serde_json::to_string(&joined).unwrap())
    .execute(&db.raw)
    .await
    .unwrap();
    users.into_iter().map(|id| LogAddress::User { shard: SHARD, id }).collect()
}

/// Each subject's dedup ids as the log has them: `<target>-1`, `<target>-2` and so on.
fn orders(log: &MemMessageLog) -> BTreeMap<LogAddress, Vec<usize>> {
    let mut orders: BTreeMap<_, Vec<usize>> = BTreeMap::new();
    for (address, dedup_id, _) in log.appended() {
        orders.entry(address).or_default().push(dedup_id.rsplit('-').next().unwrap().parse().unwrap());
    }
    orders
}

#[tokio::test]
async fn many_subjects_are_published_side_by_side_and_marked_in_few_transactions() {
    let db = Db::fresh().await;
    let addresses = crowd(&db, 1_800, 2).await;
    let log = MemMessageLog::default();
    let flushed = db.store.flush_all(&addresses, &log).await;
    assert!(flushed.failures.is_empty(), "{flushed:?}");
    assert_eq!((flushed.rows, flushed.subjects, flushed.left), (3_600, 1_800, 0));
    assert_eq!(log.appended().len(), 3_600);
    assert!(orders(&log).values().all(|order| order == &[1, 2]));
    let transactions = db.count("SELECT count(DISTINCT xmin::text) FROM outbox").await;
    assert!(transactions <= 9, "{transactions} transactions");
    let most = log.most_under_way();
    assert!((64..=128).contains(&most), "{most} at once");
}

#[tokio::test]
async fn two_who_flush_the_same_crowd_lose_and_repeat_nothing_and_keep_the_order() {
    let db = Db::fresh().await;
    let addresses = crowd(&db, 700, 3).await;
    let backwards: Vec<_> = addresses.iter().rev().copied().collect();
    let log = MemMessageLog::default();
    db.warm().await;
    let (one, other) = tokio::join!(db.store.flush_all(&addresses, &log), db.store.flush_all(&backwards, &log));
    assert!(one.failures.is_empty() && other.failures.is_empty(), "{one:?} {other:?}");
    // Whoever comes second finds it done, and may say so as well.
    assert_eq!((one.rows + other.rows, one.subjects, other.subjects), (2_100, 700, 700));
    let orders = orders(&log);
    assert!(orders.len() == 700 && orders.values().all(|order| order == &[1, 2, 3]), "{orders:?}");
    assert_eq!(db.count("SELECT count(*) FROM outbox WHERE published_seq IS NULL").await, 0);
}

#[tokio::test]
async fn a_log_that_answers_for_nobody_is_not_asked_for_everybody() {
    let db = Db::fresh().await;
    let addresses = crowd(&db, 1_200, 1).await;
    let log = MemMessageLog::default();
    log.accept(Some(50));
    let flushed = db.store.flush_all(&addresses, &log).await;
    assert_eq!(flushed.rows, 50);
    assert!((4..=200).contains(&flushed.failures.len()), "{}", flushed.failures.len());
    assert!(flushed.left > 900, "{}", flushed.left);
    assert_eq!(db.count("SELECT count(*) FROM outbox WHERE published_seq IS NOT NULL").await, 50, "what it took is marked");
    log.accept(None);
    let flushed = db.store.flush_all(&addresses, &log).await;
    assert_eq!((flushed.rows, flushed.subjects, log.appended().len()), (1_150, 1_200, 1_200));
}

#[tokio::test]
async fn a_refused_row_in_a_crowd_is_parked_alone() {
    let db = Db::fresh().await;
    let ann = db.user("ann").await;
    let (_, sick) = renamed(&db, ann, 3).await;
    let mut addresses = crowd(&db, 300, 1).await;
    addresses.insert(150, sick);
    let log = MemMessageLog::default();
    log.refuse(Some("Title 1"));
    let flushed = db.store.flush_all(&addresses, &log).await;
    let [(address, FlushError::Append(AppendError::Refused { .. }))] = flushed.failures.as_slice() else { panic!("{flushed:?}") };
    assert_eq!((*address, flushed.subjects, flushed.rows, flushed.left), (sick, 300, 302, 0));
}

/// What is claimed for one transaction is bounded in bytes, which is what may be under way to the log.
#[tokio::test]
async fn large_events_go_out_few_at_a_time() {
    let db = Db::fresh().await;
    let addresses = crowd(&db, 40, 2).await;
    sqlx::query("UPDATE outbox SET payload = rtrim(payload, '}') || ',\"later\":\"' || repeat('x', 200000) || '\"}'")
        .execute(&db.raw)
        .await
        .unwrap();
    let log = MemMessageLog::default();
    assert_eq!(db.store.flush_all(&addresses, &log).await.rows, 80);
    assert!(log.most_under_way() <= 6, "{}", log.most_under_way());
    assert!(orders(&log).values().all(|order| order == &[1, 2]));
}

#[tokio::test]
async fn what_somebody_else_is_publishing_is_left_to_them_and_nothing_of_it_overtakes() {
    let db = Db::fresh().await;
    let addresses = crowd(&db, 20, 3).await;
    let mut theirs = db.raw.begin().await.unwrap();
    // The second of three of one subject, and the first of another.
    sqlx::query(
        "SELECT 1 FROM outbox WHERE (target_id = $1 AND dedup_id LIKE '%-2') OR (target_id = $2 AND dedup_id LIKE '%-1') FOR UPDATE",
    )
    .bind(target(addresses[4]))
    .bind(target(addresses[7]))
    .execute(&mut *theirs)
    .await
    .unwrap();
    let log = MemMessageLog::default();
    let flushed = db.store.flush_free(&addresses, &log).await;
    assert!(flushed.failures.is_empty() && flushed.left == 0, "{flushed:?}");
    assert_eq!((flushed.rows, flushed.subjects), (18 * 3 + 1, 19));
    assert_eq!(orders(&log).values().filter(|order| *order == &[1]).count(), 1);
    theirs.rollback().await.unwrap();
    assert_eq!(db.store.flush_free(&addresses, &log).await.rows, 5);
    assert!(orders(&log).values().all(|order| order == &[1, 2, 3]));
}

fn target(address: LogAddress) -> sqlx::types::Uuid {
    match address {
        LogAddress::Conversation { id, .. } => id.to_uuid(),
        LogAddress::User { id, .. } => id.to_uuid(),
    }
}

/// Another process may be done with all that was waited for, and not with what stands behind it.
#[tokio::test]
async fn whoever_waited_for_others_goes_on_with_what_they_left() {
    let db = Db::fresh().await;
    let addresses = crowd(&db, 300, 3).await;
    db.warm().await;
    let mut theirs = db.raw.begin().await.unwrap();
    sqlx::query("UPDATE outbox SET published_seq = 1, published_at = now() WHERE id IN (SELECT id FROM outbox ORDER BY id LIMIT 500)")
        .execute(&mut *theirs)
        .await
        .unwrap();
    let log = MemMessageLog::default();
    let theirs = async {
        let waits = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'";
        let waiting = async {
            while db.count(waits).await == 0 {
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(Duration::from_secs(10), waiting).await.expect("it waits for those rows");
        theirs.commit().await.unwrap();
    };
    let (flushed, ()) = tokio::join!(db.store.flush_all(&addresses, &log), theirs);
    assert!(flushed.failures.is_empty(), "{flushed:?}");
    assert_eq!((flushed.rows, flushed.subjects), (400, 300));
    assert_eq!(db.count("SELECT count(*) FROM outbox WHERE published_seq IS NULL").await, 0);
}
