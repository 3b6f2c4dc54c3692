//! A user's list of conversations: `order.rs` finds which come next, this file what is shown of them.

mod apart;
mod order;
mod requests;

use relay_domain::ports::{ListCursor, ListPage, ListPart, StoreError};
use relay_protocol::rest::{ConversationListItem, ConversationState};
use relay_types::{ConversationId, Seq, UserId};
use sqlx::types::Uuid;
use time::OffsetDateTime;

use super::settings::Stored;
use crate::Store;
use crate::accounts::profile_of;
use crate::convert::{kind, micros, role, text};
use crate::error::{unavailable, unreadable};
use crate::event_row::{EventRow, MESSAGE_SENT};
use crate::history::message_of;

/// Where counting unread messages stops: so many events behind the mark are looked at.
const UNREAD_CAP: i64 = 1_000;

/// Of a message's text, a list shows so many characters: a page of the longest texts would be megabytes.
const PREVIEW_CHARS: i32 = 200;

/// One row of the list as read: the conversation, its peer (`p_`), its newest visible message (`e_`).
struct Row {
    conversation_id: Uuid,
    kind: String,
    title: Option<String>,
    role: String,
    state: String,
    read_seq: i64,
    unread_from: Option<i64>,
    last_seq: i64,
    muted_until: Option<OffsetDateTime>,
    pinned_at: Option<OffsetDateTime>,
    archived_seq: Option<i64>,
    notify_level: Option<String>,
    settings_version: i32,
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
    e_cut: bool,
    e_body: Option<String>,
    e_further: Option<String>,
    e_decided_at_ms: Option<i64>,
    e_at: Option<OffsetDateTime>,
    e_edited_seq: Option<i64>,
    e_edited_at: Option<OffsetDateTime>,
}

/// The page's conversations first, then what is shown of them.
pub(super) async fn page(
    store: &Store,
    user: UserId,
    part: ListPart,
    after: Option<ListCursor>,
    limit: u16,
) -> Result<ListPage, StoreError> {
    let (ids, next) = places(store, user, part, after, limit).await?;
    Ok(ListPage { items: items(store, user, &ids).await?, next })
}

/// Which conversations are on the page, and where the next one begins.
pub(crate) async fn places(
    store: &Store,
    user: UserId,
    part: ListPart,
    after: Option<ListCursor>,
    limit: u16,
) -> Result<(Vec<Uuid>, Option<ListCursor>), StoreError> {
    let wanted = usize::from(limit) + 1;
    let mut order = match part {
        ListPart::Accepted => order::after(store, user, after, wanted).await?,
        ListPart::Archived => apart::archived(store, user, after, wanted).await?,
        ListPart::Pinned => apart::pinned(store, user).await?,
        ListPart::Requests => requests::after(store, user, after, wanted).await?,
    };
    let more = part != ListPart::Pinned && order.len() > usize::from(limit);
    order.truncate(if part == ListPart::Pinned { order.len() } else { usize::from(limit) });
    let next = order
        .last()
        .filter(|_| more)
        .map(|(id, active_at)| ListCursor { active_at_us: micros(*active_at), conversation: ConversationId::from_uuid(*id) });
    Ok((order.into_iter().map(|(id, _)| id).collect(), next))
}

/// What is shown of these conversations, in their order. Those in which the user is not are left out.
pub(crate) async fn items(store: &Store, user: UserId, ids: &[Uuid]) -> Result<Vec<ConversationListItem>, StoreError> {
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    rows(store, user, ids).await?.into_iter().map(item_of).collect()
}

/// The limits of one keep the planner from reading all of the user's memberships to join the page with them: it takes everybody for
/// somebody in twenty conversations.
///
/// Indexes: one probe each in `members_pkey`, `conversations_pkey`, `conversation_heads_pkey` and `memberships_open_key`; in
/// `messages_pkey` one for the last message and, in `messages_by_thread`, from the mark on, [`UNREAD_CAP`] rows at most for the count. Until `messages` is
/// filled, `conversation_events_pkey` in its place. Where the user hid the last message, the newest one that they did not; each is
/// looked for in `hidden_messages_pkey`.
async fn rows(store: &Store, user: UserId, ids: &[Uuid]) -> Result<Vec<Row>, StoreError> {
    sqlx::query_as!(
        Row,
        r#"SELECT page.conversation_id AS "conversation_id!", c.kind, c.title, m.role, m.state, mark.read_seq AS "read_seq!",
                  mark.unread_from AS "unread_from?",
                  coalesce(h.last_seq, 0) AS "last_seq!", m.muted_until AS "muted_until?", m.pinned_at AS "pinned_at?",
                  m.archived_seq AS "archived_seq?", m.notify_level AS "notify_level?", m.settings_version AS "settings_version!",
                  coalesce(unread.count, 0) AS "unread!",
                  peer.user_id AS "p_user_id?", peer.handle AS "p_handle?", peer.display_name AS "p_display_name?",
                  e.seq AS "e_seq?", e.prev_seq AS "e_prev_seq?", e.shard AS "e_shard?", e.event_id AS "e_event_id?",
                  e.actor_id AS "e_actor_id?", e.client_id AS "e_client_id?", coalesce(length(e.body ->> 'text') > $4, false) AS "e_cut!",
                  CASE WHEN length(e.body ->> 'text') > $4
                       THEN jsonb_set(e.body, '{text}', to_jsonb(left(e.body ->> 'text', $4) || '…'))::text
                       ELSE e.body::text END AS "e_body?",
                  e.further::text AS e_further, e.decided_at_ms AS "e_decided_at_ms?", e.at AS "e_at?",
                  e.edited_seq AS "e_edited_seq?", e.edited_at AS "e_edited_at?"
           FROM unnest($2::uuid[]) WITH ORDINALITY AS page (conversation_id, place)
           CROSS JOIN LATERAL (
               SELECT role, state, read_seq, unread_from, unread_at, muted_until, pinned_at, archived_seq, notify_level, settings_version
               FROM members WHERE conversation_id = page.conversation_id AND user_id = $1 LIMIT 1) AS m
           JOIN conversations c ON c.conversation_id = page.conversation_id
           LEFT JOIN conversation_heads h ON h.conversation_id = page.conversation_id
           LEFT JOIN LATERAL (
               SELECT joined_seq, sent_seq FROM memberships
               WHERE conversation_id = page.conversation_id AND user_id = $1 AND left_seq IS NULL LIMIT 1) AS v ON true
           CROSS JOIN LATERAL (
               SELECT greatest(m.read_seq, v.sent_seq) AS read_seq,
                      CASE WHEN m.unread_at >= coalesce(v.sent_seq, 0) THEN m.unread_from END AS unread_from) AS mark
           CROSS JOIN LATERAL (SELECT least(mark.read_seq, mark.unread_from - 1) AS seq) AS seen
           LEFT JOIN LATERAL (
               SELECT u.user_id, u.handle, u.display_name FROM members m JOIN users u USING (user_id)
               WHERE c.kind = 'direct' AND m.conversation_id = page.conversation_id AND m.user_id <> $1 LIMIT 1) AS peer ON true
           LEFT JOIN LATERAL (
               (SELECT seq, prev_seq, shard, message_id AS event_id, sender_id AS actor_id, client_id, body, further,
                       sent_at_ms AS decided_at_ms, stored_at AS at, edited_seq, edited_at
                FROM messages e
                WHERE $5 AND e.conversation_id = page.conversation_id AND e.seq = h.message_seq AND h.message_seq >= v.joined_seq
                  AND NOT EXISTS (SELECT FROM hidden_messages x
                                  WHERE x.user_id = $1 AND x.conversation_id = e.conversation_id AND x.seq = e.seq))
               UNION ALL
               (SELECT seq, prev_seq, shard, message_id, sender_id, client_id, body, further, sent_at_ms, stored_at, edited_seq, edited_at
                FROM messages e
                WHERE $5 AND e.conversation_id = page.conversation_id AND (e.thread_seq, e.seq) < (0, h.message_seq)
                  AND (e.thread_seq, e.seq) >= (0, v.joined_seq) AND e.kind = 'MESSAGE_SENT' AND (e.only_for IS NULL OR e.only_for = $1)
                  AND EXISTS (SELECT FROM hidden_messages x
                              WHERE x.user_id = $1 AND x.conversation_id = page.conversation_id AND x.seq = h.message_seq)
                  AND NOT EXISTS (SELECT FROM hidden_messages x
                                  WHERE x.user_id = $1 AND x.conversation_id = e.conversation_id AND x.seq = e.seq)
                ORDER BY e.thread_seq DESC, e.seq DESC LIMIT 1)
               UNION ALL
               (SELECT seq, prev_seq, shard, event_id, actor_id, client_id, body, further, decided_at_ms, at, NULL::bigint,
                       NULL::timestamptz
                FROM conversation_events e
                WHERE NOT $5 AND e.conversation_id = page.conversation_id AND e.seq = h.message_seq AND e.at = h.message_at
                  AND h.message_seq >= v.joined_seq)
               LIMIT 1) AS e ON true
           LEFT JOIN LATERAL (
               SELECT count(*) FILTER (WHERE behind.counts AND behind.actor_id <> $1) AS count
               FROM ((SELECT e.kind = 'MESSAGE_SENT' AND NOT e.deleted AND (e.only_for IS NULL OR e.only_for = $1)
                             AND NOT EXISTS (SELECT FROM hidden_messages x
                                             WHERE x.user_id = $1 AND x.conversation_id = e.conversation_id AND x.seq = e.seq) AS counts,
                             e.sender_id AS actor_id
                      FROM messages e
                      WHERE $5 AND e.conversation_id = page.conversation_id AND (e.thread_seq, e.seq) > (0, greatest(seen.seq, v.joined_seq))
                        AND (e.thread_seq, e.seq) < (1, 0) AND h.message_seq > seen.seq AND v.joined_seq IS NOT NULL
                      ORDER BY e.thread_seq, e.seq LIMIT $3)
                     UNION ALL
                     (SELECT e.kind = 'MESSAGE_SENT' AND NOT coalesce(e.further ? 'thread', false), e.actor_id FROM conversation_events e
                      WHERE NOT $5 AND e.conversation_id = page.conversation_id AND e.seq > greatest(seen.seq, v.joined_seq)
                        AND h.message_seq > seen.seq AND v.joined_seq IS NOT NULL
                      ORDER BY e.seq LIMIT $3)) AS behind) AS unread ON true
           ORDER BY page.place"#,
        user.to_uuid(),
        ids,
        UNREAD_CAP,
        PREVIEW_CHARS,
        store.messages_are_filled().await?
    )
    .fetch_all(&store.pool)
    .await
    .map_err(unavailable)
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
                further: row.e_further,
                decided_at_ms: row.e_decided_at_ms.ok_or_else(missing)?,
                at: row.e_at.ok_or_else(missing)?,
                edited_seq: row.e_edited_seq,
                edited_at: row.e_edited_at,
                // A preview has none.
                reactions: None,
                mine: None,
                replies: None,
            })?)
        }
    };
    Ok(ConversationListItem {
        conversation_id: ConversationId::from_uuid(row.conversation_id),
        kind: kind(&row.kind)?,
        title: row.title.as_deref().map(|title| text(title, "title")).transpose()?,
        peer,
        role: role(&row.role)?,
        state: ConversationState::from_name(&row.state).ok_or_else(|| unreadable("state"))?,
        last_message,
        last_message_cut: row.e_cut,
        unread_count: u32::try_from(row.unread).unwrap_or(u32::MAX),
        read_seq: Seq::from_i64(row.read_seq),
        unread_from: row.unread_from.map(Seq::from_i64),
        last_seq: Seq::from_i64(row.last_seq),
        settings: Stored {
            version: row.settings_version,
            muted_until: row.muted_until,
            pinned_at: row.pinned_at,
            archived_seq: row.archived_seq,
            level: row.notify_level,
        }
        .told()?,
    })
}
