//! Signing keys: from files into the mint, the ring and the bucket.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use relay_auth::{KeyRing, Mint, TokenConfig, rotation};
use relay_bus::Bus;
use relay_bus::keys::KeyBucket;
use relay_runtime::{ConfigError, Restart, Supervisor};

/// Opens the keys, publishes them once, so that the first token verifies everywhere, and keeps them current.
pub async fn start(config: &TokenConfig, supervisor: &Supervisor, bus: Bus) -> anyhow::Result<(Arc<Mint>, Arc<KeyRing>)> {
    let opened = Mint::open(config.clone())
        .map_err(|error| ConfigError::Invalid { key: "tokens.keys_dir", reason: format!("cannot be used: {error}") });
    let mint = Arc::new(opened?);
    let ring = Arc::new(KeyRing::new(config));
    let bucket: Arc<KeyBucket> = Arc::new(KeyBucket::new(bus));
    rotation::refresh(&mint, &ring, bucket.as_ref()).await.context("could not publish the signing keys")?;
    let (for_task, ring_for_task) = (Arc::clone(&mint), Arc::clone(&ring));
    supervisor.spawn("signing-keys", Restart::Backoff { cap: Duration::from_secs(5) }, move |task| {
        let (mint, ring, bucket) = (Arc::clone(&for_task), Arc::clone(&ring_for_task), Arc::clone(&bucket));
        async move {
            task.health.up();
            tokio::select! {
                () = task.stop.cancelled() => {}
                () = rotation::keep_current(mint, ring, bucket) => {}
            }
            Ok(())
        }
    });
    Ok((mint, ring))
}
