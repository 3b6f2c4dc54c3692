//! Ports: what applications need from adapters. Each names conditions, never a technology.

mod accounts;
mod activity;
mod audit;
mod causes;
mod consumers;
mod conversations;
mod cursors;
mod delivery_marks;
mod drafts;
mod ephemeral;
mod erasures;
mod history;
mod keys;
mod limits;
mod list_cursor;
mod log;
mod maintenance;
mod members;
mod outbox;
mod passwords;
mod postings;
mod presence;
mod projection;
mod queue;
mod read_marks;
mod receipts;
mod recent;
mod resume;
mod retirement;
mod scheduled;
mod search;
mod sessions;
mod settings;
mod sync;
mod tail;
mod targets;
mod threads;
mod tokens;

pub use accounts::{Accounts, Credentials, NewAccount, PasswordChange, RegisterError};
pub use activity::ActivityNews;
pub use audit::{AuditedLog, AuditedProjection, LogPage, MarksPage, MemberKey, ProjectedEvent, SavedWalk};
pub use causes::{Causes, DriverError};
pub use consumers::{Ensured, Made, Places, UserChange, UserConsumers};
pub use conversations::{
    Added, ConversationError, ConversationSettingsError, Conversations, CreateError, Created, Decided, HideError, ListPage, ListPart,
    MemberPage, MembershipState, NewConversation, PeopleLimits,
};
pub use cursors::{Checkpoint, CursorError, DeliveryCursors};
pub use delivery_marks::{DeliveryMarks, DeliveryStep};
pub use drafts::{DraftError, DraftNews, Drafts, MOST_DRAFTS};
pub use ephemeral::{EphemeralAudience, EphemeralFeed, EphemeralLink, LinkError};
pub use erasures::{Attempt, ErasableLog, EraseError, Erasure, ErasureBacklog, Erasures};
pub use history::{History, HistoryAnchor, HistoryError, MemberInterval};
pub use keys::{KeyPublishError, KeyPublisher};
pub use limits::{DelayRule, RateDecision, RateLeft, RateLimiter, RateRule};
pub use list_cursor::{ListCursor, ListCursorError};
pub use log::{Apart, AppendError, Appended, LogAddress, LogClock, LogReadError, LogReader, MessageLog, NewEvent, Together, TraceParent};
pub use maintenance::{Maintenance, MaintenanceOutcome, MaintenanceTask};
pub use members::MemberDirectory;
pub use outbox::{FlushError, Flushed, Outbox, OutboxBacklog};
pub use passwords::{HashError, PasswordHash, PasswordHasher};
pub use postings::{PostingHold, Postings};
pub use presence::{PresenceBoard, PresenceRules};
pub use projection::{ProjectError, Projected, Projection};
pub use queue::{Delivery, Holes, Poison, QueueError, WorkQueue, WorkSource};
pub use read_marks::{ReadMark, ReadMarkNews};
pub use receipts::{ReaderPage, ReceiptNews, Receipts};
pub use recent::{NothingRecent, Passed, RecentReactions, RecentSends};
pub use resume::{
    EventPage, EventRange, FoundEvent, JoinQuestion, JoinSnapshot, MembershipInterval, OriginalSend, OwnHead, ResumeStore, SendKey,
    SnapshotMembership, StoreError,
};
pub use retirement::{ConsumerFloor, Retirement, SavedRound, WalkedUser};
pub use scheduled::{DueMessage, ScheduleError, ScheduledMessages, ScheduledOutcome};
pub use search::{Found, Hit, Indexed, Search, SearchCursor, SearchCursorError, SearchError, SearchIndex, SearchQuestion};
pub use sessions::{DeviceSessions, NewSession, OpenError, Opened, RevokeError, RotateError, Rotated, Rotation, SessionRecord, SessionUse};
pub use settings::UserSettings;
pub use sync::{SyncPage, SyncReading};
pub use tail::{Ended, LogHead, LogTail, TailError, TailSource, TailStart};
pub use targets::{Holds, Pinned, Reacted, Standing, Target};
pub use threads::{ThreadCursor, ThreadCursorError, ThreadError, ThreadListPage, ThreadNews, Threads};
pub use tokens::{
    AccessClaims, AccessToken, MintError, RefreshHash, RefreshNonce, RefreshToken, SessionEnds, TokenError, TokenMint, TokenVerifier,
};
