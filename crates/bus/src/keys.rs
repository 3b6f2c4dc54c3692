//! Public signing keys in a key-value bucket: published by the API, followed by those who verify tokens.
//!
//! The bucket lies in an account of its own. Whoever verifies reads it through two subjects that lead there
//! (`nats/server.conf`); only the API and the operators have a user in that account.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use async_nats::HeaderMap;
use async_nats::jetstream::kv::Store;
use async_trait::async_trait;
use bytes::Bytes;
use relay_domain::ports::{Causes, DriverError, KeyPublishError, KeyPublisher};

use crate::connect::Bus;

/// How often the bucket is looked at. A new key is published a minute before it signs, so this is soon enough.
const LOOK_EVERY: Duration = Duration::from_secs(2);
/// More keys than are good at once. A removed one leaves a marker for ever, so the newest are looked at: their ids ascend.
const MAX_KEYS: usize = 64;

/// The bucket does not answer.
#[derive(Debug, thiserror::Error)]
#[error("the bucket of signing keys is unavailable: {reason}")]
pub struct KeysError {
    /// NATS' words.
    pub reason: String,
    /// What lies behind them.
    #[source]
    pub causes: Option<Causes>,
}

fn failed(error: impl Into<DriverError>) -> KeysError {
    let (reason, causes) = Causes::of(error.into());
    KeysError { reason, causes }
}

#[async_trait]
impl KeyPublisher for KeyBucket {
    async fn publish(&self, keys: &BTreeMap<String, String>) -> Result<(), KeyPublishError> {
        self.write(keys).await.map_err(KeyPublishError::new)
    }
}

/// Access to the bucket.
#[derive(Clone)]
pub struct KeyBucket {
    bus: Bus,
}

/// A stream's state, as far as it is read here.
#[derive(serde::Deserialize)]
struct BucketInfo {
    #[serde(default)]
    state: BucketState,
    error: Option<serde_json::Value>,
}

#[derive(Default, serde::Deserialize)]
struct BucketState {
    #[serde(default)]
    subjects: BTreeMap<String, u64>,
}

impl KeyBucket {
    /// The bucket, over `bus`.
    pub const fn new(bus: Bus) -> Self {
        Self { bus }
    }

    async fn write(&self, keys: &BTreeMap<String, String>) -> Result<(), KeysError> {
        let account = self.bus.keys_account().await.map_err(failed)?;
        let store: Store = account.get_key_value(relay_subjects::SIGNING_KEYS_BUCKET).await.map_err(failed)?;
        // New keys first: a token signed with one must find it.
        let present = self.read().await?;
        for (kid, jwk) in keys {
            if present.get(kid) != Some(jwk) {
                store.put(kid, Bytes::from(jwk.clone())).await.map_err(failed)?;
            }
        }
        for kid in present.keys().filter(|kid| !keys.contains_key(*kid)) {
            store.delete(kid).await.map_err(failed)?;
        }
        Ok(())
    }

    /// Every key now.
    ///
    /// # Cancel safety
    /// Cancel safe.
    pub async fn read(&self) -> Result<BTreeMap<String, String>, KeysError> {
        let mut keys = BTreeMap::new();
        for kid in self.kids().await? {
            let reply = self.bus.client.request(relay_subjects::signing_key(&kid), Bytes::new()).await.map_err(failed)?;
            if let Some(status) = reply.status.filter(|status| status.as_u16() != 200) {
                if status.as_u16() == 404 {
                    continue;
                }
                return Err(failed(format!("key {kid}: status {status}")));
            }
            if !is_deleted(reply.headers.as_ref()) {
                keys.insert(kid, String::from_utf8_lossy(&reply.payload).into_owned());
            }
        }
        Ok(keys)
    }

    async fn kids(&self) -> Result<BTreeSet<String>, KeysError> {
        let question = serde_json::json!({ "subjects_filter": relay_subjects::signing_key_in_bucket("*") }).to_string();
        let reply = self.bus.client.request(relay_subjects::SIGNING_KEYS_INFO, Bytes::from(question)).await.map_err(failed)?;
        let info: BucketInfo = serde_json::from_slice(&reply.payload).map_err(failed)?;
        if let Some(error) = info.error {
            return Err(failed(error.to_string()));
        }
        let prefix = relay_subjects::signing_key_in_bucket("");
        let kids = info.state.subjects.keys().filter_map(|subject| subject.strip_prefix(&prefix));
        Ok(kids.rev().map(str::to_owned).take(MAX_KEYS).collect())
    }

    /// Follows the bucket: `on_change` gets every key at once, and again whenever one was added or removed. Returns when
    /// the bucket does not answer; the caller starts it again.
    ///
    /// # Cancel safety
    /// Cancel safe.
    pub async fn watch(&self, on_change: impl Fn(&BTreeMap<String, String>)) -> Result<(), KeysError> {
        let mut known = None;
        let mut tick = tokio::time::interval(LOOK_EVERY);
        tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            tick.tick().await;
            let keys = self.read().await?;
            if known.as_ref() != Some(&keys) {
                on_change(&keys);
                known = Some(keys);
            }
        }
    }
}

/// A removed key leaves a marker.
fn is_deleted(headers: Option<&HeaderMap>) -> bool {
    headers.and_then(|headers| headers.get("KV-Operation")).is_some_and(|operation| matches!(operation.as_str(), "DEL" | "PURGE"))
}
