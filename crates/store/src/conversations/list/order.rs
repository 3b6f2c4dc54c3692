//! Which conversations come next in a user's list, the most recently active first.
//!
//! Nothing holds a user's conversations in this order: each message would have to move it for every member. What is held, in
//! `memberships.active_until`, is a moment that the last activity lies before, by six hours at most. It is enough to look at
//! the conversations whose moment is not too early. See ADR 0013.

use relay_domain::ports::{ListCursor, StoreError};
use relay_types::UserId;
use sqlx::types::Uuid;
use time::OffsetDateTime;

use crate::Store;
use crate::convert::timestamp_us;
use crate::error::unavailable;

/// Memberships that the projection may not know yet are sought among so many of the user's newest.
const NEWEST: i64 = 200;
/// How many times as far is looked when some are left out: hidden and archived ones, requests, and those of people whose removal the
/// projection does not know yet.
const FURTHER: usize = 8;
/// 9999-12-30, later than every activity.
pub(super) const NEVER_US: i64 = 253_402_128_000_000_000;

/// Up to `wanted` conversations after the cursor, with their last activity.
pub(super) async fn after(
    store: &Store,
    user: UserId,
    after: Option<ListCursor>,
    wanted: usize,
) -> Result<Vec<(Uuid, OffsetDateTime)>, StoreError> {
    let before_at = timestamp_us(after.map_or(NEVER_US, |cursor| cursor.active_at_us))?;
    let before_id = after.map_or(Uuid::max(), |cursor| cursor.conversation.to_uuid());
    let mut reach = wanted;
    loop {
        let (found, everything) = within(store, user, (before_at, before_id), wanted, reach).await?;
        if everything || found.len() >= wanted {
            return Ok(found);
        }
        reach = reach.saturating_mul(FURTHER);
    }
}

/// Looks at the conversations that may be among the next `reach`, and says whether these are all there are.
///
/// What is not looked at was active before `bottom`. `reach` conversations are known to have been active between `bottom` and
/// the cursor, because their moments lie there.
///
/// Indexes: `memberships_by_activity`, as far as is looked; for each of these `conversation_heads_pkey` and, if it is
/// shown, `members_by_user`. `members_by_user_and_age` for the newest.
async fn within(
    store: &Store,
    user: UserId,
    (before_at, before_id): (OffsetDateTime, Uuid),
    wanted: usize,
    reach: usize,
) -> Result<(Vec<(Uuid, OffsetDateTime)>, bool), StoreError> {
    let count = |count: usize| i64::try_from(count).unwrap_or(i64::MAX);
    let row = sqlx::query!(
        r#"WITH reach AS MATERIALIZED (
               SELECT (SELECT active_until - interval '6 hours' FROM memberships
                       WHERE user_id = $1 AND left_seq IS NULL AND active_until <= $2
                       ORDER BY active_until DESC OFFSET $5::bigint - 1 LIMIT 1) AS bottom),
           page AS MATERIALIZED (
               SELECT c.conversation_id, c.active_at
               FROM reach
               CROSS JOIN LATERAL (
                   SELECT v.conversation_id, h.last_at AS active_at
                   FROM memberships v
                   CROSS JOIN LATERAL (SELECT last_at FROM conversation_heads h WHERE h.conversation_id = v.conversation_id LIMIT 1) AS h
                   WHERE v.user_id = $1 AND v.left_seq IS NULL AND v.active_until > coalesce(reach.bottom, '-infinity')
                     AND v.active_until <= $2::timestamptz + interval '6 hours'
                   UNION ALL
                   SELECT newest.conversation_id, newest.added_at
                   FROM (SELECT conversation_id, added_at FROM members WHERE user_id = $1 ORDER BY added_at DESC LIMIT $6) AS newest
                   LEFT JOIN LATERAL (
                       SELECT true AS projected FROM memberships v
                       WHERE v.conversation_id = newest.conversation_id AND v.user_id = $1 AND v.left_seq IS NULL LIMIT 1) AS v ON true
                   WHERE v.projected IS NULL) AS c
               CROSS JOIN LATERAL (
                   SELECT FROM members m
                   WHERE m.conversation_id = c.conversation_id AND m.user_id = $1 AND m.state = 'accepted'
                     AND (m.hidden_seq IS NULL OR EXISTS (
                         SELECT FROM conversation_heads h WHERE h.conversation_id = m.conversation_id AND h.message_seq > m.hidden_seq))
                     AND (m.archived_seq IS NULL OR (coalesce(m.muted_until <= now(), true) AND EXISTS (
                         SELECT FROM conversation_heads h WHERE h.conversation_id = m.conversation_id AND h.message_seq > m.archived_seq)))
                   LIMIT 1) AS still
               WHERE (reach.bottom IS NULL OR c.active_at >= reach.bottom) AND (c.active_at, c.conversation_id) < ($2, $3::uuid)
               ORDER BY c.active_at DESC, c.conversation_id DESC LIMIT $4)
           SELECT reach.bottom IS NULL AS "everything!",
                  ARRAY(SELECT conversation_id FROM page ORDER BY active_at DESC, conversation_id DESC) AS "ids!",
                  ARRAY(SELECT active_at FROM page ORDER BY active_at DESC, conversation_id DESC) AS "active_at!"
           FROM reach"#,
        user.to_uuid(),
        before_at,
        before_id,
        count(wanted),
        count(reach),
        NEWEST
    )
    .fetch_one(&store.pool)
    .await
    .map_err(unavailable)?;
    Ok((row.ids.into_iter().zip(row.active_at).collect(), row.everything))
}
