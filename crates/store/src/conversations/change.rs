//! Changing a conversation: lock, ask the rules, write, queue the events, all in one transaction.

use relay_domain::conversation::{Change, ChangeDenied, decide};
use relay_domain::ports::{ConversationError, Decided, LogAddress, StoreError};
use relay_protocol::conversation::{ConversationKind, Role};
use relay_protocol::log::{ConversationMembershipChanged, ConversationRenamed, LogEvent, MemberRemoved, RoleChanged};
use relay_types::{ConversationId, ConversationTitle, ShardId, TimestampMs, UserId};
use sqlx::{PgConnection, PgTransaction};

use super::add::{Group, end_all_invitations, end_invitations};
use super::people;
use crate::Store;
use crate::convert::{kind, role, shard, text};
use crate::error::unavailable;
use crate::outbox::{Pending, unpublished, unpublished_end};
use crate::postings;
use crate::store::commit;

/// A conversation whose row this transaction has locked, and the actor in it.
pub(super) struct Locked {
    pub(super) id: ConversationId,
    pub(super) kind: ConversationKind,
    pub(super) title: Option<ConversationTitle>,
    pub(super) shard: ShardId,
    pub(super) members: usize,
    actor: UserId,
    role: Role,
}

impl Locked {
    pub(super) fn subject(&self) -> LogAddress {
        LogAddress::Conversation { shard: self.shard, id: self.id }
    }

    fn user_subject(&self, user: UserId) -> LogAddress {
        LogAddress::User { shard: self.shard, id: user }
    }

    fn group(&self, at_ms: TimestampMs) -> Group {
        Group { id: self.id, shard: self.shard, kind: self.kind, title: self.title.clone(), actor: self.actor, at_ms }
    }

    /// Asks the rules. Limits on size matter to `Change::Add` and to an owner who leaves only.
    pub(super) fn decide(&self, change: Change, members: usize, max_members: usize) -> Result<(), ChangeDenied> {
        decide(self.kind, self.actor, self.role, change, members, max_members)
    }
}

pub(super) async fn rename(
    store: &Store,
    actor: UserId,
    id: ConversationId,
    title: &ConversationTitle,
    at_ms: TimestampMs,
) -> Result<Decided<()>, ConversationError> {
    let mut transaction = store.pool.begin().await.map_err(unavailable)?;
    let locked = lock(&mut transaction, actor, id).await?;
    locked.decide(Change::Rename, 0, 0)?;
    let mut pending = Pending::default();
    if locked.title.as_ref() != Some(title) {
        sqlx::query!("UPDATE conversations SET title = $2 WHERE conversation_id = $1", id.to_uuid(), title.as_str())
            .execute(&mut *transaction)
            .await
            .map_err(unavailable)?;
        let event_id = store.event_id();
        let renamed = ConversationRenamed { event_id, conversation_id: id, title: title.clone(), actor_id: actor, at_ms };
        pending.push(locked.subject(), event_id, LogEvent::ConversationRenamed(renamed));
    }
    finish(transaction, pending, &[locked.subject()]).await
}

pub(super) async fn remove_member(
    store: &Store,
    actor: UserId,
    id: ConversationId,
    user: UserId,
    at_ms: TimestampMs,
) -> Result<Decided<()>, ConversationError> {
    let mut transaction = store.pool.begin().await.map_err(unavailable)?;
    let locked = match lock(&mut transaction, actor, id).await {
        Ok(locked) => locked,
        // Who is not in the conversation may have left a moment ago; of others they are told nothing.
        Err(refusal) if actor == user => return removed_before(&mut transaction, id, user, refusal).await,
        Err(refusal) => return Err(refusal),
    };
    if let Some(withdrawn) = withdraw(store, &mut transaction, &locked, user, at_ms).await? {
        commit(transaction).await?;
        return Ok(Decided { value: (), touched: withdrawn });
    }
    let role = match target_role(&mut transaction, &locked, user).await {
        Ok(role) => role,
        Err(refusal) => return removed_before(&mut transaction, id, user, refusal).await,
    };
    locked.decide(Change::Remove { user, role }, locked.members, 0)?;
    postings::close(&mut transaction, id).await?;
    people::count(&mut transaction, id, -1).await?;
    sqlx::query!("DELETE FROM members WHERE conversation_id = $1 AND user_id = $2", id.to_uuid(), user.to_uuid())
        .execute(&mut *transaction)
        .await
        .map_err(unavailable)?;
    let mut pending = Pending::default();
    let event_id = store.event_id();
    let removed = MemberRemoved { event_id, conversation_id: id, user_id: user, actor_id: actor, at_ms };
    pending.push(locked.subject(), event_id, LogEvent::MemberRemoved(removed));
    let event_id = store.event_id();
    let left = ConversationMembershipChanged { event_id, actor_id: Some(actor), at_ms, user_id: user, conversation_id: id };
    pending.push(locked.user_subject(user), event_id, LogEvent::ConversationLeft(left));
    if locked.members == 1 {
        let group = locked.group(at_ms);
        // Nobody is left who asks: whoever came now would be in a group that nobody may change.
        for invited in end_all_invitations(&mut transaction, id).await? {
            group.say(store, &mut pending, invited, LogEvent::InvitationEnded);
        }
    }
    pending.write(&mut transaction).await?;
    commit(transaction).await?;
    // There may be thousands of the others: the relay tells them.
    Ok(Decided { value: (), touched: vec![locked.subject(), locked.user_subject(user)] })
}

/// The user may have been put out, or their invitation withdrawn, a moment ago, by a request that failed before the log had it: then
/// this one, its repetition, waits for the log, too.
async fn removed_before(
    connection: &mut PgConnection,
    id: ConversationId,
    user: UserId,
    refusal: ConversationError,
) -> Result<Decided<()>, ConversationError> {
    if matches!(refusal, ConversationError::NotMember | ConversationError::UnknownUser(_)) {
        let touched = unpublished_end(connection, id, user).await?;
        if !touched.is_empty() {
            return Ok(Decided { value: (), touched });
        }
    }
    Err(refusal)
}

/// Takes back an invitation of `user`'s, if there is one. Whoever may put out a member may do so.
async fn withdraw(
    store: &Store,
    connection: &mut PgConnection,
    locked: &Locked,
    user: UserId,
    at_ms: TimestampMs,
) -> Result<Option<Vec<LogAddress>>, ConversationError> {
    if end_invitations(connection, locked.id, &[user]).await?.is_empty() {
        return Ok(None);
    }
    locked.decide(Change::Remove { user, role: Role::Member }, locked.members, 0)?;
    let mut pending = Pending::default();
    locked.group(at_ms).say(store, &mut pending, user, LogEvent::InvitationEnded);
    Ok(Some(pending.write(connection).await?))
}

pub(super) async fn set_role(
    store: &Store,
    actor: UserId,
    id: ConversationId,
    user: UserId,
    to: Role,
    at_ms: TimestampMs,
) -> Result<Decided<()>, ConversationError> {
    let mut transaction = store.pool.begin().await.map_err(unavailable)?;
    let locked = lock(&mut transaction, actor, id).await?;
    let from = target_role(&mut transaction, &locked, user).await?;
    locked.decide(Change::SetRole { user, from, to }, 0, 0)?;
    let mut pending = Pending::default();
    if from != to {
        // Handing over takes two steps; the group has its new owner before it loses the old one.
        let steps = [Some((user, to)), (to == Role::Owner).then_some((actor, Role::Admin))];
        for (user, role) in steps.into_iter().flatten() {
            update_role(&mut transaction, id, user, role).await?;
            let event_id = store.event_id();
            let changed = RoleChanged { event_id, conversation_id: id, user_id: user, role, actor_id: actor, at_ms };
            pending.push(locked.subject(), event_id, LogEvent::RoleChanged(changed));
        }
    }
    finish(transaction, pending, &[locked.subject()]).await
}

/// Locks the conversation's row, and only then looks at who the actor is in it.
pub(super) async fn lock(connection: &mut PgConnection, actor: UserId, id: ConversationId) -> Result<Locked, ConversationError> {
    let row = sqlx::query!(
        "SELECT kind, title, shard, member_count FROM conversations WHERE conversation_id = $1 FOR NO KEY UPDATE",
        id.to_uuid()
    )
    .fetch_optional(&mut *connection)
    .await
    .map_err(unavailable)?
    .ok_or(ConversationError::NotMember)?;
    let role = role_of(connection, id, actor).await?.ok_or(ConversationError::NotMember)?;
    let title = row.title.as_deref().map(|title| text(title, "title")).transpose()?;
    let members = usize::try_from(row.member_count).unwrap_or(usize::MAX);
    Ok(Locked { id, kind: kind(&row.kind)?, title, shard: shard(row.shard)?, members, actor, role })
}

async fn role_of(connection: &mut PgConnection, id: ConversationId, user: UserId) -> Result<Option<Role>, StoreError> {
    let found = sqlx::query_scalar!("SELECT role FROM members WHERE conversation_id = $1 AND user_id = $2", id.to_uuid(), user.to_uuid())
        .fetch_optional(connection)
        .await
        .map_err(unavailable)?;
    found.map(|name| role(&name)).transpose()
}

/// The role of the one the change is about. A direct conversation refuses first, whoever that is.
async fn target_role(connection: &mut PgConnection, locked: &Locked, user: UserId) -> Result<Role, ConversationError> {
    if locked.kind == ConversationKind::Direct {
        return Err(ChangeDenied::DirectImmutable.into());
    }
    role_of(connection, locked.id, user).await?.ok_or(ConversationError::UnknownUser(user))
}

async fn update_role(connection: &mut PgConnection, id: ConversationId, user: UserId, role: Role) -> Result<(), StoreError> {
    sqlx::query!("UPDATE members SET role = $3 WHERE conversation_id = $1 AND user_id = $2", id.to_uuid(), user.to_uuid(), role.as_str())
        .execute(connection)
        .await
        .map(drop)
        .map_err(unavailable)
}

/// Queues the events, which are on `subjects`, and commits.
async fn finish(mut transaction: PgTransaction<'_>, pending: Pending, subjects: &[LogAddress]) -> Result<Decided<()>, ConversationError> {
    pending.write(&mut transaction).await?;
    // Of a change that was made before, the events may still wait.
    let touched = unpublished(&mut transaction, subjects).await?;
    commit(transaction).await?;
    Ok(Decided { value: (), touched })
}
