//! Asking for a message to be erased, and the list of what the log has to erase.

use std::time::Duration;

use async_trait::async_trait;
use relay_domain::ports::{Attempt, ErasableLog, EraseError, Erasure, ErasureBacklog, Erasures, LogAddress, StoreError};
use relay_protocol::log::{LogEvent, MessageErased};
use relay_types::{ConversationId, EventId, MessageId, Seq, ShardId, TimestampMs, UserId};

use crate::Store;
use crate::convert::{millis, shard, shard_column, text};
use crate::error::unavailable;
use crate::event_row::thread_of;
use crate::outbox::Pending;
use crate::store::commit;

/// What became of the wish to erase a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ErasureRequest {
    /// There is no such message, or the projection does not know it yet.
    Unknown,
    /// Its content is hidden already; the worker takes it out of the log.
    Hidden,
    /// Decided: it is hidden when the event on this subject is in the log.
    Decided(LogAddress),
}

impl Store {
    /// Decides that the message's content is erased. Repeated, it names the same event.
    ///
    /// # Errors
    /// When Postgres does not answer.
    ///
    /// # Cancel safety
    /// Cancel safe: one transaction.
    pub async fn request_erasure(
        &self,
        conversation: ConversationId,
        message: MessageId,
        at_ms: TimestampMs,
    ) -> Result<ErasureRequest, StoreError> {
        self.limited(async {
            let mut transaction = self.pool.begin().await.map_err(unavailable)?;
            let row = sqlx::query!(
                "SELECT seq, prev_seq, shard, sender_id, client_id, sent_at_ms, stored_at, deleted, further::text AS further FROM messages
                 WHERE conversation_id = $1 AND message_id = $2 AND kind = 'MESSAGE_SENT' FOR UPDATE",
                conversation.to_uuid(),
                message.to_uuid()
            );
            let Some(row) = row.fetch_optional(&mut *transaction).await.map_err(unavailable)? else {
                return Ok(ErasureRequest::Unknown);
            };
            let address = LogAddress::Conversation { shard: shard(row.shard)?, id: conversation };
            if row.deleted {
                return Ok(ErasureRequest::Hidden);
            }
            // One event for one message, however often it is asked for.
            let event_id = EventId::from_uuid(message.to_uuid());
            let asked = sqlx::query_scalar!(r#"SELECT EXISTS (SELECT FROM outbox WHERE dedup_id = $1) AS "asked!""#, event_id.to_string());
            if !asked.fetch_one(&mut *transaction).await.map_err(unavailable)? {
                let erased = MessageErased {
                    event_id,
                    actor_id: None,
                    actor_client_id: None,
                    conversation_id: conversation,
                    message_id: message,
                    message_seq: Seq::from_i64(row.seq),
                    message_prev: row.prev_seq.map(Seq::from_i64),
                    sender_id: UserId::from_uuid(row.sender_id),
                    client_id: text(&row.client_id.unwrap_or_default(), "client_id")?,
                    sent_at_ms: row.sent_at_ms,
                    stored_at_ms: millis(row.stored_at),
                    at_ms,
                    thread: thread_of(row.further.as_deref()),
                };
                let mut pending = Pending::default();
                pending.push(address, event_id, LogEvent::MessageErased(erased));
                pending.write(&mut transaction).await?;
            }
            commit(transaction).await?;
            Ok(ErasureRequest::Decided(address))
        })
        .await
    }
}

/// How long one erasure may take. Longer, and the call as a whole would be given up, and with it the note that it failed.
const ERASE_WITHIN: Duration = Duration::from_secs(3);
/// What failed waits for a second, then twice as long each time, up to this.
const LONGEST_WAIT_S: f64 = 300.0;

#[async_trait]
impl Erasures for Store {
    /// The transaction waits for the log. Index: `erasures_due`.
    #[tracing::instrument(name = "db.erasures.next", skip_all)]
    async fn erase_next(&self, log: &dyn ErasableLog, besides: &[ShardId]) -> Result<Option<Attempt>, StoreError> {
        self.limited(async {
            let mut transaction = self.pool.begin().await.map_err(unavailable)?;
            let alone = sqlx::query_scalar!(r#"SELECT pg_try_advisory_xact_lock(hashtextextended('erase', 0)) AS "alone!""#);
            if !alone.fetch_one(&mut *transaction).await.map_err(unavailable)? {
                return Ok(None);
            }
            let besides: Vec<i32> = besides.iter().copied().map(shard_column).collect();
            let next = sqlx::query!(
                "SELECT shard, seq, message_id, attempts FROM erasures
                 WHERE done_at IS NULL AND coalesce(not_before, erased_at) <= now() AND shard <> ALL ($1)
                 ORDER BY coalesce(not_before, erased_at), shard, seq LIMIT 1 FOR UPDATE",
                &besides
            );
            let Some(row) = next.fetch_optional(&mut *transaction).await.map_err(unavailable)? else {
                // Given back before the answer. A dropped transaction ends later, and the next call would find the lock taken.
                transaction.rollback().await.map_err(unavailable)?;
                return Ok(None);
            };
            let erasure = Erasure { shard: shard(row.shard)?, seq: Seq::from_i64(row.seq), message: MessageId::from_uuid(row.message_id) };
            let outcome = tokio::time::timeout(ERASE_WITHIN, log.erase(erasure)).await;
            let outcome = outcome.unwrap_or_else(|_| Err(EraseError::Log(format!("no end within {ERASE_WITHIN:?}").into())));
            // Whole numbers of seconds: 1, 2, 4 …
            let wait_s = f64::from(row.attempts.clamp(0, 30)).exp2().min(LONGEST_WAIT_S);
            sqlx::query!(
                "UPDATE erasures SET attempts = attempts + 1, done_at = CASE WHEN $3 THEN now() END,
                                     not_before = CASE WHEN $3 THEN not_before ELSE now() + make_interval(secs => $4) END
                 WHERE shard = $1 AND seq = $2",
                shard_column(erasure.shard),
                row.seq,
                outcome.is_ok(),
                wait_s
            )
            .execute(&mut *transaction)
            .await
            .map_err(unavailable)?;
            transaction.commit().await.map_err(unavailable)?;
            Ok(Some(Attempt { erasure, outcome }))
        })
        .await
    }

    /// Index: `erasures_waiting`.
    #[tracing::instrument(name = "db.erasures.backlog", skip_all)]
    async fn erasure_backlog(&self) -> Result<ErasureBacklog, StoreError> {
        self.limited(async {
            let row = sqlx::query!(
                r#"SELECT count(*) AS "waiting!",
                          coalesce(extract(epoch FROM now() - min(erased_at)), 0)::double precision AS "oldest_s!"
                   FROM erasures WHERE done_at IS NULL"#
            );
            let row = row.fetch_one(&self.pool).await.map_err(unavailable)?;
            Ok(ErasureBacklog { waiting: u64::try_from(row.waiting).unwrap_or_default(), oldest_s: row.oldest_s.max(0.0) })
        })
        .await
    }
}
