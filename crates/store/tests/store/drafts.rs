//! What people are writing: kept as it was last, told now and then, never with its text.

use relay_domain::ports::{Conversations as _, DraftError, DraftNews as _, Drafts as _, LogAddress, MOST_DRAFTS, Outbox as _};
use relay_protocol::log::LogEvent;
use relay_protocol::rest::PutDraftRequest;
use relay_types::{ConversationId, MessageId, UserId};

use crate::support::{Db, MemMessageLog, NOON_MS, SHARD, conversation_id};

async fn group(db: &Db, members: &[UserId]) -> ConversationId {
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
    id
}

fn draft(text: &str) -> PutDraftRequest {
    PutDraftRequest { text: text.parse().unwrap(), reply_to: None }
}

/// The versions that were told, in order.
async fn told(db: &Db, user: UserId) -> Vec<u64> {
    let log = MemMessageLog::default();
    db.store.flush(LogAddress::User { shard: SHARD, id: user }, &log).await.unwrap();
    let version = |event| if let LogEvent::DraftChanged(changed) = event { Some(changed.version) } else { None };
    log.appended().into_iter().filter_map(|(_, _, event)| version(event)).collect()
}

#[tokio::test]
async fn draft_is_told_at_once_and_then_the_newest_version_without_its_text() {
    let db = Db::fresh().await;
    let (ann, bob) = (db.user("ann").await, db.user("bob").await);
    let id = group(&db, &[ann, bob]).await;
    let (api, worker) = (db.as_role("relay_api"), db.as_role("relay_worker"));
    let address = LogAddress::User { shard: SHARD, id: ann };
    assert_eq!(api.draft(ann, id).await.unwrap().version, 0);
    let (first, flush) = api.put_draft(ann, id, &draft("secret one"), NOON_MS).await.unwrap();
    assert_eq!(flush, Some(address));
    let (second, flush) = api.put_draft(ann, id, &draft("secret two"), NOON_MS).await.unwrap();
    assert!(flush.is_none() && second > first, "the clock stands, the version rises");
    assert_eq!(api.put_draft(ann, id, &draft("secret two"), NOON_MS + 9).await.unwrap(), (second, None), "the same once more");
    let answers = PutDraftRequest { reply_to: Some(MessageId::from_uuid(id.to_uuid())), ..draft("secret two") };
    let (third, _) = api.put_draft(ann, id, &answers, NOON_MS - 60_000).await.unwrap();
    assert!(third > second, "also by a clock that is behind");
    let payloads = db.count("SELECT count(*) FROM outbox WHERE payload LIKE '%secret%'").await;
    assert_eq!(payloads, 0, "no text comes near the log");
    assert_eq!(told(&db, ann).await, [first]);
    assert_eq!(worker.tell_due_drafts(10).await.unwrap(), (Vec::new(), false), "not yet");
    sqlx::query("UPDATE drafts SET due_at = now() - interval '1 second'").execute(&db.raw).await.unwrap();
    assert_eq!(worker.tell_due_drafts(10).await.unwrap(), (vec![address], false));
    assert_eq!(told(&db, ann).await, [third]);
    let kept = api.draft(ann, id).await.unwrap();
    assert_eq!((kept.version, kept.text.as_str(), kept.reply_to), (third, "secret two", answers.reply_to));
    // Emptied, nothing is left of it but its version.
    let (emptied, _) = api.put_draft(ann, id, &PutDraftRequest { reply_to: answers.reply_to, ..draft("") }, NOON_MS).await.unwrap();
    let kept = api.draft(ann, id).await.unwrap();
    assert_eq!((kept.version, kept.text.as_str(), kept.reply_to), (emptied, "", None));
    assert!(api.drafts(ann).await.unwrap().is_empty());

    let eve = db.user("eve").await;
    assert!(matches!(api.put_draft(eve, id, &draft("x"), NOON_MS).await, Err(DraftError::NotMember)));
    assert!(matches!(api.draft(eve, id).await, Err(DraftError::NotMember)));
    assert_eq!(api.draft(bob, id).await.unwrap().version, 0, "hers alone");
    api.remove_member(ann, id, ann, NOON_MS).await.unwrap();
    assert_eq!(db.count("SELECT count(*) FROM drafts").await, 0, "it goes with the membership");
}

#[tokio::test]
async fn so_many_drafts_are_kept_and_no_more() {
    let db = Db::fresh().await;
    let ann = db.user("ann").await;
    let api = db.as_role("relay_api");
    let mut last = None;
    for n in 0..MOST_DRAFTS {
        let id = group(&db, &[ann]).await;
        api.put_draft(ann, id, &draft(&format!("{n}")), NOON_MS + i64::from(n)).await.unwrap();
        last = Some(id);
    }
    let one_more = group(&db, &[ann]).await;
    assert!(matches!(api.put_draft(ann, one_more, &draft("x"), NOON_MS).await, Err(DraftError::TooMany)));
    assert_eq!(api.drafts(ann).await.unwrap().len(), MOST_DRAFTS as usize);
    // Those that there are go on, and an emptied one makes room.
    api.put_draft(ann, last.unwrap(), &draft("more"), NOON_MS).await.unwrap();
    api.put_draft(ann, last.unwrap(), &draft(""), NOON_MS).await.unwrap();
    api.put_draft(ann, one_more, &draft("x"), NOON_MS).await.unwrap();
}
