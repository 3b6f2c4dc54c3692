//! Accounts and the sessions of their devices.

use std::fmt;

use async_trait::async_trait;
use relay_protocol::rest::UserProfile;
use relay_types::{DeviceName, DisplayName, Handle, SessionId, ShardId, TimestampMs, UserId};

use super::{LogAddress, StoreError};

/// A password as stored: a PHC string with its own salt and costs. Never printed.
#[derive(Clone, PartialEq, Eq)]
pub struct PasswordHash(pub String);

impl fmt::Debug for PasswordHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[redacted]")
    }
}

/// The SHA-256 of a refresh token: all that is stored of one.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct RefreshHash(pub [u8; 32]);

impl fmt::Debug for RefreshHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[redacted]")
    }
}

/// Chance that makes the next refresh token out of the last. Worth nothing without that token, and forgotten when the next
/// one is used.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct RefreshNonce(pub [u8; 32]);

impl fmt::Debug for RefreshNonce {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[redacted]")
    }
}

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

/// A session that was not opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The password was changed or the account disabled after it was compared.
    #[error("the credentials are not valid any more")]
    Outdated,
    /// The store did not answer; the session may be open.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// A device's log-in.
#[derive(Debug, Clone)]
pub struct NewSession {
    /// Minted by the caller.
    pub session: SessionId,
    /// Whose.
    pub user: UserId,
    /// What the password was compared with.
    pub password_hash: PasswordHash,
    /// Where they log in from: the next attempts from there are those of a known network.
    pub network: String,
    /// What the person calls the device.
    pub device_name: DeviceName,
    /// Of the first refresh token.
    pub refresh: RefreshHash,
    /// When that token ends.
    pub refresh_expires_at_ms: TimestampMs,
    /// When the session ends however often it is refreshed.
    pub ends_at_ms: TimestampMs,
    /// Now.
    pub at_ms: TimestampMs,
    /// Live sessions a user may have; the least recently used ones beyond it are revoked.
    pub max_sessions: u32,
}

/// A refresh token presented, and what takes its place.
#[derive(Debug, Clone, Copy)]
pub struct Rotation {
    /// Of the token presented.
    pub presented: RefreshHash,
    /// Of the token that takes its place.
    pub replacement: RefreshHash,
    /// What the replacement was made with, beside the token presented.
    pub nonce: RefreshNonce,
    /// When the replacement ends; the session's own end caps it.
    pub refresh_expires_at_ms: TimestampMs,
    /// Now.
    pub at_ms: TimestampMs,
}

/// A rotation that happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rotated {
    /// Whose.
    pub user: UserId,
    /// Which device's.
    pub session: SessionId,
    /// What the replacement is made with: the rotation's own nonce, or the first one's when this is a repetition.
    pub nonce: RefreshNonce,
}

/// A rotation that did not happen.
#[derive(Debug, thiserror::Error)]
pub enum RotateError {
    /// No such token, or it or its session has run out.
    #[error("the refresh token is not valid")]
    Invalid,
    /// Its session was ended before.
    #[error("the session was ended")]
    Revoked,
    /// It had been used, and what took its place as well; or every token for some time was repeated late, as by two that
    /// share them. The session is now revoked, in the same transaction, with its event in the outbox.
    #[error("the refresh token was used before")]
    Reused {
        /// Addresses to flush: also when the session had been revoked already and its event is not in the log yet.
        touched: Vec<LogAddress>,
    },
    /// The store did not answer; the rotation may have happened.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// A live session, as its owner sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionRecord {
    /// Which.
    pub session: SessionId,
    /// What the person calls the device.
    pub device_name: DeviceName,
    /// When it logged in.
    pub created_at_ms: TimestampMs,
    /// When it last refreshed its tokens.
    pub last_used_at_ms: TimestampMs,
}

/// A session that was not revoked.
#[derive(Debug, thiserror::Error)]
pub enum RevokeError {
    /// The user has no such session.
    #[error("no such session")]
    UnknownSession,
    /// The store did not answer; the session may be revoked.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// What opening a session brought about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Opened {
    /// Addresses to flush, because other sessions were revoked for it; usually none.
    pub touched: Vec<LogAddress>,
    /// The address that tells of it, if it is the user's first: durable consumers are made only then. Nobody has to wait for that.
    pub first: Option<LogAddress>,
}

/// The sessions of devices. A session is live until it is revoked or its newest refresh token or itself runs out.
#[async_trait]
pub trait DeviceSessions: Send + Sync {
    /// Opens a session. Sessions beyond `max_sessions` are revoked, and a first log-in is noted, with their events in the outbox.
    ///
    /// # Cancel safety
    /// Not cancel safe: a session nobody holds a token of may remain until it runs out.
    async fn open(&self, session: &NewSession) -> Result<Opened, OpenError>;

    /// Exchanges a refresh token for the next. Until that one is used, the same token is answered with the same next one
    /// again: an answer may have been lost, and two tabs may ask at once. Afterwards, the session ends.
    ///
    /// # Cancel safety
    /// Not cancel safe: the presented token may be used up when the future is dropped.
    async fn rotate(&self, rotation: &Rotation) -> Result<Rotated, RotateError>;

    /// Whether the session exists, is the user's, and has neither been revoked nor run out at `at_ms`.
    ///
    /// # Cancel safety
    /// Cancel safe.
    async fn is_live(&self, user: UserId, session: SessionId, at_ms: TimestampMs) -> Result<bool, StoreError>;

    /// The user's live sessions, newest first, at most 100.
    ///
    /// # Cancel safety
    /// Cancel safe.
    async fn list(&self, user: UserId, at_ms: TimestampMs) -> Result<Vec<SessionRecord>, StoreError>;

    /// Ends a session and writes `SESSION_REVOKED` to the outbox, on the user's subject of their home shard; the addresses to
    /// flush are the answer. Revoking twice succeeds, and names them again while the event is not in the log.
    ///
    /// # Cancel safety
    /// Not cancel safe: the session may be revoked when the future is dropped. The outbox relay publishes its event.
    async fn revoke(&self, user: UserId, session: SessionId, at_ms: TimestampMs) -> Result<Vec<LogAddress>, RevokeError>;

    /// Ends all the user's sessions, each with its event in the outbox.
    ///
    /// # Cancel safety
    /// Not cancel safe, as [`Self::revoke`].
    async fn revoke_all(&self, user: UserId, at_ms: TimestampMs) -> Result<Vec<LogAddress>, StoreError>;
}
