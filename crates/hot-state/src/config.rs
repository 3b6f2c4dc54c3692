//! `[valkey]`

use std::fmt;

use relay_types::limits::{Violation, at_least, require, within};
use serde::{Deserialize, Serialize};

/// Where Valkey is, and how long it is waited for.
#[derive(Clone, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct ValkeyConfig {
    /// `redis://[user:password@]host:port[/db]`. fred's forms for Sentinel and Cluster work too.
    pub url: String,
    /// How long one answer is waited for before the process counts by itself, in milliseconds.
    pub command_timeout_ms: u64,
    /// How long a connection attempt may take, in milliseconds.
    pub connect_timeout_ms: u64,
    /// The longest delay between two attempts, in milliseconds.
    pub reconnect_max_ms: u32,
}

impl Default for ValkeyConfig {
    fn default() -> Self {
        Self { url: "redis://127.0.0.1:6379".to_owned(), command_timeout_ms: 40, connect_timeout_ms: 2_000, reconnect_max_ms: 2_000 }
    }
}

impl fmt::Debug for ValkeyConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ValkeyConfig")
            .field("url", &"[redacted: may hold a password]")
            .field("command_timeout_ms", &self.command_timeout_ms)
            .field("connect_timeout_ms", &self.connect_timeout_ms)
            .field("reconnect_max_ms", &self.reconnect_max_ms)
            .finish()
    }
}

impl ValkeyConfig {
    /// The first value outside its limits: its dotted key, and what it has to be.
    pub fn check(&self) -> Result<(), Violation> {
        let is_address = fred::types::config::Config::from_url(&self.url).is_ok();
        require("valkey.url", is_address, || "like redis://host:port".to_owned())?;
        within("valkey.command_timeout_ms", &self.command_timeout_ms, &(1..=50))?;
        at_least("valkey.connect_timeout_ms", &self.connect_timeout_ms, &1)?;
        at_least("valkey.reconnect_max_ms", &self.reconnect_max_ms, &100)
    }
}
