//! What the API works with.

use std::sync::Arc;

use relay_domain::ports::{
    Accounts, Conversations, DeliveryCursors, DeviceSessions, History, MessageLog, Outbox, PasswordHasher, Postings, RateLimiter,
    ResumeStore, TailSource, TokenMint, TokenVerifier,
};
use relay_posting::Poster;
use relay_runtime::Origins;
use relay_runtime::permits::Permits;
use relay_types::{Clock, IdGen, UserId};

use crate::config::Config;
use crate::read_your_writes::LogProgress;
use crate::session_cache::SessionCache;

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
    pub log_reader: Arc<dyn DeliveryCursors>,
    /// Messages of the past.
    pub history: Arc<dyn History>,
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

/// The state of every handler.
pub(crate) struct AppState {
    pub config: Config,
    pub deps: Deps,
    pub session_cache: SessionCache,
    pub read_your_writes: LogProgress,
    /// Lists and histories on their way.
    pub reads: Permits<UserId>,
    /// Questions for these.
    pub asking: Permits<UserId>,
}

pub(crate) type App = Arc<AppState>;

impl AppState {
    pub(crate) fn now_ms(&self) -> i64 {
        self.deps.clock.now_ms()
    }
}
