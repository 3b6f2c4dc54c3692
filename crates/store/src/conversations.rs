//! Conversations as decided: `create.rs` begins them, `add.rs` brings people in, `invitations.rs` has their answers, `change.rs`
//! changes the rest, `list.rs` is a user's list, `hidden.rs` what people hid from themselves,
//! `settings.rs` what they set for one conversation.
//!
//! Every change locks the conversation's row first, so changes of one conversation happen one after the other and their
//! outbox rows have ids in that order.

mod add;
mod change;
mod create;
mod hidden;
mod invitations;
mod list;
mod people;
mod settings;

use async_trait::async_trait;
use relay_domain::ports::{
    Added, ConversationError, ConversationSettingsError, Conversations, CreateError, Created, Decided, HideError, ListCursor, ListPage,
    ListPart, LogAddress, MemberPage, MembershipState, NewConversation, PeopleLimits, ReadMark, StoreError,
};
use relay_protocol::conversation::{ConversationSettings, Role};
use relay_protocol::rest::{ChangeConversationSettingsRequest, Conversation, ConversationState, Invitation, Member};
use relay_types::{ConversationId, ConversationTitle, MessageId, Seq, SessionId, TimestampMs, UserId};
use sqlx::PgConnection;
use sqlx::types::Uuid;

pub(crate) use list::{items, places};
pub(crate) use people::acquainted;

use crate::Store;
use crate::accounts::profile_of;
use crate::convert::{kind, millis, role, shard, text};
use crate::error::{unavailable, unreadable};
use settings::Stored;

#[async_trait]
impl Conversations for Store {
    #[tracing::instrument(name = "db.conversation.create", skip_all, fields(user.id = %creator, conversation.id = %id))]
    async fn create(
        &self,
        id: ConversationId,
        creator: UserId,
        new: &NewConversation,
        limits: PeopleLimits,
        at_ms: TimestampMs,
    ) -> Result<Decided<Created>, CreateError> {
        self.limited(async { create::run(self, id, creator, new, limits, at_ms).await }).await
    }

    #[tracing::instrument(name = "db.conversation.direct_of", skip_all, fields(user.id = %one))]
    async fn direct_of(&self, one: UserId, other: UserId) -> Result<Option<ConversationId>, StoreError> {
        self.limited(async { create::direct_of(self, one, other).await }).await
    }

    #[tracing::instrument(name = "db.conversation.strangers", skip_all, fields(user.id = %actor, users = people.len()))]
    async fn strangers(&self, actor: UserId, people: &[UserId]) -> Result<Vec<UserId>, StoreError> {
        self.limited(async {
            let mut connection = self.pool.acquire().await.map_err(unavailable)?;
            let known = people::acquainted(&mut connection, actor, people).await?;
            let known: std::collections::BTreeSet<UserId> = known.into_iter().collect();
            Ok(people.iter().filter(|user| !known.contains(user)).copied().collect())
        })
        .await
    }

    /// Index: `members_pkey`.
    #[tracing::instrument(name = "db.conversation.members", skip_all, fields(user.id = %actor, conversation.id = %id))]
    async fn members(&self, actor: UserId, id: ConversationId, after: Option<UserId>, limit: u16) -> Result<MemberPage, ConversationError> {
        self.limited(async {
            let mut connection = self.pool.acquire().await.map_err(unavailable)?;
            if people::present(&mut connection, id, &[actor]).await?.is_empty() {
                return Err(ConversationError::NotMember);
            }
            let mut members = members_after(&mut connection, id, after, i64::from(limit) + 1).await?;
            let more = members.len() > usize::from(limit);
            members.truncate(usize::from(limit));
            let next = members.last().filter(|_| more).map(|member| member.user.user_id);
            Ok(MemberPage { members, next })
        })
        .await
    }

    /// Index: `members_pkey`.
    #[tracing::instrument(name = "db.conversation.get", skip_all, fields(user.id = %actor, conversation.id = %id))]
    async fn get(&self, actor: UserId, id: ConversationId) -> Result<Conversation, ConversationError> {
        self.limited(async {
            let mut connection = self.pool.acquire().await.map_err(unavailable)?;
            read(&mut connection, id, actor).await?.ok_or(ConversationError::NotMember)
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
    ) -> Result<Decided<()>, ConversationError> {
        self.limited(async { change::rename(self, actor, id, title, at_ms).await }).await
    }

    #[tracing::instrument(name = "db.member.add", skip_all, fields(user.id = %actor, conversation.id = %id, users = people.len()))]
    async fn add_members(
        &self,
        actor: UserId,
        id: ConversationId,
        people: &[UserId],
        limits: PeopleLimits,
        at_ms: TimestampMs,
    ) -> Result<Decided<Added>, ConversationError> {
        self.limited(async { add::run(self, actor, id, people, limits, at_ms).await }).await
    }

    #[tracing::instrument(name = "db.invitation.list", skip_all, fields(user.id = %user))]
    async fn invitations(&self, user: UserId) -> Result<Vec<Invitation>, StoreError> {
        self.limited(async { invitations::list(self, user).await }).await
    }

    #[tracing::instrument(name = "db.invitation.accept", skip_all, fields(user.id = %user, conversation.id = %id))]
    async fn accept(
        &self,
        user: UserId,
        id: ConversationId,
        limits: PeopleLimits,
        at_ms: TimestampMs,
    ) -> Result<Decided<()>, ConversationError> {
        self.limited(async { invitations::accept(self, user, id, limits, at_ms).await }).await
    }

    #[tracing::instrument(name = "db.invitation.decline", skip_all, fields(user.id = %user, conversation.id = %id))]
    async fn decline(&self, user: UserId, id: ConversationId, at_ms: TimestampMs) -> Result<Decided<()>, ConversationError> {
        self.limited(async { invitations::decline(self, user, id, at_ms).await }).await
    }

    #[tracing::instrument(name = "db.conversation.hide", skip_all, fields(user.id = %user, conversation.id = %id))]
    async fn set_hidden(
        &self,
        user: UserId,
        id: ConversationId,
        hidden: bool,
        at_ms: TimestampMs,
    ) -> Result<Decided<()>, ConversationError> {
        self.limited(self.hide_conversation(user, id, hidden, at_ms)).await
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
    ) -> Result<Decided<()>, ConversationError> {
        self.limited(async { change::set_role(self, actor, id, user, role, at_ms).await }).await
    }

    #[tracing::instrument(name = "db.member.mark_read", skip_all, fields(user.id = %actor, conversation.id = %id, stream.seq = %seq))]
    async fn mark_read(
        &self,
        actor: UserId,
        id: ConversationId,
        seq: Seq,
        at_ms: TimestampMs,
        session: Option<SessionId>,
    ) -> Result<ReadMark, ConversationError> {
        self.limited(self.move_read_mark(actor, id, seq, at_ms, session)).await
    }

    #[tracing::instrument(name = "db.member.mark_unread", skip_all, fields(user.id = %actor, conversation.id = %id, stream.seq = %from))]
    async fn mark_unread(&self, actor: UserId, id: ConversationId, from: Seq, at_ms: TimestampMs) -> Result<LogAddress, ConversationError> {
        self.limited(self.unread_from(actor, id, from, at_ms)).await
    }

    #[tracing::instrument(name = "db.message.hide", skip_all, fields(user.id = %actor, conversation.id = %id, message.id = %message))]
    async fn hide_message(
        &self,
        actor: UserId,
        id: ConversationId,
        message: MessageId,
        at_ms: TimestampMs,
    ) -> Result<Option<LogAddress>, HideError> {
        self.limited(self.hide(actor, id, message, at_ms)).await
    }

    #[tracing::instrument(name = "db.conversation.settings", skip_all, fields(user.id = %actor, conversation.id = %id))]
    async fn change_conversation_settings(
        &self,
        actor: UserId,
        id: ConversationId,
        change: ChangeConversationSettingsRequest,
        at_ms: TimestampMs,
    ) -> Result<(ConversationSettings, LogAddress), ConversationSettingsError> {
        self.limited(self.set_for_conversation(actor, id, change, at_ms)).await
    }

    #[tracing::instrument(name = "db.conversation.list", skip_all, fields(user.id = %user))]
    async fn list(&self, user: UserId, part: ListPart, after: Option<ListCursor>, limit: u16) -> Result<ListPage, StoreError> {
        self.limited(async {
            let _turn = self.reading().await?;
            list::page(self, user, part, after, limit).await
        })
        .await
    }

    /// Indexes: `members_pkey`, `conversations_pkey`.
    #[tracing::instrument(name = "db.conversation.membership_state", skip_all, fields(user.id = %user, conversation.id = %id))]
    async fn membership_state(&self, user: UserId, id: ConversationId) -> Result<Option<MembershipState>, StoreError> {
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
            found.map(|found| Ok(MembershipState { shard: shard(found.shard)?, member: found.member })).transpose()
        })
        .await
    }
}

/// Members that come with a conversation.
const FIRST_MEMBERS: i64 = 100;

/// A conversation as it stands for one of its members, with the first others. Indexes: `conversations_pkey`, `members_pkey`,
/// `users_pkey`.
async fn read(connection: &mut PgConnection, id: ConversationId, actor: UserId) -> Result<Option<Conversation>, StoreError> {
    let row = sqlx::query!(
        "SELECT c.kind, c.title, c.created_at, c.member_count, m.state, m.muted_until, m.pinned_at, m.archived_seq, m.notify_level,
                m.settings_version FROM conversations c
         JOIN members m ON m.conversation_id = c.conversation_id AND m.user_id = $2 WHERE c.conversation_id = $1",
        id.to_uuid(),
        actor.to_uuid()
    )
    .fetch_optional(&mut *connection)
    .await
    .map_err(unavailable)?;
    let Some(row) = row else { return Ok(None) };
    Ok(Some(Conversation {
        conversation_id: id,
        kind: kind(&row.kind)?,
        title: row.title.as_deref().map(|title| text(title, "title")).transpose()?,
        created_at_ms: millis(row.created_at),
        state: ConversationState::from_name(&row.state).ok_or_else(|| unreadable("state"))?,
        member_count: u32::try_from(row.member_count).unwrap_or_default(),
        members: members_after(connection, id, None, FIRST_MEMBERS).await?,
        settings: Stored {
            version: row.settings_version,
            muted_until: row.muted_until,
            pinned_at: row.pinned_at,
            archived_seq: row.archived_seq,
            level: row.notify_level,
        }
        .told()?,
    }))
}

/// Up to `limit` members after `after`, by id. Indexes: `members_pkey`, `users_pkey`.
async fn members_after(
    connection: &mut PgConnection,
    id: ConversationId,
    after: Option<UserId>,
    limit: i64,
) -> Result<Vec<Member>, StoreError> {
    let rows = sqlx::query!(
        "SELECT u.user_id, u.handle, u.display_name, m.role FROM members m JOIN users u USING (user_id)
         WHERE m.conversation_id = $1 AND m.user_id > $2 ORDER BY m.user_id LIMIT $3",
        id.to_uuid(),
        // The least uuid stands before every user: nobody mints it.
        after.map_or(Uuid::nil(), UserId::to_uuid),
        limit
    )
    .fetch_all(connection)
    .await
    .map_err(unavailable)?;
    rows.into_iter()
        .map(|row| Ok(Member { user: profile_of(row.user_id, &row.handle, &row.display_name)?, role: role(&row.role)? }))
        .collect()
}
