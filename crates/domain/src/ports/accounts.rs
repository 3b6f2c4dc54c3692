//! Accounts.

use async_trait::async_trait;
use relay_protocol::rest::UserProfile;
use relay_types::{DisplayName, Handle, SessionId, ShardId, TimestampMs, UserId};

use super::{LogAddress, PasswordHash, StoreError};

/// An account to create.
#[derive(Debug, Clone)]
pub struct NewAccount {
    /// Minted by the caller.
    pub user: UserId,
    /// Unique.
    pub handle: Handle,
    /// Shown to others.
    pub display_name: DisplayName,
    /// Of the password.
    pub password_hash: PasswordHash,
    /// Where the user's own events and the conversations they create live.
    pub home_shard: ShardId,
    /// Now.
    pub at_ms: TimestampMs,
}

/// What log-in compares with.
#[derive(Debug, Clone)]
pub struct Credentials {
    /// Who.
    pub user: UserId,
    /// Of their password.
    pub password_hash: PasswordHash,
    /// The account is disabled: nobody logs in, whatever they know.
    pub disabled: bool,
    /// They logged in from the network asked about lately.
    pub known_network: bool,
}

/// An account that was not created.
#[derive(Debug, thiserror::Error)]
pub enum RegisterError {
    /// Another user has the handle.
    #[error("the handle is taken")]
    HandleTaken,
    /// The store did not answer; the account may exist.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Accounts.
#[async_trait]
pub trait Accounts: Send + Sync {
    /// Creates the account and, in the same transaction, the outbox row of `USER_REGISTERED` on the user's subject of
    /// their home shard. Answers with the addresses to flush.
    ///
    /// # Cancel safety
    /// Not cancel safe: the account may exist when the future is dropped. The outbox relay publishes its event.
    async fn register(&self, account: &NewAccount) -> Result<Vec<LogAddress>, RegisterError>;

    /// What log-in compares with, for an attempt from `network` at `at_ms`.
    ///
    /// # Cancel safety
    /// Cancel safe.
    async fn credentials(&self, handle: &Handle, network: &str, at_ms: TimestampMs) -> Result<Option<Credentials>, StoreError>;

    /// The hash of the user's password, and the names that it must not be made of.
    ///
    /// # Cancel safety
    /// Cancel safe.
    async fn password_of(&self, user: UserId) -> Result<Option<(PasswordHash, UserProfile)>, StoreError>;

    /// Replaces the password if it is still `known`, and ends every session but `keep`, with their events in the outbox.
    /// Answers with the addresses to flush; `None` when another change came first.
    ///
    /// # Cancel safety
    /// Not cancel safe: the change may have happened. The outbox relay publishes its events.
    async fn change_password(&self, change: &PasswordChange) -> Result<Option<Vec<LogAddress>>, StoreError>;

    /// Disables the account and ends all its sessions, or enables it again. Safe to repeat. Answers with the addresses to
    /// flush; `None` when there is no such account.
    ///
    /// # Cancel safety
    /// Not cancel safe: the change may have happened. The outbox relay publishes its events.
    async fn set_disabled(&self, user: UserId, disabled: bool, at_ms: TimestampMs) -> Result<Option<Vec<LogAddress>>, StoreError>;

    /// Changes how a user is shown to others, and tells their devices: `PROFILE_CHANGED` is in the outbox. Safe to repeat. Answers
    /// with the user as others see them, and the addresses to flush; `None` when there is no such user.
    ///
    /// # Cancel safety
    /// Not cancel safe: the change may have happened. The outbox relay publishes its event.
    async fn change_profile(
        &self,
        user: UserId,
        display_name: &DisplayName,
        at_ms: TimestampMs,
    ) -> Result<Option<(UserProfile, Vec<LogAddress>)>, StoreError>;

    /// A user as others see them.
    ///
    /// # Cancel safety
    /// Cancel safe.
    async fn profile(&self, user: UserId) -> Result<Option<UserProfile>, StoreError>;

    /// Those of `users` who exist, as others see them.
    ///
    /// # Cancel safety
    /// Cancel safe.
    async fn profiles(&self, users: &[UserId]) -> Result<Vec<UserProfile>, StoreError>;

    /// The user with exactly this handle.
    ///
    /// # Cancel safety
    /// Cancel safe.
    async fn find_by_handle(&self, handle: &Handle) -> Result<Option<UserProfile>, StoreError>;
}

/// A new password.
#[derive(Debug, Clone)]
pub struct PasswordChange {
    /// Whose.
    pub user: UserId,
    /// What the present password was compared with.
    pub known: PasswordHash,
    /// Of the new one.
    pub new: PasswordHash,
    /// The session that asks; it goes on.
    pub keep: SessionId,
    /// Now.
    pub at_ms: TimestampMs,
}
