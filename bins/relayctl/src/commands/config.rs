//! `relayctl config`: is the file right, and what can be set?

use std::path::Path;

use relay_bootstrap::valid;
use relay_runtime::{ConfigError, LogConfig, Validate, WebConfig};
use serde::Deserialize;

use crate::output::line;

/// What about the configuration.
#[derive(Debug, Clone, Copy, clap::Subcommand)]
pub enum ConfigCommand {
    /// Check every section as the processes would, without starting anything.
    Check,
    /// Print every key with a default, as TOML.
    Docs,
}

/// Every section, typed: what each process checks of its own, all at once.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Whole {
    #[serde(default, rename = "log")]
    _log: LogConfig,
    nats: relay_bus::NatsConfig,
    #[serde(default)]
    topology: relay_bus::TopologyConfig,
    postgres: relay_store::PostgresConfig,
    #[serde(default)]
    valkey: relay_hot_state::ValkeyConfig,
    #[serde(default)]
    tokens: relay_auth::TokenConfig,
    #[serde(default)]
    web: WebConfig,
    #[serde(default)]
    gateway: relay_gateway::GatewayConfig,
    #[serde(default)]
    api: relay_api::Config,
    #[serde(default)]
    worker: relay_workers::WorkerConfig,
}

impl Validate for Whole {
    fn validate(&self) -> Result<(), ConfigError> {
        valid(self.nats.check())?;
        valid(self.topology.check())?;
        valid(self.postgres.check())?;
        valid(self.valkey.check())?;
        valid(self.tokens.check())?;
        valid(self.web.check())?;
        valid(self.gateway.check())?;
        valid(self.api.check())?;
        valid(self.worker.check())
    }
}

/// What has a default, in the order of the file.
#[derive(serde::Serialize)]
struct Defaults {
    log: LogConfig,
    topology: relay_bus::TopologyConfig,
    tokens: relay_auth::TokenConfig,
    web: WebConfig,
    gateway: relay_gateway::GatewayConfig,
    api: relay_api::Config,
    worker: relay_workers::WorkerConfig,
}

/// Runs the command.
pub fn run(command: ConfigCommand, path: Option<&Path>) -> anyhow::Result<()> {
    match command {
        ConfigCommand::Check => {
            let missing = ConfigError::Invalid { key: "--config", reason: "has to name the file to check".to_owned() };
            let path = path.ok_or(missing)?;
            relay_runtime::load::<Whole>(path)?;
            line(format!("{} is valid", path.display()));
        }
        ConfigCommand::Docs => {
            let defaults = Defaults {
                log: LogConfig::default(),
                topology: relay_bus::TopologyConfig::default(),
                tokens: relay_auth::TokenConfig::default(),
                web: WebConfig::default(),
                gateway: relay_gateway::GatewayConfig::default(),
                api: relay_api::Config::default(),
                worker: relay_workers::WorkerConfig::default(),
            };
            line("# Every key with a default. docs/operations.md explains each, and the keys of [nats], [postgres] and [valkey].");
            line(toml::to_string(&defaults)?);
        }
    }
    Ok(())
}
