//! Threads as people see them: a page of one, following it, marks in it, and the list of those that somebody follows. What they are
//! made from is written by `projection/threads.rs`.

use std::time::Duration;

use async_trait::async_trait;
use relay_domain::ports::{
    HistoryAnchor, HistoryError, LogAddress, StoreError, ThreadCursor, ThreadError, ThreadListPage, ThreadNews, Threads,
};
use relay_protocol::log::{LogEvent, ThreadMarkMoved};
use relay_protocol::threads::{FollowedThread, ThreadPage};
use relay_protocol::{Message, MessageRef, ThreadReplies};
use relay_types::{ConversationId, MessageId, Seq, TimestampMs, UserId};
use sqlx::PgConnection;
use sqlx::types::Uuid;
use time::OffsetDateTime;

use crate::Store;
use crate::convert::{millis, shard};
use crate::error::{unavailable, unreadable};
use crate::event_row::EventRow;
use crate::history::message_of;
use crate::outbox::Pending;
use crate::projection::threads::{MOST_FOLLOWED, trim};
use crate::store::commit;

/// Between two words about one mark: the log keeps each for 30 days.
const EVERY: Duration = Duration::from_secs(5);
/// Where counting unread replies stops, as in lists of conversations.
const UNREAD_CAP: i64 = 1_000;

/// What `thread_replies` answers.
pub(crate) fn decode_replies(json: &str) -> Result<ThreadReplies, StoreError> {
    #[derive(serde::Deserialize)]
    struct Stored {
        count: u32,
        last_seq: Seq,
        last_at_ms: TimestampMs,
        /// UUIDs.
        by: Vec<String>,
        upto_seq: Seq,
    }
    let wrong = || unreadable("thread");
    let Stored { count, last_seq, last_at_ms, by, upto_seq } = serde_json::from_str(json).map_err(|_| wrong())?;
    let by = by.iter().map(|user| Uuid::try_parse(user).map(UserId::from_uuid).map_err(|_| wrong())).collect::<Result<_, _>>()?;
    Ok(ThreadReplies { count, last_seq, last_at_ms, by, upto_seq })
}

/// A thread's root, as somebody finds it who may see it.
struct Root {
    seq: i64,
    shard: i32,
    /// The newest event of the conversation, and the newest reply.
    head: i64,
    last: i64,
}

#[async_trait]
impl Threads for Store {
    /// Indexes: as for one message; `thread_follows_pkey`; `messages_by_thread` of one partition.
    #[tracing::instrument(name = "db.thread.read", skip_all, fields(conversation.id = %conversation, message.id = %root))]
    async fn thread(
        &self,
        reader: UserId,
        conversation: ConversationId,
        root: MessageId,
        anchor: HistoryAnchor,
        limit: u16,
    ) -> Result<ThreadPage, ThreadError> {
        self.limited(async {
            let _turn = self.reading().await?;
            let root = self.one(reader, conversation, root).await.map_err(|error| match error {
                HistoryError::NotMember => ThreadError::NotMember,
                HistoryError::UnknownMessage => ThreadError::UnknownMessage,
                HistoryError::Store(error) => error.into(),
            })?;
            if root.thread.is_some() {
                return Err(ThreadError::NotARoot);
            }
            let (of, thread) = ((reader, conversation), (false, root.seq.to_i64()));
            // Whoever sees the root sees all that stands behind it.
            let page = match anchor {
                HistoryAnchor::Newest | HistoryAnchor::Unread => self.older(of, root.seq, Seq(u64::MAX), limit, thread).await?,
                HistoryAnchor::Before(before) => self.older(of, root.seq, before, limit, thread).await?,
                HistoryAnchor::After(after) => self.newer(of, root.seq.max(after.next()), limit, thread).await?,
            };
            let mark = sqlx::query!(
                "SELECT follows, read_seq FROM thread_follows WHERE user_id = $1 AND conversation_id = $2 AND root_seq = $3",
                reader.to_uuid(),
                conversation.to_uuid(),
                root.seq.to_i64()
            );
            let mark = mark.fetch_optional(&self.pool).await.map_err(unavailable)?.filter(|mark| mark.follows);
            let (following, read_seq) = (mark.is_some(), mark.map(|mark| Seq::from_i64(mark.read_seq)));
            Ok(ThreadPage { root, messages: page.messages, has_more: page.has_more, following, read_seq })
        })
        .await
    }

    #[tracing::instrument(name = "db.thread.follow", skip_all, fields(conversation.id = %conversation, message.id = %root))]
    async fn follow_thread(
        &self,
        user: UserId,
        conversation: ConversationId,
        root: MessageId,
        following: bool,
        at_ms: TimestampMs,
    ) -> Result<LogAddress, ThreadError> {
        self.limited(async {
            let mut transaction = self.pool.begin().await.map_err(unavailable)?;
            let found = self.root(&mut transaction, user, conversation, root).await?;
            let address = LogAddress::User { shard: shard(found.shard)?, id: user };
            let before = sqlx::query_scalar!(
                "SELECT follows FROM thread_follows WHERE user_id = $1 AND conversation_id = $2 AND root_seq = $3 FOR NO KEY UPDATE",
                user.to_uuid(),
                conversation.to_uuid(),
                found.seq
            );
            let known = before.fetch_optional(&mut *transaction).await.map_err(unavailable)?;
            let before = known.unwrap_or(false);
            // What one begins to follow, one has read so far.
            let read_seq = sqlx::query_scalar!(
                "INSERT INTO thread_follows AS f
                     (user_id, conversation_id, root_seq, root_id, shard, follows, said_seq, read_seq, told_seq, touched_at)
                 VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $8, now())
                 ON CONFLICT (user_id, conversation_id, root_seq) DO UPDATE SET
                     follows = excluded.follows,
                     said_seq = greatest(f.said_seq, excluded.said_seq),
                     read_seq = CASE WHEN excluded.follows AND NOT f.follows THEN greatest(f.read_seq, excluded.read_seq)
                                     ELSE f.read_seq END,
                     told_seq = CASE WHEN excluded.follows AND NOT f.follows THEN greatest(f.read_seq, excluded.read_seq)
                                     ELSE f.read_seq END,
                     touched_at = CASE WHEN excluded.follows THEN excluded.touched_at ELSE f.touched_at END
                 RETURNING read_seq",
                user.to_uuid(),
                conversation.to_uuid(),
                found.seq,
                root.to_uuid(),
                found.shard,
                following,
                found.head,
                found.last
            );
            let read_seq = read_seq.fetch_one(&mut *transaction).await.map_err(unavailable)?;
            // A row that says "no" takes room, too.
            if known.is_none() {
                trim(&mut transaction, &[user.to_uuid()]).await.map_err(unavailable)?;
            }
            if before != following {
                let thread = MessageRef { message_id: root, seq: Seq::from_i64(found.seq) };
                let mut pending = Pending::default();
                self.push_thread(&mut pending, address, (user, conversation, thread), (following, Seq::from_i64(read_seq)), at_ms);
                pending.write(&mut transaction).await?;
            }
            commit(transaction).await?;
            Ok(address)
        })
        .await
    }

    #[tracing::instrument(name = "db.thread.mark", skip_all, fields(conversation.id = %conversation, message.id = %root))]
    async fn mark_thread_read(
        &self,
        user: UserId,
        conversation: ConversationId,
        root: MessageId,
        seq: Seq,
        at_ms: TimestampMs,
    ) -> Result<Option<LogAddress>, ThreadError> {
        self.limited(async {
            let mut transaction = self.pool.begin().await.map_err(unavailable)?;
            let found = self.root(&mut transaction, user, conversation, root).await?;
            let row = sqlx::query!(
                r#"UPDATE thread_follows SET
                       read_seq = least($4::bigint, $5),
                       told_seq = CASE WHEN due_at <= now() THEN least($4::bigint, $5) ELSE told_seq END,
                       due_at = CASE WHEN due_at <= now() THEN now() + make_interval(secs => $6) ELSE due_at END
                   WHERE user_id = $1 AND conversation_id = $2 AND root_seq = $3 AND follows AND read_seq < least($4::bigint, $5)
                   RETURNING read_seq, told_seq = read_seq AS "told!""#,
                user.to_uuid(),
                conversation.to_uuid(),
                found.seq,
                seq.to_i64(),
                found.last,
                EVERY.as_secs_f64()
            );
            let row = row.fetch_optional(&mut *transaction).await.map_err(unavailable)?;
            let address = LogAddress::User { shard: shard(found.shard)?, id: user };
            let told = row.filter(|row| row.told);
            if let Some(row) = &told {
                let thread = MessageRef { message_id: root, seq: Seq::from_i64(found.seq) };
                let mut pending = Pending::default();
                self.push_thread(&mut pending, address, (user, conversation, thread), (true, Seq::from_i64(row.read_seq)), at_ms);
                pending.write(&mut transaction).await?;
            }
            commit(transaction).await?;
            Ok(told.map(|_| address))
        })
        .await
    }

    /// Indexes: `thread_follows_by_touch`, of which the newest thousand; for each `threads_pkey`, `members_pkey` and
    /// `memberships_open_key`; for those of the page `messages_pkey`, and up to [`UNREAD_CAP`] entries of `messages_by_thread`.
    #[tracing::instrument(name = "db.threads.list", skip_all, fields(user.id = %user))]
    async fn followed_threads(&self, user: UserId, after: Option<ThreadCursor>, limit: u16) -> Result<ThreadListPage, StoreError> {
        self.limited(async {
            let _turn = self.reading().await?;
            let rows = sqlx::query!(
                r#"WITH followed AS MATERIALIZED (
                       SELECT conversation_id, root_seq, read_seq
                       FROM (SELECT * FROM thread_follows WHERE user_id = $1 ORDER BY touched_at DESC LIMIT $2) AS newest WHERE follows),
                   page AS MATERIALIZED (
                       SELECT f.conversation_id, f.root_seq, f.read_seq, t.last_at_ms
                       FROM followed f JOIN threads t USING (conversation_id, root_seq)
                       JOIN members d ON d.conversation_id = f.conversation_id AND d.user_id = $1
                       JOIN memberships v ON v.conversation_id = f.conversation_id AND v.user_id = $1 AND v.left_seq IS NULL
                            AND v.joined_seq <= f.root_seq
                       WHERE t.replies > 0
                         AND ($3::bigint IS NULL OR (t.last_at_ms, f.conversation_id, f.root_seq) < ($3, $4::uuid, $5::bigint))
                         AND NOT EXISTS (SELECT FROM hidden_messages x
                                         WHERE x.user_id = $1 AND x.conversation_id = f.conversation_id AND x.seq = f.root_seq)
                       ORDER BY t.last_at_ms DESC, f.conversation_id DESC, f.root_seq DESC LIMIT $6)
                   SELECT page.conversation_id, page.root_seq, page.read_seq, page.last_at_ms, unread.count AS "unread!"
                   FROM page CROSS JOIN LATERAL (
                       SELECT count(*) FILTER (WHERE behind.counts) AS count
                       FROM (SELECT NOT e.deleted AND e.sender_id <> $1 AND (e.only_for IS NULL OR e.only_for = $1)
                                    AND NOT EXISTS (SELECT FROM hidden_messages x WHERE x.user_id = $1
                                                    AND x.conversation_id = e.conversation_id AND x.seq = e.seq) AS counts
                             FROM messages e
                             WHERE e.conversation_id = page.conversation_id AND (e.thread_seq, e.seq) > (page.root_seq, page.read_seq)
                               AND (e.thread_seq, e.seq) < (page.root_seq + 1, 0)
                             ORDER BY e.thread_seq, e.seq LIMIT $7) AS behind) AS unread
                   ORDER BY page.last_at_ms DESC, page.conversation_id DESC, page.root_seq DESC"#,
                user.to_uuid(),
                MOST_FOLLOWED,
                after.map(|after| after.last_at_ms),
                after.map(|after| after.conversation.to_uuid()),
                after.map(|after| after.root.to_i64()),
                i64::from(limit) + 1,
                UNREAD_CAP
            );
            let mut rows = rows.fetch_all(&self.pool).await.map_err(unavailable)?;
            let more = rows.len() > usize::from(limit);
            rows.truncate(usize::from(limit));
            let next = rows.last().filter(|_| more).map(|row| ThreadCursor {
                last_at_ms: row.last_at_ms,
                conversation: ConversationId::from_uuid(row.conversation_id),
                root: Seq::from_i64(row.root_seq),
            });
            let places: (Vec<Uuid>, Vec<i64>) = rows.iter().map(|row| (row.conversation_id, row.root_seq)).unzip();
            let mut roots = self.roots(user, &places).await?.into_iter().peekable();
            let mut threads = Vec::with_capacity(rows.len());
            for row in rows {
                // One that went meanwhile is left out.
                let is_it = |root: &Message| root.conversation_id.to_uuid() == row.conversation_id && root.seq.to_i64() == row.root_seq;
                let Some(root) = roots.next_if(is_it) else { continue };
                let unread_count = u32::try_from(row.unread).unwrap_or(u32::MAX);
                threads.push(FollowedThread { root, read_seq: Seq::from_i64(row.read_seq), unread_count });
            }
            Ok(ThreadListPage { threads, next })
        })
        .await
    }
}

#[async_trait]
impl ThreadNews for Store {
    /// Index: `thread_follows_due`. Rows that another worker has are left to it.
    #[tracing::instrument(name = "db.threads.tell", skip_all)]
    async fn tell_due_threads(&self, limit: u32) -> Result<(Vec<LogAddress>, bool), StoreError> {
        self.limited(async {
            let mut transaction = self.pool.begin().await.map_err(unavailable)?;
            let due = sqlx::query!(
                "UPDATE thread_follows f SET told_seq = f.read_seq, due_at = now() + make_interval(secs => $2)
                 FROM (SELECT user_id, conversation_id, root_seq FROM thread_follows WHERE told_seq < read_seq AND due_at <= now()
                       ORDER BY due_at LIMIT $1 FOR UPDATE SKIP LOCKED) AS due
                 WHERE f.user_id = due.user_id AND f.conversation_id = due.conversation_id AND f.root_seq = due.root_seq
                 RETURNING f.user_id, f.conversation_id, f.root_seq, f.root_id, f.shard, f.follows, f.read_seq",
                i64::from(limit),
                EVERY.as_secs_f64()
            );
            let due = due.fetch_all(&mut *transaction).await.map_err(unavailable)?;
            if due.is_empty() {
                return Ok((Vec::new(), false));
            }
            let more = due.len() >= limit as usize;
            let (at_ms, mut pending) = (millis(OffsetDateTime::now_utc()), Pending::default());
            for row in due {
                let (user, conversation) = (UserId::from_uuid(row.user_id), ConversationId::from_uuid(row.conversation_id));
                let thread = MessageRef { message_id: MessageId::from_uuid(row.root_id), seq: Seq::from_i64(row.root_seq) };
                let address = LogAddress::User { shard: shard(row.shard)?, id: user };
                self.push_thread(&mut pending, address, (user, conversation, thread), (row.follows, Seq::from_i64(row.read_seq)), at_ms);
            }
            let touched = pending.write(&mut transaction).await?;
            commit(transaction).await?;
            Ok((touched, more))
        })
        .await
    }
}

impl Store {
    fn push_thread(
        &self,
        pending: &mut Pending,
        address: LogAddress,
        (user_id, conversation_id, thread): (UserId, ConversationId, MessageRef),
        (following, read_seq): (bool, Seq),
        at_ms: TimestampMs,
    ) {
        let event_id = self.event_id();
        let moved = ThreadMarkMoved { event_id, actor_id: user_id, at_ms, user_id, conversation_id, thread, following, read_seq };
        pending.push(address, event_id, LogEvent::ThreadMarkMoved(moved));
    }

    /// A message that may be a thread's root, for somebody who may see it. The member's row is what a removal waits for. Indexes:
    /// `members_pkey`, `messages_message_id_key`, `memberships_open_key`, `conversation_heads_pkey`, `threads_pkey`.
    async fn root(
        &self,
        connection: &mut PgConnection,
        user: UserId,
        conversation: ConversationId,
        root: MessageId,
    ) -> Result<Root, ThreadError> {
        let member = sqlx::query_scalar!(
            "SELECT c.shard FROM members m JOIN conversations c USING (conversation_id)
             WHERE m.conversation_id = $1 AND m.user_id = $2 FOR NO KEY UPDATE OF m",
            conversation.to_uuid(),
            user.to_uuid()
        );
        let shard = member.fetch_optional(&mut *connection).await.map_err(unavailable)?.ok_or(ThreadError::NotMember)?;
        let row = sqlx::query!(
            r#"SELECT e.seq, e.thread_seq, coalesce(h.last_seq, e.seq) AS "head!", coalesce(t.last_seq, e.seq) AS "last!"
               FROM messages e
               JOIN memberships v ON v.conversation_id = e.conversation_id AND v.user_id = $3 AND v.left_seq IS NULL
                    AND v.joined_seq <= e.seq
               LEFT JOIN conversation_heads h ON h.conversation_id = e.conversation_id
               LEFT JOIN threads t ON t.conversation_id = e.conversation_id AND t.root_seq = e.seq
               WHERE e.conversation_id = $1 AND e.message_id = $2 AND e.kind = 'MESSAGE_SENT' AND (e.only_for IS NULL OR e.only_for = $3)"#,
            conversation.to_uuid(),
            root.to_uuid(),
            user.to_uuid()
        );
        match row.fetch_optional(&mut *connection).await.map_err(unavailable)? {
            Some(row) if row.thread_seq != 0 => Err(ThreadError::NotARoot),
            Some(row) => Ok(Root { seq: row.seq, shard, head: row.head, last: row.last }),
            None if self.messages_are_filled().await? => Err(ThreadError::UnknownMessage),
            None => Err(StoreError::new("messages are being filled").into()),
        }
    }

    /// The messages at these places as they are now, in this order, for a reader who may see them. Indexes: `messages_pkey`,
    /// `reactions_pkey`, `threads_pkey`.
    async fn roots(&self, reader: UserId, (conversations, seqs): &(Vec<Uuid>, Vec<i64>)) -> Result<Vec<Message>, StoreError> {
        let rows = sqlx::query_as!(
            EventRow,
            r#"SELECT m.conversation_id, m.seq, m.prev_seq, m.shard, m.kind, m.message_id AS event_id, m.sender_id AS actor_id, m.client_id,
                      m.body::text AS "body!", m.further::text AS further, m.sent_at_ms AS decided_at_ms, m.stored_at AS at, m.edited_seq,
                      m.edited_at, nullif(m.reactions, '{}')::text AS reactions,
                      CASE WHEN m.reactions <> '{}' THEN ARRAY (
                          SELECT r.emoji FROM reactions r
                          WHERE r.conversation_id = m.conversation_id AND r.seq = m.seq AND r.user_id = $1 AND r.stays) END AS mine,
                      thread_replies(m.conversation_id, m.seq) AS replies
               FROM unnest($2::uuid[], $3::bigint[]) WITH ORDINALITY AS t (conversation_id, seq, place)
               JOIN messages m ON m.conversation_id = t.conversation_id AND m.seq = t.seq
               WHERE m.kind = 'MESSAGE_SENT' AND (m.only_for IS NULL OR m.only_for = $1)
               ORDER BY t.place"#,
            reader.to_uuid(),
            conversations,
            seqs
        );
        rows.fetch_all(&self.pool).await.map_err(unavailable)?.into_iter().map(message_of).collect()
    }
}
