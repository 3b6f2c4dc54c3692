//! Accounts.

use async_trait::async_trait;
use relay_domain::ports::{Accounts, Credentials, LogAddress, NewAccount, PasswordChange, PasswordHash, RegisterError, StoreError};
use relay_protocol::log::{LogEvent, ProfileChanged, UserRegistered};
use relay_protocol::rest::UserProfile;
use relay_types::{DisplayName, Handle, TimestampMs, UserId};
use sqlx::types::Uuid;

use crate::Store;
use crate::convert::{shard, shard_column, text, timestamp};
use crate::error::{constraint, unavailable, violated};
use crate::outbox::Pending;
use crate::store::commit;

/// A network that nobody logged in from for this long is a stranger's again.
const NETWORK_KNOWN_FOR: time::Duration = time::Duration::days(90);

#[async_trait]
impl Accounts for Store {
    #[tracing::instrument(name = "db.account.register", skip_all, fields(user.id = %account.user))]
    async fn register(&self, account: &NewAccount) -> Result<Vec<LogAddress>, RegisterError> {
        self.limited(async {
            let at = timestamp(account.at_ms)?;
            let mut transaction = self.pool.begin().await.map_err(unavailable)?;
            sqlx::query!(
                "INSERT INTO users (user_id, handle, display_name, password_hash, home_shard, created_at) VALUES ($1, $2, $3, $4, $5, $6)",
                account.user.to_uuid(),
                account.handle.as_str(),
                account.display_name.as_str(),
                account.password_hash.0,
                shard_column(account.home_shard),
                at
            )
            .execute(&mut *transaction)
            .await
            .map_err(|error| match violated(&error) {
                Some(constraint::USERS_HANDLE) => RegisterError::HandleTaken,
                _ => unavailable(error).into(),
            })?;
            let mut pending = Pending::default();
            let event_id = self.event_id();
            pending.push(
                LogAddress::User { shard: account.home_shard, id: account.user },
                event_id,
                LogEvent::UserRegistered(UserRegistered {
                    event_id,
                    actor_id: Some(account.user),
                    at_ms: account.at_ms,
                    user_id: account.user,
                }),
            );
            let touched = pending.write(&mut transaction).await?;
            commit(transaction).await?;
            Ok(touched)
        })
        .await
    }

    /// Indexes: `users_handle_key`, `login_networks_pkey`.
    #[tracing::instrument(name = "db.account.credentials", skip_all)]
    async fn credentials(&self, handle: &Handle, network: &str, at_ms: TimestampMs) -> Result<Option<Credentials>, StoreError> {
        self.limited(async {
            let since = timestamp(at_ms)? - NETWORK_KNOWN_FOR;
            let row = sqlx::query!(
                r#"SELECT user_id, password_hash, disabled_at IS NOT NULL AS "disabled!",
                   EXISTS (SELECT FROM login_networks n WHERE n.user_id = u.user_id AND n.network = $2 AND n.last_at > $3) AS "known!"
                   FROM users u WHERE handle = $1"#,
                handle.as_str(),
                network,
                since
            )
            .fetch_optional(&self.pool)
            .await
            .map_err(unavailable)?;
            Ok(row.map(|row| Credentials {
                user: UserId::from_uuid(row.user_id),
                password_hash: PasswordHash(row.password_hash),
                disabled: row.disabled,
                known_network: row.known,
            }))
        })
        .await
    }

    /// Index: `users_pkey`.
    #[tracing::instrument(name = "db.account.password_of", skip_all, fields(user.id = %user))]
    async fn password_of(&self, user: UserId) -> Result<Option<(PasswordHash, UserProfile)>, StoreError> {
        self.limited(async {
            let row = sqlx::query!("SELECT user_id, handle, display_name, password_hash FROM users WHERE user_id = $1", user.to_uuid())
                .fetch_optional(&self.pool)
                .await
                .map_err(unavailable)?;
            row.map(|row| Ok((PasswordHash(row.password_hash), profile_of(row.user_id, &row.handle, &row.display_name)?))).transpose()
        })
        .await
    }

    /// The user's row is locked first: log-ins with the old password queue up behind it and find it changed.
    #[tracing::instrument(name = "db.account.change_password", skip_all, fields(user.id = %change.user))]
    async fn change_password(&self, change: &PasswordChange) -> Result<Option<Vec<LogAddress>>, StoreError> {
        self.limited(async {
            let mut transaction = self.pool.begin().await.map_err(unavailable)?;
            let home = sqlx::query_scalar!(
                "UPDATE users SET password_hash = $3 WHERE user_id = $1 AND password_hash = $2 AND disabled_at IS NULL RETURNING home_shard",
                change.user.to_uuid(),
                change.known.0,
                change.new.0
            )
            .fetch_optional(&mut *transaction)
            .await
            .map_err(unavailable)?;
            let Some(home) = home else { return Ok(None) };
            let home = shard(home)?;
            let mut pending = Pending::default();
            self.end_all(&mut transaction, change.user, Some(change.keep), home, change.at_ms, &mut pending).await?;
            pending.write(&mut transaction).await?;
            commit(transaction).await?;
            // Also when it is a repetition: its events may not be in the log yet.
            Ok(Some(vec![LogAddress::User { shard: home, id: change.user }]))
        })
        .await
    }

    #[tracing::instrument(name = "db.account.set_disabled", skip_all, fields(user.id = %user))]
    async fn set_disabled(&self, user: UserId, disabled: bool, at_ms: TimestampMs) -> Result<Option<Vec<LogAddress>>, StoreError> {
        self.limited(async {
            let mut transaction = self.pool.begin().await.map_err(unavailable)?;
            let home = sqlx::query_scalar!(
                "UPDATE users SET disabled_at = CASE WHEN $2 THEN coalesce(disabled_at, $3) END WHERE user_id = $1 RETURNING home_shard",
                user.to_uuid(),
                disabled,
                timestamp(at_ms)?
            )
            .fetch_optional(&mut *transaction)
            .await
            .map_err(unavailable)?;
            let Some(home) = home else { return Ok(None) };
            let home = shard(home)?;
            let mut pending = Pending::default();
            if disabled {
                self.end_all(&mut transaction, user, None, home, at_ms, &mut pending).await?;
            }
            pending.write(&mut transaction).await?;
            commit(transaction).await?;
            // Also when it was done before: its events may not be in the log yet.
            Ok(Some(vec![LogAddress::User { shard: home, id: user }]))
        })
        .await
    }

    /// Index: `users_pkey`.
    #[tracing::instrument(name = "db.account.change_profile", skip_all, fields(user.id = %user))]
    async fn change_profile(
        &self,
        user: UserId,
        display_name: &DisplayName,
        at_ms: TimestampMs,
    ) -> Result<Option<(UserProfile, Vec<LogAddress>)>, StoreError> {
        self.limited(async {
            let mut transaction = self.pool.begin().await.map_err(unavailable)?;
            let row = sqlx::query!(
                r#"WITH before AS MATERIALIZED (SELECT display_name FROM users WHERE user_id = $1 FOR NO KEY UPDATE)
                   UPDATE users AS u SET display_name = $2 FROM before WHERE u.user_id = $1
                   RETURNING u.handle, u.home_shard, before.display_name <> $2 AS "changed!""#,
                user.to_uuid(),
                display_name.as_str()
            )
            .fetch_optional(&mut *transaction)
            .await
            .map_err(unavailable)?;
            let Some(row) = row else { return Ok(None) };
            let address = LogAddress::User { shard: shard(row.home_shard)?, id: user };
            let mut pending = Pending::default();
            if row.changed {
                let event_id = self.event_id();
                let display_name = display_name.clone();
                let changed = ProfileChanged { event_id, actor_id: user, at_ms, user_id: user, display_name };
                pending.push(address, event_id, LogEvent::ProfileChanged(changed));
            }
            pending.write(&mut transaction).await?;
            commit(transaction).await?;
            // Also when it is a repetition: its event may not be in the log yet.
            Ok(Some((profile_of(user.to_uuid(), &row.handle, display_name.as_str())?, vec![address])))
        })
        .await
    }

    /// Index: `users_pkey`.
    #[tracing::instrument(name = "db.account.profile", skip_all, fields(user.id = %user))]
    async fn profile(&self, user: UserId) -> Result<Option<UserProfile>, StoreError> {
        self.limited(async {
            let row = sqlx::query!("SELECT user_id, handle, display_name FROM users WHERE user_id = $1", user.to_uuid())
                .fetch_optional(&self.pool)
                .await
                .map_err(unavailable)?;
            row.map(|row| profile_of(row.user_id, &row.handle, &row.display_name)).transpose()
        })
        .await
    }

    /// Index: `users_pkey`.
    #[tracing::instrument(name = "db.account.profiles", skip_all, fields(users = users.len()))]
    async fn profiles(&self, users: &[UserId]) -> Result<Vec<UserProfile>, StoreError> {
        self.limited(async {
            let users: Vec<Uuid> = users.iter().map(|user| user.to_uuid()).collect();
            let rows =
                sqlx::query!("SELECT user_id, handle, display_name FROM users WHERE user_id = ANY ($1::uuid[]) ORDER BY user_id", &users)
                    .fetch_all(&self.pool)
                    .await
                    .map_err(unavailable)?;
            rows.into_iter().map(|row| profile_of(row.user_id, &row.handle, &row.display_name)).collect()
        })
        .await
    }

    /// Index: `users_handle_key`.
    #[tracing::instrument(name = "db.account.find_by_handle", skip_all)]
    async fn find_by_handle(&self, handle: &Handle) -> Result<Option<UserProfile>, StoreError> {
        self.limited(async {
            let row = sqlx::query!("SELECT user_id, handle, display_name FROM users WHERE handle = $1", handle.as_str())
                .fetch_optional(&self.pool)
                .await
                .map_err(unavailable)?;
            row.map(|row| profile_of(row.user_id, &row.handle, &row.display_name)).transpose()
        })
        .await
    }
}

/// A user as others see them.
pub(crate) fn profile_of(user: Uuid, handle: &str, display_name: &str) -> Result<UserProfile, StoreError> {
    Ok(UserProfile { user_id: UserId::from_uuid(user), handle: text(handle, "handle")?, display_name: text(display_name, "display name")? })
}
