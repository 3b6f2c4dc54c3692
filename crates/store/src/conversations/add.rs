//! Bringing people into a group: those one knows come in at once, the others are asked.

use std::collections::BTreeSet;

use relay_domain::conversation::Change;
use relay_domain::ports::{Added, ConversationError, Decided, LogAddress, PeopleLimits};
use relay_protocol::conversation::{ConversationKind, Role};
use relay_protocol::log::{ConversationInvited, ConversationMembershipChanged, LogEvent, MOST_MEMBERS_AT_ONCE, MemberAdded, MembersAdded};
use relay_types::{ConversationId, ConversationTitle, ShardId, TimestampMs, UserId};
use sqlx::PgConnection;
use sqlx::types::Uuid;

use super::change::lock;
use super::people;
use crate::Store;
use crate::convert::timestamp;
use crate::error::unavailable;
use crate::outbox::{Pending, unpublished};
use crate::store::commit;

pub(super) async fn run(
    store: &Store,
    actor: UserId,
    id: ConversationId,
    wanted: &[UserId],
    limits: PeopleLimits,
    at_ms: TimestampMs,
) -> Result<Decided<Added>, ConversationError> {
    let mut transaction = store.pool.begin().await.map_err(unavailable)?;
    let locked = lock(&mut transaction, actor, id).await?;
    let present: BTreeSet<UserId> = people::present(&mut transaction, id, wanted).await?.into_iter().collect();
    let newcomers: Vec<UserId> = wanted.iter().copied().filter(|user| !present.contains(user)).collect();
    locked.decide(Change::Add { people: newcomers.len() }, locked.members, limits.max_members)?;
    if let Some(user) = people::missing(&mut transaction, &newcomers).await? {
        return Err(ConversationError::UnknownUser(user));
    }
    let added = people::acquainted(&mut transaction, actor, &newcomers).await?;
    let known: BTreeSet<UserId> = added.iter().copied().collect();
    let asked: Vec<UserId> = newcomers.into_iter().filter(|user| !known.contains(user)).collect();
    if let Some(user) = people::in_too_many(&mut transaction, &added, limits.max_conversations).await? {
        return Err(ConversationError::TooManyConversations(user));
    }
    let group = Group { id, shard: locked.shard, kind: locked.kind, title: locked.title.clone(), actor, at_ms };
    let mut pending = Pending::default();
    if !added.is_empty() {
        people::insert(&mut transaction, id, &added, at_ms).await?;
        group.announce(store, &mut pending, &added);
        for user in end_invitations(&mut transaction, id, &added).await? {
            group.say(store, &mut pending, user, LogEvent::InvitationEnded);
        }
    }
    let invited = invite(&mut transaction, &group, &asked, limits.max_invitations).await?;
    group.announce_invitations(store, &mut pending, &invited);
    pending.write(&mut transaction).await?;
    // Of people who were brought in before, the events may still wait.
    let users = wanted.iter().map(|user| LogAddress::User { shard: locked.shard, id: *user });
    let subjects: Vec<_> = std::iter::once(locked.subject()).chain(users).collect();
    let touched = unpublished(&mut transaction, &subjects).await?;
    commit(transaction).await?;
    Ok(Decided { value: Added { added, invited: asked }, touched })
}

/// The group that people come into, and who brings them.
pub(super) struct Group {
    pub(super) id: ConversationId,
    pub(super) shard: ShardId,
    pub(super) kind: ConversationKind,
    pub(super) title: Option<ConversationTitle>,
    pub(super) actor: UserId,
    pub(super) at_ms: TimestampMs,
}

impl Group {
    /// Word to the conversation, in as few events as may be, and to each of the new members.
    pub(super) fn announce(&self, store: &Store, pending: &mut Pending, added: &[UserId]) {
        for chunk in added.chunks(MOST_MEMBERS_AT_ONCE) {
            let event_id = store.event_id();
            let (conversation_id, kind, title, at_ms) = (self.id, self.kind, self.title.clone(), self.at_ms);
            let (role, actor_id) = (Role::Member, self.actor);
            let event = if let [user_id] = *chunk {
                LogEvent::MemberAdded(MemberAdded { event_id, conversation_id, user_id, role, actor_id, kind, title, at_ms })
            } else {
                let user_ids = chunk.to_vec();
                LogEvent::MembersAdded(MembersAdded { event_id, conversation_id, user_ids, role, actor_id, kind, title, at_ms })
            };
            pending.push(LogAddress::Conversation { shard: self.shard, id: self.id }, event_id, event);
        }
        for user in added {
            self.say(store, pending, *user, LogEvent::ConversationJoined);
        }
    }

    pub(super) fn announce_invitations(&self, store: &Store, pending: &mut Pending, invited: &[UserId]) {
        for user in invited {
            let event_id = store.event_id();
            let event = ConversationInvited { event_id, user_id: *user, conversation_id: self.id, actor_id: self.actor, at_ms: self.at_ms };
            pending.push(LogAddress::User { shard: self.shard, id: *user }, event_id, LogEvent::ConversationInvited(event));
        }
    }

    /// Word to one person about this conversation, on their own subject.
    pub(super) fn say(&self, store: &Store, pending: &mut Pending, user: UserId, what: impl Fn(ConversationMembershipChanged) -> LogEvent) {
        let event_id = store.event_id();
        let moved = ConversationMembershipChanged {
            event_id,
            actor_id: Some(self.actor),
            at_ms: self.at_ms,
            user_id: user,
            conversation_id: self.id,
        };
        pending.push(LogAddress::User { shard: self.shard, id: user }, event_id, what(moved));
    }
}

/// Asks people, and answers with those who had not been asked before.
pub(super) async fn invite(
    connection: &mut PgConnection,
    group: &Group,
    people: &[UserId],
    most: i64,
) -> Result<Vec<UserId>, ConversationError> {
    if people.is_empty() {
        return Ok(Vec::new());
    }
    let users: Vec<Uuid> = people.iter().map(|user| user.to_uuid()).collect();
    let fresh = sqlx::query_scalar!(
        "INSERT INTO invitations (user_id, conversation_id, invited_by, invited_at)
         SELECT user_id, $2, $3, $4 FROM unnest($1::uuid[]) AS t (user_id) ON CONFLICT DO NOTHING RETURNING user_id",
        &users,
        group.id.to_uuid(),
        group.actor.to_uuid(),
        timestamp(group.at_ms)?
    )
    .fetch_all(&mut *connection)
    .await
    .map_err(unavailable)?;
    let fresh: Vec<UserId> = fresh.into_iter().map(UserId::from_uuid).collect();
    // With these among them.
    if let Some(user) = people::asked_too_often(connection, &fresh, most.saturating_add(1)).await? {
        return Err(ConversationError::TooManyInvitations(user));
    }
    Ok(fresh)
}

/// Forgets every invitation into the conversation, and answers with whose they were. Index: `invitations_by_conversation`.
pub(super) async fn end_all_invitations(connection: &mut PgConnection, id: ConversationId) -> Result<Vec<UserId>, ConversationError> {
    let ended = sqlx::query_scalar!("DELETE FROM invitations WHERE conversation_id = $1 RETURNING user_id", id.to_uuid())
        .fetch_all(connection)
        .await
        .map_err(unavailable)?;
    Ok(ended.into_iter().map(UserId::from_uuid).collect())
}

/// Forgets invitations that came true or are withdrawn, and answers with whose they were.
pub(super) async fn end_invitations(
    connection: &mut PgConnection,
    id: ConversationId,
    people: &[UserId],
) -> Result<Vec<UserId>, ConversationError> {
    let users: Vec<Uuid> = people.iter().map(|user| user.to_uuid()).collect();
    let ended = sqlx::query_scalar!(
        "DELETE FROM invitations WHERE conversation_id = $1 AND user_id = ANY ($2::uuid[]) RETURNING user_id",
        id.to_uuid(),
        &users
    )
    .fetch_all(connection)
    .await
    .map_err(unavailable)?;
    Ok(ended.into_iter().map(UserId::from_uuid).collect())
}
