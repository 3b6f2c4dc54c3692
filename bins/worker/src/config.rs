//! The sections of `relay.toml` that the worker reads.

use std::net::SocketAddr;

use relay_runtime::{ConfigError, ConfigFile, LogConfig, ProcessConfig, unchecked};

pub struct Config {
    pub log: LogConfig,
    pub nats: relay_bus::NatsConfig,
    pub topology: relay_bus::TopologyConfig,
    pub postgres: relay_store::PostgresConfig,
    pub worker: relay_workers::WorkerConfig,
}

impl ProcessConfig for Config {
    fn read(file: &ConfigFile) -> Result<Self, ConfigError> {
        Ok(Self {
            log: file.section("log", unchecked)?,
            nats: file.required("nats", relay_bus::NatsConfig::check)?,
            topology: file.section("topology", relay_bus::TopologyConfig::check)?,
            postgres: file.required("postgres", relay_store::PostgresConfig::check)?,
            worker: file.section("worker", relay_workers::WorkerConfig::check)?,
        })
    }

    fn log(&self) -> &LogConfig {
        &self.log
    }

    fn admin_listen(&self) -> SocketAddr {
        self.worker.admin_listen
    }
}
