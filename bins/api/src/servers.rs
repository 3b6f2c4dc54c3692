//! Postgres has to answer for the API to be of use; Valkey may be away.

use std::sync::Arc;
use std::time::Duration;

use relay_hot_state::ValkeyLimiter;
use relay_runtime::{MissingServer, Restart, Supervisor};
use relay_store::{PostgresConfig, Store};

/// How often both are looked at for `/readyz`.
const WATCH_EVERY: Duration = Duration::from_secs(1);
/// A Postgres that hangs is as good as none.
const PATIENCE: Duration = Duration::from_secs(3);

/// A pool that has answered once.
pub async fn connect_postgres(config: &PostgresConfig) -> anyhow::Result<Store> {
    let store = relay_bootstrap::open_store(config)?;
    store.ping().await.map_err(|error| MissingServer {
        server: "Postgres",
        address: "the address in postgres.url".to_owned(),
        hint: "start it with `./relay up`, or your own server, and check [postgres] in the configuration",
        source: error.into(),
    })?;
    Ok(store)
}

/// Shows both in `/readyz`.
pub fn watch(supervisor: &Supervisor, store: Store, limiter: Arc<ValkeyLimiter>) {
    let (postgres, valkey) = (supervisor.component("postgres"), supervisor.component("valkey"));
    supervisor.spawn("servers-watch", Restart::StopProcess, move |task| {
        let (store, limiter, postgres, valkey) = (store.clone(), Arc::clone(&limiter), postgres.clone(), valkey.clone());
        async move {
            task.health.up();
            let mut tick = tokio::time::interval(WATCH_EVERY);
            loop {
                tokio::select! {
                    () = task.stop.cancelled() => return Ok(()),
                    _ = tick.tick() => {}
                }
                match tokio::time::timeout(PATIENCE, store.ping()).await {
                    Ok(Ok(())) => postgres.up(),
                    Ok(Err(_)) | Err(_) => postgres.down("does not answer"),
                }
                if limiter.is_connected() {
                    valkey.up();
                } else {
                    valkey.degraded("not connected: rate limits are counted in this process");
                }
            }
        }
    });
}
