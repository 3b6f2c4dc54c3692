//! The sections of `relay.toml` that the tool reads. What a command does not need may be absent.

use std::path::Path;

use relay_auth::TokenConfig;
use relay_bus::{NatsConfig, TopologyConfig};
use relay_runtime::{ConfigError, ConfigFile, LogConfig, unchecked};
use relay_store::PostgresConfig;
use serde::Deserialize;

/// The configuration as the tool sees it.
pub struct Config {
    nats: Option<NatsConfig>,
    pub topology: TopologyConfig,
    postgres: Option<PostgresConfig>,
    pub tokens: TokenConfig,
    valkey: Option<ValkeySection>,
}

/// The address only; the rest is the API's.
#[derive(Deserialize)]
struct ValkeySection {
    url: Option<String>,
}

impl Config {
    /// Reads the file named by `--config`.
    pub fn load(path: Option<&Path>) -> Result<Self, ConfigError> {
        let missing = ConfigError::Invalid { key: "--config", reason: "has to name the configuration file for this command".to_owned() };
        let file = ConfigFile::open(path.ok_or(missing)?)?;
        let _log: LogConfig = file.section("log", unchecked)?;
        Ok(Self {
            nats: file.optional("nats", NatsConfig::check)?,
            topology: file.section("topology", TopologyConfig::check)?,
            postgres: file.optional("postgres", PostgresConfig::check)?,
            tokens: file.section("tokens", TokenConfig::check)?,
            valkey: file.optional("valkey", unchecked)?,
        })
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
