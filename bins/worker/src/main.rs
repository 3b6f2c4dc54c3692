//! The worker process: its parts list.

mod config;
mod roles;

use std::process::ExitCode;
use std::time::Duration;

use config::Config;

fn main() -> ExitCode {
    relay_runtime::run("worker", |boot: relay_runtime::Boot<Config>| async move {
        relay_workers::metrics::register();
        let config = &boot.config;
        let bus = relay_bootstrap::connect_nats(&config.nats, "worker").await?;
        relay_bootstrap::verify_topology(&bus, &config.topology).await?;
        relay_bootstrap::watch_nats(&boot.supervisor, bus.clone());
        let store = relay_bootstrap::open_store(&config.postgres)?;
        for role in &config.worker.roles {
            roles::start(*role, config, &boot.supervisor, &bus, &store).await?;
        }
        boot.publish_addresses(None)?;
        boot.supervisor.finished(Duration::from_secs(10)).await;
        bus.flush().await;
        Ok(())
    })
}
