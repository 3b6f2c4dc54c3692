//! Passwords: Argon2id, off the serving threads, few at a time.

use std::sync::Arc;
use std::time::Duration;

use argon2::password_hash::{PasswordHasher as _, PasswordVerifier as _};
use argon2::{Algorithm, Argon2, Params, Version};
use async_trait::async_trait;
use relay_domain::ports::{HashError, PasswordHash, PasswordHasher};
use serde::{Deserialize, Serialize};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// OWASP's recommendation for Argon2id: 19 MiB, two passes, one lane.
const MEMORY_KIB: u32 = 19 * 1024;
const PASSES: u32 = 2;
const LANES: u32 = 1;

/// How much work hashing may be.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct PasswordConfig {
    /// Hashes computed at once; each takes a core for about 20 ms and 19 MiB. 1 to 64.
    pub concurrent: usize,
    /// How long a request waits for its turn before it is told to come back later, in milliseconds.
    pub queue_ms: u64,
}

impl Default for PasswordConfig {
    fn default() -> Self {
        Self { concurrent: 2, queue_ms: 2_000 }
    }
}

/// Hashes with Argon2id on the blocking pool, at most `concurrent` at once.
pub struct Argon2Hasher {
    turns: Arc<Semaphore>,
    patience: Duration,
    argon2: Argon2<'static>,
    /// Compared with when there is no account, so that its absence takes as long to find out.
    decoy: PasswordHash,
}

impl Argon2Hasher {
    /// Computes one hash (the decoy), so it blocks for about 20 ms.
    pub fn new(config: &PasswordConfig) -> Result<Self, HashError> {
        let params = Params::new(MEMORY_KIB, PASSES, LANES, None).map_err(|_| HashError::Failed)?;
        let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
        let decoy = hash_now(&argon2, "no account has this password")?;
        let turns = Arc::new(Semaphore::new(config.concurrent.clamp(1, 64)));
        Ok(Self { turns, patience: Duration::from_millis(config.queue_ms), argon2, decoy })
    }

    /// The semaphore is never closed, so the only failure is the wait.
    async fn turn(&self) -> Result<OwnedSemaphorePermit, HashError> {
        match tokio::time::timeout(self.patience, Arc::clone(&self.turns).acquire_owned()).await {
            Ok(Ok(permit)) => Ok(permit),
            Ok(Err(_)) | Err(_) => Err(HashError::Busy),
        }
    }

    /// The permit travels with the work: a caller that gives up does not let another hash start early.
    async fn on_pool<T: Send + 'static>(
        &self,
        work: impl FnOnce(Argon2<'static>) -> Result<T, HashError> + Send + 'static,
    ) -> Result<T, HashError> {
        let permit = self.turn().await?;
        let argon2 = self.argon2.clone();
        tokio::task::spawn_blocking(move || {
            let result = work(argon2);
            drop(permit);
            result
        })
        .await
        .map_err(|_| HashError::Failed)?
    }
}

#[async_trait]
impl PasswordHasher for Argon2Hasher {
    async fn hash(&self, password: String) -> Result<PasswordHash, HashError> {
        self.on_pool(move |argon2| hash_now(&argon2, &password)).await
    }

    async fn verify(&self, password: String, stored: Option<PasswordHash>) -> Result<bool, HashError> {
        let exists = stored.is_some();
        let stored = stored.unwrap_or_else(|| self.decoy.clone());
        let same = self.on_pool(move |argon2| verify_now(&argon2, &password, &stored)).await?;
        Ok(same && exists)
    }
}

fn hash_now(argon2: &Argon2<'_>, password: &str) -> Result<PasswordHash, HashError> {
    argon2.hash_password(password.as_bytes()).map(|hash| PasswordHash(hash.to_string())).map_err(|_| HashError::Failed)
}

fn verify_now(argon2: &Argon2<'_>, password: &str, stored: &PasswordHash) -> Result<bool, HashError> {
    match argon2.verify_password(password.as_bytes(), stored.0.as_str()) {
        Ok(()) => Ok(true),
        Err(argon2::password_hash::Error::PasswordInvalid) => Ok(false),
        Err(_) => Err(HashError::Failed),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn only_the_right_password_of_an_existing_account_passes() {
        let hasher = Argon2Hasher::new(&PasswordConfig::default()).unwrap();
        let stored = hasher.hash("correct horse".to_owned()).await.unwrap();
        assert!(stored.0.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{}", stored.0);
        assert_ne!(stored, hasher.hash("correct horse".to_owned()).await.unwrap(), "salts differ");
        assert!(hasher.verify("correct horse".to_owned(), Some(stored.clone())).await.unwrap());
        assert!(!hasher.verify("wrong horse".to_owned(), Some(stored)).await.unwrap());
        assert!(!hasher.verify("no account has this password".to_owned(), None).await.unwrap());
        assert_eq!(hasher.verify("x".to_owned(), Some(PasswordHash("junk".to_owned()))).await, Err(HashError::Failed));
    }

    #[tokio::test]
    async fn a_crowd_is_told_to_come_back() {
        let hasher = Argon2Hasher::new(&PasswordConfig { concurrent: 1, queue_ms: 0 }).unwrap();
        let held = hasher.turn().await.unwrap();
        assert_eq!(hasher.hash("x".to_owned()).await, Err(HashError::Busy));
        drop(held);
        assert!(hasher.hash("x".to_owned()).await.is_ok());
    }
}
