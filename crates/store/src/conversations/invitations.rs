//! What waits for somebody's answer: invitations into groups, and direct conversations that others began.

use relay_domain::conversation::ChangeDenied;
use relay_domain::ports::{ConversationError, Decided, LogAddress, PeopleLimits, StoreError};
use relay_protocol::log::LogEvent;
use relay_protocol::rest::Invitation;
use relay_types::{ConversationId, TimestampMs, UserId};
use sqlx::PgConnection;

use super::add::{Group, end_invitations};
use super::people;
use crate::Store;
use crate::accounts::profile_of;
use crate::convert::{kind, millis, shard, text};
use crate::error::unavailable;
use crate::outbox::{Pending, unpublished, unpublished_end};
use crate::store::commit;

/// More than may wait; a page of its own is not needed.
const MOST_SHOWN: i64 = 1_000;

/// Index: `invitations_pkey`.
pub(super) async fn list(store: &Store, user: UserId) -> Result<Vec<Invitation>, StoreError> {
    let rows = sqlx::query!(
        "SELECT i.conversation_id, i.invited_at, c.title, c.member_count, u.user_id, u.handle, u.display_name
         FROM invitations i JOIN conversations c USING (conversation_id) JOIN users u ON u.user_id = i.invited_by
         WHERE i.user_id = $1 ORDER BY i.conversation_id DESC LIMIT $2",
        user.to_uuid(),
        MOST_SHOWN
    )
    .fetch_all(&store.pool)
    .await
    .map_err(unavailable)?;
    let mut invitations = Vec::with_capacity(rows.len());
    for row in rows {
        invitations.push(Invitation {
            conversation_id: ConversationId::from_uuid(row.conversation_id),
            title: row.title.as_deref().map(|title| text(title, "title")).transpose()?,
            member_count: u32::try_from(row.member_count).unwrap_or_default(),
            invited_by: profile_of(row.user_id, &row.handle, &row.display_name)?,
            invited_at_ms: millis(row.invited_at),
        });
    }
    Ok(invitations)
}

/// Accepts what waits for the user's answer. What they are in already stays as it is.
pub(super) async fn accept(
    store: &Store,
    user: UserId,
    id: ConversationId,
    limits: PeopleLimits,
    at_ms: TimestampMs,
) -> Result<Decided<()>, ConversationError> {
    let mut transaction = store.pool.begin().await.map_err(unavailable)?;
    let (mut group, members) = lock(&mut transaction, id, user, at_ms).await?;
    let mut pending = Pending::default();
    if let Some(inviter) = inviter(&mut transaction, id, user).await? {
        if members >= limits.max_members {
            return Err(ChangeDenied::GroupFull.into());
        }
        if people::in_too_many(&mut transaction, &[user], limits.max_conversations).await?.is_some() {
            return Err(ConversationError::TooManyConversations(user));
        }
        end_invitations(&mut transaction, id, &[user]).await?;
        people::insert(&mut transaction, id, &[user], at_ms).await?;
        group.actor = inviter;
        group.announce(store, &mut pending, &[user]);
        group.say(store, &mut pending, user, LogEvent::InvitationEnded);
    } else {
        match answer(&mut transaction, id, user, Answer::Yes).await? {
            Some(was_request) => {
                if was_request {
                    // Their durable consumer has the conversation from now on.
                    group.say(store, &mut pending, user, LogEvent::ConversationJoined);
                }
            }
            None => return Err(ConversationError::UnknownInvitation),
        }
    }
    pending.write(&mut transaction).await?;
    // Of an answer that was given before, the events may still wait.
    let subjects = [LogAddress::Conversation { shard: group.shard, id }, LogAddress::User { shard: group.shard, id: user }];
    let touched = unpublished(&mut transaction, &subjects).await?;
    commit(transaction).await?;
    Ok(Decided { value: (), touched })
}

/// Declines what waits for the user's answer.
pub(super) async fn decline(store: &Store, user: UserId, id: ConversationId, at_ms: TimestampMs) -> Result<Decided<()>, ConversationError> {
    let mut transaction = store.pool.begin().await.map_err(unavailable)?;
    let (group, _) = lock(&mut transaction, id, user, at_ms).await?;
    let mut pending = Pending::default();
    if end_invitations(&mut transaction, id, &[user]).await?.is_empty() {
        match answer(&mut transaction, id, user, Answer::No).await? {
            Some(true) => {
                let address = LogAddress::User { shard: group.shard, id: user };
                store.say_again(&mut transaction, &mut pending, address, (user, id), at_ms).await?;
            }
            Some(false) => return Err(ConversationError::UnknownInvitation),
            None => {
                // Perhaps a repetition, whose first time failed before the log had it.
                let touched = unpublished_end(&mut transaction, id, user).await?;
                if touched.is_empty() {
                    return Err(ConversationError::UnknownInvitation);
                }
                return Ok(Decided { value: (), touched });
            }
        }
    } else {
        group.say(store, &mut pending, user, LogEvent::InvitationEnded);
    }
    let touched = pending.write(&mut transaction).await?;
    commit(transaction).await?;
    Ok(Decided { value: (), touched })
}

/// Locks the conversation's row, whoever asks; answers also with its size.
async fn lock(
    connection: &mut PgConnection,
    id: ConversationId,
    user: UserId,
    at_ms: TimestampMs,
) -> Result<(Group, usize), ConversationError> {
    let row = sqlx::query!(
        "SELECT kind, title, shard, member_count FROM conversations WHERE conversation_id = $1 FOR NO KEY UPDATE",
        id.to_uuid()
    )
    .fetch_optional(connection)
    .await
    .map_err(unavailable)?
    .ok_or(ConversationError::UnknownInvitation)?;
    let title = row.title.as_deref().map(|title| text(title, "title")).transpose()?;
    let group = Group { id, shard: shard(row.shard)?, kind: kind(&row.kind)?, title, actor: user, at_ms };
    Ok((group, usize::try_from(row.member_count).unwrap_or(usize::MAX)))
}

/// Who invited the user. Index: `invitations_pkey`.
async fn inviter(connection: &mut PgConnection, id: ConversationId, user: UserId) -> Result<Option<UserId>, StoreError> {
    let found =
        sqlx::query_scalar!("SELECT invited_by FROM invitations WHERE user_id = $1 AND conversation_id = $2", user.to_uuid(), id.to_uuid())
            .fetch_optional(connection)
            .await
            .map_err(unavailable)?;
    Ok(found.map(UserId::from_uuid))
}

/// What somebody says to a direct conversation that another began.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Answer {
    Yes,
    /// It stays out of their lists for good, unless they change their mind.
    No,
}

/// Answers a request. `None`: the user is not in the conversation; otherwise whether it was a request.
async fn answer(connection: &mut PgConnection, id: ConversationId, user: UserId, answer: Answer) -> Result<Option<bool>, StoreError> {
    let yes = answer == Answer::Yes;
    let answered = sqlx::query!(
        "UPDATE members SET state = CASE WHEN $3 THEN 'accepted' ELSE state END,
                            hidden_seq = CASE WHEN $3 THEN NULL ELSE 9223372036854775807 END
         WHERE conversation_id = $1 AND user_id = $2 AND state = 'request'",
        id.to_uuid(),
        user.to_uuid(),
        yes
    )
    .execute(&mut *connection)
    .await
    .map_err(unavailable)?;
    if answered.rows_affected() > 0 {
        return Ok(Some(true));
    }
    Ok(people::present(connection, id, &[user]).await?.first().map(|_| false))
}
