//! The sections of `relay.toml` that the gateway reads.

use std::net::SocketAddr;

use relay_runtime::{ConfigError, ConfigFile, LogConfig, ProcessConfig, WebConfig, unchecked};

pub struct Config {
    pub log: LogConfig,
    pub nats: relay_bus::NatsConfig,
    pub topology: relay_bus::TopologyConfig,
    pub postgres: relay_store::PostgresConfig,
    pub valkey: relay_hot_state::ValkeyConfig,
    pub tokens: relay_auth::TokenConfig,
    pub web: WebConfig,
    pub gateway: relay_gateway::GatewayConfig,
}

impl ProcessConfig for Config {
    fn read(file: &ConfigFile) -> Result<Self, ConfigError> {
        Ok(Self {
            log: file.section("log", unchecked)?,
            nats: file.required("nats", relay_bus::NatsConfig::check)?,
            topology: file.section("topology", relay_bus::TopologyConfig::check)?,
            postgres: file.required("postgres", relay_store::PostgresConfig::check)?,
            valkey: file.section("valkey", relay_hot_state::ValkeyConfig::check)?,
            tokens: file.section("tokens", relay_auth::TokenConfig::check)?,
            web: file.section("web", WebConfig::check)?,
            gateway: file.section("gateway", relay_gateway::GatewayConfig::check)?,
        })
    }

    fn log(&self) -> &LogConfig {
        &self.log
    }

    fn admin_listen(&self) -> SocketAddr {
        self.gateway.admin_listen
    }
}
