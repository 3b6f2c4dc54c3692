//! Sessions of devices and their refresh tokens.
//!
//! Lock order: user, refresh token, session. Whoever takes several takes them in this order.

use async_trait::async_trait;
use relay_domain::ports::{DeviceSessions, LogAddress, NewSession, RevokeError, RotateError, Rotated, Rotation, SessionRecord, StoreError};
use relay_protocol::log::{LogEvent, SessionRevoked};
use relay_types::{SessionId, ShardId, TimestampMs, UserId};
use sqlx::PgConnection;
use time::OffsetDateTime;

use crate::Store;
use crate::convert::{millis, shard, text, timestamp};
use crate::error::unavailable;
use crate::outbox::{Pending, unpublished};

#[async_trait]
impl DeviceSessions for Store {
    #[tracing::instrument(name = "db.session.open", skip_all, fields(user.id = %new.user, session.id = %new.session))]
    async fn open(&self, new: &NewSession) -> Result<Vec<LogAddress>, StoreError> {
        self.limited(async {
            let (at, ends_at) = (timestamp(new.at_ms)?, timestamp(new.ends_at_ms)?);
            let refresh_expires_at = timestamp(new.refresh_expires_at_ms)?.min(ends_at);
            let mut transaction = self.pool.begin().await.map_err(unavailable)?;
            // Two devices that log in at once count each other.
            let home = sqlx::query_scalar!("SELECT home_shard FROM users WHERE user_id = $1 FOR NO KEY UPDATE", new.user.to_uuid())
                .fetch_one(&mut *transaction)
                .await
                .map_err(unavailable)?;
            let excess = sqlx::query_scalar!(
                "SELECT session_id FROM sessions
             WHERE user_id = $1 AND revoked_at IS NULL AND least(refresh_expires_at, ends_at) > $2
             ORDER BY last_used_at DESC, session_id DESC OFFSET $3",
                new.user.to_uuid(),
                at,
                i64::from(new.max_sessions.saturating_sub(1))
            )
            .fetch_all(&mut *transaction)
            .await
            .map_err(unavailable)?;
            let mut pending = Pending::default();
            for session in excess {
                let session = SessionId::from_uuid(session);
                self.end(&mut transaction, new.user, session, shard(home)?, new.at_ms, &mut pending).await?;
            }
            sqlx::query!(
                "INSERT INTO sessions (session_id, user_id, device_name, created_at, last_used_at, refresh_expires_at, ends_at)
             VALUES ($1, $2, $3, $4, $4, $5, $6)",
                new.session.to_uuid(),
                new.user.to_uuid(),
                new.device_name.as_str(),
                at,
                refresh_expires_at,
                ends_at
            )
            .execute(&mut *transaction)
            .await
            .map_err(unavailable)?;
            issue(&mut transaction, new.session, &new.refresh.0, at, refresh_expires_at).await?;
            let touched = pending.write(&mut transaction).await?;
            transaction.commit().await.map_err(unavailable)?;
            Ok(touched)
        })
        .await
    }

    /// The row lock makes two uses of one token queue up; the second sees `used_at`. Index: `refresh_tokens_pkey`.
    #[tracing::instrument(name = "db.session.rotate", skip_all)]
    async fn rotate(&self, rotation: &Rotation) -> Result<Rotated, RotateError> {
        self.limited(async {
            let at = timestamp(rotation.at_ms)?;
            let mut transaction = self.pool.begin().await.map_err(unavailable)?;
            let token = sqlx::query!(
                "SELECT t.used_at, t.expires_at, s.session_id, s.user_id, s.revoked_at, s.ends_at, u.home_shard
             FROM refresh_tokens t JOIN sessions s USING (session_id) JOIN users u USING (user_id)
             WHERE t.token_hash = $1 FOR NO KEY UPDATE OF t, s",
                &rotation.presented.0
            )
            .fetch_optional(&mut *transaction)
            .await
            .map_err(unavailable)?
            .ok_or(RotateError::Invalid)?;
            let (user, session) = (UserId::from_uuid(token.user_id), SessionId::from_uuid(token.session_id));
            if token.used_at.is_some() {
                let home = shard(token.home_shard)?;
                let mut pending = Pending::default();
                if token.revoked_at.is_none() {
                    self.end(&mut transaction, user, session, home, rotation.at_ms, &mut pending).await?;
                }
                pending.write(&mut transaction).await?;
                let touched = unpublished(&mut transaction, &[LogAddress::User { shard: home, id: user }]).await?;
                transaction.commit().await.map_err(unavailable)?;
                return Err(RotateError::Reused { touched });
            }
            if token.revoked_at.is_some() {
                return Err(RotateError::Revoked);
            }
            if token.expires_at.min(token.ends_at) <= at {
                return Err(RotateError::Invalid);
            }
            let expires_at = timestamp(rotation.refresh_expires_at_ms)?.min(token.ends_at);
            sqlx::query!("UPDATE refresh_tokens SET used_at = $2 WHERE token_hash = $1", &rotation.presented.0, at)
                .execute(&mut *transaction)
                .await
                .map_err(unavailable)?;
            sqlx::query!(
                "UPDATE sessions SET last_used_at = greatest(last_used_at, $2), refresh_expires_at = $3 WHERE session_id = $1",
                token.session_id,
                at,
                expires_at
            )
            .execute(&mut *transaction)
            .await
            .map_err(unavailable)?;
            issue(&mut transaction, session, &rotation.replacement.0, at, expires_at).await?;
            transaction.commit().await.map_err(unavailable)?;
            Ok(Rotated { user, session })
        })
        .await
    }

    /// Index: `sessions_pkey`.
    #[tracing::instrument(name = "db.session.is_live", skip_all, fields(session.id = %session))]
    async fn is_live(&self, user: UserId, session: SessionId, at_ms: TimestampMs) -> Result<bool, StoreError> {
        self.limited(async {
            sqlx::query_scalar!(
                r#"SELECT EXISTS (SELECT FROM sessions WHERE session_id = $1 AND user_id = $2 AND revoked_at IS NULL
                              AND least(refresh_expires_at, ends_at) > $3) AS "live!""#,
                session.to_uuid(),
                user.to_uuid(),
                timestamp(at_ms)?
            )
            .fetch_one(&self.pool)
            .await
            .map_err(unavailable)
        })
        .await
    }

    /// Index: `sessions_live_by_user`.
    #[tracing::instrument(name = "db.session.list", skip_all, fields(user.id = %user))]
    async fn list(&self, user: UserId, at_ms: TimestampMs) -> Result<Vec<SessionRecord>, StoreError> {
        self.limited(async {
            let rows = sqlx::query!(
                "SELECT session_id, device_name, created_at, last_used_at FROM sessions
             WHERE user_id = $1 AND revoked_at IS NULL AND least(refresh_expires_at, ends_at) > $2
             ORDER BY session_id DESC LIMIT 100",
                user.to_uuid(),
                timestamp(at_ms)?
            )
            .fetch_all(&self.pool)
            .await
            .map_err(unavailable)?;
            let record = |session, device_name: &str, created_at, last_used_at| {
                Ok(SessionRecord {
                    session: SessionId::from_uuid(session),
                    device_name: text(device_name, "device name")?,
                    created_at_ms: millis(created_at),
                    last_used_at_ms: millis(last_used_at),
                })
            };
            rows.into_iter().map(|row| record(row.session_id, &row.device_name, row.created_at, row.last_used_at)).collect()
        })
        .await
    }

    #[tracing::instrument(name = "db.session.revoke", skip_all, fields(user.id = %user, session.id = %session))]
    async fn revoke(&self, user: UserId, session: SessionId, at_ms: TimestampMs) -> Result<Vec<LogAddress>, RevokeError> {
        self.limited(async {
            let mut transaction = self.pool.begin().await.map_err(unavailable)?;
            let row = sqlx::query!(
                "SELECT s.revoked_at, u.home_shard FROM sessions s JOIN users u USING (user_id)
             WHERE s.session_id = $1 AND s.user_id = $2 FOR NO KEY UPDATE OF s",
                session.to_uuid(),
                user.to_uuid()
            )
            .fetch_optional(&mut *transaction)
            .await
            .map_err(unavailable)?
            .ok_or(RevokeError::UnknownSession)?;
            let home = shard(row.home_shard)?;
            if row.revoked_at.is_some() {
                return Ok(unpublished(&mut transaction, &[LogAddress::User { shard: home, id: user }]).await?);
            }
            let mut pending = Pending::default();
            self.end(&mut transaction, user, session, home, at_ms, &mut pending).await?;
            let touched = pending.write(&mut transaction).await?;
            transaction.commit().await.map_err(unavailable)?;
            Ok(touched)
        })
        .await
    }
}

impl Store {
    /// Marks a session as revoked and queues the event that closes its sockets.
    async fn end(
        &self,
        connection: &mut PgConnection,
        user: UserId,
        session: SessionId,
        home: ShardId,
        at_ms: TimestampMs,
        pending: &mut Pending,
    ) -> Result<(), StoreError> {
        sqlx::query!("UPDATE sessions SET revoked_at = $2 WHERE session_id = $1", session.to_uuid(), timestamp(at_ms)?)
            .execute(connection)
            .await
            .map_err(unavailable)?;
        let event_id = self.event_id();
        let event = LogEvent::SessionRevoked(SessionRevoked { event_id, user_id: user, session_id: session, at_ms });
        pending.push(LogAddress::User { shard: home, id: user }, event_id, event);
        Ok(())
    }
}

async fn issue(
    connection: &mut PgConnection,
    session: SessionId,
    hash: &[u8; 32],
    at: OffsetDateTime,
    expires_at: OffsetDateTime,
) -> Result<(), StoreError> {
    sqlx::query!(
        "INSERT INTO refresh_tokens (token_hash, session_id, issued_at, expires_at) VALUES ($1, $2, $3, $4)",
        hash,
        session.to_uuid(),
        at,
        expires_at
    )
    .execute(connection)
    .await
    .map(drop)
    .map_err(unavailable)
}
