//! The persist worker's side: runs of the log become rows, exactly once, however often they are delivered.
//!
//! `batch.rs` computes the rows of a run in memory; this file writes them in one transaction.

mod answers;
mod audit;
mod batch;
mod edits;
mod erase;
mod maintenance;
mod pins;
mod reactions;
mod repair;
pub(crate) mod threads;
mod void;
mod write;

use async_trait::async_trait;
use relay_domain::ports::{ProjectError, Projected, Projection, StoreError};
use relay_protocol::log::{EventOwner, StoredEvent};
use relay_types::{Seq, ShardId};
use sqlx::PgConnection;
use time::OffsetDateTime;

use self::batch::Batch;
use crate::Store;
use crate::convert::shard_column;
use crate::error::{is_about_data, unavailable};
use crate::store::within;

/// One batch may take as long as this many calls.
const BATCH_CALLS: u32 = 4;

#[async_trait]
impl Projection for Store {
    #[tracing::instrument(name = "db.watermark.find", skip_all, fields(shard = %shard))]
    async fn watermark(&self, shard: ShardId) -> Result<(Seq, Option<String>), StoreError> {
        self.limited(async {
            let row = sqlx::query!("SELECT seq, epoch FROM watermarks WHERE shard = $1", shard_column(shard))
                .fetch_optional(&self.pool)
                .await
                .map_err(unavailable)?;
            Ok(row.map_or((Seq::ZERO, None), |row| (Seq::from_i64(row.seq), Some(row.epoch))))
        })
        .await
    }

    #[tracing::instrument(name = "db.projection.write", skip_all, fields(shard = %shard, stream.seq = %upto, events = events.len()))]
    async fn project(&self, shard: ShardId, epoch: &str, after: Seq, upto: Seq, events: &[StoredEvent]) -> Result<Projected, ProjectError> {
        // A batch is several statements, each with its own limit, and redone from its beginning when it is given up.
        let limit = self.call_limit * BATCH_CALLS;
        within(limit, self.project_now(shard, epoch, after, upto, events)).await
    }
}

impl Store {
    async fn project_now(
        &self,
        shard: ShardId,
        epoch: &str,
        after: Seq,
        upto: Seq,
        events: &[StoredEvent],
    ) -> Result<Projected, ProjectError> {
        let filled = self.messages_are_filled().await.map_err(ProjectError::Unavailable)?;
        let mut transaction = self.pool.begin().await.map_err(refused)?;
        let mut at = lock_watermark(&mut transaction, shard, epoch).await?;
        if at.amended_upto < at.seq {
            drop(transaction);
            self.make_up_for_missed_edits(shard, epoch).await?;
            transaction = self.pool.begin().await.map_err(refused)?;
            at = lock_watermark(&mut transaction, shard, epoch).await?;
        }
        if at.reacted_upto < at.seq {
            drop(transaction);
            self.make_up_for_missed_reactions(shard, epoch).await?;
            transaction = self.pool.begin().await.map_err(refused)?;
            at = lock_watermark(&mut transaction, shard, epoch).await?;
        }
        if at.threaded_upto < at.seq {
            drop(transaction);
            self.make_up_for_missed_threads(shard, epoch).await?;
            transaction = self.pool.begin().await.map_err(refused)?;
            at = lock_watermark(&mut transaction, shard, epoch).await?;
        }
        if at.pinned_upto < at.seq {
            drop(transaction);
            self.make_up_for_missed_pins(shard, epoch).await?;
            transaction = self.pool.begin().await.map_err(refused)?;
            at = lock_watermark(&mut transaction, shard, epoch).await?;
        }
        let watermark = at.seq;
        if after > watermark {
            return Err(ProjectError::Gap { after, watermark });
        }
        let fresh = events.get(events.partition_point(|event| event.seq <= watermark)..).unwrap_or_default();
        let projected = Projected { inserted: fresh.len(), skipped: events.len() - fresh.len(), watermark: watermark.max(upto) };
        if upto <= watermark {
            return Ok(projected);
        }
        let mut heads = write::heads_of(&mut transaction, &batch::conversations(fresh)).await.map_err(refused)?;
        heads.extend(write::user_heads_of(&mut transaction, shard, &batch::users(fresh)).await.map_err(refused)?);
        let departures = void::departures(&mut transaction, fresh).await.map_err(refused)?;
        let batch = Batch::of(fresh, heads, departures)?;
        let written = async {
            write::batch(&mut transaction, shard, &batch).await?;
            if !filled {
                edits::fetch_targets(&mut transaction, &batch.edits).await?;
            }
            edits::apply(&mut transaction, shard, &batch.edits).await?;
            if !filled {
                edits::fetch_messages(&mut transaction, &batch.reactions.conversation, &batch.reactions.message_seq).await?;
            }
            reactions::apply(&mut transaction, &batch.reactions).await?;
            if !filled {
                edits::fetch_messages(&mut transaction, &batch.pins.conversation, &batch.pins.message_seq).await?;
            }
            pins::apply(&mut transaction, &batch.pins).await?;
            erase::apply(&mut transaction, shard, &batch.erased).await?;
            answers::note(&mut transaction, &batch).await?;
            move_watermark(&mut transaction, shard, upto, batch.newest_at()).await?;
            transaction.commit().await
        };
        match written.await {
            Ok(()) => Ok(projected),
            Err(error) if is_about_data(&error) => Err(self.find_poison(&batch, error).await),
            Err(error) => Err(refused(error)),
        }
    }

    /// Names the event whose body or time Postgres refuses. When none does, the refusal was about something that a new look
    /// at the tables may fix, so the batch is tried again.
    async fn find_poison(&self, batch: &Batch, error: sqlx::Error) -> ProjectError {
        for (seq, body, at) in batch.probes() {
            let probe = sqlx::query_scalar!("SELECT ($1::text)::jsonb IS NULL OR $2::timestamptz IS NULL", body, at);
            let probe = probe.fetch_one(&self.pool).await;
            match probe {
                Ok(_) => {}
                Err(refusal) if is_about_data(&refusal) => return ProjectError::Poison { seq, reason: unavailable(refusal).reason },
                Err(other) => return refused(other),
            }
        }
        refused(error)
    }
}

fn refused(error: sqlx::Error) -> ProjectError {
    ProjectError::Unavailable(unavailable(error))
}

/// How far a shard is projected.
struct Watermark {
    seq: Seq,
    /// Up to where what people said about earlier messages was applied to them.
    amended_upto: Seq,
    /// The same of reactions.
    reacted_upto: Seq,
    /// The same of threads.
    threaded_upto: Seq,
    /// The same of pins.
    pinned_upto: Seq,
}

/// Locks the shard's watermark, which makes this the only writer of the shard's projection until it commits.
async fn lock_watermark(connection: &mut PgConnection, shard: ShardId, epoch: &str) -> Result<Watermark, ProjectError> {
    for _ in 0..2 {
        let row = sqlx::query!(
            "SELECT seq, epoch, amended_upto, reacted_upto, threaded_upto, pinned_upto FROM watermarks WHERE shard = $1 FOR UPDATE",
            shard_column(shard)
        );
        let row = row.fetch_optional(&mut *connection).await.map_err(refused)?;
        if let Some(row) = row {
            if row.epoch != epoch {
                return Err(ProjectError::EpochMismatch { expected: epoch.to_owned(), found: row.epoch });
            }
            return Ok(Watermark {
                seq: Seq::from_i64(row.seq),
                amended_upto: Seq::from_i64(row.amended_upto),
                reacted_upto: Seq::from_i64(row.reacted_upto),
                threaded_upto: Seq::from_i64(row.threaded_upto),
                pinned_upto: Seq::from_i64(row.pinned_upto),
            });
        }
        sqlx::query!(
            "INSERT INTO watermarks (shard, seq, epoch) VALUES ($1, 0, $2) ON CONFLICT (shard) DO NOTHING",
            shard_column(shard),
            epoch
        )
        .execute(&mut *connection)
        .await
        .map_err(refused)?;
    }
    Err(ProjectError::Unavailable(StoreError::new("the watermark row vanished".to_owned())))
}

async fn move_watermark(connection: &mut PgConnection, shard: ShardId, upto: Seq, newest: Option<OffsetDateTime>) -> sqlx::Result<()> {
    sqlx::query!(
        "UPDATE watermarks SET seq = $2, stored_at = coalesce($3, stored_at), updated_at = now(),
             own_floor = CASE WHEN own_upto = seq THEN own_floor ELSE seq END, own_upto = $2, amended_upto = $2, reacted_upto = $2,
             threaded_upto = $2, pinned_upto = $2
         WHERE shard = $1",
        shard_column(shard),
        upto.to_i64(),
        newest
    )
    .execute(connection)
    .await
    .map(drop)
}

/// The last event so far of each conversation, and of each user on the shard.
type Heads = std::collections::HashMap<EventOwner, Seq>;
