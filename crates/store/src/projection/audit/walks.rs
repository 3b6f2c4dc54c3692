//! Read marks page by page, and how far the auditor came.

use relay_domain::ports::{MarksPage, MemberKey, SavedWalk, StoreError};
use relay_types::{ConversationId, Seq, ShardId, UserId};
use sqlx::types::Uuid;

use crate::Store;
use crate::convert::{shard as shard_of, shard_column};
use crate::error::unavailable;

/// Indexes: `members_pkey`, in order; `conversation_heads_pkey`, one probe per member.
pub(super) async fn marks_ahead(store: &Store, after: Option<MemberKey>, limit: usize) -> Result<MarksPage, StoreError> {
    let row = sqlx::query!(
        r#"WITH page AS MATERIALIZED (
               SELECT conversation_id, user_id, read_seq FROM members
               WHERE (conversation_id, user_id) > ($1, $2) ORDER BY conversation_id, user_id LIMIT $3),
           ahead AS MATERIALIZED (
               SELECT page.conversation_id, page.user_id, h.shard, h.last_seq FROM page
               CROSS JOIN LATERAL (
                   SELECT shard, last_seq FROM conversation_heads h WHERE h.conversation_id = page.conversation_id LIMIT 1) AS h
               WHERE page.read_seq > h.last_seq)
           SELECT (SELECT count(*) FROM page) AS "looked_at!",
                  (SELECT conversation_id FROM page ORDER BY conversation_id DESC, user_id DESC LIMIT 1) AS last_conversation,
                  (SELECT user_id FROM page ORDER BY conversation_id DESC, user_id DESC LIMIT 1) AS last_user,
                  ARRAY(SELECT conversation_id FROM ahead ORDER BY conversation_id, user_id) AS "conversations!",
                  ARRAY(SELECT user_id FROM ahead ORDER BY conversation_id, user_id) AS "users!",
                  ARRAY(SELECT shard FROM ahead ORDER BY conversation_id, user_id) AS "shards!",
                  ARRAY(SELECT last_seq FROM ahead ORDER BY conversation_id, user_id) AS "last_seqs!""#,
        after.map_or(Uuid::nil(), |(conversation, _)| conversation.to_uuid()),
        after.map_or(Uuid::nil(), |(_, user)| user.to_uuid()),
        i64::try_from(limit).unwrap_or(i64::MAX)
    )
    .fetch_one(&store.pool)
    .await
    .map_err(unavailable)?;
    let ends_here = usize::try_from(row.looked_at).unwrap_or_default() < limit;
    let key = |conversation, user| (ConversationId::from_uuid(conversation), UserId::from_uuid(user));
    let next = row.last_conversation.zip(row.last_user).filter(|_| !ends_here).map(|(conversation, user)| key(conversation, user));
    let members = row.conversations.into_iter().zip(row.users).map(|(conversation, user)| key(conversation, user));
    let ahead = members.zip(row.shards.into_iter().zip(row.last_seqs));
    let ahead = ahead.map(|(member, (shard, last))| Ok((member, shard_of(shard)?, Seq::from_i64(last))));
    Ok(MarksPage { ahead: ahead.collect::<Result<_, StoreError>>()?, next })
}

/// Index: `audit_walks_pkey`.
pub(super) async fn load(store: &Store, shard: ShardId, epoch: &str) -> Result<Vec<SavedWalk>, StoreError> {
    let rows = sqlx::query!(
        "SELECT walk, place, extract(epoch FROM now() - ended_at)::bigint AS ended_s_ago FROM audit_walks WHERE shard = $1 AND epoch = $2",
        shard_column(shard),
        epoch
    )
    .fetch_all(&store.pool)
    .await
    .map_err(unavailable)?;
    let walk = |name, cursor, ago: Option<i64>| SavedWalk { name, cursor, ended_s_ago: ago.and_then(|ago| u64::try_from(ago).ok()) };
    Ok(rows.into_iter().map(|row| walk(row.walk, row.place, row.ended_s_ago)).collect())
}

/// Whoever saves last wins: several auditors do the same work.
pub(super) async fn save(store: &Store, shard: ShardId, epoch: &str, walks: &[SavedWalk]) -> Result<(), StoreError> {
    let names: Vec<String> = walks.iter().map(|walk| walk.name.clone()).collect();
    let cursors: Vec<Option<String>> = walks.iter().map(|walk| walk.cursor.clone()).collect();
    let ended: Vec<Option<f64>> =
        walks.iter().map(|walk| walk.ended_s_ago.map(|ago| f64::from(u32::try_from(ago).unwrap_or(u32::MAX)))).collect();
    sqlx::query!(
        "INSERT INTO audit_walks (shard, epoch, walk, place, ended_at)
         SELECT $1, $2, walk, place, now() - make_interval(secs => ended_s_ago)
         FROM unnest($3::text[], $4::text[], $5::double precision[]) AS t (walk, place, ended_s_ago)
         ON CONFLICT (shard, walk) DO UPDATE SET epoch = excluded.epoch, place = excluded.place, ended_at = excluded.ended_at",
        shard_column(shard),
        epoch,
        &names,
        &cursors as &[Option<String>],
        &ended as &[Option<f64>]
    )
    .execute(&store.pool)
    .await
    .map(drop)
    .map_err(unavailable)
}
