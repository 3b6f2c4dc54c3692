//! The sections of `relay.toml` that the tool reads. What a command does not need may be absent.

use std::path::Path;

use relay_auth::TokenConfig;
use relay_bootstrap::valid;
use relay_bus::{NatsConfig, TopologyConfig};
use relay_runtime::{ConfigError, IgnoredSection, LogConfig, Validate};
use relay_store::PostgresConfig;
use serde::Deserialize;

/// The configuration as the tool sees it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    #[serde(default, rename = "log")]
    _log: LogConfig,
    nats: Option<NatsConfig>,
    #[serde(default)]
    pub topology: TopologyConfig,
    postgres: Option<PostgresConfig>,
    #[serde(default)]
    pub tokens: TokenConfig,
    #[serde(default)]
    valkey: Option<ValkeySection>,
    #[serde(default, rename = "web")]
    _web: IgnoredSection,
    #[serde(default, rename = "gateway")]
    _gateway: IgnoredSection,
    #[serde(default, rename = "api")]
    _api: IgnoredSection,
    #[serde(default, rename = "worker")]
    _worker: IgnoredSection,
}

/// The address only; the rest is the API's.
#[derive(Deserialize)]
struct ValkeySection {
    url: Option<String>,
}

impl Validate for Config {
    fn validate(&self) -> Result<(), ConfigError> {
        if let Some(nats) = &self.nats {
            valid(nats.check())?;
        }
        if let Some(postgres) = &self.postgres {
            valid(postgres.check())?;
        }
        valid(self.topology.check())?;
        valid(self.tokens.check())
    }
}

impl Config {
    /// Reads the file named by `--config`.
    pub fn load(path: Option<&Path>) -> Result<Self, ConfigError> {
        let missing = ConfigError::Invalid { key: "--config", reason: "has to name the configuration file for this command".to_owned() };
        relay_runtime::load(path.ok_or(missing)?)
    }

    /// `[nats]`, which this command needs.
    pub fn nats(&self) -> Result<&NatsConfig, ConfigError> {
        self.nats.as_ref().ok_or_else(|| needed("nats"))
    }

    /// `[postgres]`, which this command needs.
    pub fn postgres(&self) -> Result<&PostgresConfig, ConfigError> {
        self.postgres.as_ref().ok_or_else(|| needed("postgres"))
    }

    /// Where Valkey is.
    pub fn valkey_url(&self) -> &str {
        self.valkey.as_ref().and_then(|valkey| valkey.url.as_deref()).unwrap_or("redis://127.0.0.1:6379")
    }
}

fn needed(section: &'static str) -> ConfigError {
    ConfigError::Invalid { key: section, reason: "is missing, and this command needs it".to_owned() }
}
