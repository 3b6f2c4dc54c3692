//! What replies make of threads. A reply is counted in the statement's transaction that makes its row, and taken out where its row
//! becomes a tombstone, so the count is exact whatever is delivered twice. Nothing is written for each follower.

use relay_domain::ports::ProjectError;
use relay_protocol::ThreadReplies;
use relay_types::{ConversationId, Seq, ShardId};
use sqlx::PgConnection;
use sqlx::types::Uuid;
use time::OffsetDateTime;

use super::batch::Closings;
use super::erase::Erased;
use super::{lock_watermark, refused};
use crate::Store;
use crate::convert::shard_column;
use crate::event_row::thread_of;

/// Threads of which a person's follows and marks are kept: those in which they last took part.
pub(crate) const MOST_FOLLOWED: i64 = 1_000;
/// Replies behind an erased one in which the newest that is left is looked for.
const LOOKED_BACK: i64 = 1_000;

/// A reply whose row was made.
pub(super) struct Reply {
    pub(super) conversation: Uuid,
    pub(super) root: i64,
    pub(super) seq: i64,
    pub(super) sender: Uuid,
    pub(super) sent_at_ms: i64,
    pub(super) stored_at: OffsetDateTime,
}

/// Replies as columns for `UNNEST`.
#[derive(Default)]
struct Columns {
    conversation: Vec<Uuid>,
    root: Vec<i64>,
    seq: Vec<i64>,
    sender: Vec<Uuid>,
    sent_at_ms: Vec<i64>,
    stored_at: Vec<OffsetDateTime>,
}

/// Counts the replies, and lets their authors and the roots' follow. Indexes: `threads_pkey`, one probe per thread; `messages_pkey` and
/// `memberships_open_key` for the root's author; `thread_follows_pkey`, one probe per author.
pub(super) async fn take(connection: &mut PgConnection, shard: ShardId, replies: Vec<Reply>) -> sqlx::Result<()> {
    if replies.is_empty() {
        return Ok(());
    }
    let mut rows = Columns::default();
    for reply in replies {
        rows.conversation.push(reply.conversation);
        rows.root.push(reply.root);
        rows.seq.push(reply.seq);
        rows.sender.push(reply.sender);
        rows.sent_at_ms.push(reply.sent_at_ms);
        rows.stored_at.push(reply.stored_at);
    }
    sqlx::query!(
        "WITH run AS MATERIALIZED (
             SELECT * FROM unnest($1::uuid[], $2::bigint[], $3::bigint[], $4::uuid[], $5::bigint[])
                  AS t (conversation_id, root_seq, seq, sender_id, sent_at_ms)),
         authors AS (
             SELECT conversation_id, root_seq, (array_agg(sender_id ORDER BY first))[1:$6] AS by
             FROM (SELECT conversation_id, root_seq, sender_id, min(seq) AS first FROM run GROUP BY 1, 2, 3) AS each
             GROUP BY 1, 2)
         INSERT INTO threads AS t (conversation_id, root_seq, replies, last_seq, last_at_ms, by, upto_seq)
         SELECT conversation_id, root_seq, count(*), max(run.seq), (array_agg(run.sent_at_ms ORDER BY run.seq DESC))[1], authors.by,
                max(run.seq)
         FROM run JOIN authors USING (conversation_id, root_seq)
         GROUP BY conversation_id, root_seq, authors.by ORDER BY conversation_id, root_seq
         ON CONFLICT (conversation_id, root_seq) DO UPDATE SET
             replies = t.replies + excluded.replies,
             last_seq = greatest(t.last_seq, excluded.last_seq),
             last_at_ms = CASE WHEN excluded.last_seq > t.last_seq THEN excluded.last_at_ms ELSE t.last_at_ms END,
             by = CASE WHEN cardinality(t.by) >= $6 OR excluded.by <@ t.by THEN t.by
                       ELSE (t.by || ARRAY (SELECT n.who FROM unnest(excluded.by) WITH ORDINALITY AS n (who, place)
                                            WHERE n.who <> ALL (t.by) ORDER BY n.place))[1:$6] END,
             upto_seq = greatest(t.upto_seq, excluded.upto_seq)",
        &rows.conversation,
        &rows.root,
        &rows.seq,
        &rows.sender,
        &rows.sent_at_ms,
        i32::try_from(ThreadReplies::MOST_NAMED).unwrap_or(i32::MAX)
    )
    .execute(&mut *connection)
    .await?;
    follow(connection, shard, &rows).await
}

/// What one wrote behind, one has read. A follow that was ended is there again with the next reply of the same person, and not before.
/// The root's author took part when they wrote the root: replies by others to old messages put out nothing that they took part in since.
async fn follow(connection: &mut PgConnection, shard: ShardId, rows: &Columns) -> sqlx::Result<()> {
    let fresh = sqlx::query_scalar!(
        r#"WITH run AS MATERIALIZED (
               SELECT conversation_id, root_seq, sender_id, max(seq) AS seq, max(stored_at) AS stored_at
               FROM unnest($1::uuid[], $2::bigint[], $3::bigint[], $4::uuid[], $5::timestamptz[])
                    AS t (conversation_id, root_seq, seq, sender_id, stored_at) GROUP BY 1, 2, 3),
           roots AS MATERIALIZED (
               SELECT DISTINCT m.conversation_id, m.seq AS root_seq, m.message_id AS root_id, m.sender_id, m.stored_at
               FROM run JOIN messages m ON m.conversation_id = run.conversation_id AND m.seq = run.root_seq
               WHERE m.kind = 'MESSAGE_SENT' AND m.thread_seq = 0),
           people AS (
               SELECT run.sender_id AS user_id, run.conversation_id, run.root_seq, roots.root_id, run.seq, run.stored_at
               FROM run JOIN roots USING (conversation_id, root_seq)
               UNION ALL
               SELECT roots.sender_id, roots.conversation_id, roots.root_seq, roots.root_id, roots.root_seq, roots.stored_at FROM roots
               WHERE EXISTS (SELECT FROM memberships v WHERE v.conversation_id = roots.conversation_id AND v.user_id = roots.sender_id
                                                         AND v.left_seq IS NULL AND v.joined_seq <= roots.root_seq)
                 AND NOT EXISTS (SELECT FROM run WHERE run.conversation_id = roots.conversation_id AND run.root_seq = roots.root_seq
                                                   AND run.sender_id = roots.sender_id)
                 AND NOT EXISTS (SELECT FROM thread_follows f WHERE f.user_id = roots.sender_id AND f.root_seq = roots.root_seq
                                                                AND f.conversation_id = roots.conversation_id)),
           written AS (
               INSERT INTO thread_follows AS f
                   (user_id, conversation_id, root_seq, root_id, shard, follows, said_seq, read_seq, told_seq, touched_at)
               SELECT user_id, conversation_id, root_seq, root_id, $6, true, seq, seq, seq, stored_at FROM people
               ORDER BY user_id, conversation_id, root_seq
               ON CONFLICT (user_id, conversation_id, root_seq) DO UPDATE SET
                   follows = f.follows OR excluded.said_seq > f.said_seq,
                   said_seq = greatest(f.said_seq, excluded.said_seq),
                   read_seq = greatest(f.read_seq, excluded.read_seq),
                   told_seq = greatest(f.told_seq, excluded.told_seq),
                   touched_at = greatest(f.touched_at, excluded.touched_at)
               RETURNING f.user_id, f.xmax = 0 AS fresh)
           SELECT DISTINCT user_id AS "user_id!" FROM written WHERE fresh"#,
        &rows.conversation,
        &rows.root,
        &rows.seq,
        &rows.sender,
        &rows.stored_at,
        shard_column(shard)
    )
    .fetch_all(&mut *connection)
    .await?;
    trim(connection, &fresh).await
}

/// Forgets what people took part in longest ago, where it is more than one person keeps. What another transaction holds is left to the
/// next time, so that two of them never wait for each other. Index: `thread_follows_by_touch`.
pub(crate) async fn trim(connection: &mut PgConnection, people: &[Uuid]) -> sqlx::Result<()> {
    if people.is_empty() {
        return Ok(());
    }
    sqlx::query!(
        "DELETE FROM thread_follows f USING (
             SELECT t.user_id, t.conversation_id, t.root_seq
             FROM unnest($1::uuid[]) AS who (person)
             CROSS JOIN LATERAL (
                 SELECT t.user_id, t.conversation_id, t.root_seq FROM thread_follows t WHERE t.user_id = who.person
                 ORDER BY t.touched_at DESC OFFSET $2 LIMIT 100) AS old
             JOIN thread_follows t USING (user_id, conversation_id, root_seq)
             FOR UPDATE OF t SKIP LOCKED) AS gone
         WHERE f.user_id = gone.user_id AND f.conversation_id = gone.conversation_id AND f.root_seq = gone.root_seq",
        people,
        MOST_FOLLOWED
    )
    .execute(connection)
    .await
    .map(drop)
}

/// Who left follows nothing there any more. Index: `thread_follows_pkey`.
pub(super) async fn forget(connection: &mut PgConnection, left: &Closings) -> sqlx::Result<()> {
    sqlx::query!(
        "DELETE FROM thread_follows f USING unnest($1::uuid[], $2::uuid[]) AS t (conversation_id, user_id)
         WHERE f.conversation_id = t.conversation_id AND f.user_id = t.user_id",
        &left.conversation,
        &left.user
    )
    .execute(connection)
    .await
    .map(drop)
}

/// Replies that are to be erased and are not yet: their threads, and the erasures' places.
#[derive(Default)]
pub(super) struct Going {
    conversation: Vec<Uuid>,
    root: Vec<i64>,
    said: Vec<i64>,
}

/// Before a run is erased. Index: `messages_message_id_key`, one probe per erasure.
pub(super) async fn going(connection: &mut PgConnection, run: &[Erased]) -> sqlx::Result<Going> {
    if run.is_empty() {
        return Ok(Going::default());
    }
    let conversations: Vec<Uuid> = run.iter().map(|erased| erased.event.conversation_id.to_uuid()).collect();
    let messages: Vec<Uuid> = run.iter().map(|erased| erased.event.message_id.to_uuid()).collect();
    let said: Vec<i64> = run.iter().map(|erased| erased.seq.to_i64()).collect();
    let rows = sqlx::query!(
        r#"SELECT m.conversation_id, m.thread_seq, t.said AS "said!"
           FROM (SELECT conversation_id, message_id, min(said) AS said
                 FROM unnest($1::uuid[], $2::uuid[], $3::bigint[]) AS t (conversation_id, message_id, said) GROUP BY 1, 2) AS t
           JOIN messages m ON m.conversation_id = t.conversation_id AND m.message_id = t.message_id
           WHERE m.kind = 'MESSAGE_SENT' AND m.thread_seq <> 0 AND NOT m.deleted"#,
        &conversations,
        &messages,
        &said
    )
    .fetch_all(connection)
    .await?;
    let mut going = Going::default();
    for row in rows {
        going.conversation.push(row.conversation_id);
        going.root.push(row.thread_seq);
        going.said.push(row.said);
    }
    Ok(going)
}

/// Once they are erased: they count no more, and who is named and which is the newest is found anew. Indexes: `threads_pkey`,
/// `messages_by_thread`.
pub(super) async fn gone(connection: &mut PgConnection, going: &Going) -> sqlx::Result<()> {
    if going.root.is_empty() {
        return Ok(());
    }
    sqlx::query!(
        "WITH gone AS MATERIALIZED (
             SELECT conversation_id, root_seq, count(*) AS replies, max(said) AS said
             FROM unnest($1::uuid[], $2::bigint[], $3::bigint[]) AS t (conversation_id, root_seq, said) GROUP BY 1, 2)
         UPDATE threads t SET
             replies = greatest(t.replies - gone.replies, 0),
             upto_seq = greatest(t.upto_seq, gone.said),
             last_seq = coalesce(newest.seq, t.last_seq),
             last_at_ms = coalesce(newest.sent_at_ms, t.last_at_ms),
             by = coalesce(named.by, '{}')
         FROM gone
         LEFT JOIN LATERAL (
             SELECT seq, sent_at_ms
             FROM (SELECT m.seq, m.sent_at_ms, m.deleted FROM messages m
                   WHERE m.conversation_id = gone.conversation_id AND (m.thread_seq, m.seq) >= (gone.root_seq, 0)
                     AND (m.thread_seq, m.seq) < (gone.root_seq + 1, 0)
                   ORDER BY m.thread_seq DESC, m.seq DESC LIMIT $4) AS back
             WHERE NOT deleted ORDER BY seq DESC LIMIT 1) AS newest ON true
         LEFT JOIN LATERAL (
             SELECT (array_agg(sender_id ORDER BY first))[1:$5] AS by
             FROM (SELECT sender_id, min(seq) AS first
                   FROM (SELECT m.sender_id, m.seq, m.deleted FROM messages m
                         WHERE m.conversation_id = gone.conversation_id AND (m.thread_seq, m.seq) >= (gone.root_seq, 0)
                           AND (m.thread_seq, m.seq) < (gone.root_seq + 1, 0)
                         ORDER BY m.thread_seq, m.seq LIMIT $4) AS begin
                   WHERE NOT deleted GROUP BY sender_id) AS each) AS named ON true
         WHERE t.conversation_id = gone.conversation_id AND t.root_seq = gone.root_seq",
        &going.conversation,
        &going.root,
        &going.said,
        LOOKED_BACK,
        i32::try_from(ThreadReplies::MOST_NAMED).unwrap_or(i32::MAX)
    )
    .execute(connection)
    .await
    .map(drop)
}

/// Counts a thread anew, after a repair. Reads all of it. Index: `messages_by_thread`.
pub(super) async fn recount(connection: &mut PgConnection, conversation: ConversationId, root: Seq) -> sqlx::Result<()> {
    sqlx::query!(
        "UPDATE threads t SET replies = found.replies, last_seq = coalesce(found.last_seq, t.last_seq)
         FROM (SELECT count(*) AS replies, max(seq) AS last_seq FROM messages
               WHERE conversation_id = $1 AND thread_seq = $2 AND NOT deleted) AS found
         WHERE t.conversation_id = $1 AND t.root_seq = $2",
        conversation.to_uuid(),
        root.to_i64()
    )
    .execute(connection)
    .await
    .map(drop)
}

/// Replies that are put into their threads in one transaction.
const AT_ONCE: i64 = 5_000;

impl Store {
    /// Puts into their threads what a worker of before, which knows none, projected, [`AT_ONCE`] in one transaction. Index:
    /// `messages_by_place`.
    pub(super) async fn make_up_for_missed_threads(&self, shard: ShardId, epoch: &str) -> Result<(), ProjectError> {
        loop {
            let mut transaction = self.pool.begin().await.map_err(refused)?;
            let at = lock_watermark(&mut transaction, shard, epoch).await?;
            if at.threaded_upto >= at.seq {
                return Ok(());
            }
            let rows = sqlx::query!(
                r#"SELECT conversation_id, seq, sender_id, sent_at_ms, stored_at, further::text AS "further!" FROM messages
                   WHERE shard = $1 AND seq > $2 AND seq <= $3 AND kind = 'MESSAGE_SENT' AND thread_seq = 0 AND further ? 'thread'
                   ORDER BY seq LIMIT $4"#,
                shard_column(shard),
                at.threaded_upto.to_i64(),
                at.seq.to_i64(),
                AT_ONCE
            );
            let rows = rows.fetch_all(&mut *transaction).await.map_err(refused)?;
            // By replies and not by places: a log that goes on under a new epoch leaves out billions of those.
            let is_all = i64::try_from(rows.len()).is_ok_and(|found| found < AT_ONCE);
            let upto = rows.last().filter(|_| !is_all).map_or(at.seq.to_i64(), |row| row.seq);
            let replies: Vec<Reply> = rows
                .into_iter()
                .filter_map(|row| {
                    let root = thread_of(Some(&row.further))?.seq.to_i64();
                    if root >= row.seq {
                        return None;
                    }
                    let (conversation, seq, sender) = (row.conversation_id, row.seq, row.sender_id);
                    Some(Reply { conversation, root, seq, sender, sent_at_ms: row.sent_at_ms, stored_at: row.stored_at })
                })
                .collect();
            let conversations: Vec<Uuid> = replies.iter().map(|reply| reply.conversation).collect();
            let seqs: Vec<i64> = replies.iter().map(|reply| reply.seq).collect();
            let roots: Vec<i64> = replies.iter().map(|reply| reply.root).collect();
            sqlx::query!(
                "UPDATE messages m SET thread_seq = t.root FROM unnest($1::uuid[], $2::bigint[], $3::bigint[]) AS t (conversation_id, seq, root)
                 WHERE m.conversation_id = t.conversation_id AND m.seq = t.seq",
                &conversations,
                &seqs,
                &roots
            )
            .execute(&mut *transaction)
            .await
            .map_err(refused)?;
            take(&mut transaction, shard, replies).await.map_err(refused)?;
            sqlx::query!("UPDATE watermarks SET threaded_upto = $2 WHERE shard = $1", shard_column(shard), upto)
                .execute(&mut *transaction)
                .await
                .map_err(refused)?;
            transaction.commit().await.map_err(refused)?;
        }
    }
}
