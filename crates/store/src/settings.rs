//! What users set for all their devices.

use async_trait::async_trait;
use relay_domain::ports::{LogAddress, StoreError, UserSettings};
use relay_protocol::log::{LogEvent, SettingsChanged};
use relay_protocol::rest::{ChangeSettingsRequest, Settings};
use relay_types::{TimestampMs, UserId};

use crate::Store;
use crate::convert::shard;
use crate::error::unavailable;
use crate::outbox::Pending;
use crate::store::commit;

#[async_trait]
impl UserSettings for Store {
    /// Index: `users_pkey`.
    #[tracing::instrument(name = "db.settings.get", skip_all, fields(user.id = %user))]
    async fn settings(&self, user: UserId) -> Result<Option<Settings>, StoreError> {
        self.limited(async {
            let row = sqlx::query!("SELECT read_receipts FROM users WHERE user_id = $1", user.to_uuid())
                .fetch_optional(&self.pool)
                .await
                .map_err(unavailable)?;
            Ok(row.map(|row| Settings { read_receipts: row.read_receipts }))
        })
        .await
    }

    /// Index: `users_pkey`.
    #[tracing::instrument(name = "db.settings.change", skip_all, fields(user.id = %user))]
    async fn change_settings(
        &self,
        user: UserId,
        change: ChangeSettingsRequest,
        at_ms: TimestampMs,
    ) -> Result<Option<(Settings, Vec<LogAddress>)>, StoreError> {
        self.limited(async {
            let mut transaction = self.pool.begin().await.map_err(unavailable)?;
            let row = sqlx::query!(
                r#"WITH before AS MATERIALIZED (SELECT read_receipts FROM users WHERE user_id = $1 FOR NO KEY UPDATE)
                   UPDATE users AS u SET read_receipts = coalesce($2, before.read_receipts) FROM before WHERE u.user_id = $1
                   RETURNING u.home_shard, u.read_receipts, u.read_receipts <> before.read_receipts AS "changed!""#,
                user.to_uuid(),
                change.read_receipts
            )
            .fetch_optional(&mut *transaction)
            .await
            .map_err(unavailable)?;
            let Some(row) = row else { return Ok(None) };
            let address = LogAddress::User { shard: shard(row.home_shard)?, id: user };
            let settings = Settings { read_receipts: row.read_receipts };
            let mut pending = Pending::default();
            if row.changed {
                let event_id = self.event_id();
                let read_receipts = Some(settings.read_receipts);
                let changed = SettingsChanged { event_id, actor_id: user, at_ms, user_id: user, read_receipts };
                pending.push(address, event_id, LogEvent::SettingsChanged(changed));
            }
            pending.write(&mut transaction).await?;
            commit(transaction).await?;
            // Also when it is a repetition: its event may not be in the log yet.
            Ok(Some((settings, vec![address])))
        })
        .await
    }
}
