//! Messages to be sent later: their rows, taken up when they are due. A row is there until its message is in the log, so a process
//! that ends in between loses nothing, and the key that a message is sent with is the row's.

mod due;

use async_trait::async_trait;
use relay_domain::ports::{DueMessage, LogAddress, ScheduleError, ScheduledMessages, ScheduledOutcome, StoreError};
use relay_protocol::error::AnyErrorCode;
use relay_protocol::log::{LogEvent, ScheduledMessageChanged};
use relay_protocol::scheduled::{MOST_SCHEDULED, MOST_SCHEDULED_BYTES, ScheduledMessage, ScheduledState};
use relay_types::{ClientId, ConversationId, MessageId, ShardId, TimestampMs, UserId};
use sqlx::PgConnection;
use sqlx::types::Uuid;
use time::OffsetDateTime;

use crate::Store;
use crate::convert::{millis, shard, text, timestamp};
use crate::error::{unavailable, unreadable};
use crate::outbox::Pending;
use crate::store::commit;

/// A row.
struct Row {
    conversation_id: Uuid,
    client_id: String,
    body: String,
    reply_to: Option<Uuid>,
    send_at: OffsetDateTime,
    time_zone: String,
    state: String,
    refusal: Option<String>,
}

impl Row {
    fn message(self) -> Result<ScheduledMessage, StoreError> {
        Ok(ScheduledMessage {
            conversation_id: ConversationId::from_uuid(self.conversation_id),
            client_id: text(&self.client_id, "client id")?,
            body: serde_json::from_str(&self.body).map_err(|_| unreadable("message body"))?,
            reply_to: self.reply_to.map(MessageId::from_uuid),
            send_at_ms: millis(self.send_at),
            time_zone: self.time_zone,
            state: text(&self.state, "state of a scheduled message")?,
            refusal: self.refusal.as_deref().map(code).transpose()?,
        })
    }
}

fn code(name: &str) -> Result<AnyErrorCode, StoreError> {
    serde_json::from_value(name.into()).map_err(|_| unreadable("refusal"))
}

/// What a user's devices are told of.
struct Told<'a> {
    author: UserId,
    home: ShardId,
    conversation: ConversationId,
    client_id: &'a ClientId,
    state: ScheduledState,
    send_at_ms: TimestampMs,
    refusal: Option<AnyErrorCode>,
}

impl Store {
    fn push_scheduled(&self, pending: &mut Pending, told: Told<'_>, at_ms: TimestampMs) -> LogAddress {
        let address = LogAddress::User { shard: told.home, id: told.author };
        let event_id = self.event_id();
        let event = ScheduledMessageChanged {
            event_id,
            actor_id: told.author,
            at_ms,
            user_id: told.author,
            conversation_id: told.conversation,
            client_id: told.client_id.clone(),
            state: told.state,
            send_at_ms: told.send_at_ms,
            refusal: told.refusal,
        };
        pending.push(address, event_id, LogEvent::ScheduledMessageChanged(event));
        address
    }
}

/// Keeps a person's other devices waiting, so that they count each other. Index: `users_pkey`.
async fn home(connection: &mut PgConnection, author: UserId) -> Result<Option<ShardId>, StoreError> {
    let home = sqlx::query_scalar!("SELECT home_shard FROM users WHERE user_id = $1 FOR NO KEY UPDATE", author.to_uuid());
    home.fetch_optional(connection).await.map_err(unavailable)?.map(shard).transpose()
}

#[async_trait]
impl ScheduledMessages for Store {
    /// Indexes: `users_pkey`, `scheduled_messages_pkey`, of which up to a person's all are read.
    #[tracing::instrument(name = "db.scheduled.schedule", skip_all, fields(user.id = %author, conversation.id = %message.conversation_id))]
    async fn schedule(&self, author: UserId, message: &ScheduledMessage, at_ms: TimestampMs) -> Result<LogAddress, ScheduleError> {
        self.limited(async {
            let body = serde_json::to_string(&message.body).map_err(|error| StoreError::new(error.to_string()))?;
            let mut transaction = self.pool.begin().await.map_err(unavailable)?;
            let home = home(&mut transaction, author).await?.ok_or(ScheduleError::UnknownUser)?;
            let others = sqlx::query!(
                r#"SELECT count(*) AS "count!", coalesce(sum(octet_length(body::text)), 0) AS "bytes!" FROM scheduled_messages
                   WHERE user_id = $1 AND (conversation_id, client_id) <> ($2, $3)"#,
                author.to_uuid(),
                message.conversation_id.to_uuid(),
                message.client_id.as_str()
            );
            let others = others.fetch_one(&mut *transaction).await.map_err(unavailable)?;
            let (count, bytes) = (usize::try_from(others.count).unwrap_or_default(), usize::try_from(others.bytes).unwrap_or_default());
            if count >= MOST_SCHEDULED || bytes + body.len() > MOST_SCHEDULED_BYTES {
                return Err(ScheduleError::TooMany);
            }
            // The same again changes nothing, and is told once.
            let changed = sqlx::query_scalar!(
                r#"WITH before AS MATERIALIZED (
                       SELECT state, body, reply_to, send_at, time_zone FROM scheduled_messages
                       WHERE user_id = $1 AND conversation_id = $2 AND client_id = $3 FOR UPDATE),
                   put AS (
                       INSERT INTO scheduled_messages AS s
                              (user_id, conversation_id, client_id, body, reply_to, send_at, time_zone, state, due_at)
                       VALUES ($1, $2, $3, $4::text::jsonb, $5, $6, $7, 'waiting', $6)
                       ON CONFLICT (user_id, conversation_id, client_id) DO UPDATE
                       SET body = excluded.body, reply_to = excluded.reply_to, send_at = excluded.send_at, time_zone = excluded.time_zone,
                           state = 'waiting', refusal = NULL, due_at = excluded.due_at
                       WHERE s.state <> 'sending'
                       RETURNING s.body, s.reply_to, s.send_at, s.time_zone)
                   SELECT NOT EXISTS (SELECT FROM before b WHERE b.state = 'waiting' AND b.body = put.body
                                      AND b.reply_to IS NOT DISTINCT FROM put.reply_to AND b.send_at = put.send_at
                                      AND b.time_zone = put.time_zone) AS "changed!"
                   FROM put"#,
                author.to_uuid(),
                message.conversation_id.to_uuid(),
                message.client_id.as_str(),
                body,
                message.reply_to.map(MessageId::to_uuid),
                timestamp(message.send_at_ms)?,
                message.time_zone
            );
            let changed = changed.fetch_optional(&mut *transaction).await.map_err(unavailable)?.ok_or(ScheduleError::Sending)?;
            let mut pending = Pending::default();
            let address = LogAddress::User { shard: home, id: author };
            if changed {
                let told = Told {
                    author,
                    home,
                    conversation: message.conversation_id,
                    client_id: &message.client_id,
                    state: ScheduledState::Waiting,
                    send_at_ms: message.send_at_ms,
                    refusal: None,
                };
                self.push_scheduled(&mut pending, told, at_ms);
            }
            pending.write(&mut transaction).await?;
            commit(transaction).await?;
            Ok(address)
        })
        .await
    }

    /// Indexes: `users_pkey`, `scheduled_messages_pkey`.
    #[tracing::instrument(name = "db.scheduled.cancel", skip_all, fields(user.id = %author, conversation.id = %conversation))]
    async fn cancel(
        &self,
        author: UserId,
        conversation: ConversationId,
        client_id: &ClientId,
        at_ms: TimestampMs,
    ) -> Result<LogAddress, ScheduleError> {
        self.limited(async {
            let mut transaction = self.pool.begin().await.map_err(unavailable)?;
            let home = home(&mut transaction, author).await?.ok_or(ScheduleError::UnknownUser)?;
            let (state, send_at_ms) = standing(&mut transaction, author, conversation, client_id).await?.ok_or(ScheduleError::Unknown)?;
            if state == ScheduledState::Sending {
                return Err(ScheduleError::Sending);
            }
            remove(&mut transaction, author, conversation, client_id).await?;
            let mut pending = Pending::default();
            let told = Told { author, home, conversation, client_id, state: ScheduledState::Cancelled, send_at_ms, refusal: None };
            let address = self.push_scheduled(&mut pending, told, at_ms);
            pending.write(&mut transaction).await?;
            commit(transaction).await?;
            Ok(address)
        })
        .await
    }

    /// Index: `scheduled_messages_pkey`.
    #[tracing::instrument(name = "db.scheduled.list", skip_all, fields(user.id = %author))]
    async fn scheduled(&self, author: UserId) -> Result<Vec<ScheduledMessage>, StoreError> {
        self.limited(async {
            let rows = sqlx::query_as!(
                Row,
                r#"SELECT conversation_id, client_id, body::text AS "body!", reply_to, send_at, time_zone, state, refusal
                   FROM scheduled_messages WHERE user_id = $1 ORDER BY send_at, conversation_id, client_id"#,
                author.to_uuid()
            );
            rows.fetch_all(&self.pool).await.map_err(unavailable)?.into_iter().map(Row::message).collect()
        })
        .await
    }

    async fn take_due(
        &self,
        now_ms: TimestampMs,
        until_ms: TimestampMs,
        limit: u16,
        busy: &[ShardId],
    ) -> Result<(Vec<DueMessage>, Vec<LogAddress>), StoreError> {
        self.limited(self.due(now_ms, until_ms, limit, busy)).await
    }

    async fn settle(&self, due: &DueMessage, outcome: ScheduledOutcome, at_ms: TimestampMs) -> Result<Option<LogAddress>, StoreError> {
        self.limited(self.settled(due, outcome, at_ms)).await
    }
}

/// How it is doing, and when it is to be sent; nothing else happens to it in this transaction. Index: `scheduled_messages_pkey`.
async fn standing(
    connection: &mut PgConnection,
    author: UserId,
    conversation: ConversationId,
    client_id: &ClientId,
) -> Result<Option<(ScheduledState, TimestampMs)>, StoreError> {
    let row = sqlx::query!(
        "SELECT state, send_at FROM scheduled_messages WHERE user_id = $1 AND conversation_id = $2 AND client_id = $3 FOR UPDATE",
        author.to_uuid(),
        conversation.to_uuid(),
        client_id.as_str()
    );
    let row = row.fetch_optional(connection).await.map_err(unavailable)?;
    row.map(|row| Ok((text(&row.state, "state of a scheduled message")?, millis(row.send_at)))).transpose()
}

/// Index: `scheduled_messages_pkey`. Whether it was there.
async fn remove(
    connection: &mut PgConnection,
    author: UserId,
    conversation: ConversationId,
    client_id: &ClientId,
) -> Result<bool, StoreError> {
    let removed = sqlx::query!(
        "DELETE FROM scheduled_messages WHERE user_id = $1 AND conversation_id = $2 AND client_id = $3",
        author.to_uuid(),
        conversation.to_uuid(),
        client_id.as_str()
    );
    Ok(removed.execute(connection).await.map_err(unavailable)?.rows_affected() == 1)
}
