//! Read marks, and telling the user's other devices of them: at once, and then at most every [`EVERY`] for each conversation, the
//! newest. A mark that moves while they wait is told by the worker.

mod unread;

use std::time::Duration;

use async_trait::async_trait;
use relay_domain::ports::{ConversationError, LogAddress, ReadMark, ReadMarkNews, StoreError};
use relay_protocol::log::{LogEvent, ReadMarkMoved};
use relay_types::{ConversationId, Seq, SessionId, TimestampMs, UserId};
use sqlx::PgConnection;
use sqlx::types::Uuid;
use time::OffsetDateTime;

use crate::Store;
use crate::convert::{millis, shard};
use crate::error::unavailable;
use crate::outbox::Pending;
use crate::receipts::{self, Moved};
use crate::store::commit;

/// Between two words about one mark. Somebody who reads while others write moves it with every message, and the log keeps each
/// word for 30 days.
const EVERY: Duration = Duration::from_secs(5);

impl Store {
    /// Moves the mark, in the transaction that tells of it. Indexes: `members_pkey`, `conversations_pkey`, `conversation_heads_pkey`,
    /// `read_mark_news_pkey`.
    pub(crate) async fn move_read_mark(
        &self,
        user: UserId,
        id: ConversationId,
        seq: Seq,
        at_ms: TimestampMs,
        session: Option<SessionId>,
    ) -> Result<ReadMark, ConversationError> {
        let mut transaction = self.pool.begin().await.map_err(unavailable)?;
        let row = sqlx::query!(
            r#"WITH before AS MATERIALIZED (
                   SELECT m.read_seq, m.unread_from, c.shard FROM members m JOIN conversations c USING (conversation_id)
                   WHERE m.conversation_id = $1 AND m.user_id = $2 FOR NO KEY UPDATE OF m)
               UPDATE members AS m
               SET read_seq = greatest(before.read_seq,
                   least($3, coalesce((SELECT h.last_seq FROM conversation_heads h WHERE h.conversation_id = m.conversation_id), 0))),
                   unread_from = CASE WHEN before.unread_from > $3 THEN before.unread_from END,
                   unread_at = CASE WHEN before.unread_from > $3 THEN m.unread_at END
               FROM before WHERE m.conversation_id = $1 AND m.user_id = $2
               RETURNING m.read_seq, before.read_seq AS before_seq, before.shard,
                         CASE WHEN m.unread_at >= coalesce((SELECT v.sent_seq FROM memberships v
                                                            WHERE v.conversation_id = m.conversation_id AND v.user_id = m.user_id
                                                              AND v.left_seq IS NULL), 0)
                              THEN m.unread_from END AS unread_from,
                         before.unread_from IS DISTINCT FROM m.unread_from AS "ended!""#,
            id.to_uuid(),
            user.to_uuid(),
            seq.to_i64()
        )
        .fetch_optional(&mut *transaction)
        .await
        .map_err(unavailable)?
        .ok_or(ConversationError::NotMember)?;
        let (shard, moved) = (shard(row.shard)?, row.read_seq > row.before_seq);
        let address = LogAddress::User { shard, id: user };
        let seq = Seq::from_i64(row.read_seq);
        let soon = moved && is_told_now(&mut transaction, user, id, row.shard, row.read_seq).await.map_err(unavailable)?;
        // That it is unread no more, they are told at once.
        let tell = soon || row.ended;
        if tell {
            let mut pending = Pending::default();
            self.push_moved(&mut pending, address, (user, id), (seq, row.unread_from.map(Seq::from_i64)), at_ms);
            pending.write(&mut transaction).await?;
        }
        let receipt = if moved {
            let moved = Moved { user, session, conversation: id, shard, before: row.before_seq, now: row.read_seq };
            receipts::keep(&mut transaction, &moved).await.map_err(unavailable)?
        } else {
            None
        };
        commit(transaction).await?;
        Ok(ReadMark { seq, touched: tell.then_some(address), receipt })
    }

    fn push_moved(
        &self,
        pending: &mut Pending,
        address: LogAddress,
        (user_id, conversation_id): (UserId, ConversationId),
        (read_seq, unread_from): (Seq, Option<Seq>),
        at_ms: TimestampMs,
    ) {
        let event_id = self.event_id();
        let moved = ReadMarkMoved { event_id, actor_id: user_id, at_ms, user_id, conversation_id, read_seq, unread_from };
        pending.push(address, event_id, LogEvent::ReadMarkMoved(moved));
    }
}

#[async_trait]
impl ReadMarkNews for Store {
    /// Index: `read_mark_news_by_due`. Rows that another worker has are left to it.
    #[tracing::instrument(name = "db.read_marks.tell", skip_all)]
    async fn tell_due(&self, limit: u32) -> Result<(Vec<LogAddress>, bool), StoreError> {
        self.limited(async {
            let mut transaction = self.pool.begin().await.map_err(unavailable)?;
            let due = sqlx::query!(
                "SELECT user_id, conversation_id, shard, seq, told_seq,
                        (SELECT CASE WHEN m.unread_at >= coalesce(v.sent_seq, 0) THEN m.unread_from END
                         FROM members m
                         LEFT JOIN memberships v
                             ON v.conversation_id = m.conversation_id AND v.user_id = m.user_id AND v.left_seq IS NULL
                         WHERE m.conversation_id = n.conversation_id AND m.user_id = n.user_id) AS unread_from
                 FROM read_mark_news n WHERE due_at <= now()
                 ORDER BY due_at LIMIT $1 FOR UPDATE OF n SKIP LOCKED",
                i64::from(limit)
            )
            .fetch_all(&mut *transaction)
            .await
            .map_err(unavailable)?;
            if due.is_empty() {
                return Ok((Vec::new(), false));
            }
            let more = due.len() >= limit as usize;
            let at_ms = millis(OffsetDateTime::now_utc());
            let (mut pending, mut told, mut over) = (Pending::default(), Rows::default(), Rows::default());
            for row in due {
                let (user, conversation) = (UserId::from_uuid(row.user_id), ConversationId::from_uuid(row.conversation_id));
                if row.seq > row.told_seq {
                    let address = LogAddress::User { shard: shard(row.shard)?, id: user };
                    let marks = (Seq::from_i64(row.seq), row.unread_from.map(Seq::from_i64));
                    self.push_moved(&mut pending, address, (user, conversation), marks, at_ms);
                    told.push(row.user_id, row.conversation_id);
                } else {
                    over.push(row.user_id, row.conversation_id);
                }
            }
            sqlx::query!(
                "DELETE FROM read_mark_news n USING unnest($1::uuid[], $2::uuid[]) AS t (user_id, conversation_id)
                 WHERE n.user_id = t.user_id AND n.conversation_id = t.conversation_id",
                &over.users,
                &over.conversations
            )
            .execute(&mut *transaction)
            .await
            .map_err(unavailable)?;
            sqlx::query!(
                "UPDATE read_mark_news n SET told_seq = n.seq, due_at = now() + make_interval(secs => $3)
                 FROM unnest($1::uuid[], $2::uuid[]) AS t (user_id, conversation_id)
                 WHERE n.user_id = t.user_id AND n.conversation_id = t.conversation_id",
                &told.users,
                &told.conversations,
                EVERY.as_secs_f64()
            )
            .execute(&mut *transaction)
            .await
            .map_err(unavailable)?;
            let touched = pending.write(&mut transaction).await?;
            commit(transaction).await?;
            Ok((touched, more))
        })
        .await
    }
}

#[derive(Default)]
struct Rows {
    users: Vec<Uuid>,
    conversations: Vec<Uuid>,
}

impl Rows {
    fn push(&mut self, user: Uuid, conversation: Uuid) {
        self.users.push(user);
        self.conversations.push(conversation);
    }
}

/// Notes that the mark moved to `seq`, and says whether that is told now: the caller holds the member's row.
async fn is_told_now(connection: &mut PgConnection, user: UserId, id: ConversationId, shard: i32, seq: i64) -> sqlx::Result<bool> {
    sqlx::query_scalar!(
        r#"INSERT INTO read_mark_news AS n (user_id, conversation_id, shard, seq, told_seq, due_at)
           VALUES ($1, $2, $3, $4, $4, now() + make_interval(secs => $5))
           ON CONFLICT (user_id, conversation_id) DO UPDATE SET
               seq = excluded.seq,
               told_seq = CASE WHEN n.due_at <= now() THEN excluded.seq ELSE n.told_seq END,
               due_at = CASE WHEN n.due_at <= now() THEN excluded.due_at ELSE n.due_at END
           RETURNING n.told_seq = n.seq AS "told!""#,
        user.to_uuid(),
        id.to_uuid(),
        shard,
        seq,
        EVERY.as_secs_f64()
    )
    .fetch_one(connection)
    .await
}
