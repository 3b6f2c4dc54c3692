//! Posts over REST hold removals off.
//!
//! Both take one advisory lock of the conversation: posts share it, a removal has it alone. Not the row's own lock: shared row
//! locks are written to the row at every post, and Postgres lets newcomers share one past a removal that waits, for ever in a
//! busy group. Advisory locks queue, so a removal waits only for the posts before it.

use async_trait::async_trait;
use relay_domain::ports::{PostingHold, Postings, StoreError};
use relay_types::{ConversationId, ShardId, UserId};
use sqlx::{PgConnection, PgTransaction};

use crate::Store;
use crate::convert::shard_column;
use crate::error::unavailable;
use crate::shares::Share;

struct Hold {
    transaction: PgTransaction<'static>,
    unflushed: bool,
    _share: Share,
}

#[async_trait]
impl PostingHold for Hold {
    fn unflushed(&self) -> bool {
        self.unflushed
    }

    /// The lock ends with the transaction, and a transaction that was lost meanwhile cannot be committed.
    async fn release(self: Box<Self>) -> Result<(), StoreError> {
        self.transaction.commit().await.map_err(unavailable)
    }
}

#[async_trait]
impl Postings for Store {
    /// Indexes: `members_pkey`, `outbox_pending`.
    #[tracing::instrument(name = "db.posting.hold", skip_all, fields(user.id = %user, conversation.id = %conversation))]
    async fn hold(&self, user: UserId, conversation: ConversationId, shard: ShardId) -> Result<Option<Box<dyn PostingHold>>, StoreError> {
        self.limited(async {
            let share = self.postings.acquire(shard).await?;
            let mut transaction = self.pool.begin().await.map_err(unavailable)?;
            sqlx::query!(
                "SELECT pg_advisory_xact_lock_shared(hashtextextended('posting.' || $1::text, 0))",
                conversation.to_uuid().to_string()
            )
            .execute(&mut *transaction)
            .await
            .map_err(unavailable)?;
            // A statement of its own: it sees what a removal that was waited for has committed.
            let unflushed = sqlx::query_scalar!(
                r#"SELECT EXISTS (SELECT FROM outbox o WHERE o.subject_kind = 'c' AND o.shard = $3 AND o.target_id = m.conversation_id
                          AND o.published_seq IS NULL) AS "unflushed!"
                   FROM members m WHERE m.conversation_id = $1 AND m.user_id = $2"#,
                conversation.to_uuid(),
                user.to_uuid(),
                shard_column(shard)
            )
            .fetch_optional(&mut *transaction)
            .await
            .map_err(unavailable)?;
            Ok(unflushed.map(|unflushed| Box::new(Hold { transaction, unflushed, _share: share }) as Box<dyn PostingHold>))
        })
        .await
    }
}

/// To be called, in the transaction that decides, before anybody is put out of the conversation: waits for the posts under way,
/// and lets nobody post before the decision is there for them to see.
pub(crate) async fn close(connection: &mut PgConnection, conversation: ConversationId) -> Result<(), StoreError> {
    sqlx::query!("SELECT pg_advisory_xact_lock(hashtextextended('posting.' || $1::text, 0))", conversation.to_uuid().to_string())
        .execute(connection)
        .await
        .map(drop)
        .map_err(unavailable)
}
