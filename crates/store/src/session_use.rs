//! Sessions whose devices are connected: gateways say which, and learn when each ends.

use std::time::Duration;

use async_trait::async_trait;
use relay_domain::ports::{SessionUse, StoreError};
use relay_types::SessionId;
use sqlx::types::Uuid;

use crate::Store;
use crate::error::unavailable;

#[async_trait]
impl SessionUse for Store {
    /// All times are Postgres' own, so that no gateway's clock matters. Rows are locked in one order: a session may be connected to
    /// several gateways. Index: `sessions_pkey`.
    #[tracing::instrument(name = "db.session.in_use", skip_all, fields(sessions = sessions.len()))]
    async fn in_use(&self, sessions: &[SessionId], hold: Duration) -> Result<Vec<(SessionId, Duration)>, StoreError> {
        self.limited(async {
            let ids: Vec<Uuid> = sessions.iter().map(|session| session.to_uuid()).collect();
            let rows = sqlx::query!(
                r#"UPDATE sessions AS s SET last_used_at = greatest(s.last_used_at, now()), in_use_until = now() + make_interval(secs => $2)
                   FROM (SELECT session_id FROM sessions
                         WHERE session_id = ANY ($1::uuid[]) AND revoked_at IS NULL AND least(refresh_expires_at, ends_at) > now()
                         ORDER BY session_id FOR NO KEY UPDATE) AS live
                   WHERE s.session_id = live.session_id
                   RETURNING s.session_id, extract(epoch FROM least(s.refresh_expires_at, s.ends_at) - now())::float8 AS "left_s!""#,
                &ids,
                hold.as_secs_f64()
            )
            .fetch_all(&self.pool)
            .await
            .map_err(unavailable)?;
            let left = |seconds: f64| Duration::try_from_secs_f64(seconds).unwrap_or_default();
            Ok(rows.into_iter().map(|row| (SessionId::from_uuid(row.session_id), left(row.left_s))).collect())
        })
        .await
    }
}
