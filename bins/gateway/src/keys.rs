//! Public signing keys, from the bucket into the ring.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use relay_auth::{KeyRing, PublicKeys};
use relay_bus::Bus;
use relay_bus::keys::KeyBucket;
use relay_runtime::{Restart, Supervisor};

/// Reads the keys once, so that the first hello can be judged, and follows them from then on.
pub async fn follow(supervisor: &Supervisor, bus: Bus, ring: Arc<KeyRing>) -> anyhow::Result<()> {
    let bucket = KeyBucket::new(bus);
    replace(&ring, &bucket.read().await.context("could not read the public signing keys")?);
    supervisor.spawn("signing-keys", Restart::Backoff { cap: Duration::from_secs(5) }, move |task| {
        let (bucket, ring) = (bucket.clone(), Arc::clone(&ring));
        async move {
            task.health.up();
            tokio::select! {
                () = task.stop.cancelled() => Ok(()),
                ended = bucket.watch(|keys| replace(&ring, keys)) => {
                    ended?;
                    anyhow::bail!("the watch ended")
                }
            }
        }
    });
    Ok(())
}

fn replace(ring: &KeyRing, keys: &BTreeMap<String, String>) {
    match PublicKeys::from_jwk_map(keys) {
        Ok(keys) => {
            tracing::info!(keys = keys.len(), "public signing keys");
            ring.replace(&keys);
        }
        // Whoever writes to the bucket wrote something else: the keys known so far stay.
        Err(error) => tracing::error!(%error, "unreadable public signing keys"),
    }
}
