//! Beginning a conversation.

use relay_domain::ports::{CreateError, Created, Decided, LogAddress, NewConversation, StoreError};
use relay_protocol::log::{ConversationCreated, ConversationMoved, InitialMember, LogEvent};
use relay_protocol::message::{ConversationKind, Role};
use relay_types::{ConversationId, ConversationTitle, ShardId, TimestampMs, UserId};
use sqlx::PgConnection;
use sqlx::types::Uuid;

use super::read;
use crate::Store;
use crate::convert::{shard, shard_column, timestamp};
use crate::error::{constraint, unavailable, violated};
use crate::outbox::{Pending, unpublished};

/// What is about to begin.
struct Draft {
    id: ConversationId,
    kind: ConversationKind,
    title: Option<ConversationTitle>,
    direct_key: Option<String>,
    shard: ShardId,
    creator: UserId,
    members: Vec<InitialMember>,
    at_ms: TimestampMs,
}

pub(super) async fn run(
    store: &Store,
    id: ConversationId,
    creator: UserId,
    new: &NewConversation,
    at_ms: TimestampMs,
) -> Result<Decided<Created>, CreateError> {
    let mut transaction = store.pool.begin().await.map_err(unavailable)?;
    let home = sqlx::query_scalar!("SELECT home_shard FROM users WHERE user_id = $1", creator.to_uuid())
        .fetch_optional(&mut *transaction)
        .await
        .map_err(unavailable)?
        .ok_or(CreateError::UnknownUser)?;
    let draft = draft(id, creator, new, shard(home)?, at_ms)?;
    if !insert(&mut transaction, &draft).await? {
        return existing(&mut transaction, &draft).await;
    }
    insert_members(&mut transaction, &draft).await?;
    let touched = announce(store, &draft).write(&mut transaction).await?;
    let conversation = read(&mut transaction, id).await?;
    transaction.commit().await.map_err(unavailable)?;
    Ok(Decided { value: Created { conversation, fresh: true }, touched })
}

fn draft(id: ConversationId, creator: UserId, new: &NewConversation, shard: ShardId, at_ms: TimestampMs) -> Result<Draft, CreateError> {
    let member = |user_id, role| InitialMember { user_id, role };
    Ok(match new {
        NewConversation::Direct { peer } => Draft {
            id,
            kind: ConversationKind::Direct,
            title: None,
            direct_key: Some(direct_key(creator, *peer)),
            shard,
            creator,
            members: vec![member(creator, Role::Member), member(*peer, Role::Member)],
            at_ms,
        },
        NewConversation::Group { title, members, max_members } => {
            if members.len() >= *max_members {
                return Err(CreateError::GroupFull);
            }
            let others = members.iter().map(|user| member(*user, Role::Member));
            Draft {
                id,
                kind: ConversationKind::Group,
                title: Some(title.clone()),
                direct_key: None,
                shard,
                creator,
                members: std::iter::once(member(creator, Role::Owner)).chain(others).collect(),
                at_ms,
            }
        }
    })
}

/// The same for both, whoever begins.
fn direct_key(one: UserId, other: UserId) -> String {
    format!("{}.{}", one.min(other), one.max(other))
}

/// Whether the row is new. Of many who begin the same direct conversation, all but one wait here for that one to commit.
async fn insert(connection: &mut PgConnection, draft: &Draft) -> Result<bool, StoreError> {
    let done = sqlx::query!(
        "INSERT INTO conversations (conversation_id, kind, title, shard, direct_key, created_by, created_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (direct_key) DO NOTHING",
        draft.id.to_uuid(),
        draft.kind.as_str(),
        draft.title.as_ref().map(ConversationTitle::as_str),
        shard_column(draft.shard),
        draft.direct_key,
        draft.creator.to_uuid(),
        timestamp(draft.at_ms)?
    )
    .execute(connection)
    .await
    .map_err(unavailable)?;
    Ok(done.rows_affected() == 1)
}

async fn insert_members(connection: &mut PgConnection, draft: &Draft) -> Result<(), CreateError> {
    let users: Vec<Uuid> = draft.members.iter().map(|member| member.user_id.to_uuid()).collect();
    let roles: Vec<String> = draft.members.iter().map(|member| member.role.as_str().to_owned()).collect();
    sqlx::query!(
        "INSERT INTO members (conversation_id, user_id, role, added_at)
         SELECT $1, user_id, role, $4 FROM unnest($2::uuid[], $3::text[]) AS t (user_id, role)",
        draft.id.to_uuid(),
        &users,
        &roles,
        timestamp(draft.at_ms)?
    )
    .execute(connection)
    .await
    .map(drop)
    .map_err(|error| match violated(&error) {
        Some(constraint::MEMBERS_USER) => CreateError::UnknownUser,
        _ => unavailable(error).into(),
    })
}

/// The conversation's first event, and word to each member on their own subject of its shard.
fn announce(store: &Store, draft: &Draft) -> Pending {
    let mut pending = Pending::default();
    let event_id = store.event_id();
    let created = ConversationCreated {
        event_id,
        conversation_id: draft.id,
        kind: draft.kind,
        title: draft.title.clone(),
        created_by: draft.creator,
        members: draft.members.clone(),
        at_ms: draft.at_ms,
    };
    pending.push(LogAddress::Conversation { shard: draft.shard, id: draft.id }, event_id, LogEvent::ConversationCreated(created));
    for member in &draft.members {
        let event_id = store.event_id();
        let joined = ConversationMoved { event_id, user_id: member.user_id, conversation_id: draft.id, at_ms: draft.at_ms };
        pending.push(LogAddress::User { shard: draft.shard, id: member.user_id }, event_id, LogEvent::ConversationJoined(joined));
    }
    pending
}

/// The direct conversation that was there first. Its first event may still be on its way to the log; then its subjects
/// are named, so that whoever is answered now cannot post before it.
async fn existing(connection: &mut PgConnection, draft: &Draft) -> Result<Decided<Created>, CreateError> {
    let row = sqlx::query!("SELECT conversation_id, shard FROM conversations WHERE direct_key = $1", draft.direct_key)
        .fetch_one(&mut *connection)
        .await
        .map_err(unavailable)?;
    let (id, shard) = (ConversationId::from_uuid(row.conversation_id), shard(row.shard)?);
    let members = draft.members.iter().map(|member| LogAddress::User { shard, id: member.user_id });
    let subjects: Vec<_> = std::iter::once(LogAddress::Conversation { shard, id }).chain(members).collect();
    let touched = unpublished(connection, &subjects).await?;
    let conversation = read(connection, id).await?;
    Ok(Decided { value: Created { conversation, fresh: false }, touched })
}
