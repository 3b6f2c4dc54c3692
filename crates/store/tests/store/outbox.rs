use std::time::Duration;

use relay_domain::ports::{AppendError, Conversations as _, FlushError, LogAddress, NewConversation, Outbox as _, OutboxBacklog};
use relay_types::{ConversationId, UserId};

use crate::support::{Db, LIMITS, MemMessageLog, NOON_MS, SHARD, conversation_id};

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
        relay_protocol::LogEvent::ConversationRenamed(e) => Some(e.title.as_str().to_owned()),
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
