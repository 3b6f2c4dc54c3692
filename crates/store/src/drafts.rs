//! What people are writing, for their other devices, which are told at once and then at most every [`EVERY`] for each conversation.
//! What changes while they wait is told by the worker, which cannot read the texts.

use std::time::Duration;

use async_trait::async_trait;
use relay_domain::ports::{DraftError, DraftNews, Drafts, LogAddress, MOST_DRAFTS, StoreError};
use relay_protocol::log::{DraftChanged, LogEvent};
use relay_protocol::rest::{Draft, DraftVersion, PutDraftRequest};
use relay_types::{ConversationId, MessageId, TimestampMs, UserId};
use time::OffsetDateTime;

use crate::Store;
use crate::convert::{millis, shard, text};
use crate::error::unavailable;
use crate::outbox::Pending;
use crate::store::commit;

/// Between two words about one draft: the log keeps each for 30 days.
const EVERY: Duration = Duration::from_secs(5);

#[async_trait]
impl Drafts for Store {
    #[tracing::instrument(name = "db.draft.put", skip_all, fields(user.id = %user, conversation.id = %id))]
    async fn put_draft(
        &self,
        user: UserId,
        id: ConversationId,
        draft: &PutDraftRequest,
        at_ms: TimestampMs,
    ) -> Result<(u64, Option<LogAddress>), DraftError> {
        self.limited(self.keep_draft(user, id, draft, at_ms)).await
    }

    /// Indexes: `members_pkey`, `drafts_pkey`.
    #[tracing::instrument(name = "db.draft.get", skip_all, fields(user.id = %user, conversation.id = %id))]
    async fn draft(&self, user: UserId, id: ConversationId) -> Result<Draft, DraftError> {
        self.limited(async {
            let row = sqlx::query!(
                r#"SELECT coalesce(d.version, 0) AS "version!", coalesce(d.text, '') AS "text!", d.reply_to AS "reply_to?"
                   FROM members m LEFT JOIN drafts d ON d.user_id = m.user_id AND d.conversation_id = m.conversation_id
                   WHERE m.conversation_id = $1 AND m.user_id = $2"#,
                id.to_uuid(),
                user.to_uuid()
            )
            .fetch_optional(&self.pool)
            .await
            .map_err(unavailable)?
            .ok_or(DraftError::NotMember)?;
            Ok(Draft {
                conversation_id: id,
                version: row.version.unsigned_abs(),
                text: text(&row.text, "draft")?,
                reply_to: row.reply_to.map(MessageId::from_uuid),
            })
        })
        .await
    }

    /// Index: `drafts_pkey`.
    #[tracing::instrument(name = "db.draft.list", skip_all, fields(user.id = %user))]
    async fn drafts(&self, user: UserId) -> Result<Vec<DraftVersion>, StoreError> {
        self.limited(async {
            let rows = sqlx::query!(
                "SELECT conversation_id, version FROM drafts WHERE user_id = $1 AND text IS NOT NULL ORDER BY version DESC LIMIT $2",
                user.to_uuid(),
                i64::from(MOST_DRAFTS)
            )
            .fetch_all(&self.pool)
            .await
            .map_err(unavailable)?;
            let version = |row: i64| row.unsigned_abs();
            Ok(rows
                .into_iter()
                .map(|row| DraftVersion { conversation_id: ConversationId::from_uuid(row.conversation_id), version: version(row.version) })
                .collect())
        })
        .await
    }
}

impl Store {
    /// Keeps the draft, in the transaction that tells of it. Indexes: `users_pkey` and `drafts_pkey` for a new one, `members_pkey`,
    /// `conversations_pkey`, `drafts_pkey`.
    async fn keep_draft(
        &self,
        user: UserId,
        id: ConversationId,
        draft: &PutDraftRequest,
        at_ms: TimestampMs,
    ) -> Result<(u64, Option<LogAddress>), DraftError> {
        let mut transaction = self.pool.begin().await.map_err(unavailable)?;
        // Two new ones at once, in two conversations, would each count without the other; and a removal waits for the member's row.
        sqlx::query!("SELECT FROM users WHERE user_id = $1 FOR NO KEY UPDATE", user.to_uuid())
            .execute(&mut *transaction)
            .await
            .map_err(unavailable)?;
        let row = sqlx::query!(
            r#"SELECT c.shard, coalesce(d.version, 0) AS "version!", d.text AS "text?", d.reply_to AS "reply_to?",
                      coalesce(d.due_at <= now(), true) AS "is_told!"
               FROM members m JOIN conversations c USING (conversation_id)
               LEFT JOIN drafts d ON d.user_id = m.user_id AND d.conversation_id = m.conversation_id
               WHERE m.conversation_id = $1 AND m.user_id = $2 FOR NO KEY UPDATE OF m"#,
            id.to_uuid(),
            user.to_uuid()
        )
        .fetch_optional(&mut *transaction)
        .await
        .map_err(unavailable)?
        .ok_or(DraftError::NotMember)?;
        let said = Some(draft.text.as_str()).filter(|text| !text.is_empty());
        // What nobody has written answers nothing.
        let reply_to = draft.reply_to.filter(|_| said.is_some()).map(MessageId::to_uuid);
        if row.text.as_deref() == said && row.reply_to == reply_to {
            return Ok((row.version.unsigned_abs(), None));
        }
        if row.text.is_none() {
            let theirs =
                sqlx::query_scalar!(r#"SELECT count(*) AS "theirs!" FROM drafts WHERE user_id = $1 AND text IS NOT NULL"#, user.to_uuid());
            if theirs.fetch_one(&mut *transaction).await.map_err(unavailable)? >= i64::from(MOST_DRAFTS) {
                return Err(DraftError::TooMany);
            }
        }
        let version = at_ms.max(row.version.saturating_add(1));
        sqlx::query!(
            "INSERT INTO drafts AS d (user_id, conversation_id, shard, version, told_version, due_at, text, reply_to)
             VALUES ($1, $2, $3, $4, $4, now() + make_interval(secs => $7), $5, $6)
             ON CONFLICT (user_id, conversation_id) DO UPDATE SET
                 version = excluded.version, text = excluded.text, reply_to = excluded.reply_to,
                 told_version = CASE WHEN $8 THEN excluded.version ELSE d.told_version END,
                 due_at = CASE WHEN $8 THEN excluded.due_at ELSE d.due_at END",
            user.to_uuid(),
            id.to_uuid(),
            row.shard,
            version,
            said,
            reply_to,
            EVERY.as_secs_f64(),
            row.is_told
        )
        .execute(&mut *transaction)
        .await
        .map_err(unavailable)?;
        let address = LogAddress::User { shard: shard(row.shard)?, id: user };
        let version = version.unsigned_abs();
        if row.is_told {
            let mut pending = Pending::default();
            self.push_draft(&mut pending, address, (user, id), version, at_ms);
            pending.write(&mut transaction).await?;
        }
        commit(transaction).await?;
        Ok((version, row.is_told.then_some(address)))
    }

    fn push_draft(
        &self,
        pending: &mut Pending,
        address: LogAddress,
        (user_id, conversation_id): (UserId, ConversationId),
        version: u64,
        at_ms: TimestampMs,
    ) {
        let event_id = self.event_id();
        let changed = DraftChanged { event_id, actor_id: user_id, at_ms, user_id, conversation_id, version };
        pending.push(address, event_id, LogEvent::DraftChanged(changed));
    }
}

#[async_trait]
impl DraftNews for Store {
    /// Index: `drafts_due`. Rows that another worker has are left to it.
    #[tracing::instrument(name = "db.draft.tell", skip_all)]
    async fn tell_due_drafts(&self, limit: u32) -> Result<(Vec<LogAddress>, bool), StoreError> {
        self.limited(async {
            let mut transaction = self.pool.begin().await.map_err(unavailable)?;
            let due = sqlx::query!(
                "WITH due AS MATERIALIZED (
                     SELECT user_id, conversation_id FROM drafts WHERE told_version < version AND due_at <= now()
                     ORDER BY due_at LIMIT $1 FOR UPDATE SKIP LOCKED)
                 UPDATE drafts d SET told_version = d.version, due_at = now() + make_interval(secs => $2)
                 FROM due WHERE d.user_id = due.user_id AND d.conversation_id = due.conversation_id
                 RETURNING d.user_id, d.conversation_id, d.shard, d.version",
                i64::from(limit),
                EVERY.as_secs_f64()
            )
            .fetch_all(&mut *transaction)
            .await
            .map_err(unavailable)?;
            if due.is_empty() {
                return Ok((Vec::new(), false));
            }
            let more = due.len() >= limit as usize;
            let at_ms = millis(OffsetDateTime::now_utc());
            let mut pending = Pending::default();
            for row in due {
                let (user, conversation) = (UserId::from_uuid(row.user_id), ConversationId::from_uuid(row.conversation_id));
                let address = LogAddress::User { shard: shard(row.shard)?, id: user };
                self.push_draft(&mut pending, address, (user, conversation), row.version.unsigned_abs(), at_ms);
            }
            let touched = pending.write(&mut transaction).await?;
            commit(transaction).await?;
            Ok((touched, more))
        })
        .await
    }
}
