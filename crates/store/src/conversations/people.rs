//! What is asked about many people at once, in the transaction that decides about them.

use relay_domain::ports::StoreError;
use relay_types::{ConversationId, TimestampMs, UserId};
use sqlx::PgConnection;
use sqlx::types::Uuid;

use crate::convert::timestamp;
use crate::error::unavailable;

fn uuids(people: &[UserId]) -> Vec<Uuid> {
    people.iter().map(|user| user.to_uuid()).collect()
}

/// Somebody among `people` who does not exist. Index: `users_pkey`.
pub(super) async fn missing(connection: &mut PgConnection, people: &[UserId]) -> Result<Option<UserId>, StoreError> {
    let found = sqlx::query_scalar!(
        r#"SELECT t.user_id AS "user_id!" FROM unnest($1::uuid[]) AS t (user_id)
           WHERE NOT EXISTS (SELECT FROM users u WHERE u.user_id = t.user_id) LIMIT 1"#,
        &uuids(people)
    )
    .fetch_optional(connection)
    .await
    .map_err(unavailable)?;
    Ok(found.map(UserId::from_uuid))
}

/// Those of `people` with whom `actor` shares a conversation that both have accepted, in the order given.
///
/// For each of them the shorter list is gone through, until the first shared one: theirs by the index alone, against a table of the
/// actor's in memory, or the actor's with a probe for each. Left to itself, Postgres reads a row of the table for each
/// conversation of each of them. Index: `members_by_user`.
pub(crate) async fn acquainted(connection: &mut PgConnection, actor: UserId, people: &[UserId]) -> Result<Vec<UserId>, StoreError> {
    let found = sqlx::query_scalar!(
        r#"WITH mine AS MATERIALIZED (SELECT conversation_id FROM members WHERE user_id = $1 AND state = 'accepted'),
                -- A probe costs as much as so many steps in an index.
                own AS MATERIALIZED (SELECT 8 * count(*) AS worth FROM mine)
           SELECT t.user_id AS "user_id!" FROM own CROSS JOIN unnest($2::uuid[]) WITH ORDINALITY AS t (user_id, place)
           WHERE CASE
               WHEN (SELECT count(*) FROM (SELECT FROM members m WHERE m.user_id = t.user_id LIMIT own.worth) AS counted) < own.worth
               THEN EXISTS (
                   SELECT FROM (SELECT conversation_id FROM members m WHERE m.user_id = t.user_id OFFSET 0) AS theirs
                   -- IS TRUE keeps it a table in memory.
                   WHERE (theirs.conversation_id IN (SELECT conversation_id FROM mine)) IS TRUE
                     AND EXISTS (SELECT FROM members m WHERE m.conversation_id = theirs.conversation_id
                                 AND m.user_id = t.user_id AND m.state = 'accepted' OFFSET 0))
               ELSE EXISTS (
                   SELECT FROM mine CROSS JOIN LATERAL (
                       SELECT FROM members m WHERE m.conversation_id = mine.conversation_id
                       AND m.user_id = t.user_id AND m.state = 'accepted' LIMIT 1) AS shared)
               END
           ORDER BY place"#,
        actor.to_uuid(),
        &uuids(people)
    )
    .fetch_all(connection)
    .await
    .map_err(unavailable)?;
    Ok(found.into_iter().map(UserId::from_uuid).collect())
}

/// Those of `people` who are in the conversation. Index: `members_pkey`.
pub(super) async fn present(connection: &mut PgConnection, id: ConversationId, people: &[UserId]) -> Result<Vec<UserId>, StoreError> {
    let found = sqlx::query_scalar!(
        "SELECT user_id FROM members WHERE conversation_id = $1 AND user_id = ANY ($2::uuid[])",
        id.to_uuid(),
        &uuids(people)
    )
    .fetch_all(connection)
    .await
    .map_err(unavailable)?;
    Ok(found.into_iter().map(UserId::from_uuid).collect())
}

/// Somebody among `people` who is in `most` conversations or more, not counting what they were only asked about.
/// Index: `members_by_user`.
pub(super) async fn in_too_many(connection: &mut PgConnection, people: &[UserId], most: i64) -> Result<Option<UserId>, StoreError> {
    let found = sqlx::query_scalar!(
        r#"SELECT t.user_id AS "user_id!" FROM unnest($1::uuid[]) AS t (user_id)
           WHERE CASE
               -- By the index alone, which is all that most need.
               WHEN (SELECT count(*) FROM (SELECT FROM members m WHERE m.user_id = t.user_id LIMIT $2) AS counted) < $2 THEN false
               ELSE (SELECT count(*) FROM (SELECT FROM members m WHERE m.user_id = t.user_id AND m.state = 'accepted' LIMIT $2) AS counted) >= $2
               END
           LIMIT 1"#,
        &uuids(people),
        most
    )
    .fetch_optional(connection)
    .await
    .map_err(unavailable)?;
    Ok(found.map(UserId::from_uuid))
}

/// Somebody among `people` whom `most` others or more are waiting for: invitations and requests. What was declined waits for nobody.
/// Indexes: `invitations_pkey`, `members_requests_by_user`.
pub(super) async fn asked_too_often(connection: &mut PgConnection, people: &[UserId], most: i64) -> Result<Option<UserId>, StoreError> {
    let found = sqlx::query_scalar!(
        r#"SELECT t.user_id AS "user_id!" FROM unnest($1::uuid[]) AS t (user_id)
           WHERE (SELECT count(*) FROM invitations i WHERE i.user_id = t.user_id) >= $2
              OR (SELECT count(*) FROM members m WHERE m.user_id = t.user_id AND m.state = 'request'
                  AND (m.hidden_seq IS NULL OR m.hidden_seq < 9223372036854775807)) >= $2
           LIMIT 1"#,
        &uuids(people),
        most
    )
    .fetch_optional(connection)
    .await
    .map_err(unavailable)?;
    Ok(found.map(UserId::from_uuid))
}

/// Brings people in as members, and counts them.
pub(super) async fn insert(
    connection: &mut PgConnection,
    id: ConversationId,
    people: &[UserId],
    at_ms: TimestampMs,
) -> Result<(), StoreError> {
    sqlx::query!(
        "INSERT INTO members (conversation_id, user_id, role, added_at) SELECT $1, user_id, 'member', $3 FROM unnest($2::uuid[]) AS t (user_id)",
        id.to_uuid(),
        &uuids(people),
        timestamp(at_ms)?
    )
    .execute(&mut *connection)
    .await
    .map_err(unavailable)?;
    count(connection, id, i32::try_from(people.len()).unwrap_or(i32::MAX)).await
}

/// Counts `more` members of the conversation, whose row the transaction has locked.
pub(super) async fn count(connection: &mut PgConnection, id: ConversationId, more: i32) -> Result<(), StoreError> {
    sqlx::query!("UPDATE conversations SET member_count = member_count + $2 WHERE conversation_id = $1", id.to_uuid(), more)
        .execute(connection)
        .await
        .map(drop)
        .map_err(unavailable)
}
