//! Conversations as decided: `create.rs` begins them, `change.rs` changes them, `list.rs` is a user's list.
//!
//! Every change locks the conversation's row first, so changes of one conversation happen one after the other and their
//! outbox rows have ids in that order.

mod change;
mod create;
mod list;

use async_trait::async_trait;
use relay_domain::ports::{
    ConversationError, Conversations, CreateError, Created, Decided, ListCursor, ListPage, NewConversation, StoreError, Whereabouts,
};
use relay_protocol::message::Role;
use relay_protocol::rest::{Conversation, Member};
use relay_types::{ConversationId, ConversationTitle, Seq, TimestampMs, UserId};
use sqlx::PgConnection;

use crate::Store;
use crate::accounts::profile_of;
use crate::convert::{kind, millis, role, shard, text};
use crate::error::{unavailable, unreadable};

#[async_trait]
impl Conversations for Store {
    #[tracing::instrument(name = "db.conversation.create", skip_all, fields(user.id = %creator, conversation.id = %id))]
    async fn create(
        &self,
        id: ConversationId,
        creator: UserId,
        new: &NewConversation,
        at_ms: TimestampMs,
    ) -> Result<Decided<Created>, CreateError> {
        self.limited(async { create::run(self, id, creator, new, at_ms).await }).await
    }

    /// Index: `members_pkey`.
    #[tracing::instrument(name = "db.conversation.get", skip_all, fields(user.id = %actor, conversation.id = %id))]
    async fn get(&self, actor: UserId, id: ConversationId) -> Result<Conversation, ConversationError> {
        self.limited(async {
            let mut connection = self.pool.acquire().await.map_err(unavailable)?;
            sqlx::query_scalar!(
                r#"SELECT 1 AS "one!" FROM members WHERE conversation_id = $1 AND user_id = $2"#,
                id.to_uuid(),
                actor.to_uuid()
            )
            .fetch_optional(&mut *connection)
            .await
            .map_err(unavailable)?
            .ok_or(ConversationError::NotMember)?;
            Ok(read(&mut connection, id).await?)
        })
        .await
    }

    #[tracing::instrument(name = "db.conversation.rename", skip_all, fields(user.id = %actor, conversation.id = %id))]
    async fn rename(
        &self,
        actor: UserId,
        id: ConversationId,
        title: &ConversationTitle,
        at_ms: TimestampMs,
    ) -> Result<Decided<Conversation>, ConversationError> {
        self.limited(async { change::rename(self, actor, id, title, at_ms).await }).await
    }

    #[tracing::instrument(name = "db.member.add", skip_all, fields(user.id = %actor, conversation.id = %id))]
    async fn add_member(
        &self,
        actor: UserId,
        id: ConversationId,
        user: UserId,
        max_members: usize,
        at_ms: TimestampMs,
    ) -> Result<Decided<Conversation>, ConversationError> {
        self.limited(async { change::add_member(self, actor, id, user, max_members, at_ms).await }).await
    }

    #[tracing::instrument(name = "db.member.remove", skip_all, fields(user.id = %actor, conversation.id = %id))]
    async fn remove_member(
        &self,
        actor: UserId,
        id: ConversationId,
        user: UserId,
        at_ms: TimestampMs,
    ) -> Result<Decided<()>, ConversationError> {
        self.limited(async { change::remove_member(self, actor, id, user, at_ms).await }).await
    }

    #[tracing::instrument(name = "db.member.set_role", skip_all, fields(user.id = %actor, conversation.id = %id))]
    async fn set_role(
        &self,
        actor: UserId,
        id: ConversationId,
        user: UserId,
        role: Role,
        at_ms: TimestampMs,
    ) -> Result<Decided<Conversation>, ConversationError> {
        self.limited(async { change::set_role(self, actor, id, user, role, at_ms).await }).await
    }

    /// Indexes: `members_pkey`, `conversation_heads_pkey`.
    #[tracing::instrument(name = "db.member.mark_read", skip_all, fields(user.id = %actor, conversation.id = %id, stream.seq = %seq))]
    async fn mark_read(&self, actor: UserId, id: ConversationId, seq: Seq) -> Result<Seq, ConversationError> {
        self.limited(async {
            let mark = sqlx::query_scalar!(
                "UPDATE members AS m
             SET read_seq = greatest(m.read_seq,
                 least($3, coalesce((SELECT h.last_seq FROM conversation_heads h WHERE h.conversation_id = m.conversation_id), 0)))
             WHERE m.conversation_id = $1 AND m.user_id = $2 RETURNING m.read_seq",
                id.to_uuid(),
                actor.to_uuid(),
                seq.to_i64()
            )
            .fetch_optional(&self.pool)
            .await
            .map_err(unavailable)?;
            mark.map(Seq::from_i64).ok_or(ConversationError::NotMember)
        })
        .await
    }

    #[tracing::instrument(name = "db.conversation.list", skip_all, fields(user.id = %user))]
    async fn list(&self, user: UserId, after: Option<ListCursor>, limit: u16) -> Result<ListPage, StoreError> {
        self.limited(async { list::page(self, user, after, limit).await }).await
    }

    /// Indexes: `members_pkey`, `conversations_pkey`.
    #[tracing::instrument(name = "db.conversation.whereabouts", skip_all, fields(user.id = %user, conversation.id = %id))]
    async fn whereabouts(&self, user: UserId, id: ConversationId) -> Result<Option<Whereabouts>, StoreError> {
        self.limited(async {
            let found = sqlx::query!(
                r#"SELECT c.shard, EXISTS (SELECT FROM members m WHERE m.conversation_id = c.conversation_id AND m.user_id = $2) AS "member!"
                   FROM conversations c WHERE c.conversation_id = $1"#,
                id.to_uuid(),
                user.to_uuid()
            )
            .fetch_optional(&self.pool)
            .await
            .map_err(unavailable)?;
            found.map(|found| Ok(Whereabouts { shard: shard(found.shard)?, member: found.member })).transpose()
        })
        .await
    }
}

/// A conversation as it stands, with its members by joining order. Indexes: `conversations_pkey`, `members_pkey`, `users_pkey`.
async fn read(connection: &mut PgConnection, id: ConversationId) -> Result<Conversation, StoreError> {
    let row = sqlx::query!("SELECT kind, title, created_at FROM conversations WHERE conversation_id = $1", id.to_uuid())
        .fetch_optional(&mut *connection)
        .await
        .map_err(unavailable)?
        .ok_or_else(|| unreadable("conversation"))?;
    let members = sqlx::query!(
        "SELECT u.user_id, u.handle, u.display_name, m.role FROM members m JOIN users u USING (user_id)
         WHERE m.conversation_id = $1 ORDER BY m.added_at, m.user_id",
        id.to_uuid()
    )
    .fetch_all(connection)
    .await
    .map_err(unavailable)?;
    let members = members
        .into_iter()
        .map(|row| Ok(Member { user: profile_of(row.user_id, &row.handle, &row.display_name)?, role: role(&row.role)? }));
    Ok(Conversation {
        conversation_id: id,
        kind: kind(&row.kind)?,
        title: row.title.as_deref().map(|title| text(title, "title")).transpose()?,
        created_at_ms: millis(row.created_at),
        members: members.collect::<Result<_, StoreError>>()?,
    })
}
