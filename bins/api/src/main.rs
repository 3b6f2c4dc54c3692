//! The API process: its parts list.

mod config;
mod keys;
mod parts;
mod servers;

use std::process::ExitCode;
use std::time::Duration;

use config::Config;
use parts::Parts;

fn main() -> ExitCode {
    relay_runtime::run("api", |boot: relay_runtime::Boot<Config>| async move {
        let config = &boot.config;
        let bus = relay_bootstrap::connect_nats(&config.nats, "api").await?;
        relay_bootstrap::verify_topology(&bus, &config.topology).await?;
        relay_bootstrap::watch_nats(&boot.supervisor, bus.clone());
        let keys = keys::start(&config.tokens, &boot.supervisor, bus.clone()).await?;
        let Parts { deps, limits, activity } = parts::assemble(config, &boot.supervisor, &bus, keys).await?;
        let listener = relay_runtime::listen::bind(config.api.listen)?;
        boot.publish_addresses(Some(listener.local_addr()?))?;
        scheduling(&boot.supervisor, relay_api::Scheduler::new(deps.clone()));
        let router = relay_api::router(&config.api, deps);
        relay_runtime::http::serve(listener, router, &boot.supervisor, config.api.http_limits());
        boot.stop.cancelled().await;
        boot.health.start_draining();
        boot.supervisor.finished(Duration::from_secs(10)).await;
        limits.close().await;
        activity.finish().await;
        bus.flush().await;
        Ok(())
    })
}

/// Sends what people scheduled.
fn scheduling(supervisor: &relay_runtime::Supervisor, scheduler: relay_api::Scheduler) {
    supervisor.spawn("scheduler", relay_runtime::Restart::Backoff { cap: Duration::from_secs(5) }, move |task| {
        let scheduler = scheduler.clone();
        async move {
            scheduler.run(task).await;
            Ok(())
        }
    });
}
