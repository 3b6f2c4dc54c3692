//! Public signing keys in a key-value bucket: published by the API, watched by those who verify tokens.

use std::collections::BTreeMap;

use async_nats::jetstream::kv::Operation;
use async_trait::async_trait;
use bytes::Bytes;
use futures::StreamExt;
use relay_domain::ports::{KeyPublishError, KeyPublisher};

use crate::connect::Bus;

/// The bucket does not answer.
#[derive(Debug, thiserror::Error)]
#[error("the bucket of signing keys is unavailable: {reason}")]
pub struct KeysError {
    /// NATS' words.
    pub reason: String,
}

fn failed(error: impl std::fmt::Display) -> KeysError {
    KeysError { reason: error.to_string() }
}

#[async_trait]
impl KeyPublisher for KeyBucket {
    async fn publish(&self, keys: &BTreeMap<String, String>) -> Result<(), KeyPublishError> {
        self.write(keys).await.map_err(|error| KeyPublishError { reason: error.reason })
    }
}

/// Access to the bucket.
#[derive(Clone)]
pub struct KeyBucket {
    bus: Bus,
}

impl KeyBucket {
    /// The bucket, over `bus`.
    pub const fn new(bus: Bus) -> Self {
        Self { bus }
    }

    async fn write(&self, keys: &BTreeMap<String, String>) -> Result<(), KeysError> {
        let store = self.bus.js.get_key_value(relay_subjects::SIGNING_KEYS_BUCKET).await.map_err(failed)?;
        // New keys first: a token signed with one must find it.
        for (kid, jwk) in keys {
            let present = store.get(kid.as_str()).await.map_err(failed)?;
            if present.as_deref() != Some(jwk.as_bytes()) {
                store.put(kid, Bytes::from(jwk.clone())).await.map_err(failed)?;
            }
        }
        let mut present = store.keys().await.map_err(failed)?;
        while let Some(kid) = present.next().await {
            let kid = kid.map_err(failed)?;
            if !keys.contains_key(&kid) {
                store.delete(&kid).await.map_err(failed)?;
            }
        }
        Ok(())
    }

    /// Every key now, for a start that has to verify at once.
    ///
    /// # Cancel safety
    /// Cancel safe.
    pub async fn read(&self) -> Result<BTreeMap<String, String>, KeysError> {
        let store = self.bus.js.get_key_value(relay_subjects::SIGNING_KEYS_BUCKET).await.map_err(failed)?;
        let mut names = store.keys().await.map_err(failed)?;
        let mut keys = BTreeMap::new();
        while let Some(kid) = names.next().await {
            let kid = kid.map_err(failed)?;
            if let Some(jwk) = store.get(kid.as_str()).await.map_err(failed)? {
                keys.insert(kid, String::from_utf8_lossy(&jwk).into_owned());
            }
        }
        Ok(keys)
    }

    /// Follows the bucket: `on_change` gets every key whenever one was added or removed. Returns when the watch breaks;
    /// the caller starts it again.
    ///
    /// # Cancel safety
    /// Cancel safe.
    pub async fn watch(&self, on_change: impl Fn(&BTreeMap<String, String>)) -> Result<(), KeysError> {
        let store = self.bus.js.get_key_value(relay_subjects::SIGNING_KEYS_BUCKET).await.map_err(failed)?;
        let mut watch = store.watch_all().await.map_err(failed)?;
        let mut keys = self.read().await?;
        on_change(&keys);
        while let Some(entry) = watch.next().await {
            let entry = entry.map_err(failed)?;
            match entry.operation {
                Operation::Put => keys.insert(entry.key, String::from_utf8_lossy(&entry.value).into_owned()),
                Operation::Delete | Operation::Purge => keys.remove(&entry.key),
            };
            on_change(&keys);
        }
        Ok(())
    }
}
