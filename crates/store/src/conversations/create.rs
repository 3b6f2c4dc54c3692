//! Beginning a conversation.

use std::collections::BTreeSet;

use relay_domain::ports::{ConversationError, CreateError, Created, Decided, LogAddress, NewConversation, PeopleLimits, StoreError};
use relay_protocol::conversation::{ConversationKind, Role};
use relay_protocol::log::{ConversationCreated, InitialMember, LogEvent, MOST_MEMBERS_AT_ONCE};
use relay_types::{ClientId, ConversationId, ConversationTitle, ShardId, TimestampMs, UserId};
use sqlx::PgConnection;
use sqlx::types::Uuid;

use super::add::{Group, invite};
use super::{people, read};
use crate::Store;
use crate::convert::{shard, shard_column, timestamp};
use crate::error::unavailable;
use crate::outbox::{Pending, unpublished};
use crate::store::commit;

/// What is about to begin.
struct Draft {
    id: ConversationId,
    kind: ConversationKind,
    title: Option<ConversationTitle>,
    direct_key: Option<String>,
    client_key: Option<ClientId>,
    shard: ShardId,
    creator: UserId,
    members: Vec<InitialMember>,
    invited: Vec<UserId>,
    at_ms: TimestampMs,
}

pub(super) async fn run(
    store: &Store,
    id: ConversationId,
    creator: UserId,
    new: &NewConversation,
    limits: PeopleLimits,
    at_ms: TimestampMs,
) -> Result<Decided<Created>, CreateError> {
    let mut transaction = store.pool.begin().await.map_err(unavailable)?;
    let home = sqlx::query_scalar!("SELECT home_shard FROM users WHERE user_id = $1", creator.to_uuid())
        .fetch_optional(&mut *transaction)
        .await
        .map_err(unavailable)?
        .ok_or(CreateError::UnknownUser(creator))?;
    let draft = draft(&mut transaction, id, creator, new, shard(home)?, limits, at_ms).await?;
    if !insert(&mut transaction, &draft).await? {
        return existing(&mut transaction, &draft).await;
    }
    admit(&mut transaction, &draft, limits).await?;
    insert_members(&mut transaction, &draft).await?;
    let group = Group { id, shard: draft.shard, kind: draft.kind, title: draft.title.clone(), actor: creator, at_ms };
    let invited = invite(&mut transaction, &group, &draft.invited, limits.max_invitations).await.map_err(asked)?;
    let mut pending = announce(store, &draft, &group);
    group.announce_invitations(store, &mut pending, &invited);
    let touched = pending.write(&mut transaction).await?;
    let conversation = read(&mut transaction, id, creator).await?.ok_or(CreateError::NotMember)?;
    commit(transaction).await?;
    Ok(Decided { value: Created { conversation, fresh: true }, touched })
}

async fn draft(
    connection: &mut PgConnection,
    id: ConversationId,
    creator: UserId,
    new: &NewConversation,
    shard: ShardId,
    limits: PeopleLimits,
    at_ms: TimestampMs,
) -> Result<Draft, CreateError> {
    let member = |user_id, role| InitialMember { user_id, role };
    let (kind, others) = match new {
        NewConversation::Direct { peer } => (ConversationKind::Direct, std::slice::from_ref(peer)),
        NewConversation::Group { members, .. } if members.len() >= limits.max_members => return Err(CreateError::GroupFull),
        NewConversation::Group { members, .. } => (ConversationKind::Group, members.as_slice()),
    };
    if let Some(user) = people::missing(connection, others).await? {
        return Err(CreateError::UnknownUser(user));
    }
    let draft = Draft {
        id,
        kind,
        title: None,
        direct_key: None,
        client_key: None,
        shard,
        creator,
        members: Vec::new(),
        invited: Vec::new(),
        at_ms,
    };
    Ok(match new {
        NewConversation::Direct { peer } => Draft {
            direct_key: Some(direct_key(creator, *peer)),
            members: vec![member(creator, Role::Member), member(*peer, Role::Member)],
            ..draft
        },
        NewConversation::Group { title, members, client_key } => {
            let known = people::acquainted(connection, creator, members).await?;
            let invited = {
                let known: BTreeSet<&UserId> = known.iter().collect();
                members.iter().filter(|user| !known.contains(user)).copied().collect()
            };
            let joining = known.iter().map(|user| member(*user, Role::Member));
            Draft {
                title: Some(title.clone()),
                client_key: client_key.clone(),
                members: std::iter::once(member(creator, Role::Owner)).chain(joining).collect(),
                invited,
                ..draft
            }
        }
    })
}

/// Whether everybody has room for one more conversation. Asked after the row is there: the same one again needs no room.
async fn admit(connection: &mut PgConnection, draft: &Draft, limits: PeopleLimits) -> Result<(), CreateError> {
    let peer = draft.members.iter().map(|member| member.user_id).filter(|user| *user != draft.creator);
    let (joining, asked): (Vec<UserId>, Vec<UserId>) = match draft.kind {
        ConversationKind::Direct => (vec![draft.creator], peer.collect()),
        ConversationKind::Group | ConversationKind::Unknown(_) => (draft.members.iter().map(|member| member.user_id).collect(), Vec::new()),
    };
    if let Some(user) = people::in_too_many(connection, &joining, limits.max_conversations).await? {
        return Err(CreateError::TooManyConversations(user));
    }
    match people::asked_too_often(connection, &asked, limits.max_invitations).await? {
        Some(user) => Err(CreateError::TooManyInvitations(user)),
        None => Ok(()),
    }
}

fn asked(error: ConversationError) -> CreateError {
    match error {
        ConversationError::TooManyInvitations(user) => CreateError::TooManyInvitations(user),
        ConversationError::Store(error) => error.into(),
        other => StoreError::new(other.to_string()).into(),
    }
}

/// The direct conversation of two people. Index: `conversations_direct_key_key`.
pub(super) async fn direct_of(store: &Store, one: UserId, other: UserId) -> Result<Option<ConversationId>, StoreError> {
    let found = sqlx::query_scalar!("SELECT conversation_id FROM conversations WHERE direct_key = $1", direct_key(one, other))
        .fetch_optional(&store.pool)
        .await
        .map_err(unavailable)?;
    Ok(found.map(ConversationId::from_uuid))
}

/// The same for both, whoever begins.
fn direct_key(one: UserId, other: UserId) -> String {
    format!("{}.{}", one.min(other), one.max(other))
}

/// Whether the row is new. Of many who begin the same direct conversation, all but one wait here for that one to commit.
async fn insert(connection: &mut PgConnection, draft: &Draft) -> Result<bool, StoreError> {
    let done = sqlx::query!(
        "INSERT INTO conversations (conversation_id, kind, title, shard, direct_key, created_by, created_at, client_key, member_count)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) ON CONFLICT DO NOTHING",
        draft.id.to_uuid(),
        draft.kind.as_str(),
        draft.title.as_ref().map(ConversationTitle::as_str),
        shard_column(draft.shard),
        draft.direct_key,
        draft.creator.to_uuid(),
        timestamp(draft.at_ms)?,
        draft.client_key.as_ref().map(ClientId::as_str),
        i32::try_from(draft.members.len()).unwrap_or(i32::MAX)
    )
    .execute(connection)
    .await
    .map_err(unavailable)?;
    Ok(done.rows_affected() == 1)
}

async fn insert_members(connection: &mut PgConnection, draft: &Draft) -> Result<(), CreateError> {
    let users: Vec<Uuid> = draft.members.iter().map(|member| member.user_id.to_uuid()).collect();
    let roles: Vec<String> = draft.members.iter().map(|member| member.role.as_str().to_owned()).collect();
    // To the other person a direct conversation is a request until they answer.
    sqlx::query!(
        "INSERT INTO members (conversation_id, user_id, role, added_at, state)
         SELECT $1, user_id, role, $4, CASE WHEN $5 AND user_id <> $6 THEN 'request' ELSE 'accepted' END
         FROM unnest($2::uuid[], $3::text[]) AS t (user_id, role)",
        draft.id.to_uuid(),
        &users,
        &roles,
        timestamp(draft.at_ms)?,
        draft.kind == ConversationKind::Direct,
        draft.creator.to_uuid()
    )
    .execute(connection)
    .await
    .map(drop)
    .map_err(|error| unavailable(error).into())
}

/// The conversation's first events, and word to each member on their own subject of its shard.
fn announce(store: &Store, draft: &Draft, group: &Group) -> Pending {
    let mut pending = Pending::default();
    let event_id = store.event_id();
    let (first, later) = draft.members.split_at(draft.members.len().min(MOST_MEMBERS_AT_ONCE));
    let created = ConversationCreated {
        event_id,
        conversation_id: draft.id,
        kind: draft.kind,
        title: draft.title.clone(),
        actor_id: draft.creator,
        members: first.to_vec(),
        at_ms: draft.at_ms,
    };
    pending.push(LogAddress::Conversation { shard: draft.shard, id: draft.id }, event_id, LogEvent::ConversationCreated(created));
    for member in first {
        group.say(store, &mut pending, member.user_id, LogEvent::ConversationJoined);
    }
    let later: Vec<UserId> = later.iter().map(|member| member.user_id).collect();
    group.announce(store, &mut pending, &later);
    pending
}

/// The conversation that was there first: the direct one, or the one of the same key. Its first event may still be on its way to the log; then its subjects
/// are named, so that whoever is answered now cannot post before it.
async fn existing(connection: &mut PgConnection, draft: &Draft) -> Result<Decided<Created>, CreateError> {
    let row = sqlx::query!(
        "SELECT conversation_id, shard FROM conversations WHERE direct_key = $1 OR (created_by = $2 AND client_key = $3)",
        draft.direct_key,
        draft.creator.to_uuid(),
        draft.client_key.as_ref().map(ClientId::as_str)
    )
    .fetch_one(&mut *connection)
    .await
    .map_err(unavailable)?;
    let (id, shard) = (ConversationId::from_uuid(row.conversation_id), shard(row.shard)?);
    let people = draft.members.iter().map(|member| member.user_id).chain(draft.invited.iter().copied());
    let users = people.map(|user| LogAddress::User { shard, id: user });
    let subjects: Vec<_> = std::iter::once(LogAddress::Conversation { shard, id }).chain(users).collect();
    let touched = unpublished(connection, &subjects).await?;
    // Whoever has left the group of this key since is not told what became of it.
    let conversation = read(connection, id, draft.creator).await?.ok_or(CreateError::NotMember)?;
    Ok(Decided { value: Created { conversation, fresh: false }, touched })
}
