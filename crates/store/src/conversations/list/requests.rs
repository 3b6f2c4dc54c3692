//! Conversations that others began and the user has not answered, the most recently active first. There are few: as many as
//! may wait for one person.

use relay_domain::ports::{ListCursor, StoreError};
use relay_types::UserId;
use sqlx::types::Uuid;
use time::OffsetDateTime;

use super::order::NEVER_US;
use crate::Store;
use crate::convert::timestamp_us;
use crate::error::unavailable;

/// Up to `wanted` requests after the cursor, with their last activity. Indexes: `members_requests_by_user`,
/// `conversations_pkey`, `conversation_heads_pkey`.
pub(super) async fn after(
    store: &Store,
    user: UserId,
    after: Option<ListCursor>,
    wanted: usize,
) -> Result<Vec<(Uuid, OffsetDateTime)>, StoreError> {
    let rows = sqlx::query!(
        r#"SELECT m.conversation_id, coalesce(h.last_at, m.added_at) AS "active_at!"
           FROM members m LEFT JOIN conversation_heads h ON h.conversation_id = m.conversation_id
           WHERE m.user_id = $1 AND m.state = 'request' AND (m.hidden_seq IS NULL OR m.hidden_seq < 9223372036854775807)
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
