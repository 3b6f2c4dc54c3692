//! A user's list of conversations.

use relay_domain::ports::{ListCursor, ListPage, StoreError};
use relay_protocol::rest::ConversationListItem;
use relay_types::{ConversationId, Seq, UserId};
use sqlx::types::Uuid;
use time::OffsetDateTime;

use crate::Store;
use crate::accounts::profile_of;
use crate::convert::{kind, micros, role, text, timestamp_us};
use crate::error::{unavailable, unreadable};
use crate::event_row::{EventRow, MESSAGE_SENT};
use crate::history::message_of;

/// Where counting unread messages stops.
const UNREAD_CAP: i64 = 1_000;

/// One row of the list as read: the conversation, its peer (`p_`), its newest visible message (`e_`).
struct Row {
    conversation_id: Uuid,
    kind: String,
    title: Option<String>,
    role: String,
    read_seq: i64,
    last_seq: i64,
    active_at: OffsetDateTime,
    unread: i64,
    p_user_id: Option<Uuid>,
    p_handle: Option<String>,
    p_display_name: Option<String>,
    e_seq: Option<i64>,
    e_prev_seq: Option<i64>,
    e_shard: Option<i32>,
    e_event_id: Option<Uuid>,
    e_actor_id: Option<Uuid>,
    e_client_id: Option<String>,
    e_body: Option<String>,
    e_decided_at_ms: Option<i64>,
    e_at: Option<OffsetDateTime>,
}

/// Indexes: `members_by_user` for the user's rows (all of them are sorted: as many as a person is in), then for the page
/// alone `memberships_open_key`, and `conversation_events_pkey` backwards for the last message and forwards, at most
/// [`UNREAD_CAP`] messages far, for the count.
pub(super) async fn page(store: &Store, user: UserId, after: Option<ListCursor>, limit: u16) -> Result<ListPage, StoreError> {
    let after_at = after.map(|cursor| timestamp_us(cursor.active_at_us)).transpose()?;
    let mut rows = sqlx::query_as!(
        Row,
        r#"SELECT page.conversation_id, page.kind, page.title, page.role, page.read_seq, page.last_seq AS "last_seq!",
                  page.active_at AS "active_at!", coalesce(unread.count, 0) AS "unread!",
                  peer.user_id AS "p_user_id?", peer.handle AS "p_handle?", peer.display_name AS "p_display_name?",
                  e.seq AS "e_seq?", e.prev_seq AS "e_prev_seq?", e.shard AS "e_shard?", e.event_id AS "e_event_id?",
                  e.actor_id AS "e_actor_id?", e.client_id AS "e_client_id?", e.body::text AS "e_body?",
                  e.decided_at_ms AS "e_decided_at_ms?", e.at AS "e_at?"
           FROM (SELECT m.conversation_id, c.kind, c.title, m.role, m.read_seq, coalesce(h.last_seq, 0) AS last_seq,
                        coalesce(h.last_at, c.created_at) AS active_at
                 FROM members m
                 JOIN conversations c USING (conversation_id)
                 LEFT JOIN conversation_heads h USING (conversation_id)
                 WHERE m.user_id = $1
                   AND ($2::timestamptz IS NULL OR (coalesce(h.last_at, c.created_at), m.conversation_id) < ($2, $3::uuid))
                 ORDER BY active_at DESC, m.conversation_id DESC LIMIT $4) AS page
           LEFT JOIN memberships v ON v.conversation_id = page.conversation_id AND v.user_id = $1 AND v.left_seq IS NULL
           LEFT JOIN LATERAL (
               SELECT u.user_id, u.handle, u.display_name FROM members m JOIN users u USING (user_id)
               WHERE page.kind = 'direct' AND m.conversation_id = page.conversation_id AND m.user_id <> $1 LIMIT 1) AS peer ON true
           LEFT JOIN LATERAL (
               SELECT * FROM conversation_events e
               WHERE e.conversation_id = page.conversation_id AND e.seq >= v.joined_seq AND e.kind = 'MESSAGE_SENT'
               ORDER BY e.seq DESC LIMIT 1) AS e ON true
           LEFT JOIN LATERAL (
               SELECT count(*) AS count FROM (
                   SELECT FROM conversation_events e
                   WHERE e.conversation_id = page.conversation_id AND e.seq > greatest(page.read_seq, v.joined_seq)
                     AND v.joined_seq IS NOT NULL AND e.kind = 'MESSAGE_SENT' AND e.actor_id <> $1
                   LIMIT $5) AS capped) AS unread ON true
           ORDER BY page.active_at DESC, page.conversation_id DESC"#,
        user.to_uuid(),
        after_at,
        after.map(|cursor| cursor.conversation.to_uuid()),
        i64::from(limit) + 1,
        UNREAD_CAP
    )
    .fetch_all(&store.pool)
    .await
    .map_err(unavailable)?;
    let more = rows.len() > usize::from(limit);
    rows.truncate(usize::from(limit));
    let next = rows
        .last()
        .filter(|_| more)
        .map(|row| ListCursor { active_at_us: micros(row.active_at), conversation: ConversationId::from_uuid(row.conversation_id) });
    Ok(ListPage { items: rows.into_iter().map(item_of).collect::<Result<_, _>>()?, next })
}

fn item_of(row: Row) -> Result<ConversationListItem, StoreError> {
    let peer = match (row.p_user_id, row.p_handle, row.p_display_name) {
        (Some(user), Some(handle), Some(name)) => Some(profile_of(user, &handle, &name)?),
        _ => None,
    };
    let last_message = match row.e_seq {
        None => None,
        Some(seq) => {
            let missing = || unreadable("message");
            Some(message_of(EventRow {
                conversation_id: row.conversation_id,
                seq,
                prev_seq: row.e_prev_seq,
                shard: row.e_shard.ok_or_else(missing)?,
                kind: MESSAGE_SENT.to_owned(),
                event_id: row.e_event_id.ok_or_else(missing)?,
                actor_id: row.e_actor_id.ok_or_else(missing)?,
                client_id: row.e_client_id,
                body: row.e_body.ok_or_else(missing)?,
                decided_at_ms: row.e_decided_at_ms.ok_or_else(missing)?,
                at: row.e_at.ok_or_else(missing)?,
            })?)
        }
    };
    Ok(ConversationListItem {
        conversation_id: ConversationId::from_uuid(row.conversation_id),
        kind: kind(&row.kind)?,
        title: row.title.as_deref().map(|title| text(title, "title")).transpose()?,
        peer,
        role: role(&row.role)?,
        last_message,
        unread_count: u32::try_from(row.unread).unwrap_or(u32::MAX),
        read_seq: Seq::from_i64(row.read_seq),
        last_seq: Seq::from_i64(row.last_seq),
    })
}
