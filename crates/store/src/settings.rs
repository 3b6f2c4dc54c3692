//! What users set for all their devices.

use async_trait::async_trait;
use relay_domain::ports::{LogAddress, StoreError, UserSettings};
use relay_protocol::log::{LogEvent, SettingsChanged};
use relay_protocol::presence::{Availability, PresenceAudience};
use relay_protocol::rest::{ChangeSettingsRequest, Settings};
use relay_types::{TimestampMs, UserId};

use crate::Store;
use crate::convert::{shard, text};
use crate::error::unavailable;
use crate::outbox::Pending;
use crate::store::commit;

#[async_trait]
impl UserSettings for Store {
    /// Index: `users_pkey`.
    #[tracing::instrument(name = "db.settings.get", skip_all, fields(user.id = %user))]
    async fn settings(&self, user: UserId) -> Result<Option<Settings>, StoreError> {
        self.limited(async {
            let row = sqlx::query!("SELECT read_receipts, presence_to, availability FROM users WHERE user_id = $1", user.to_uuid())
                .fetch_optional(&self.pool)
                .await
                .map_err(unavailable)?;
            row.map(|row| settings(row.read_receipts, &row.presence_to, &row.availability)).transpose()
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
                r#"WITH before AS MATERIALIZED (
                       SELECT read_receipts, presence_to, availability FROM users WHERE user_id = $1 FOR NO KEY UPDATE)
                   UPDATE users AS u SET read_receipts = coalesce($2, before.read_receipts),
                          receipts_since = CASE WHEN $2 AND NOT before.read_receipts THEN now() ELSE u.receipts_since END,
                          presence_to = coalesce($3, before.presence_to), availability = coalesce($4, before.availability)
                   FROM before WHERE u.user_id = $1
                   RETURNING u.home_shard, u.read_receipts, u.presence_to, u.availability,
                             u.read_receipts <> before.read_receipts AS "receipts!", u.presence_to <> before.presence_to AS "audience!",
                             u.availability <> before.availability AS "wish!""#,
                user.to_uuid(),
                change.read_receipts,
                change.presence_to.as_ref().map(PresenceAudience::as_str),
                change.availability.as_ref().map(Availability::as_str)
            )
            .fetch_optional(&mut *transaction)
            .await
            .map_err(unavailable)?;
            let Some(row) = row else { return Ok(None) };
            let address = LogAddress::User { shard: shard(row.home_shard)?, id: user };
            let settings = settings(row.read_receipts, &row.presence_to, &row.availability)?;
            let mut pending = Pending::default();
            if row.receipts || row.audience || row.wish {
                let event_id = self.event_id();
                let changed = SettingsChanged {
                    event_id,
                    actor_id: user,
                    at_ms,
                    user_id: user,
                    read_receipts: row.receipts.then_some(settings.read_receipts),
                    presence_to: row.audience.then_some(settings.presence_to),
                    availability: row.wish.then_some(settings.availability),
                };
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

fn settings(read_receipts: bool, presence_to: &str, availability: &str) -> Result<Settings, StoreError> {
    Ok(Settings { read_receipts, presence_to: text(presence_to, "audience")?, availability: text(availability, "availability")? })
}
