//! What a user has set apart: conversations that they pinned or archived. Both are bounded for each person.

use relay_domain::ports::{ListCursor, StoreError};
use relay_types::UserId;
use sqlx::types::Uuid;
use time::OffsetDateTime;

use super::order::NEVER_US;
use crate::Store;
use crate::convert::timestamp_us;
use crate::error::unavailable;

/// All that the user pinned, the last pinned first. Indexes: `members_set_apart`, `conversation_heads_pkey`.
pub(super) async fn pinned(store: &Store, user: UserId) -> Result<Vec<(Uuid, OffsetDateTime)>, StoreError> {
    let rows = sqlx::query!(
        r#"SELECT m.conversation_id, m.pinned_at AS "pinned_at!" FROM members m
           WHERE m.user_id = $1 AND m.pinned_at IS NOT NULL AND m.state = 'accepted'
             AND (m.hidden_seq IS NULL OR EXISTS (
                 SELECT FROM conversation_heads h WHERE h.conversation_id = m.conversation_id AND h.message_seq > m.hidden_seq))
           ORDER BY m.pinned_at DESC, m.conversation_id DESC"#,
        user.to_uuid()
    )
    .fetch_all(&store.pool)
    .await
    .map_err(unavailable)?;
    Ok(rows.into_iter().map(|row| (row.conversation_id, row.pinned_at)).collect())
}

/// Up to `wanted` archived conversations after the cursor, the most recently active first. Indexes: `members_set_apart`, and for each of
/// the user's archived ones `conversation_heads_pkey`.
pub(super) async fn archived(
    store: &Store,
    user: UserId,
    after: Option<ListCursor>,
    wanted: usize,
) -> Result<Vec<(Uuid, OffsetDateTime)>, StoreError> {
    let rows = sqlx::query!(
        r#"SELECT m.conversation_id, coalesce(h.last_at, m.added_at) AS "active_at!"
           FROM members m LEFT JOIN conversation_heads h ON h.conversation_id = m.conversation_id
           WHERE m.user_id = $1 AND m.archived_seq IS NOT NULL AND m.state = 'accepted'
             AND (m.muted_until > now() OR coalesce(h.message_seq, 0) <= m.archived_seq)
             AND (m.hidden_seq IS NULL OR h.message_seq > m.hidden_seq)
             AND (coalesce(h.last_at, m.added_at), m.conversation_id) < ($2::timestamptz, $3::uuid)
           ORDER BY 2 DESC, 1 DESC LIMIT $4"#,
        user.to_uuid(),
        timestamp_us(after.map_or(NEVER_US, |cursor| cursor.active_at_us))?,
        after.map_or(Uuid::max(), |cursor| cursor.conversation.to_uuid()),
        i64::try_from(wanted).unwrap_or(i64::MAX)
    )
    .fetch_all(&store.pool)
    .await
    .map_err(unavailable)?;
    Ok(rows.into_iter().map(|row| (row.conversation_id, row.active_at)).collect())
}
