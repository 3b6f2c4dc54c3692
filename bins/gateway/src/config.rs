//! The sections of `relay.toml` that the gateway reads.

use std::net::SocketAddr;

use relay_bootstrap::valid;
use relay_runtime::{ConfigError, IgnoredSection, LogConfig, ProcessConfig, Validate, WebConfig};
use serde::Deserialize;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    #[serde(default)]
    pub log: LogConfig,
    pub nats: relay_bus::NatsConfig,
    #[serde(default)]
    pub topology: relay_bus::TopologyConfig,
    pub postgres: relay_store::PostgresConfig,
    #[serde(default)]
    pub tokens: relay_auth::TokenConfig,
    #[serde(default)]
    pub web: WebConfig,
    #[serde(default)]
    pub gateway: relay_gateway::GatewayConfig,
    #[serde(default, rename = "api")]
    _api: IgnoredSection,
    #[serde(default, rename = "worker")]
    _worker: IgnoredSection,
    #[serde(default, rename = "valkey")]
    _valkey: IgnoredSection,
}

impl Validate for Config {
    fn validate(&self) -> Result<(), ConfigError> {
        valid(self.nats.check())?;
        valid(self.topology.check())?;
        valid(self.postgres.check())?;
        valid(self.tokens.check())?;
        valid(self.web.check())?;
        valid(self.gateway.check())
    }
}

impl ProcessConfig for Config {
    fn log(&self) -> &LogConfig {
        &self.log
    }

    fn admin_listen(&self) -> SocketAddr {
        self.gateway.admin_listen
    }
}
