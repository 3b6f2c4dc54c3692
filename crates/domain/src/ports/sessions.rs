//! The sessions of devices.

use std::time::Duration;

use async_trait::async_trait;
use relay_protocol::DeviceKind;
use relay_types::{DeviceName, SessionId, TimestampMs, UserId};

use super::{LogAddress, PasswordHash, RefreshHash, RefreshNonce, StoreError};

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
    /// What kind of device it is, if it said so.
    pub device_kind: Option<DeviceKind>,
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
    /// The address that tells the workers of somebody who was away for long. Nobody has to wait for that.
    pub told: Option<LogAddress>,
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
    /// What kind of device it is, if it said so.
    pub device_kind: Option<DeviceKind>,
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
    /// The address that tells the user's other devices of it, and the workers, if it is the user's first, or the first after a long
    /// absence: durable consumers are made only then. Nobody has to wait for that.
    pub told: LogAddress,
}

/// The sessions of devices. A session is live until it is revoked or its newest refresh token or itself runs out.
#[async_trait]
pub trait DeviceSessions: Send + Sync {
    /// Opens a session. Sessions beyond `max_sessions` are revoked, and the user counts as seen, with their events and the new
    /// session's in the outbox.
    ///
    /// # Cancel safety
    /// Not cancel safe: a session nobody holds a token of may remain until it runs out.
    async fn open(&self, session: &NewSession) -> Result<Opened, OpenError>;

    /// Exchanges a refresh token for the next. Until that one is used, the same token is answered with the same next one
    /// again: an answer may have been lost, and two tabs may ask at once. Afterwards, the session ends. A retired user counts as
    /// seen again, with the event of that in the outbox.
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

/// Sessions whose devices are connected.
#[async_trait]
pub trait SessionUse: Send + Sync {
    /// Notes that these sessions are in use, and counts them as that for `hold` from now on. Returns those that are live, each
    /// with how long it has left.
    ///
    /// # Cancel safety
    /// Cancel safe; the note may or may not have been made.
    async fn in_use(&self, sessions: &[SessionId], hold: Duration) -> Result<Vec<(SessionId, Duration)>, StoreError>;
}
