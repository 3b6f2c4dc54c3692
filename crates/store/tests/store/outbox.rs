use std::time::Duration;

use relay_domain::ports::{Conversations as _, FlushError, LogAddress, NewConversation, Outbox as _};
use relay_types::{ConversationId, UserId};

use crate::support::{Db, MemMessageLog, NOON_MS, SHARD, conversation_id};

/// A group renamed `times` times, nothing of it published.
async fn renamed(db: &Db, owner: UserId, times: usize) -> (ConversationId, LogAddress) {
    let new = NewConversation::Group { title: "Lobby".parse().unwrap(), members: Vec::new(), max_members: 9 };
    let id = db.store.create(conversation_id(), owner, &new, NOON_MS).await.unwrap().value.conversation.conversation_id;
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
async fn what_the_log_refuses_holds_back_what_follows_and_goes_out_later() {
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
    assert_eq!(db.store.pending(Duration::ZERO, 10).await.unwrap(), [user, first, second]);
    assert_eq!(db.store.pending(Duration::ZERO, 1).await.unwrap(), [user]);
    assert!(db.store.pending(Duration::from_mins(5), 10).await.unwrap().is_empty());
    db.store.flush(first, &MemMessageLog::default()).await.unwrap();
    assert_eq!(db.store.pending(Duration::ZERO, 10).await.unwrap(), [user, second]);
}
