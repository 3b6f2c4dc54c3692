//! What this Postgres keeps through which accident, for operators.

use relay_domain::ports::StoreError;
use relay_types::TimestampMs;
use sqlx::Row as _;
use time::OffsetDateTime;

use crate::Store;
use crate::convert::millis;
use crate::error::unavailable;

/// Settings of the server as this user's sessions have them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Durability {
    /// `fsync`: without it a power cut can damage everything.
    pub fsync: bool,
    /// `full_page_writes`: without it a power cut can tear pages.
    pub full_page_writes: bool,
    /// `synchronous_commit`, such as `on`, `off` or `local`.
    pub synchronous_commit: String,
    /// `synchronous_standby_names`; empty when no commit waits for a standby.
    pub synchronous_standbys: String,
    /// Standbys that stream at the moment.
    pub standbys: i64,
    /// Whether this server is itself a standby, which takes no writes.
    pub in_recovery: bool,
    /// The server's clock.
    pub now_ms: TimestampMs,
}

impl Store {
    /// Asks the server for its settings.
    ///
    /// # Errors
    /// When it does not answer.
    ///
    /// # Cancel safety
    /// Cancel safe.
    pub async fn durability(&self) -> Result<Durability, StoreError> {
        self.limited(async {
            let row = sqlx::query(
                "SELECT current_setting('fsync')::boolean, current_setting('full_page_writes')::boolean,
                        current_setting('synchronous_commit'), current_setting('synchronous_standby_names'),
                        (SELECT count(*) FROM pg_stat_replication), pg_is_in_recovery(), clock_timestamp()",
            )
            .fetch_one(&self.pool)
            .await
            .map_err(unavailable)?;
            let read = || {
                Ok(Durability {
                    fsync: row.try_get(0)?,
                    full_page_writes: row.try_get(1)?,
                    synchronous_commit: row.try_get(2)?,
                    synchronous_standbys: row.try_get(3)?,
                    standbys: row.try_get(4)?,
                    in_recovery: row.try_get(5)?,
                    now_ms: millis(row.try_get::<OffsetDateTime, _>(6)?),
                })
            };
            read().map_err(unavailable)
        })
        .await
    }
}
