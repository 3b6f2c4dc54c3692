//! `relayctl config`: is the file right, and what can be set?

use std::path::Path;

use relay_runtime::{ConfigError, ConfigFile, LogConfig, WebConfig, unchecked};

use crate::output::line;

/// What about the configuration.
#[derive(Debug, Clone, Copy, clap::Subcommand)]
pub enum ConfigCommand {
    /// Check every section as the processes would, without starting anything.
    Check,
    /// Print every key with a default, as TOML.
    Docs,
}

/// What each process checks of its own sections, all at once.
fn check(file: &ConfigFile) -> Result<(), ConfigError> {
    let _log: LogConfig = file.section("log", unchecked)?;
    file.required("nats", relay_bus::NatsConfig::check)?;
    file.section("topology", relay_bus::TopologyConfig::check)?;
    file.required("postgres", relay_store::PostgresConfig::check)?;
    file.section("valkey", relay_hot_state::ValkeyConfig::check)?;
    file.section("tokens", relay_auth::TokenConfig::check)?;
    file.section("web", WebConfig::check)?;
    file.section("gateway", relay_gateway::GatewayConfig::check)?;
    file.section("api", relay_api::Config::check)?;
    file.section("worker", relay_workers::WorkerConfig::check)?;
    Ok(())
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
            check(&ConfigFile::open(path)?)?;
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
