//! What the API works with.

use std::sync::Arc;

use relay_domain::ports::{
    Accounts, ActivityNews, Conversations, DeviceSessions, Drafts, History, LogReader, MessageLog, Outbox, PasswordHasher, Postings,
    PresenceBoard, PresenceRules, RateLimiter, ReceiptNews, Receipts, ResumeStore, ScheduledMessages, Search, SyncReading, TailSource,
    Threads, TokenMint, TokenVerifier, UserSettings,
};
use relay_posting::Poster;
use relay_runtime::Origins;
use relay_types::{Clock, IdGen};

/// What the API works with.
#[derive(Clone)]
pub struct Deps {
    /// Accounts.
    pub accounts: Arc<dyn Accounts>,
    /// Devices' sessions.
    pub sessions: Arc<dyn DeviceSessions>,
    /// Conversations as decided.
    pub conversations: Arc<dyn Conversations>,
    /// How far the log reaches.
    pub tails: Arc<dyn TailSource>,
    /// How far the projection reaches.
    pub projection: Arc<dyn ResumeStore>,
    /// What the log has beyond the projection.
    pub log_reader: Arc<dyn LogReader>,
    /// Messages of the past.
    pub history: Arc<dyn History>,
    /// Messages by what they say.
    pub search: Arc<dyn Search>,
    /// What others have read.
    pub receipts: Arc<dyn Receipts>,
    /// Tells of it.
    pub receipt_news: Arc<dyn ReceiptNews>,
    /// Tells the rest of the installation what people read.
    pub activity: Arc<dyn ActivityNews>,
    /// What users set for all their devices.
    pub settings: Arc<dyn UserSettings>,
    /// What clients show first, and what changed since.
    pub sync: Arc<dyn SyncReading>,
    /// Who is there.
    pub presence: Arc<dyn PresenceBoard>,
    /// Who may know of whom.
    pub presence_rules: Arc<dyn PresenceRules>,
    /// What people are writing.
    pub drafts: Arc<dyn Drafts>,
    /// Threads.
    pub threads: Arc<dyn Threads>,
    /// Messages to be sent later.
    pub scheduled: Arc<dyn ScheduledMessages>,
    /// Decisions on their way into the log.
    pub outbox: Arc<dyn Outbox>,
    /// Admits posts, and keeps removals waiting for them.
    pub postings: Arc<dyn Postings>,
    /// The log.
    pub log: Arc<dyn MessageLog>,
    /// Accepts messages.
    pub poster: Arc<Poster>,
    /// Hashes passwords.
    pub passwords: Arc<dyn PasswordHasher>,
    /// Makes tokens.
    pub tokens: Arc<dyn TokenMint>,
    /// Checks tokens.
    pub verifier: Arc<dyn TokenVerifier>,
    /// Which pages may ask.
    pub origins: Arc<Origins>,
    /// Counts and refuses.
    pub limits: Arc<dyn RateLimiter>,
    /// The wall clock.
    pub clock: Arc<dyn Clock>,
    /// Mints ids.
    pub ids: Arc<dyn IdGen>,
    /// How many shards the topology has.
    pub shards: u16,
}
