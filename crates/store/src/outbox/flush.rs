//! From the outbox into the log: many subjects under one transaction.
//!
//! The rows are claimed by row locks, taken in the order of their ids, so that two who flush the same subjects wait for each
//! other and never in a circle. The locks are the transaction's: they end with the connection if this process dies, and what
//! was appended and not marked is appended again with its dedup id.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use bytes::Bytes;
use futures::{StreamExt as _, stream};
use relay_domain::ports::{AppendError, FlushError, Flushed, LogAddress, MessageLog, StoreError};
use relay_types::ShardId;
use sqlx::PgConnection;

use super::{address_of, columns};
use crate::Store;
use crate::convert::{shard, shard_column};
use crate::error::unavailable;
use crate::store::within;

/// Subjects looked at by one transaction.
const SUBJECTS_AT_ONCE: usize = 500;
/// Rows claimed and marked by one transaction.
const ROWS_AT_ONCE: i64 = 500;
/// Of one subject, which is published row by row.
const ROWS_OF_A_SUBJECT: i64 = 100;
/// Bytes of events claimed by one transaction, the first row apart: more than that is never under way to the log for one.
const BYTES_AT_ONCE: i64 = 1 << 20;
/// Subjects published to at once. In each, a row waits until the log has the one before.
const IN_FLIGHT: usize = 128;
/// So many appends in succession without an answer say that the shard is away.
const SILENT: usize = 4;
/// Nothing is begun any more in a transaction of this age: others wait for its locks.
const PATIENCE: Duration = Duration::from_secs(10);
/// For one transaction; the log is tried for each of its last rows within its own limit.
const FLUSH_LIMIT: Duration = Duration::from_mins(1);
/// Of the log's words, so much is kept.
const WORDS: usize = 500;

/// A row under this transaction's lock.
struct Row {
    id: i64,
    dedup_id: String,
    payload: String,
    parked: bool,
}

/// What became of one subject's claimed rows.
struct Sent {
    address: LogAddress,
    /// Rows with the places they got.
    placed: Vec<(i64, i64)>,
    failed: Option<(i64, FlushError)>,
}

/// What one transaction did.
#[derive(Default)]
struct Turn {
    rows: usize,
    failures: Vec<(LogAddress, FlushError)>,
    /// The shard is away: what was not begun was left.
    away: bool,
    /// Everything that waited was looked at and begun.
    whole: bool,
}

pub(super) async fn run(store: &Store, addresses: &[LogAddress], log: &dyn MessageLog) -> Flushed {
    // A conversation's own event comes before word of it to its members.
    let mut shards: BTreeMap<ShardId, [Vec<LogAddress>; 2]> = BTreeMap::new();
    for address in addresses {
        let [conversations, users] = shards.entry(address.shard()).or_default();
        match address {
            LogAddress::Conversation { .. } => conversations.push(*address),
            LogAddress::User { .. } => users.push(*address),
        }
    }
    let mut each = stream::iter(shards).map(|(shard, kinds)| of_shard(store, shard, kinds, log)).buffer_unordered(usize::from(u8::MAX));
    let mut flushed = Flushed::default();
    while let Some(one) = each.next().await {
        flushed.absorb(one);
    }
    flushed
}

async fn of_shard(store: &Store, shard: ShardId, kinds: [Vec<LogAddress>; 2], log: &dyn MessageLog) -> Flushed {
    let mut flushed = Flushed::default();
    let mut away = false;
    for some in kinds.iter().flat_map(|addresses| addresses.chunks(SUBJECTS_AT_ONCE)) {
        if away {
            flushed.left += some.len();
            continue;
        }
        let (one, gone) = of_some(store, shard, some, log).await;
        flushed.absorb(one);
        away = gone;
    }
    flushed
}

/// Flushes a transaction's worth of subjects, with as many transactions as it takes, and says whether nobody answered.
async fn of_some(store: &Store, shard: ShardId, some: &[LogAddress], log: &dyn MessageLog) -> (Flushed, bool) {
    let mut flushed = Flushed::default();
    let mut open: BTreeSet<LogAddress> = some.iter().copied().collect();
    loop {
        let turn = async {
            let _share = store.flushes.acquire(shard).await?;
            let subjects: Vec<LogAddress> = open.iter().copied().collect();
            within(FLUSH_LIMIT, turn(store, &subjects, log)).await
        };
        let turn: Turn = match turn.await {
            Ok(turn) => turn,
            Err(error) => {
                if let Some(address) = open.pop_first() {
                    flushed.failures.push((address, FlushError::Store(error)));
                }
                flushed.left += open.len();
                return (flushed, true);
            }
        };
        flushed.rows += turn.rows;
        for (address, error) in turn.failures {
            open.remove(&address);
            flushed.failures.push((address, error));
        }
        if turn.away {
            flushed.left += open.len();
            return (flushed, true);
        }
        if turn.whole || open.is_empty() {
            flushed.subjects += open.len();
            return (flushed, false);
        }
    }
}

/// One transaction: claim, publish, mark.
async fn turn(store: &Store, subjects: &[LogAddress], log: &dyn MessageLog) -> Result<Turn, StoreError> {
    let mut transaction = store.pool.begin().await.map_err(unavailable)?;
    let (waiting, whole) = waiting(&mut transaction, subjects).await?;
    if waiting.is_empty() {
        return Ok(Turn { whole: true, ..Turn::default() });
    }
    let claimed = claim(&mut transaction, &waiting).await?;
    let line = Line { began: Instant::now(), silent: AtomicUsize::new(0), cut: AtomicUsize::new(0) };
    let mut sending = stream::iter(claimed).map(|(address, rows)| publish(address, rows, log, &line)).buffer_unordered(IN_FLIGHT);
    let mut turn = Turn::default();
    let (mut placed, mut put_off) = (Vec::new(), Vec::new());
    while let Some(sent) = sending.next().await {
        placed.extend(sent.placed);
        if let Some((id, error)) = sent.failed {
            if let FlushError::Append(error) = &error {
                put_off.push((id, matches!(error, AppendError::Refused { .. }), error.to_string().chars().take(WORDS).collect::<String>()));
            }
            turn.failures.push((sent.address, error));
        }
    }
    drop(sending);
    mark(&mut transaction, &placed).await?;
    delay(&mut transaction, put_off).await?;
    transaction.commit().await.map_err(unavailable)?;
    turn.rows = placed.len();
    turn.away = line.is_silent();
    turn.whole = whole && line.cut.load(Ordering::Relaxed) == 0;
    Ok(turn)
}

/// The ids of what waits for these subjects, as many as one transaction takes, and whether that is all. Index: `outbox_pending`,
/// and `outbox_pkey` for the sizes.
async fn waiting(connection: &mut PgConnection, subjects: &[LogAddress]) -> Result<(Vec<i64>, bool), StoreError> {
    let (mut kinds, mut shards, mut targets) = (Vec::new(), Vec::new(), Vec::new());
    for address in subjects {
        let (kind, target) = columns(address);
        kinds.push(kind.to_owned());
        shards.push(shard_column(address.shard()));
        targets.push(target);
    }
    let found = sqlx::query!(
        r#"WITH found AS MATERIALIZED (
               SELECT o.id, o.place FROM unnest($1::text[], $2::integer[], $3::uuid[]) AS t (subject_kind, shard, target_id)
               CROSS JOIN LATERAL (
                   SELECT o.id, row_number() OVER (ORDER BY o.id) AS place FROM outbox o
                   WHERE o.subject_kind = t.subject_kind AND o.shard = t.shard AND o.target_id = t.target_id
                     AND o.published_seq IS NULL
                   ORDER BY o.id LIMIT $4) AS o
               ORDER BY o.id LIMIT $5),
           sized AS MATERIALIZED (
               SELECT found.id, coalesce(sum(octet_length(o.payload)) OVER (ORDER BY found.id), 0) AS bytes
               FROM found LEFT JOIN LATERAL (SELECT payload FROM outbox o WHERE o.id = found.id LIMIT 1) AS o ON true)
           SELECT coalesce(array_agg(id ORDER BY id) FILTER (WHERE bytes <= $6 OR id = (SELECT min(id) FROM found)), '{}') AS "ids!",
                  count(*) < $5 AND coalesce(max(bytes) <= $6, true)
                      AND coalesce((SELECT max(place) < $4 FROM found), true) AS "whole!"
           FROM sized"#,
        &kinds,
        &shards,
        &targets,
        ROWS_OF_A_SUBJECT,
        ROWS_AT_ONCE,
        BYTES_AT_ONCE
    )
    .fetch_one(connection)
    .await
    .map_err(unavailable)?;
    Ok((found.ids, found.whole))
}

/// Locks the rows, waiting for whoever has them, and reads those that are still unpublished then. Index: `outbox_pkey`.
async fn claim(connection: &mut PgConnection, ids: &[i64]) -> Result<Vec<(LogAddress, Vec<Row>)>, StoreError> {
    let rows = sqlx::query!(
        r#"SELECT id, subject_kind, shard, target_id, dedup_id, payload, parked_at IS NOT NULL AS "parked!" FROM outbox
           WHERE id = ANY ($1::bigint[]) AND published_seq IS NULL ORDER BY id FOR UPDATE"#,
        ids
    )
    .fetch_all(connection)
    .await
    .map_err(unavailable)?;
    let mut claimed: Vec<(LogAddress, Vec<Row>)> = Vec::new();
    let mut places = BTreeMap::new();
    for row in rows {
        let address = address_of(&row.subject_kind, shard(row.shard)?, row.target_id)?;
        let place = *places.entry(address).or_insert_with(|| {
            claimed.push((address, Vec::new()));
            claimed.len() - 1
        });
        if let Some((_, rows)) = claimed.get_mut(place) {
            rows.push(Row { id: row.id, dedup_id: row.dedup_id, payload: row.payload, parked: row.parked });
        }
    }
    Ok(claimed)
}

/// How the log answers to one transaction.
struct Line {
    began: Instant,
    /// Appends in succession that had no answer.
    silent: AtomicUsize,
    /// Subjects that were not ended because it took too long.
    cut: AtomicUsize,
}

impl Line {
    fn is_silent(&self) -> bool {
        self.silent.load(Ordering::Relaxed) >= SILENT
    }

    fn may_begin(&self) -> bool {
        if self.is_silent() || self.began.elapsed() > PATIENCE {
            self.cut.fetch_add(1, Ordering::Relaxed);
            return false;
        }
        true
    }
}

/// One subject's rows, each after the log has the one before.
async fn publish(address: LogAddress, rows: Vec<Row>, log: &dyn MessageLog, line: &Line) -> Sent {
    let mut sent = Sent { address, placed: Vec::with_capacity(rows.len()), failed: None };
    for row in rows {
        // Those after one that stays wait: an order with a hole is no order.
        if row.parked {
            sent.failed = Some((row.id, FlushError::Parked));
            break;
        }
        if !line.may_begin() {
            break;
        }
        match log.append(address, &row.dedup_id, Bytes::from(row.payload), None).await {
            Ok(appended) => {
                line.silent.store(0, Ordering::Relaxed);
                sent.placed.push((row.id, appended.seq.to_i64()));
            }
            Err(error) => {
                match &error {
                    AppendError::Refused { .. } => line.silent.store(0, Ordering::Relaxed),
                    AppendError::OutcomeUnknown { .. } | AppendError::NotStored { .. } => {
                        line.silent.fetch_add(1, Ordering::Relaxed);
                    }
                }
                sent.failed = Some((row.id, error.into()));
                break;
            }
        }
    }
    sent
}

async fn mark(connection: &mut PgConnection, placed: &[(i64, i64)]) -> Result<(), StoreError> {
    if placed.is_empty() {
        return Ok(());
    }
    let (ids, places): (Vec<i64>, Vec<i64>) = placed.iter().copied().unzip();
    sqlx::query!(
        "UPDATE outbox AS o SET published_seq = t.seq, published_at = now()
         FROM unnest($1::bigint[], $2::bigint[]) AS t (id, seq) WHERE o.id = t.id",
        &ids,
        &places
    )
    .execute(connection)
    .await
    .map(drop)
    .map_err(unavailable)
}

/// Parks rows that the log refused; lets the relay leave those alone that the log did not answer for, from one second up to one
/// minute. Whoever waits for an answer tries at once all the same.
async fn delay(connection: &mut PgConnection, rows: Vec<(i64, bool, String)>) -> Result<(), StoreError> {
    if rows.is_empty() {
        return Ok(());
    }
    let (mut ids, mut refused, mut words) = (Vec::new(), Vec::new(), Vec::new());
    for (id, is_refused, reason) in rows {
        ids.push(id);
        refused.push(is_refused);
        words.push(reason);
    }
    sqlx::query!(
        "UPDATE outbox AS o SET attempts = attempts + 1, failure = t.words,
             parked_at = CASE WHEN t.refused THEN now() END,
             retry_at = clock_timestamp() + make_interval(secs => least(60, 2 ^ least(attempts, 6)))
         FROM unnest($1::bigint[], $2::boolean[], $3::text[]) AS t (id, refused, words) WHERE o.id = t.id",
        &ids,
        &refused,
        &words
    )
    .execute(connection)
    .await
    .map(drop)
    .map_err(unavailable)
}
