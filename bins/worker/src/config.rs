//! The sections of `relay.toml` that the worker reads.

use std::net::SocketAddr;

use relay_bootstrap::valid;
use relay_runtime::{ConfigError, IgnoredSection, LogConfig, ProcessConfig, Validate};
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
    pub worker: relay_workers::WorkerConfig,
    #[serde(default, rename = "api")]
    _api: IgnoredSection,
    #[serde(default, rename = "web")]
    _web: IgnoredSection,
    #[serde(default, rename = "gateway")]
    _gateway: IgnoredSection,
    #[serde(default, rename = "tokens")]
    _tokens: IgnoredSection,
    #[serde(default, rename = "valkey")]
    _valkey: IgnoredSection,
}

impl Validate for Config {
    fn validate(&self) -> Result<(), ConfigError> {
        valid(self.nats.check())?;
        valid(self.topology.check())?;
        valid(self.postgres.check())?;
        valid(self.worker.check())
    }
}

impl ProcessConfig for Config {
    fn log(&self) -> &LogConfig {
        &self.log
    }

    fn admin_listen(&self) -> SocketAddr {
        self.worker.admin_listen
    }
}
