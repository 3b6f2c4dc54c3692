//! Up to where people's devices have everything of a shard.

use async_trait::async_trait;
use relay_domain::ports::{DeliveryMarks, DeliveryStep, StoreError};
use relay_types::{Seq, ShardId, UserId};
use sqlx::types::Uuid;

use crate::Store;
use crate::convert::shard_column;
use crate::error::unavailable;
use crate::receipts::steps;

#[async_trait]
impl DeliveryMarks for Store {
    /// In one order, so that two gateways do not wait for each other. Index: `delivery_marks_pkey`.
    #[tracing::instrument(name = "db.delivery_marks.keep", skip_all, fields(marks = marks.len()))]
    async fn keep(&self, marks: &[(UserId, ShardId, Seq)]) -> Result<(), StoreError> {
        self.limited(async {
            let mut marks = marks.to_vec();
            marks.sort_unstable();
            let users: Vec<Uuid> = marks.iter().map(|(user, _, _)| user.to_uuid()).collect();
            let shards: Vec<i32> = marks.iter().map(|(_, shard, _)| shard_column(*shard)).collect();
            let seqs: Vec<i64> = marks.iter().map(|(_, _, seq)| seq.to_i64()).collect();
            sqlx::query!(
                "INSERT INTO delivery_marks AS d (user_id, shard, seq, at)
                 SELECT user_id, shard, max(seq), now() FROM unnest($1::uuid[], $2::integer[], $3::bigint[]) AS t (user_id, shard, seq)
                 GROUP BY user_id, shard ORDER BY user_id, shard
                 ON CONFLICT (user_id, shard) DO UPDATE SET seq = excluded.seq, at = excluded.at WHERE d.seq < excluded.seq",
                &users,
                &shards,
                &seqs
            )
            .execute(&self.pool)
            .await
            .map_err(unavailable)?;
            Ok(())
        })
        .await
    }

    #[tracing::instrument(name = "db.delivery_marks.keep_steps", skip_all, fields(steps = steps.len()))]
    async fn keep_steps(&self, steps: &[DeliveryStep]) -> Result<(), StoreError> {
        self.limited(async {
            let mut connection = self.pool.acquire().await.map_err(unavailable)?;
            steps::note_delivered(&mut connection, steps).await
        })
        .await
    }
}
