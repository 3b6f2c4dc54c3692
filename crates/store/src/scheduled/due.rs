//! Taking up what is due, and saying how it went.

use relay_domain::ports::{DueMessage, LogAddress, ScheduledOutcome, StoreError};
use relay_protocol::scheduled::{OVERDUE_MS, ScheduledState};
use relay_types::{ConversationId, ShardId, TimestampMs, UserId};
use sqlx::PgConnection;

use super::{Row, Told, code, remove, standing};
use crate::Store;
use crate::convert::{millis, shard, shard_column, text, timestamp};
use crate::error::unavailable;
use crate::outbox::Pending;
use crate::store::commit;

/// Messages that are put aside at once.
const MOST_ASIDE: i64 = 500;

impl Store {
    /// One of an author's at a time in a conversation, so that what they scheduled there comes in the order of its times. Processes skip
    /// what another one is taking. Indexes: `scheduled_messages_due`, `scheduled_messages_pkey`, `users_pkey`.
    #[tracing::instrument(name = "db.scheduled.take_due", skip_all)]
    pub(super) async fn due(
        &self,
        now_ms: TimestampMs,
        until_ms: TimestampMs,
        limit: u16,
        busy: &[ShardId],
    ) -> Result<(Vec<DueMessage>, Vec<LogAddress>), StoreError> {
        let mut transaction = self.pool.begin().await.map_err(unavailable)?;
        let touched = self.put_aside(&mut transaction, now_ms).await?;
        let rows = sqlx::query!(
            r#"WITH due AS MATERIALIZED (
                   SELECT s.user_id, s.conversation_id, s.client_id, c.shard
                   FROM scheduled_messages s JOIN conversations c USING (conversation_id)
                   WHERE s.due_at <= $1 AND c.shard <> ALL ($5::integer[]) AND NOT (s.state = 'waiting' AND s.send_at < $2)
                     AND NOT EXISTS (SELECT FROM scheduled_messages earlier
                                     WHERE earlier.user_id = s.user_id AND earlier.conversation_id = s.conversation_id
                                       AND earlier.due_at IS NOT NULL
                                       AND (earlier.send_at, earlier.client_id) < (s.send_at, s.client_id))
                   ORDER BY s.due_at LIMIT $4 FOR UPDATE OF s SKIP LOCKED)
               UPDATE scheduled_messages s SET state = 'sending', due_at = $3
               FROM due JOIN users u USING (user_id)
               WHERE s.user_id = due.user_id AND s.conversation_id = due.conversation_id AND s.client_id = due.client_id
               RETURNING s.user_id, s.conversation_id, s.client_id, s.body::text AS "body!", s.reply_to, s.send_at, s.time_zone, s.state,
                         s.refusal, due.shard, u.disabled_at IS NOT NULL AS "disabled!""#,
            timestamp(now_ms)?,
            timestamp(now_ms - OVERDUE_MS)?,
            timestamp(until_ms)?,
            i64::from(limit),
            &busy.iter().copied().map(shard_column).collect::<Vec<_>>()
        );
        let rows = rows.fetch_all(&mut *transaction).await.map_err(unavailable)?;
        let mut taken = Vec::with_capacity(rows.len());
        for row in rows {
            let message = Row {
                conversation_id: row.conversation_id,
                client_id: row.client_id,
                body: row.body,
                reply_to: row.reply_to,
                send_at: row.send_at,
                time_zone: row.time_zone,
                state: row.state,
                refusal: row.refusal,
            };
            taken.push(DueMessage {
                author: UserId::from_uuid(row.user_id),
                shard: shard(row.shard)?,
                message: message.message()?,
                disabled: row.disabled,
            });
        }
        commit(transaction).await?;
        taken.sort_by_key(|due| due.message.send_at_ms);
        Ok((taken, touched))
    }

    /// What waits and is more than a day late is sent by nobody: its author is asked. Whose subjects tell of it. Indexes:
    /// `scheduled_messages_due`, `scheduled_messages_pkey`, `users_pkey`.
    async fn put_aside(&self, connection: &mut PgConnection, now_ms: TimestampMs) -> Result<Vec<LogAddress>, StoreError> {
        let rows = sqlx::query!(
            "WITH late AS MATERIALIZED (
                 SELECT user_id, conversation_id, client_id FROM scheduled_messages
                 WHERE due_at <= $1 AND state = 'waiting' AND send_at < $2 ORDER BY due_at LIMIT $3 FOR UPDATE SKIP LOCKED)
             UPDATE scheduled_messages s SET state = 'overdue', due_at = NULL
             FROM late JOIN users u USING (user_id)
             WHERE s.user_id = late.user_id AND s.conversation_id = late.conversation_id AND s.client_id = late.client_id
             RETURNING s.user_id, s.conversation_id, s.client_id, s.send_at, u.home_shard",
            timestamp(now_ms)?,
            timestamp(now_ms - OVERDUE_MS)?,
            MOST_ASIDE
        );
        let mut pending = Pending::default();
        for row in rows.fetch_all(&mut *connection).await.map_err(unavailable)? {
            let told = Told {
                author: UserId::from_uuid(row.user_id),
                home: shard(row.home_shard)?,
                conversation: ConversationId::from_uuid(row.conversation_id),
                client_id: &text(&row.client_id, "client id")?,
                state: ScheduledState::Overdue,
                send_at_ms: millis(row.send_at),
                refusal: None,
            };
            self.push_scheduled(&mut pending, told, now_ms);
        }
        pending.write(connection).await
    }

    /// Indexes: `users_pkey`, `scheduled_messages_pkey`.
    #[tracing::instrument(name = "db.scheduled.settle", skip_all, fields(user.id = %due.author))]
    pub(super) async fn settled(
        &self,
        due: &DueMessage,
        outcome: ScheduledOutcome,
        at_ms: TimestampMs,
    ) -> Result<Option<LogAddress>, StoreError> {
        let (author, message) = (due.author, &due.message);
        let mut transaction = self.pool.begin().await.map_err(unavailable)?;
        let Some(home) = super::home(&mut transaction, author).await? else { return Ok(None) };
        let (state, refusal, there) = match outcome {
            ScheduledOutcome::Sent => {
                // What another process settled, and its author scheduled anew, is another message by now.
                let standing = standing(&mut transaction, author, message.conversation_id, &message.client_id).await?;
                let is_ours = standing.is_some_and(|(state, _)| state == ScheduledState::Sending);
                let there = is_ours && remove(&mut transaction, author, message.conversation_id, &message.client_id).await?;
                (ScheduledState::Sent, None, there)
            }
            ScheduledOutcome::Refused(refused) => {
                let there = self.put(&mut transaction, due, (ScheduledState::Refused, Some(refused.as_str()), None)).await?;
                (ScheduledState::Refused, Some(code(refused.as_str())?), there)
            }
            ScheduledOutcome::Overdue => {
                let there = self.put(&mut transaction, due, (ScheduledState::Overdue, None, None)).await?;
                (ScheduledState::Overdue, None, there)
            }
            ScheduledOutcome::Again(due_ms) | ScheduledOutcome::Unknown(due_ms) => {
                let is_unknown = matches!(outcome, ScheduledOutcome::Unknown(_));
                let state = if is_unknown { ScheduledState::Sending } else { ScheduledState::Waiting };
                self.put(&mut transaction, due, (state, None, Some(due_ms))).await?;
                (state, None, false)
            }
        };
        let mut pending = Pending::default();
        if there {
            let (conversation, client_id, send_at_ms) = (message.conversation_id, &message.client_id, message.send_at_ms);
            self.push_scheduled(&mut pending, Told { author, home, conversation, client_id, state, send_at_ms, refusal }, at_ms);
        }
        pending.write(&mut transaction).await?;
        commit(transaction).await?;
        Ok(there.then_some(LogAddress::User { shard: home, id: author }))
    }

    /// Puts what is being sent into another state. Whether it was being sent. Index: `scheduled_messages_pkey`.
    async fn put(
        &self,
        connection: &mut PgConnection,
        due: &DueMessage,
        (state, refusal, due_ms): (ScheduledState, Option<&str>, Option<TimestampMs>),
    ) -> Result<bool, StoreError> {
        let put = sqlx::query!(
            "UPDATE scheduled_messages SET state = $4, refusal = $5, due_at = $6
             WHERE user_id = $1 AND conversation_id = $2 AND client_id = $3 AND state = 'sending'",
            due.author.to_uuid(),
            due.message.conversation_id.to_uuid(),
            due.message.client_id.as_str(),
            state.as_str(),
            refusal,
            due_ms.map(timestamp).transpose()?
        );
        Ok(put.execute(connection).await.map_err(unavailable)?.rows_affected() == 1)
    }
}
