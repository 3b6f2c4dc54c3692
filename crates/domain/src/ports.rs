//! Ports: what applications need from adapters. Each names conditions, never a technology.

mod accounts;
mod audit;
mod conversations;
mod credentials;
mod history;
mod keys;
mod limits;
mod log;
mod maintenance;
mod outbox;
mod postings;
mod projection;
mod recent;
mod resume;
mod roster;
mod sessions;
mod tail;

pub use accounts::{
    Accounts, Credentials, DeviceSessions, NewAccount, NewSession, OpenError, Opened, PasswordChange, PasswordHash, RefreshHash,
    RefreshNonce, RegisterError, RevokeError, RotateError, Rotated, Rotation, SessionRecord,
};
pub use audit::{AuditedLog, AuditedProjection, LogPage, MarksPage, MemberKey, ProjectedEvent, SavedWalk};
pub use conversations::{
    Added, ConversationError, Conversations, CreateError, Created, Decided, ListCursor, ListPage, MemberPage, MembershipState,
    NewConversation, PeopleLimits,
};
pub use credentials::{AccessToken, HashError, MintError, PasswordHasher, RefreshToken, SessionEnds, TokenMint};
pub use history::{History, HistoryAnchor, HistoryError, MemberInterval};
pub use keys::{KeyPublishError, KeyPublisher};
pub use limits::{DelayRule, RateDecision, RateLimiter, RateRule};
pub use log::{AppendError, Appended, LogAddress, LogClock, LogReadError, MessageLog, TraceParent};
pub use maintenance::{Maintenance, MaintenanceOutcome, MaintenanceTask};
pub use outbox::{FlushError, Flushed, Outbox, OutboxBacklog};
pub use postings::{PostingHold, Postings};
pub use projection::{
    Delivery, MemberDirectory, Poison, ProjectError, Projected, Projection, QueueError, UserChange, UserConsumers, WorkQueue, WorkSource,
};
pub use recent::{NothingRecent, Passed, RecentSends};
pub use resume::{
    EventRange, FoundEvent, JoinSnapshot, MembershipInterval, OriginalSend, ResumeStore, SendKey, SnapshotMembership, StoreError,
};
pub use roster::{CursorError, DeliveryCursors};
pub use sessions::{AccessClaims, SessionUse, TokenError, TokenVerifier};
pub use tail::{Ended, LogHead, LogTail, TailError, TailSource, TailStart};
