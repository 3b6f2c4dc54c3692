//! What an operator needs when a shard's log was lost: where the projection stands, and moving it into the next log.

use relay_domain::ports::StoreError;
use relay_types::{Seq, SessionId, ShardId, UserId};

use crate::Store;
use crate::convert::shard_column;
use crate::error::unavailable;

/// A table that does not exist: the database is new.
const UNDEFINED_TABLE: &str = "42P01";

impl Store {
    /// Up to where the shard's log was taken in, and in which epoch of it; `None` when none ever was, also before the first
    /// migration.
    ///
    /// # Errors
    /// When Postgres does not answer.
    ///
    /// # Cancel safety
    /// Cancel safe.
    pub async fn projected(&self, shard: ShardId) -> Result<Option<(Seq, String)>, StoreError> {
        self.limited(async {
            let row =
                sqlx::query!("SELECT seq, epoch FROM watermarks WHERE shard = $1", shard_column(shard)).fetch_optional(&self.pool).await;
            match row {
                Ok(row) => Ok(row.map(|row| (Seq::from_i64(row.seq), row.epoch))),
                Err(error) if error.as_database_error().and_then(sqlx::error::DatabaseError::code).as_deref() == Some(UNDEFINED_TABLE) => {
                    Ok(None)
                }
                Err(error) => Err(unavailable(error)),
            }
        })
        .await
    }

    /// The projection goes on with the first event of the next log. Done twice, it is done once.
    ///
    /// # Errors
    /// When Postgres does not answer, or the projection is neither where `from` says nor where it is to go.
    ///
    /// # Cancel safety
    /// Cancel safe: one statement.
    pub async fn continue_in(&self, shard: ShardId, from: (Seq, &str), epoch: &str, first: Seq) -> Result<(), StoreError> {
        self.limited(async {
            let moved = sqlx::query!(
                "UPDATE watermarks SET seq = $4, epoch = $5, updated_at = now(), own_upto = CASE WHEN own_upto = seq THEN $4 ELSE own_upto END
             WHERE shard = $1 AND seq = $2 AND epoch = $3",
                shard_column(shard),
                from.0.to_i64(),
                from.1,
                Seq(first.0.saturating_sub(1)).to_i64(),
                epoch
            )
            .execute(&self.pool)
            .await
            .map_err(unavailable)?;
            if moved.rows_affected() == 1 || self.projected(shard).await?.is_some_and(|(_, now)| now == epoch) {
                Ok(())
            } else {
                Err(StoreError::new("the projection moved meanwhile; is another worker or relayctl at work?".to_owned()))
            }
        })
        .await
    }

    /// Sessions of the shard's users that were ended at most `within_s` seconds ago: their access tokens may still be shown.
    ///
    /// # Errors
    /// When Postgres does not answer.
    ///
    /// # Cancel safety
    /// Cancel safe.
    pub async fn revoked_since(&self, shard: ShardId, within_s: u64) -> Result<Vec<(UserId, SessionId)>, StoreError> {
        self.limited(async {
            let rows = sqlx::query!(
                "SELECT s.user_id, s.session_id FROM sessions s JOIN users u USING (user_id)
             WHERE u.home_shard = $1 AND s.revoked_at > now() - make_interval(secs => $2)",
                shard_column(shard),
                f64::from(u32::try_from(within_s).unwrap_or(u32::MAX))
            )
            .fetch_all(&self.pool)
            .await
            .map_err(unavailable)?;
            Ok(rows.into_iter().map(|row| (UserId::from_uuid(row.user_id), SessionId::from_uuid(row.session_id))).collect())
        })
        .await
    }
}
