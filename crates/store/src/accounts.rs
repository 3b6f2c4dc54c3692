//! Accounts.

use async_trait::async_trait;
use relay_domain::ports::{Accounts, Credentials, LogAddress, NewAccount, PasswordHash, RegisterError, StoreError};
use relay_protocol::log::{LogEvent, UserRegistered};
use relay_protocol::rest::UserProfile;
use relay_types::{Handle, UserId};
use sqlx::types::Uuid;

use crate::Store;
use crate::convert::{shard_column, text, timestamp};
use crate::error::{constraint, unavailable, violated};
use crate::outbox::Pending;

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
                LogEvent::UserRegistered(UserRegistered { event_id, user_id: account.user, at_ms: account.at_ms }),
            );
            let touched = pending.write(&mut transaction).await?;
            transaction.commit().await.map_err(unavailable)?;
            Ok(touched)
        })
        .await
    }

    /// Index: `users_handle_key`.
    #[tracing::instrument(name = "db.account.credentials", skip_all)]
    async fn credentials(&self, handle: &Handle) -> Result<Option<Credentials>, StoreError> {
        self.limited(async {
            let row = sqlx::query!("SELECT user_id, password_hash FROM users WHERE handle = $1", handle.as_str())
                .fetch_optional(&self.pool)
                .await
                .map_err(unavailable)?;
            Ok(row.map(|row| Credentials { user: UserId::from_uuid(row.user_id), password_hash: PasswordHash(row.password_hash) }))
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
