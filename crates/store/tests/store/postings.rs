use std::time::Duration;

use relay_domain::ports::{Conversations as _, LogAddress, NewConversation, Outbox as _, PostingHold, Postings as _};
use relay_types::{ConversationId, ShardId, UserId};

use crate::support::{Db, LIMITS, MemMessageLog, NOON_MS, SHARD, conversation_id};

async fn group(db: &Db, owner: UserId, members: &[UserId]) -> ConversationId {
    let new = NewConversation::Group { title: "Lobby".parse().unwrap(), members: members.to_vec(), client_key: None };
    let people: Vec<UserId> = members.iter().copied().chain([owner]).collect();
    let created = db.acquainted(&people, db.store.create(conversation_id(), owner, &new, LIMITS, NOON_MS)).await;
    created.unwrap().value.conversation.conversation_id
}

/// Waits until a session of this database waits for an advisory lock.
async fn somebody_waits(db: &Db) {
    let waiting = "SELECT count(*) FROM pg_locks WHERE NOT granted AND locktype = 'advisory'
                   AND database = (SELECT oid FROM pg_database WHERE datname = current_database())";
    for _ in 0..1_000 {
        if db.count(waiting).await == 1 {
            return;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    panic!("nobody waits");
}

#[tokio::test]
#[expect(clippy::disallowed_methods, reason = "a test has no supervisor; it waits for both tasks")]
async fn a_removal_waits_for_the_posts_before_it_and_the_posts_after_it_for_the_removal() {
    let db = Db::fresh().await;
    let (ann, bob) = (db.user("ann").await, db.user("bob").await);
    let id = group(&db, ann, &[bob]).await;
    db.warm().await;
    let held = db.store.hold(bob, id, SHARD).await.unwrap().unwrap();
    let also = db.store.hold(ann, id, SHARD).await.unwrap().unwrap();
    let removal = tokio::spawn({
        let store = db.store.clone();
        async move { store.remove_member(ann, id, bob, NOON_MS).await.map(drop) }
    });
    somebody_waits(&db).await;
    // Whoever comes now queues behind the removal, however many have a share already.
    let late = tokio::spawn({
        let store = db.store.clone();
        async move { store.hold(bob, id, SHARD).await.map(|hold| hold.is_some()) }
    });
    also.release().await.unwrap();
    assert!(!removal.is_finished() && !late.is_finished());
    held.release().await.unwrap();
    removal.await.unwrap().unwrap();
    assert!(!late.await.unwrap().unwrap(), "they are out");
    assert!(db.store.hold(ann, id, SHARD).await.unwrap().is_some());
}

#[tokio::test]
async fn a_hold_says_whether_something_waits_for_the_log_and_ends_when_it_is_dropped() {
    let db = Db::fresh().await;
    let (ann, bob) = (db.user("ann").await, db.user("bob").await);
    let id = group(&db, ann, &[bob]).await;
    let unflushed = async |user| db.store.hold(user, id, SHARD).await.unwrap().map(|hold| hold.unflushed());
    assert_eq!((unflushed(ann).await, unflushed(bob).await), (Some(true), Some(true)));
    db.store.flush(LogAddress::Conversation { shard: SHARD, id }, &MemMessageLog::default()).await.unwrap();
    assert_eq!(unflushed(ann).await, Some(false));
    assert_eq!(unflushed(db.user("eve").await).await, None);
    db.store.remove_member(ann, id, bob, NOON_MS).await.unwrap();
}

#[tokio::test]
async fn postings_a_silent_shard_leaves_permits_to_the_others() {
    let db = Db::fresh().await;
    let ann = db.user("ann").await;
    let id = group(&db, ann, &[]).await;
    let mut held: Vec<Box<dyn PostingHold>> = Vec::new();
    // Eight connections, half of them for posts, three quarters of these for one shard.
    for _ in 0..3 {
        held.push(db.store.hold(ann, id, SHARD).await.unwrap().unwrap());
    }
    assert!(tokio::time::timeout(Duration::from_millis(200), db.store.hold(ann, id, SHARD)).await.is_err(), "a fourth waits");
    assert!(db.store.hold(ann, id, ShardId(1)).await.unwrap().is_some());
    db.store.ping().await.unwrap();
    held.clear();
    assert!(db.store.hold(ann, id, SHARD).await.unwrap().is_some());
}
