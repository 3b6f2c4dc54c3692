//! The API process: its parts list.

mod config;
mod keys;
mod servers;

use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use relay_api::Deps;
use relay_auth::{Argon2Hasher, PasswordConfig};
use relay_bus::log::NatsMessageLog;
use relay_bus::tail::NatsTails;
use relay_domain::ports::NothingRecent;
use relay_ephemeral::ValkeyLimiter;
use relay_posting::{Poster, PosterParts};
use relay_types::{SystemClock, SystemIds};

use config::Config;

fn main() -> ExitCode {
    relay_runtime::run("api", |boot: relay_runtime::Boot<Config>| async move {
        let config = &boot.config;
        let bus = relay_wiring::connect_nats(&config.nats, "api").await?;
        relay_wiring::verify_topology(&bus, &config.topology).await?;
        relay_wiring::watch_nats(&boot.supervisor, bus.clone());
        let (mint, ring) = keys::start(&config.tokens, &boot.supervisor, bus.clone()).await?;
        let store = Arc::new(servers::connect_postgres(&config.postgres).await?);
        // A flush holds its connection while it waits for the log, which must not starve reads.
        let outbox = Arc::new(relay_wiring::open_store(&config.postgres)?);
        let limits = Arc::new(ValkeyLimiter::connect(&config.valkey)?);
        servers::watch(&boot.supervisor, store.as_ref().clone(), Arc::clone(&limits));

        let hashing = PasswordConfig { concurrent: config.api.password_concurrency, queue_ms: config.api.password_queue_ms };
        let (clock, ids) = (Arc::new(SystemClock), Arc::new(SystemIds::default()));
        let log = Arc::new(NatsMessageLog::new(bus.clone(), &config.topology));
        let poster = Arc::new(Poster::new(PosterParts {
            log: log.clone(),
            tails: Arc::new(NatsTails::new(bus.clone())),
            // This process does not follow the log: sends that may be retries ask the projection.
            recent: Arc::new(NothingRecent),
            log_clock: Arc::new(NothingRecent),
            store: store.clone(),
            clock: clock.clone(),
            ids: ids.clone(),
        }));
        let deps = Deps {
            accounts: store.clone(),
            sessions: store.clone(),
            conversations: store.clone(),
            history: store,
            outbox,
            log,
            poster,
            passwords: Arc::new(Argon2Hasher::new(&hashing)?),
            tokens: mint,
            verifier: ring,
            limits: limits.clone(),
            clock,
            ids,
            shards: config.topology.shards,
        };
        let listener = relay_runtime::listen::bind(config.api.listen).await?;
        boot.publish_addresses(Some(listener.local_addr()?))?;
        let router = relay_api::router(&config.api, deps);
        relay_api::serve(&config.api, router, listener, &boot.supervisor, boot.stop.clone()).await;
        boot.health.start_draining();
        boot.supervisor.finished(Duration::from_secs(10)).await;
        limits.close().await;
        bus.flush().await;
        Ok(())
    })
}
