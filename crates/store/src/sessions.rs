//! Sessions of devices and their refresh tokens.
//!
//! Lock order: user, session. Whoever takes both takes them in this order. A session's lock covers its refresh tokens.

mod rotate;

use async_trait::async_trait;
use relay_domain::ports::{
    DeviceSessions, LogAddress, NewSession, OpenError, Opened, RevokeError, RotateError, Rotated, Rotation, SessionRecord, StoreError,
};
use relay_protocol::DeviceKind;
use relay_protocol::log::{LogEvent, SessionRevoked, SessionStarted, UserRegistered};
use relay_types::{SessionId, ShardId, TimestampMs, UserId};
use sqlx::PgConnection;
use time::OffsetDateTime;

use crate::Store;
use crate::convert::{millis, shard, text, timestamp};
use crate::error::unavailable;
use crate::outbox::{Pending, unpublished};
use crate::store::commit;

#[async_trait]
impl DeviceSessions for Store {
    #[tracing::instrument(name = "db.session.open", skip_all, fields(user.id = %new.user, session.id = %new.session))]
    async fn open(&self, new: &NewSession) -> Result<Opened, OpenError> {
        self.limited(async {
            let (at, ends_at) = (timestamp(new.at_ms)?, timestamp(new.ends_at_ms)?);
            let refresh_expires_at = timestamp(new.refresh_expires_at_ms)?.min(ends_at);
            let mut transaction = self.pool.begin().await.map_err(unavailable)?;
            // Two devices that log in at once count each other. A password changed or an account disabled since the password was
            // compared opens no session.
            let home = sqlx::query_scalar!(
                "SELECT home_shard FROM users WHERE user_id = $1 AND password_hash = $2 AND disabled_at IS NULL FOR NO KEY UPDATE",
                new.user.to_uuid(),
                new.password_hash.0
            )
            .fetch_optional(&mut *transaction)
            .await
            .map_err(unavailable)?
            .ok_or(OpenError::Outdated)?;
            let excess = sqlx::query_scalar!(
                "SELECT session_id FROM sessions
             WHERE user_id = $1 AND revoked_at IS NULL AND least(refresh_expires_at, ends_at) > $2
             ORDER BY (in_use_until > $2) IS TRUE DESC, last_used_at DESC, session_id DESC OFFSET $3",
                new.user.to_uuid(),
                at,
                i64::from(new.max_sessions.saturating_sub(1))
            )
            .fetch_all(&mut *transaction)
            .await
            .map_err(unavailable)?;
            let (home, mut pending) = (shard(home)?, Pending::default());
            for session in excess {
                let session = SessionId::from_uuid(session);
                self.end(&mut transaction, new.user, session, home, new.at_ms, &mut pending).await?;
            }
            let touched = pending.write(&mut transaction).await?;
            let told = self.started(&mut transaction, new, at, home).await?;
            sqlx::query!(
                "INSERT INTO sessions (session_id, user_id, device_name, device_kind, created_at, last_used_at, refresh_expires_at, ends_at)
             VALUES ($1, $2, $3, $7, $4, $4, $5, $6)",
                new.session.to_uuid(),
                new.user.to_uuid(),
                new.device_name.as_str(),
                at,
                refresh_expires_at,
                ends_at,
                new.device_kind.as_ref().map(DeviceKind::as_str)
            )
            .execute(&mut *transaction)
            .await
            .map_err(unavailable)?;
            rotate::issue(&mut transaction, new.session, &new.refresh.0, None, at, refresh_expires_at).await?;
            remember_network(&mut transaction, new, at).await?;
            commit(transaction).await?;
            Ok(Opened { touched, told })
        })
        .await
    }

    #[tracing::instrument(name = "db.session.rotate", skip_all)]
    async fn rotate(&self, rotation: &Rotation) -> Result<Rotated, RotateError> {
        self.limited(rotate::run(self, rotation)).await
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
                "SELECT session_id, device_name, device_kind, created_at, last_used_at FROM sessions
             WHERE user_id = $1 AND revoked_at IS NULL AND least(refresh_expires_at, ends_at) > $2
             ORDER BY session_id DESC LIMIT 100",
                user.to_uuid(),
                timestamp(at_ms)?
            )
            .fetch_all(&self.pool)
            .await
            .map_err(unavailable)?;
            let record = |session, device_name: &str, device_kind: Option<String>, created_at, last_used_at| {
                Ok(SessionRecord {
                    session: SessionId::from_uuid(session),
                    device_name: text(device_name, "device name")?,
                    device_kind: device_kind.and_then(|kind| kind.parse().ok()),
                    created_at_ms: millis(created_at),
                    last_used_at_ms: millis(last_used_at),
                })
            };
            rows.into_iter()
                .map(|row| record(row.session_id, &row.device_name, row.device_kind, row.created_at, row.last_used_at))
                .collect()
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
            commit(transaction).await?;
            Ok(touched)
        })
        .await
    }

    #[tracing::instrument(name = "db.session.revoke_all", skip_all, fields(user.id = %user))]
    async fn revoke_all(&self, user: UserId, at_ms: TimestampMs) -> Result<Vec<LogAddress>, StoreError> {
        self.limited(async {
            let mut transaction = self.pool.begin().await.map_err(unavailable)?;
            let home = sqlx::query_scalar!("SELECT home_shard FROM users WHERE user_id = $1 FOR NO KEY UPDATE", user.to_uuid())
                .fetch_one(&mut *transaction)
                .await
                .map_err(unavailable)?;
            let home = shard(home)?;
            let mut pending = Pending::default();
            self.end_all(&mut transaction, user, None, home, at_ms, &mut pending).await?;
            pending.write(&mut transaction).await?;
            commit(transaction).await?;
            // Also when it was done before and is not in the log yet.
            Ok(vec![LogAddress::User { shard: home, id: user }])
        })
        .await
    }
}

impl Store {
    /// Tells the user's devices of the session. Notes that the user was seen. Where that is told. The caller holds the user's row.
    async fn started(
        &self,
        connection: &mut PgConnection,
        new: &NewSession,
        at: OffsetDateTime,
        home: ShardId,
    ) -> Result<LogAddress, StoreError> {
        let (mut pending, address) = (Pending::default(), LogAddress::User { shard: home, id: new.user });
        let (actor_id, user_id, at_ms) = (Some(new.user), new.user, new.at_ms);
        self.seen(connection, new.user, home, at, &mut pending).await?;
        let event_id = self.event_id();
        let (session_id, device_name) = (new.session, new.device_name.clone());
        let started = SessionStarted { event_id, actor_id, at_ms, user_id, session_id, device_name };
        pending.push(address, event_id, LogEvent::SessionStarted(started));
        pending.write(connection).await?;
        Ok(address)
    }

    /// Notes that the user was seen at `at`. The first time, and when they had been retired, the workers are told, who make their
    /// durable consumers then. The caller holds the user's row.
    pub(crate) async fn seen(
        &self,
        connection: &mut PgConnection,
        user: UserId,
        home: ShardId,
        at: OffsetDateTime,
        pending: &mut Pending,
    ) -> Result<(), StoreError> {
        let unseen = sqlx::query_scalar!(
            r#"UPDATE users AS u SET seen_at = greatest(u.seen_at, $2), retired_at = NULL FROM users AS before
               WHERE u.user_id = $1 AND before.user_id = u.user_id
                 AND (before.seen_at IS NULL OR before.seen_at < $2::timestamptz - interval '12 hours')
               RETURNING before.seen_at IS NULL AS "unseen!""#,
            user.to_uuid(),
            at
        )
        .fetch_optional(connection)
        .await
        .map_err(unavailable)?;
        if unseen == Some(true) {
            let event_id = self.event_id();
            let seen = UserRegistered { event_id, actor_id: Some(user), at_ms: millis(at), user_id: user };
            pending.push(LogAddress::User { shard: home, id: user }, event_id, LogEvent::UserSeen(seen));
        }
        Ok(())
    }

    /// Ends every session of the user that is not over, but `keep`; the caller holds the user's row. There are at most as many
    /// as a user may have.
    pub(crate) async fn end_all(
        &self,
        connection: &mut PgConnection,
        user: UserId,
        keep: Option<SessionId>,
        home: ShardId,
        at_ms: TimestampMs,
        pending: &mut Pending,
    ) -> Result<(), StoreError> {
        let sessions = sqlx::query_scalar!(
            "SELECT session_id FROM sessions WHERE user_id = $1 AND revoked_at IS NULL AND session_id IS DISTINCT FROM $2
             AND least(refresh_expires_at, ends_at) > $3 ORDER BY session_id FOR NO KEY UPDATE",
            user.to_uuid(),
            keep.map(SessionId::to_uuid),
            timestamp(at_ms)?
        )
        .fetch_all(&mut *connection)
        .await
        .map_err(unavailable)?;
        for session in sessions {
            self.end(connection, user, SessionId::from_uuid(session), home, at_ms, pending).await?;
        }
        Ok(())
    }

    /// Marks a session as revoked and queues the event that closes its sockets.
    pub(crate) async fn end(
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
        let event = LogEvent::SessionRevoked(SessionRevoked { event_id, actor_id: None, at_ms, user_id: user, session_id: session });
        pending.push(LogAddress::User { shard: home, id: user }, event_id, event);
        Ok(())
    }
}

/// From here the person's next attempts are not a stranger's. Only the newest networks are kept.
async fn remember_network(connection: &mut PgConnection, new: &NewSession, at: OffsetDateTime) -> Result<(), StoreError> {
    sqlx::query!(
        "INSERT INTO login_networks (user_id, network, last_at) VALUES ($1, $2, $3)
         ON CONFLICT (user_id, network) DO UPDATE SET last_at = greatest(login_networks.last_at, excluded.last_at)",
        new.user.to_uuid(),
        new.network,
        at
    )
    .execute(&mut *connection)
    .await
    .map_err(unavailable)?;
    sqlx::query!(
        "DELETE FROM login_networks WHERE user_id = $1 AND network IN (
             SELECT network FROM login_networks WHERE user_id = $1 ORDER BY last_at DESC, network OFFSET 20)",
        new.user.to_uuid()
    )
    .execute(connection)
    .await
    .map(drop)
    .map_err(unavailable)
}
