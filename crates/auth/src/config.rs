//! `[tokens]`

use std::path::PathBuf;

use relay_types::limits::{Violation, at_least, at_most, require, within};
use serde::{Deserialize, Serialize};

/// How tokens are made and checked. Every process that checks tokens needs the same `issuer`.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct TokenConfig {
    /// The directory of private signing keys, `<kid>.pem`, mode 600. Only the API and relayctl read it; several API processes
    /// share its content.
    pub keys_dir: PathBuf,
    /// The `iss` of every token; the same everywhere.
    pub issuer: String,
    /// How long an access token is valid, in seconds.
    pub access_ttl_s: u64,
    /// How long a refresh token is valid, in seconds; not less than `access_ttl_s`.
    pub refresh_ttl_s: u64,
    /// How long a session lasts however often it is refreshed, in seconds; not less than `refresh_ttl_s`. 180 days by default.
    pub session_ttl_s: u64,
    /// How long a new key is published before it signs, in seconds, so that every verifier knows it first.
    pub publish_delay_s: u64,
    /// How far clocks may differ when a token's end is judged, in seconds.
    pub leeway_s: u64,
}

impl Default for TokenConfig {
    fn default() -> Self {
        Self {
            keys_dir: PathBuf::from("keys"),
            issuer: "relayhub".to_owned(),
            access_ttl_s: 900,
            refresh_ttl_s: 30 * 86_400,
            session_ttl_s: 180 * 86_400,
            publish_delay_s: 60,
            leeway_s: 30,
        }
    }
}

impl TokenConfig {
    /// The first value outside its limits: its dotted key, and what it has to be.
    pub fn check(&self) -> Result<(), Violation> {
        require("tokens.issuer", (1..=256).contains(&self.issuer.len()), || "of 1 to 256 bytes".to_owned())?;
        within("tokens.access_ttl_s", &self.access_ttl_s, &(5..=86_400))?;
        at_least("tokens.refresh_ttl_s", &self.refresh_ttl_s, &self.access_ttl_s)?;
        within("tokens.session_ttl_s", &self.session_ttl_s, &(self.refresh_ttl_s..=10 * 366 * 86_400))?;
        at_most("tokens.leeway_s", &self.leeway_s, &300)?;
        at_most("tokens.publish_delay_s", &self.publish_delay_s, &86_400)
    }
}
