//! The state of every handler.

use std::sync::Arc;

use relay_runtime::permits::Permits;
use relay_types::UserId;

use crate::config::Config;
use crate::deps::Deps;
use crate::read_your_writes::LogProgress;
use crate::session_cache::SessionCache;
use crate::web_client::WebClient;

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
    /// Its files, where this process serves them.
    pub web_client: Option<WebClient>,
}

pub(crate) type App = Arc<AppState>;

impl AppState {
    pub(crate) fn now_ms(&self) -> i64 {
        self.deps.clock.now_ms()
    }
}
