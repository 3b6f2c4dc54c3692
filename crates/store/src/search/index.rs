//! Filling the index from `messages`, behind the projection.
//!
//! It follows the projection and not the log: void messages, erasures and edits are decided there, a log that was lost goes on there,
//! and the log has no second reader. The watermark moves in the transaction of its rows. Whatever is read is the state of now, so a run
//! that is done twice, or from the beginning, gives the same.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use async_trait::async_trait;
use relay_domain::ports::{Indexed, SearchIndex, StoreError};
use relay_domain::search::index_words;
use relay_protocol::MessageBody;
use relay_types::{ShardId, UserId};
use sqlx::PgConnection;
use sqlx::types::Uuid;
use time::OffsetDateTime;

use super::candidates::quoted;
use crate::Store;
use crate::convert::{micros, shard_column};
use crate::error::{unavailable, unreadable};
use crate::store::within;

/// Messages of one transaction: a quarter of a second at most, where a row costs half a millisecond.
const AT_ONCE: i64 = 500;
/// One run may take as long as this many calls.
const RUN_CALLS: u32 = 4;
/// The next month's partition is made so long before it is needed.
const AHEAD: time::Duration = time::Duration::days(7);

/// What the index does not have yet.
pub(super) struct Waiting {
    /// How long the oldest message of it has waited.
    pub(super) lag: Duration,
    /// The database's time.
    pub(super) now_us: i64,
}

/// A message as the index has it.
type Key = (Uuid, OffsetDateTime, i64);

struct Row {
    conversation_id: Uuid,
    seq: i64,
    sender_id: Uuid,
    body: String,
    deleted: bool,
    stored_at: OffsetDateTime,
}

#[async_trait]
impl SearchIndex for Store {
    #[tracing::instrument(name = "db.search.index", skip_all, fields(shard = %shard))]
    async fn index_next(&self, shard: ShardId) -> Result<Indexed, StoreError> {
        // Places of messages that are filled in later lie behind the watermark.
        if !self.messages_are_filled().await? {
            return Ok(Indexed::default());
        }
        within(self.call_limit * RUN_CALLS, self.index_run(shard)).await
    }
}

impl Store {
    async fn index_run(&self, shard: ShardId) -> Result<Indexed, StoreError> {
        let mut transaction = self.pool.begin().await.map_err(unavailable)?;
        let Some(after) = lock_watermark(&mut transaction, shard).await? else {
            transaction.commit().await.map_err(unavailable)?;
            return Ok(Indexed::default());
        };
        let watermark = sqlx::query!(
            r#"SELECT seq, now() AS "now!",
                      coalesce(updated_at > now() - interval '1 second' AND stored_at < now() - interval '5 seconds', false) AS "behind!"
               FROM watermarks WHERE shard = $1"#,
            shard_column(shard)
        );
        let Some(watermark) = watermark.fetch_optional(&mut *transaction).await.map_err(unavailable)? else {
            return Ok(Indexed::default());
        };
        let projected = watermark.seq;
        // A projection that is filled anew is indexed anew.
        let after = if after > projected { 0 } else { after };
        let mut again = looked_at_again(&mut transaction, shard).await.map_err(unavailable)?;
        if after == projected && again.is_empty() {
            return Ok(Indexed::default());
        }
        let mut rows = sent(&mut transaction, shard, after, projected).await.map_err(unavailable)?;
        let mut upto = if is_all(rows.len()) { projected } else { rows.last().map_or(projected, |row| row.seq) };
        let amended = amended(&mut transaction, shard, after, upto).await.map_err(unavailable)?;
        if !is_all(amended.len()) {
            upto = amended.last().map_or(upto, |(seq, _)| *seq);
            rows.retain(|row| row.seq <= upto);
        }
        let lag = rows.first().map_or(Duration::ZERO, |row| Duration::try_from(watermark.now - row.stored_at).unwrap_or_default());
        again.extend(amended.into_iter().map(|(_, target)| target));
        rows.extend(targets(&mut transaction, &again).await.map_err(unavailable)?);
        let messages = rows.len() as u64;
        write(&mut transaction, rows).await?;
        move_watermark(&mut transaction, shard, upto).await.map_err(unavailable)?;
        transaction.commit().await.map_err(unavailable)?;
        Ok(Indexed { messages, more: upto < projected, lag, yields: watermark.behind })
    }

    /// What is not indexed yet. Index: `messages_by_place` in every partition, and only while something waits.
    pub(super) async fn waiting(&self) -> Result<Waiting, StoreError> {
        let row = sqlx::query!(
            r#"SELECT now() AS "now!", (
                   SELECT min(waiting.stored_at)
                   FROM watermarks w LEFT JOIN search_watermarks s USING (shard)
                   CROSS JOIN LATERAL (
                       SELECT m.stored_at FROM messages m
                       WHERE m.shard = w.shard AND m.seq > coalesce(s.seq, 0) AND m.seq <= w.seq AND m.kind = 'MESSAGE_SENT'
                       ORDER BY m.seq LIMIT 1) AS waiting
                   WHERE w.seq > coalesce(s.seq, 0)) AS oldest"#
        );
        let row = row.fetch_one(&self.pool).await.map_err(unavailable)?;
        let lag = row.oldest.map_or(Duration::ZERO, |oldest| Duration::try_from(row.now - oldest).unwrap_or_default());
        Ok(Waiting { lag, now_us: micros(row.now) })
    }

    /// Empties the index: its worker fills it again, the oldest messages first.
    ///
    /// # Errors
    /// When Postgres does not answer, or its user does not own the tables.
    ///
    /// # Cancel safety
    /// Cancel safe: all or nothing.
    pub async fn empty_search_index(&self) -> Result<(), StoreError> {
        self.limited(async {
            let mut transaction = self.pool.begin().await.map_err(unavailable)?;
            // A run that is under way ends first.
            let empty = "LOCK TABLE search_watermarks IN ACCESS EXCLUSIVE MODE;
                         TRUNCATE search_messages, search_again;
                         UPDATE search_watermarks SET seq = 0";
            sqlx::raw_sql(empty).execute(&mut *transaction).await.map_err(unavailable)?;
            transaction.commit().await.map_err(unavailable)
        })
        .await
    }
}

/// Whether there are no more rows than those that were asked for.
fn is_all(rows: usize) -> bool {
    i64::try_from(rows).unwrap_or(i64::MAX) < AT_ONCE
}

/// The shard's watermark, unless another process has it.
async fn lock_watermark(connection: &mut PgConnection, shard: ShardId) -> Result<Option<i64>, StoreError> {
    let locked = sqlx::query_scalar!("SELECT seq FROM search_watermarks WHERE shard = $1 FOR UPDATE SKIP LOCKED", shard_column(shard));
    if let Some(seq) = locked.fetch_optional(&mut *connection).await.map_err(unavailable)? {
        return Ok(Some(seq));
    }
    // Perhaps it is the first time.
    sqlx::query!("INSERT INTO search_watermarks (shard, seq) VALUES ($1, 0) ON CONFLICT DO NOTHING", shard_column(shard))
        .execute(connection)
        .await
        .map_err(unavailable)?;
    Ok(None)
}

async fn move_watermark(connection: &mut PgConnection, shard: ShardId, upto: i64) -> sqlx::Result<()> {
    sqlx::query!("UPDATE search_watermarks SET seq = $2, updated_at = now() WHERE shard = $1", shard_column(shard), upto)
        .execute(connection)
        .await
        .map(drop)
}

/// Index: `messages_by_place` in every partition.
async fn sent(connection: &mut PgConnection, shard: ShardId, after: i64, upto: i64) -> sqlx::Result<Vec<Row>> {
    sqlx::query_as!(
        Row,
        r#"SELECT conversation_id, seq, sender_id, body::text AS "body!", deleted, stored_at FROM messages
           WHERE shard = $1 AND seq > $2 AND seq <= $3 AND kind = 'MESSAGE_SENT' ORDER BY seq LIMIT $4"#,
        shard_column(shard),
        after,
        upto,
        AT_ONCE
    )
    .fetch_all(connection)
    .await
}

/// Where edits and erasures stand, and which messages they are about. Index: `conversation_events_by_seq` in each month.
async fn amended(connection: &mut PgConnection, shard: ShardId, after: i64, upto: i64) -> sqlx::Result<Vec<(i64, (Uuid, i64))>> {
    let rows = sqlx::query!(
        r#"SELECT seq, conversation_id, (body ->> 'message_seq')::bigint AS "message_seq!" FROM conversation_events
           WHERE shard = $1 AND seq > $2 AND seq <= $3 AND kind IN ('MESSAGE_EDITED', 'MESSAGE_ERASED') AND body ? 'message_seq'
           ORDER BY seq LIMIT $4"#,
        shard_column(shard),
        after,
        upto,
        AT_ONCE
    );
    let rows = rows.fetch_all(connection).await?;
    Ok(rows.into_iter().map(|row| (row.seq, (row.conversation_id, row.message_seq))).collect())
}

/// Takes some of what is to be looked at again, of this shard alone: whoever holds its watermark is the only one that writes its words, so
/// nothing that was read before an erasure is written behind it. Indexes: `search_again_pkey`, `messages_pkey` of one partition each.
async fn looked_at_again(connection: &mut PgConnection, shard: ShardId) -> sqlx::Result<BTreeSet<(Uuid, i64)>> {
    let rows = sqlx::query!(
        "DELETE FROM search_again WHERE ctid = ANY (ARRAY (
             SELECT a.ctid FROM search_again a JOIN messages m ON m.conversation_id = a.conversation_id AND m.seq = a.seq
             WHERE m.shard = $1 LIMIT $2 FOR UPDATE OF a SKIP LOCKED))
         RETURNING conversation_id, seq",
        shard_column(shard),
        AT_ONCE
    );
    Ok(rows.fetch_all(connection).await?.into_iter().map(|row| (row.conversation_id, row.seq)).collect())
}

/// Index: `messages_pkey` of one partition each.
async fn targets(connection: &mut PgConnection, targets: &BTreeSet<(Uuid, i64)>) -> sqlx::Result<Vec<Row>> {
    if targets.is_empty() {
        return Ok(Vec::new());
    }
    let (conversations, seqs): (Vec<Uuid>, Vec<i64>) = targets.iter().copied().unzip();
    sqlx::query_as!(
        Row,
        r#"SELECT m.conversation_id, m.seq, m.sender_id, m.body::text AS "body!", m.deleted, m.stored_at
           FROM unnest($1::uuid[], $2::bigint[]) AS t (conversation_id, seq)
           JOIN messages m ON m.conversation_id = t.conversation_id AND m.seq = t.seq AND m.kind = 'MESSAGE_SENT'"#,
        &conversations,
        &seqs
    )
    .fetch_all(connection)
    .await
}

/// The rows of these messages, whose words are those of now; none for what says nothing.
async fn write(connection: &mut PgConnection, rows: Vec<Row>) -> Result<(), StoreError> {
    let mut words: BTreeMap<Key, String> = BTreeMap::new();
    let mut silent: BTreeSet<Key> = BTreeSet::new();
    for row in rows {
        let key = (row.conversation_id, row.stored_at, row.seq);
        let body: MessageBody = serde_json::from_str(&row.body).map_err(|_| unreadable("message body"))?;
        // A long text takes milliseconds, in which nothing else goes on.
        tokio::task::yield_now().await;
        let found = if row.deleted { BTreeSet::new() } else { index_words(UserId::from_uuid(row.sender_id), &body) };
        if found.is_empty() {
            words.remove(&key);
            silent.insert(key);
        } else {
            silent.remove(&key);
            words.insert(key, found.iter().map(|word| quoted(word)).collect::<Vec<_>>().join(" "));
        }
    }
    partitions(connection, words.keys()).await.map_err(unavailable)?;
    if !words.is_empty() {
        insert(connection, &words).await.map_err(unavailable)?;
    }
    if !silent.is_empty() {
        remove(connection, &silent).await.map_err(unavailable)?;
    }
    Ok(())
}

/// The months of these rows have partitions, and so has the next one soon.
async fn partitions(connection: &mut PgConnection, keys: impl Iterator<Item = &Key>) -> sqlx::Result<()> {
    let months: BTreeMap<(i32, u8), OffsetDateTime> =
        keys.flat_map(|(_, at, _)| [*at, at.saturating_add(AHEAD)]).map(|at| ((at.year(), u8::from(at.month())), at)).collect();
    for at in months.into_values() {
        sqlx::query_scalar!("SELECT ensure_search_partition($1)", at).fetch_one(&mut *connection).await?;
    }
    Ok(())
}

async fn insert(connection: &mut PgConnection, rows: &BTreeMap<Key, String>) -> sqlx::Result<()> {
    let (mut conversations, mut ats, mut seqs, mut words) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for ((conversation, at, seq), text) in rows {
        conversations.push(*conversation);
        ats.push(*at);
        seqs.push(*seq);
        words.push(text.clone());
    }
    sqlx::query!(
        "INSERT INTO search_messages AS s (conversation_id, created_at, seq, words)
         SELECT conversation_id, created_at, seq, words::tsvector
         FROM unnest($1::uuid[], $2::timestamptz[], $3::bigint[], $4::text[]) AS t (conversation_id, created_at, seq, words)
         ON CONFLICT (conversation_id, created_at, seq) DO UPDATE SET words = excluded.words WHERE s.words <> excluded.words",
        &conversations,
        &ats,
        &seqs,
        &words
    )
    .execute(connection)
    .await
    .map(drop)
}

/// Index: `search_messages_pkey` in each month.
async fn remove(connection: &mut PgConnection, rows: &BTreeSet<Key>) -> sqlx::Result<()> {
    let (mut conversations, mut ats, mut seqs) = (Vec::new(), Vec::new(), Vec::new());
    for (conversation, at, seq) in rows {
        conversations.push(*conversation);
        ats.push(*at);
        seqs.push(*seq);
    }
    sqlx::query!(
        "DELETE FROM search_messages s USING unnest($1::uuid[], $2::timestamptz[], $3::bigint[]) AS t (conversation_id, created_at, seq)
         WHERE s.conversation_id = t.conversation_id AND s.created_at = t.created_at AND s.seq = t.seq",
        &conversations,
        &ats,
        &seqs
    )
    .execute(connection)
    .await
    .map(drop)
}

/// These messages are to be looked at again: they stand behind the watermark. Index: `search_again_pkey`.
pub(crate) async fn again(connection: &mut PgConnection, conversations: &[Uuid], seqs: &[i64]) -> sqlx::Result<()> {
    if seqs.is_empty() {
        return Ok(());
    }
    sqlx::query!(
        "INSERT INTO search_again (conversation_id, seq) SELECT DISTINCT conversation_id, seq
         FROM unnest($1::uuid[], $2::bigint[]) AS t (conversation_id, seq) ON CONFLICT DO NOTHING",
        conversations,
        seqs
    )
    .execute(connection)
    .await
    .map(drop)
}
