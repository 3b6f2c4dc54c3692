//! What people set for one conversation: told once, bounded, and listed apart.

use relay_domain::ports::{ConversationSettingsError, Conversations as _, ListPart, LogAddress, Outbox as _};
use relay_protocol::conversation::{ConversationSettings, MOST_PINNED, MUTED_FOREVER_MS, NotifyLevel};
use relay_protocol::log::LogEvent;
use relay_protocol::rest::ChangeConversationSettingsRequest as Change;
use relay_types::{ConversationId, UserId};

use crate::support::{Db, MemMessageLog, NOON_MS, SHARD, TestLog, conversation_id};

/// A group as decided, with its events.
async fn group(db: &Db, log: &mut TestLog, members: &[UserId]) -> ConversationId {
    let id = conversation_id();
    sqlx::query(
        "INSERT INTO conversations (conversation_id, kind, title, shard, created_by, created_at, member_count) VALUES ($1, 'group', 'x', 0, $2, now(), $3)",
    )
    .bind(id.to_uuid())
    .bind(members[0].to_uuid())
    .bind(i32::try_from(members.len()).unwrap())
    .execute(&db.raw)
    .await
    .unwrap();
    for member in members {
        sqlx::query("INSERT INTO members (conversation_id, user_id, role, added_at) VALUES ($1, $2, 'member', now())")
            .bind(id.to_uuid())
            .bind(member.to_uuid())
            .execute(&db.raw)
            .await
            .unwrap();
    }
    log.created(id, members);
    id
}

async fn listed(db: &Db, user: UserId, part: ListPart) -> Vec<ConversationId> {
    let page = db.as_role("relay_api").list(user, part, None, 50).await.unwrap();
    page.items.into_iter().map(|item| item.conversation_id).collect()
}

/// What was told, in order.
async fn told(db: &Db, user: UserId) -> Vec<ConversationSettings> {
    let log = MemMessageLog::default();
    db.store.flush(LogAddress::User { shard: SHARD, id: user }, &log).await.unwrap();
    let said = |event| if let LogEvent::ConversationSettingsChanged(changed) = event { Some(changed.settings) } else { None };
    log.appended().into_iter().filter_map(|(_, _, event)| said(event)).collect()
}

fn archive(archived: bool) -> Change {
    Change { archived: Some(archived), ..Change::default() }
}

fn pin(pinned: bool) -> Change {
    Change { pinned: Some(pinned), ..Change::default() }
}

fn mute(until: Option<i64>) -> Change {
    Change { muted_until_ms: Some(until), ..Change::default() }
}

#[tokio::test]
async fn settings_of_a_conversation_are_told_once_and_end_with_the_membership() {
    let db = Db::fresh().await;
    let (ann, bob) = (db.user("ann").await, db.user("bob").await);
    let mut log = TestLog::new();
    let id = group(&db, &mut log, &[ann, bob]).await;
    db.project(&log).await;
    let api = db.as_role("relay_api");
    let address = LogAddress::User { shard: SHARD, id: ann };
    let change = Change { level: Some(NotifyLevel::Mentions), ..mute(Some(MUTED_FOREVER_MS)) };
    for _ in 0..2 {
        let (settings, flush) = api.change_conversation_settings(ann, id, change, NOON_MS).await.unwrap();
        assert_eq!(flush, address, "also when it changes nothing: the event may not be in the log yet");
        assert_eq!((settings.version, settings.muted_until_ms, settings.level), (1, Some(MUTED_FOREVER_MS), NotifyLevel::Mentions));
        assert_eq!(api.get(ann, id).await.unwrap().settings, settings);
        assert_eq!(api.list(ann, ListPart::Accepted, None, 5).await.unwrap().items[0].settings, settings);
    }
    assert_eq!(api.get(bob, id).await.unwrap().settings, ConversationSettings::default(), "hers alone");
    assert_eq!(told(&db, ann).await.len(), 1);
    // A time that has passed ends it, as null does; what is not named stays.
    let (settings, _) = api.change_conversation_settings(ann, id, mute(Some(NOON_MS - 1)), NOON_MS).await.unwrap();
    assert_eq!((settings.version, settings.muted_until_ms, settings.level), (2, None, NotifyLevel::Mentions));
    api.change_conversation_settings(ann, id, mute(None), NOON_MS).await.unwrap();
    assert_eq!(told(&db, ann).await, [settings]);
    // A level of a newer version's.
    sqlx::query("UPDATE members SET notify_level = 'digest' WHERE user_id = $1").bind(ann.to_uuid()).execute(&db.raw).await.unwrap();
    assert_eq!(api.get(ann, id).await.unwrap().settings.level.as_str(), "digest");

    let eve = db.user("eve").await;
    let refused = api.change_conversation_settings(eve, id, pin(true), NOON_MS).await;
    assert!(matches!(refused, Err(ConversationSettingsError::NotMember)), "{refused:?}");
    assert!(told(&db, eve).await.is_empty());
    api.remove_member(ann, id, ann, NOON_MS).await.unwrap();
    let refused = api.change_conversation_settings(ann, id, pin(true), NOON_MS).await;
    assert!(matches!(refused, Err(ConversationSettingsError::NotMember)), "{refused:?}");
    assert_eq!(db.count("SELECT count(*) FROM members WHERE settings_version > 0").await, 0, "nothing is left of it");
}

#[tokio::test]
async fn so_many_conversations_are_pinned_and_no_more_however_many_try_at_once() {
    let db = Db::fresh().await;
    let ann = db.user("ann").await;
    let mut log = TestLog::new();
    let mut ids = Vec::new();
    for _ in 0..MOST_PINNED + 3 {
        ids.push(group(&db, &mut log, &[ann]).await);
    }
    db.project(&log).await;
    db.warm().await;
    let api = db.as_role("relay_api");
    let all = futures::future::join_all(ids.iter().map(|id| api.change_conversation_settings(ann, *id, pin(true), NOON_MS))).await;
    let refused = all.iter().filter(|done| matches!(done, Err(ConversationSettingsError::TooManyPinned))).count();
    assert_eq!(refused, 3, "{all:?}");
    let pinned = listed(&db, ann, ListPart::Pinned).await;
    assert_eq!(pinned.len(), MOST_PINNED as usize);
    assert_eq!(told(&db, ann).await.len(), MOST_PINNED as usize, "what was refused left nothing");
    // The last pinned one stands first; pinned again, it stays where it is.
    api.change_conversation_settings(ann, pinned[0], pin(false), NOON_MS).await.unwrap();
    let late = *ids.iter().find(|id| !pinned.contains(id)).unwrap();
    api.change_conversation_settings(ann, late, pin(true), NOON_MS + 1_000).await.unwrap();
    api.change_conversation_settings(ann, pinned[5], pin(true), NOON_MS + 2_000).await.unwrap();
    assert_eq!(listed(&db, ann, ListPart::Pinned).await[0], late);
    assert_eq!(listed(&db, ann, ListPart::Accepted).await.len(), ids.len(), "they stand among the others, too");
    // A page says nothing of a next one, and its size is its own.
    let page = api.list(ann, ListPart::Pinned, None, 1).await.unwrap();
    assert!(page.items.len() == MOST_PINNED as usize && page.next.is_none());
}

#[tokio::test]
async fn archived_conversation_is_listed_apart_until_somebody_writes_unless_it_is_muted() {
    let db = Db::fresh().await;
    let (ann, bob) = (db.user("ann").await, db.user("bob").await);
    let mut log = TestLog::new();
    let (id, other) = (group(&db, &mut log, &[ann, bob]).await, group(&db, &mut log, &[ann, bob]).await);
    log.sent(id, bob, "a");
    db.project(&log).await;
    let api = db.as_role("relay_api");
    let set = async |change| api.change_conversation_settings(ann, id, change, NOON_MS).await.unwrap().0;
    let parts = async || (listed(&db, ann, ListPart::Accepted).await, listed(&db, ann, ListPart::Archived).await);
    // What is archived is not pinned, and the other way round.
    assert!(set(pin(true)).await.pinned_at_ms.is_some());
    let settings = set(archive(true)).await;
    assert!(settings.archived_seq.is_some() && settings.pinned_at_ms.is_none());
    assert_eq!(parts().await, (vec![other], vec![id]));
    assert_eq!(listed(&db, bob, ListPart::Archived).await, []);
    // Events that nobody wrote do not bring it back.
    log.added(id, db.user("carol").await);
    db.project(&log).await;
    assert_eq!(parts().await, (vec![other], vec![id]));
    log.sent(id, bob, "b");
    db.project(&log).await;
    assert_eq!(parts().await, (vec![id, other], vec![]));
    // It came back: muting it now does not archive it again.
    assert_eq!(set(mute(Some(MUTED_FOREVER_MS))).await.archived_seq, None);
    assert_eq!(parts().await, (vec![id, other], vec![]));
    set(archive(true)).await;
    log.sent(id, bob, "c");
    db.project(&log).await;
    assert_eq!(parts().await, (vec![other], vec![id]), "muted: it stays");
    // Heard again, it is where its newest message belongs.
    set(mute(None)).await;
    assert_eq!(parts().await, (vec![id, other], vec![]));
    assert!(set(pin(true)).await.archived_seq.is_none());
}

#[tokio::test]
async fn pages_of_archived_conversations_tell_each_once_whatever_the_size() {
    let db = Db::fresh().await;
    let (ann, bob) = (db.user("ann").await, db.user("bob").await);
    let mut log = TestLog::new();
    let mut ids = Vec::new();
    for n in 0..23 {
        let id = group(&db, &mut log, &[ann, bob]).await;
        log.sent(id, bob, &format!("k{n}"));
        ids.push(id);
    }
    db.project(&log).await;
    let api = db.as_role("relay_api");
    for id in ids.iter().step_by(2) {
        api.change_conversation_settings(ann, *id, archive(true), NOON_MS).await.unwrap();
    }
    for (part, count) in [(ListPart::Archived, 12), (ListPart::Accepted, 11)] {
        for limit in [1, 5, 12, 50] {
            let (mut all, mut cursor) = (Vec::new(), None);
            loop {
                let page = api.list(ann, part, cursor, limit).await.unwrap();
                all.extend(page.items.into_iter().map(|item| item.conversation_id));
                cursor = page.next;
                if cursor.is_none() {
                    break;
                }
            }
            let once: std::collections::BTreeSet<_> = all.iter().copied().collect();
            assert_eq!((all.len(), once.len()), (count, count), "{part:?}, pages of {limit}");
        }
    }
}
