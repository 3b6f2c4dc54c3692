//! Who had left, as the projection knows it: what `relay_domain::void` is told of the time before a run.

use relay_domain::ports::StoreError;
use relay_domain::void::{Departures, senders};
use relay_protocol::log::StoredEvent;
use relay_types::{ConversationId, Seq, UserId};
use sqlx::PgConnection;
use sqlx::types::Uuid;

use crate::Store;
use crate::error::unavailable;

/// Of those who say something in the run: who was out of the conversation before it. A run has few pairs of conversation and
/// sender. Index: `memberships_pkey`, backwards, one probe per pair.
pub(super) async fn departures(connection: &mut PgConnection, run: &[StoredEvent]) -> sqlx::Result<Departures> {
    let senders = senders(run);
    if senders.is_empty() {
        return Ok(Departures::of([]));
    }
    let (conversations, users): (Vec<Uuid>, Vec<Uuid>) =
        senders.into_iter().map(|(conversation, user)| (conversation.to_uuid(), user.to_uuid())).unzip();
    let rows = sqlx::query!(
        r#"SELECT t.conversation_id AS "conversation_id!", t.user_id AS "user_id!", newest.left_seq AS "left_seq!"
           FROM unnest($1::uuid[], $2::uuid[]) AS t (conversation_id, user_id)
           CROSS JOIN LATERAL (
               SELECT left_seq FROM memberships m
               WHERE m.conversation_id = t.conversation_id AND m.user_id = t.user_id ORDER BY m.joined_seq DESC LIMIT 1) AS newest
           WHERE newest.left_seq IS NOT NULL"#,
        &conversations,
        &users
    )
    .fetch_all(connection)
    .await?;
    let left = rows
        .into_iter()
        .map(|row| ((ConversationId::from_uuid(row.conversation_id), UserId::from_uuid(row.user_id)), Seq::from_i64(row.left_seq)));
    Ok(Departures::of(left))
}

/// Of these messages, those whose sender had left before them. Index: `memberships_pkey`, backwards, one probe per message.
pub(super) async fn void_of(connection: &mut PgConnection, messages: &[(ConversationId, UserId, Seq)]) -> sqlx::Result<Vec<Seq>> {
    let conversations: Vec<Uuid> = messages.iter().map(|(conversation, _, _)| conversation.to_uuid()).collect();
    let users: Vec<Uuid> = messages.iter().map(|(_, user, _)| user.to_uuid()).collect();
    let seqs: Vec<i64> = messages.iter().map(|(_, _, seq)| seq.to_i64()).collect();
    let rows = sqlx::query_scalar!(
        r#"SELECT t.seq AS "seq!" FROM unnest($1::uuid[], $2::uuid[], $3::bigint[]) AS t (conversation_id, user_id, seq)
           CROSS JOIN LATERAL (
               SELECT left_seq FROM memberships m
               WHERE m.conversation_id = t.conversation_id AND m.user_id = t.user_id AND m.joined_seq < t.seq
               ORDER BY m.joined_seq DESC LIMIT 1) AS newest
           WHERE newest.left_seq < t.seq"#,
        &conversations,
        &users,
        &seqs
    )
    .fetch_all(connection)
    .await?;
    Ok(rows.into_iter().map(Seq::from_i64).collect())
}

impl Store {
    /// Whether the event is void as far as the projection knows. What no person published by themselves never is.
    pub(super) async fn is_void(connection: &mut PgConnection, stored: &StoredEvent) -> Result<bool, StoreError> {
        let Some(published) = stored.event.published() else { return Ok(false) };
        let message = [(published.conversation_id, published.actor_id, stored.seq)];
        Ok(!void_of(connection, &message).await.map_err(unavailable)?.is_empty())
    }
}
