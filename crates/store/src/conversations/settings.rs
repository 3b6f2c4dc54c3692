//! What people set for one conversation: muted, pinned, archived, of what they are notified. It lies with their membership, so that it
//! ends with that.

use relay_domain::ports::{ConversationError, ConversationSettingsError, Decided, LogAddress, StoreError};
use relay_protocol::conversation::{ConversationSettings, MOST_ARCHIVED, MOST_PINNED, NotifyLevel};
use relay_protocol::log::{ConversationSettingsChanged, LogEvent};
use relay_protocol::rest::ChangeConversationSettingsRequest;
use relay_types::{ConversationId, Seq, TimestampMs, UserId};
use sqlx::PgConnection;
use time::OffsetDateTime;

use crate::Store;
use crate::convert::{millis, shard, text, timestamp};
use crate::error::unavailable;
use crate::outbox::Pending;
use crate::store::commit;

/// The columns of `members`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Stored {
    pub(super) version: i32,
    pub(super) muted_until: Option<OffsetDateTime>,
    pub(super) pinned_at: Option<OffsetDateTime>,
    pub(super) archived_seq: Option<i64>,
    pub(super) level: Option<String>,
}

impl Stored {
    pub(super) fn told(&self) -> Result<ConversationSettings, StoreError> {
        Ok(ConversationSettings {
            version: u32::try_from(self.version).unwrap_or_default(),
            muted_until_ms: self.muted_until.map(millis),
            pinned_at_ms: self.pinned_at.map(millis),
            archived_seq: self.archived_seq.map(Seq::from_i64),
            level: self.level.as_deref().map(|name| text(name, "level")).transpose()?.unwrap_or_default(),
        })
    }

    /// What it is after the change. `newest`: where the conversation's newest message stands.
    fn changed(&self, change: ChangeConversationSettingsRequest, newest: i64, now: OffsetDateTime) -> Result<Self, StoreError> {
        let mut next = self.clone();
        // A later message had ended it: muting it now does not archive it again.
        let is_muted = self.muted_until.is_some_and(|until| until > now);
        next.archived_seq = self.archived_seq.filter(|seq| is_muted || newest <= *seq);
        if let Some(until) = change.muted_until_ms {
            next.muted_until = until.map(timestamp).transpose()?.filter(|until| *until > now);
        }
        if let Some(pinned) = change.pinned {
            next.pinned_at = pinned.then(|| self.pinned_at.unwrap_or(now));
        }
        if let Some(archived) = change.archived {
            next.archived_seq = archived.then(|| next.archived_seq.unwrap_or(newest));
        }
        if change.pinned == Some(true) {
            next.archived_seq = None;
        }
        if change.archived == Some(true) {
            next.pinned_at = None;
        }
        if let Some(level) = change.level {
            next.level = (level != NotifyLevel::All).then(|| level.as_str().to_owned());
        }
        Ok(next)
    }
}

impl Store {
    /// Changes what is named, in the transaction that tells of it. Indexes: `users_pkey`, `members_pkey`, `conversations_pkey`,
    /// `conversation_heads_pkey`; `members_set_apart` for what is counted.
    pub(super) async fn set_for_conversation(
        &self,
        user: UserId,
        id: ConversationId,
        change: ChangeConversationSettingsRequest,
        at_ms: TimestampMs,
    ) -> Result<(ConversationSettings, LogAddress), ConversationSettingsError> {
        let mut transaction = self.pool.begin().await.map_err(unavailable)?;
        if change.pinned == Some(true) || change.archived == Some(true) {
            // Two at once, of two conversations, would each count without the other.
            sqlx::query!("SELECT FROM users WHERE user_id = $1 FOR NO KEY UPDATE", user.to_uuid())
                .execute(&mut *transaction)
                .await
                .map_err(unavailable)?;
        }
        let row = sqlx::query!(
            r#"SELECT c.shard, m.muted_until, m.pinned_at, m.archived_seq, m.notify_level, m.settings_version,
                      coalesce((SELECT h.message_seq FROM conversation_heads h WHERE h.conversation_id = $1), 0) AS "newest!"
               FROM members m JOIN conversations c USING (conversation_id)
               WHERE m.conversation_id = $1 AND m.user_id = $2 FOR NO KEY UPDATE OF m"#,
            id.to_uuid(),
            user.to_uuid()
        )
        .fetch_optional(&mut *transaction)
        .await
        .map_err(unavailable)?
        .ok_or(ConversationSettingsError::NotMember)?;
        let address = LogAddress::User { shard: shard(row.shard)?, id: user };
        let before = Stored {
            version: row.settings_version,
            muted_until: row.muted_until,
            pinned_at: row.pinned_at,
            archived_seq: row.archived_seq,
            level: row.notify_level,
        };
        let mut next = before.changed(change, row.newest, timestamp(at_ms)?)?;
        if next == before {
            return Ok((before.told()?, address));
        }
        bounded(&mut transaction, user, &before, &next).await?;
        next.version = before.version.saturating_add(1);
        sqlx::query!(
            "UPDATE members SET muted_until = $3, pinned_at = $4, archived_seq = $5, notify_level = $6, settings_version = $7
             WHERE conversation_id = $1 AND user_id = $2",
            id.to_uuid(),
            user.to_uuid(),
            next.muted_until,
            next.pinned_at,
            next.archived_seq,
            next.level,
            next.version
        )
        .execute(&mut *transaction)
        .await
        .map_err(unavailable)?;
        let (settings, event_id) = (next.told()?, self.event_id());
        let mut pending = Pending::default();
        let changed = ConversationSettingsChanged { event_id, actor_id: user, at_ms, user_id: user, conversation_id: id, settings };
        pending.push(address, event_id, LogEvent::ConversationSettingsChanged(changed));
        pending.write(&mut transaction).await?;
        commit(transaction).await?;
        Ok((settings, address))
    }
}

impl Store {
    /// Leaves the conversation out of the user's lists, or no longer. Indexes: `members_pkey`, `conversations_pkey`,
    /// `conversation_heads_pkey`.
    pub(super) async fn hide_conversation(
        &self,
        user: UserId,
        id: ConversationId,
        hidden: bool,
        at_ms: TimestampMs,
    ) -> Result<Decided<()>, ConversationError> {
        let mut transaction = self.pool.begin().await.map_err(unavailable)?;
        let row = sqlx::query!(
            r#"SELECT c.shard, m.hidden_seq,
                      coalesce((SELECT h.last_seq FROM conversation_heads h WHERE h.conversation_id = $1), 0) AS "last_seq!"
               FROM members m JOIN conversations c USING (conversation_id)
               WHERE m.conversation_id = $1 AND m.user_id = $2 FOR NO KEY UPDATE OF m"#,
            id.to_uuid(),
            user.to_uuid()
        )
        .fetch_optional(&mut *transaction)
        .await
        .map_err(unavailable)?
        .ok_or(ConversationError::NotMember)?;
        let address = LogAddress::User { shard: shard(row.shard)?, id: user };
        let next = hidden.then(|| row.hidden_seq.map_or(row.last_seq, |seq| seq.max(row.last_seq)));
        if next != row.hidden_seq {
            sqlx::query!(
                "UPDATE members SET hidden_seq = $3 WHERE conversation_id = $1 AND user_id = $2",
                id.to_uuid(),
                user.to_uuid(),
                next
            )
            .execute(&mut *transaction)
            .await
            .map_err(unavailable)?;
            let mut pending = Pending::default();
            self.say_again(&mut transaction, &mut pending, address, (user, id), at_ms).await?;
            pending.write(&mut transaction).await?;
        }
        commit(transaction).await?;
        // Also when it is a repetition: its event may not be in the log yet.
        Ok(Decided { value: (), touched: vec![address] })
    }

    /// Says what the user set for the conversation once more, under another version, because it came into their lists, or went: who asks
    /// what changed finds it by that.
    pub(super) async fn say_again(
        &self,
        connection: &mut PgConnection,
        pending: &mut Pending,
        address: LogAddress,
        (user, id): (UserId, ConversationId),
        at_ms: TimestampMs,
    ) -> Result<(), StoreError> {
        let row = sqlx::query_as!(
            Stored,
            r#"UPDATE members SET settings_version = settings_version + 1 WHERE conversation_id = $1 AND user_id = $2
               RETURNING settings_version AS version, muted_until, pinned_at, archived_seq, notify_level AS level"#,
            id.to_uuid(),
            user.to_uuid()
        )
        .fetch_one(connection)
        .await
        .map_err(unavailable)?;
        let (settings, event_id) = (row.told()?, self.event_id());
        let changed = ConversationSettingsChanged { event_id, actor_id: user, at_ms, user_id: user, conversation_id: id, settings };
        pending.push(address, event_id, LogEvent::ConversationSettingsChanged(changed));
        Ok(())
    }
}

/// Refuses one too many. The caller holds the user's row.
async fn bounded(connection: &mut PgConnection, user: UserId, before: &Stored, next: &Stored) -> Result<(), ConversationSettingsError> {
    if before.pinned_at.is_none() && next.pinned_at.is_some() {
        let pinned = sqlx::query_scalar!(
            r#"SELECT count(*) AS "pinned!" FROM (SELECT FROM members WHERE user_id = $1 AND pinned_at IS NOT NULL LIMIT $2) AS theirs"#,
            user.to_uuid(),
            i64::from(MOST_PINNED)
        );
        if pinned.fetch_one(&mut *connection).await.map_err(unavailable)? >= i64::from(MOST_PINNED) {
            return Err(ConversationSettingsError::TooManyPinned);
        }
    }
    if before.archived_seq.is_none() && next.archived_seq.is_some() {
        let archived = sqlx::query_scalar!(
            r#"SELECT count(*) AS "archived!"
               FROM (SELECT FROM members WHERE user_id = $1 AND archived_seq IS NOT NULL LIMIT $2) AS theirs"#,
            user.to_uuid(),
            i64::from(MOST_ARCHIVED)
        );
        if archived.fetch_one(&mut *connection).await.map_err(unavailable)? >= i64::from(MOST_ARCHIVED) {
            return Err(ConversationSettingsError::TooManyArchived);
        }
    }
    Ok(())
}
