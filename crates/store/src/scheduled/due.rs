//! Taking up what is due, and saying how it went.

use relay_domain::ports::{DueMessage, LogAddress, ScheduledOutcome, StoreError};
use relay_protocol::scheduled::{OVERDUE_MS, ScheduledState};
use relay_types::{ConversationId, TimestampMs, UserId};

use super::{Row, Told, code, remove};
use crate::Store;
use crate::convert::{millis, shard, text, timestamp};
use crate::error::unavailable;
use crate::outbox::Pending;
use crate::store::commit;

impl Store {
    /// One of each author's at a time, so that what they scheduled comes in the order of its times. Processes skip what another one is
    /// taking. Indexes: `scheduled_messages_due`, `scheduled_messages_pkey`, `users_pkey`.
    #[tracing::instrument(name = "db.scheduled.take_due", skip_all)]
    pub(super) async fn due(
        &self,
        now_ms: TimestampMs,
        until_ms: TimestampMs,
        limit: u16,
    ) -> Result<(Vec<DueMessage>, Vec<LogAddress>), StoreError> {
        let mut transaction = self.pool.begin().await.map_err(unavailable)?;
        let rows = sqlx::query!(
            r#"WITH due AS MATERIALIZED (
                   SELECT user_id, conversation_id, client_id, state = 'waiting' AND send_at < $2 AS overdue
                   FROM scheduled_messages s
                   WHERE due_at <= $1
                     AND NOT EXISTS (SELECT FROM scheduled_messages earlier
                                     WHERE earlier.user_id = s.user_id AND earlier.due_at IS NOT NULL
                                       AND (earlier.send_at, earlier.conversation_id, earlier.client_id)
                                           < (s.send_at, s.conversation_id, s.client_id))
                   ORDER BY due_at LIMIT $4 FOR UPDATE SKIP LOCKED)
               UPDATE scheduled_messages s
               SET state = CASE WHEN due.overdue THEN 'overdue' ELSE 'sending' END, due_at = CASE WHEN due.overdue THEN NULL ELSE $3::timestamptz END
               FROM due JOIN users u USING (user_id)
               WHERE s.user_id = due.user_id AND s.conversation_id = due.conversation_id AND s.client_id = due.client_id
               RETURNING s.user_id, s.conversation_id, s.client_id, s.body::text AS "body!", s.reply_to, s.send_at, s.time_zone, s.state, s.refusal,
                         u.home_shard, u.disabled_at IS NOT NULL AS "disabled!""#,
            timestamp(now_ms)?,
            timestamp(now_ms - OVERDUE_MS)?,
            timestamp(until_ms)?,
            i64::from(limit)
        );
        let rows = rows.fetch_all(&mut *transaction).await.map_err(unavailable)?;
        let (mut taken, mut pending) = (Vec::new(), Pending::default());
        for row in rows {
            let author = UserId::from_uuid(row.user_id);
            if row.state == ScheduledState::Overdue.as_str() {
                let told = Told {
                    author,
                    home: shard(row.home_shard)?,
                    conversation: ConversationId::from_uuid(row.conversation_id),
                    client_id: &text(&row.client_id, "client id")?,
                    state: ScheduledState::Overdue,
                    send_at_ms: millis(row.send_at),
                    refusal: None,
                };
                self.push_scheduled(&mut pending, told, now_ms);
                continue;
            }
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
            taken.push(DueMessage { author, message: message.message()?, disabled: row.disabled });
        }
        let touched = pending.write(&mut transaction).await?;
        commit(transaction).await?;
        taken.sort_by_key(|due| due.message.send_at_ms);
        Ok((taken, touched))
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
                let there = remove(&mut transaction, author, message.conversation_id, &message.client_id).await?;
                (ScheduledState::Sent, None, there)
            }
            ScheduledOutcome::Refused(refused) => {
                let there = sqlx::query!(
                    "UPDATE scheduled_messages SET state = 'refused', refusal = $4, due_at = NULL
                     WHERE user_id = $1 AND conversation_id = $2 AND client_id = $3 AND state = 'sending'",
                    author.to_uuid(),
                    message.conversation_id.to_uuid(),
                    message.client_id.as_str(),
                    refused.as_str()
                );
                let there = there.execute(&mut *transaction).await.map_err(unavailable)?.rows_affected() == 1;
                (ScheduledState::Refused, Some(code(refused.as_str())?), there)
            }
            ScheduledOutcome::Again(due_ms) => {
                let later = sqlx::query!(
                    "UPDATE scheduled_messages SET due_at = $4
                     WHERE user_id = $1 AND conversation_id = $2 AND client_id = $3 AND state = 'sending'",
                    author.to_uuid(),
                    message.conversation_id.to_uuid(),
                    message.client_id.as_str(),
                    timestamp(due_ms)?
                );
                later.execute(&mut *transaction).await.map_err(unavailable)?;
                (ScheduledState::Sending, None, false)
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
}
