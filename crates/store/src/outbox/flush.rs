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

use super::claim::{Row, claim, claim_free, waiting};
use crate::Store;
use crate::error::unavailable;
use crate::store::within;

/// Subjects looked at by one transaction.
const SUBJECTS_AT_ONCE: usize = 500;
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

/// What becomes of a subject that another process is publishing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Busy {
    /// Whoever waits for an answer waits for that process, as long as Postgres lets a statement wait.
    Wait,
    /// It is that process's.
    Leave,
}

/// What became of one subject's claimed rows.
struct Sent {
    address: LogAddress,
    /// Rows with the sequences they got.
    published: Vec<(i64, i64)>,
    failed: Option<(i64, FlushError)>,
}

/// What one transaction did.
#[derive(Default)]
struct FlushBatch {
    rows: usize,
    /// Of whom rows were claimed.
    claimed: Vec<LogAddress>,
    failures: Vec<(LogAddress, FlushError)>,
    /// The shard is away: what was not begun was left.
    away: bool,
    /// Everything that waited was looked at and begun.
    whole: bool,
}

pub(super) async fn run(store: &Store, addresses: &[LogAddress], log: &dyn MessageLog, busy: Busy) -> Flushed {
    // A conversation's own event comes before word of it to its members.
    let mut shards: BTreeMap<ShardId, [Vec<LogAddress>; 2]> = BTreeMap::new();
    for address in addresses {
        let [conversations, users] = shards.entry(address.shard()).or_default();
        match address {
            LogAddress::Conversation { .. } => conversations.push(*address),
            LogAddress::User { .. } => users.push(*address),
        }
    }
    let mut each =
        stream::iter(shards).map(|(shard, kinds)| of_shard(store, shard, kinds, log, busy)).buffer_unordered(usize::from(u8::MAX));
    let mut flushed = Flushed::default();
    while let Some(one) = each.next().await {
        flushed.absorb(one);
    }
    flushed
}

async fn of_shard(store: &Store, shard: ShardId, kinds: [Vec<LogAddress>; 2], log: &dyn MessageLog, busy: Busy) -> Flushed {
    let mut flushed = Flushed::default();
    let mut away = false;
    for some in kinds.iter().flat_map(|addresses| addresses.chunks(SUBJECTS_AT_ONCE)) {
        if away {
            flushed.left += some.len();
            continue;
        }
        let (one, gone) = of_some(store, shard, some, log, busy).await;
        flushed.absorb(one);
        away = gone;
    }
    flushed
}

/// Flushes a transaction's worth of subjects, with as many transactions as it takes, and says whether nobody answered.
async fn of_some(store: &Store, shard: ShardId, some: &[LogAddress], log: &dyn MessageLog, busy: Busy) -> (Flushed, bool) {
    let mut flushed = Flushed::default();
    let mut open: BTreeSet<LogAddress> = some.iter().copied().collect();
    let mut taken = BTreeSet::new();
    loop {
        let batch = async {
            let _share = store.flushes.acquire(shard).await?;
            let subjects: Vec<LogAddress> = open.iter().copied().collect();
            within(FLUSH_LIMIT, flush_batch(store, &subjects, log, busy)).await
        };
        let batch: FlushBatch = match batch.await {
            Ok(batch) => batch,
            Err(error) => {
                if let Some(address) = open.pop_first() {
                    flushed.failures.push((address, FlushError::Store(error)));
                }
                flushed.left += open.len();
                return (flushed, true);
            }
        };
        flushed.rows += batch.rows;
        let nothing = batch.claimed.is_empty();
        taken.extend(batch.claimed);
        for (address, error) in batch.failures {
            open.remove(&address);
            flushed.failures.push((address, error));
        }
        if batch.away {
            flushed.left += open.len();
            return (flushed, true);
        }
        // Rows that were waited for may be done by now, and others behind them not: whoever does not wait comes again instead.
        if batch.whole || open.is_empty() || nothing && busy == Busy::Leave {
            flushed.subjects += match busy {
                Busy::Wait => open.len(),
                Busy::Leave => open.intersection(&taken).count(),
            };
            return (flushed, false);
        }
    }
}

/// One transaction: claim, publish, mark.
async fn flush_batch(store: &Store, subjects: &[LogAddress], log: &dyn MessageLog, busy: Busy) -> Result<FlushBatch, StoreError> {
    let mut transaction = store.pool.begin().await.map_err(unavailable)?;
    let (waiting, whole) = waiting(&mut transaction, subjects).await?;
    if waiting.is_empty() {
        return Ok(FlushBatch { whole: true, ..FlushBatch::default() });
    }
    let claimed = match busy {
        Busy::Wait => claim(&mut transaction, &waiting).await?,
        Busy::Leave => claim_free(&mut transaction, &waiting).await?,
    };
    let mut batch = FlushBatch { claimed: claimed.iter().map(|(address, _)| *address).collect(), ..FlushBatch::default() };
    let line = Line { began: Instant::now(), silent: AtomicUsize::new(0), cut: AtomicUsize::new(0) };
    let mut sending = stream::iter(claimed).map(|(address, rows)| publish(address, rows, log, &line)).buffer_unordered(IN_FLIGHT);
    let (mut published, mut put_off) = (Vec::new(), Vec::new());
    while let Some(sent) = sending.next().await {
        published.extend(sent.published);
        if let Some((id, error)) = sent.failed {
            if let FlushError::Append(error) = &error {
                put_off.push((id, matches!(error, AppendError::Refused { .. }), error.to_string().chars().take(WORDS).collect::<String>()));
            }
            batch.failures.push((sent.address, error));
        }
    }
    drop(sending);
    mark(&mut transaction, &published).await?;
    delay(&mut transaction, put_off).await?;
    transaction.commit().await.map_err(unavailable)?;
    batch.rows = published.len();
    batch.away = line.is_silent();
    batch.whole = whole && line.cut.load(Ordering::Relaxed) == 0;
    Ok(batch)
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
    let mut sent = Sent { address, published: Vec::with_capacity(rows.len()), failed: None };
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
                sent.published.push((row.id, appended.seq.to_i64()));
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

async fn mark(connection: &mut PgConnection, published: &[(i64, i64)]) -> Result<(), StoreError> {
    if published.is_empty() {
        return Ok(());
    }
    let (ids, seqs): (Vec<i64>, Vec<i64>) = published.iter().copied().unzip();
    sqlx::query!(
        "UPDATE outbox AS o SET published_seq = t.seq, published_at = now()
         FROM unnest($1::bigint[], $2::bigint[]) AS t (id, seq) WHERE o.id = t.id",
        &ids,
        &seqs
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
