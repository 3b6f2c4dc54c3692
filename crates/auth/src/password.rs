//! Passwords: Argon2id, off the serving threads, few at a time, in memory that is allocated once.

use std::sync::Arc;
use std::time::Duration;

use argon2::password_hash::phc;
use argon2::{Algorithm, Argon2, Block, Params, Version};
use async_trait::async_trait;
use parking_lot::Mutex;
use relay_domain::ports::{HashError, PasswordHash, PasswordHasher};
use serde::{Deserialize, Serialize};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::guessable;

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
    /// How long a request waits for a permit before it is told to come back later, in milliseconds.
    pub queue_ms: u64,
}

impl Default for PasswordConfig {
    fn default() -> Self {
        Self { concurrent: 2, queue_ms: 2_000 }
    }
}

/// Where Argon2 works. An allocator that is asked for 19 MiB by ever other threads keeps them: a storm of log-ins left ten
/// times the memory that was in use at once.
type Memory = Vec<Block>;

/// Hashes with Argon2id on the blocking pool, at most `concurrent` at once.
pub struct Argon2Hasher {
    permits: Arc<Semaphore>,
    /// One for each permit. The holder of a permit finds one here, or makes it at the permit's first use.
    memories: Arc<Mutex<Vec<Memory>>>,
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
        let mut memory = Memory::new();
        let decoy = hash_now(&argon2, "no account has this password", &mut memory)?;
        let permits = Arc::new(Semaphore::new(config.concurrent.clamp(1, 64)));
        let memories = Arc::new(Mutex::new(vec![memory]));
        Ok(Self { permits, memories, patience: Duration::from_millis(config.queue_ms), argon2, decoy })
    }

    /// The semaphore is never closed, so the only failure is the wait.
    async fn permit(&self) -> Result<OwnedSemaphorePermit, HashError> {
        match tokio::time::timeout(self.patience, Arc::clone(&self.permits).acquire_owned()).await {
            Ok(Ok(permit)) => Ok(permit),
            Ok(Err(_)) | Err(_) => Err(HashError::Busy),
        }
    }

    /// The permit travels with the work: a caller that gives up does not let another hash start early.
    async fn on_pool<T: Send + 'static>(
        &self,
        work: impl FnOnce(Argon2<'static>, &mut Memory) -> Result<T, HashError> + Send + 'static,
    ) -> Result<T, HashError> {
        let permit = self.permit().await?;
        let (argon2, memories) = (self.argon2.clone(), Arc::clone(&self.memories));
        tokio::task::spawn_blocking(move || {
            let mut memory = memories.lock().pop().unwrap_or_default();
            let result = work(argon2, &mut memory);
            memories.lock().push(memory);
            drop(permit);
            result
        })
        .await
        .map_err(|_| HashError::Failed)?
    }
}

#[async_trait]
impl PasswordHasher for Argon2Hasher {
    async fn hash(&self, password: String, names: Vec<String>) -> Result<PasswordHash, HashError> {
        self.on_pool(move |argon2, memory| {
            if guessable::is_guessable(&password, &names) {
                return Err(HashError::Guessable);
            }
            hash_now(&argon2, &password, memory)
        })
        .await
    }

    async fn verify(&self, password: String, stored: Option<PasswordHash>) -> Result<bool, HashError> {
        let exists = stored.is_some();
        let stored = stored.unwrap_or_else(|| self.decoy.clone());
        let same = self.on_pool(move |_, memory| verify_now(&password, &stored, memory)).await?;
        Ok(same && exists)
    }
}

fn hash_now(argon2: &Argon2<'_>, password: &str, memory: &mut Memory) -> Result<PasswordHash, HashError> {
    let salt = phc::Salt::generate();
    let hash = phc::PasswordHash {
        algorithm: Algorithm::Argon2id.ident(),
        version: Some(Version::V0x13.into()),
        params: phc::ParamsString::try_from(argon2.params()).map_err(|_| HashError::Failed)?,
        salt: Some(salt),
        hash: Some(compute(argon2, password, &salt, Params::DEFAULT_OUTPUT_LEN, memory)?),
    };
    Ok(PasswordHash(hash.to_string()))
}

/// With the costs that the stored hash names, which may be those of an earlier version.
fn verify_now(password: &str, stored: &PasswordHash, memory: &mut Memory) -> Result<bool, HashError> {
    let stored = phc::PasswordHash::new(&stored.0).map_err(|_| HashError::Failed)?;
    let (Some(salt), Some(expected)) = (&stored.salt, &stored.hash) else { return Err(HashError::Failed) };
    let algorithm = Algorithm::try_from(stored.algorithm.as_str()).map_err(|_| HashError::Failed)?;
    let version = stored.version.map(Version::try_from).transpose().map_err(|_| HashError::Failed)?.unwrap_or_default();
    let argon2 = Argon2::new(algorithm, version, Params::try_from(&stored).map_err(|_| HashError::Failed)?);
    // Compared in constant time: see `Output`.
    Ok(compute(&argon2, password, salt, expected.len(), memory)? == *expected)
}

fn compute(argon2: &Argon2<'_>, password: &str, salt: &[u8], length: usize, memory: &mut Memory) -> Result<phc::Output, HashError> {
    let needed = argon2.params().block_count();
    if memory.len() < needed {
        memory.resize(needed, Block::default());
    }
    let mut buffer = [0u8; phc::Output::MAX_LENGTH];
    let out = buffer.get_mut(..length).ok_or(HashError::Failed)?;
    argon2.hash_password_into_with_memory(password.as_bytes(), salt, out, memory.as_mut_slice()).map_err(|_| HashError::Failed)?;
    phc::Output::new(out).map_err(|_| HashError::Failed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn only_the_right_password_of_an_existing_account_passes() {
        let hasher = Argon2Hasher::new(&PasswordConfig::default()).unwrap();
        let stored = hasher.hash("correct horse".to_owned(), Vec::new()).await.unwrap();
        assert!(stored.0.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{}", stored.0);
        assert_ne!(stored, hasher.hash("correct horse".to_owned(), Vec::new()).await.unwrap(), "salts differ");
        assert!(hasher.verify("correct horse".to_owned(), Some(stored.clone())).await.unwrap());
        assert!(!hasher.verify("wrong horse".to_owned(), Some(stored)).await.unwrap());
        assert!(!hasher.verify("no account has this password".to_owned(), None).await.unwrap());
        assert_eq!(hasher.verify("x".to_owned(), Some(PasswordHash("junk".to_owned()))).await, Err(HashError::Failed));
    }

    #[tokio::test]
    async fn a_crowd_is_told_to_come_back() {
        let hasher = Argon2Hasher::new(&PasswordConfig { concurrent: 1, queue_ms: 0 }).unwrap();
        let held = hasher.permit().await.unwrap();
        assert_eq!(hasher.hash("an unusual phrase of words".to_owned(), Vec::new()).await, Err(HashError::Busy));
        drop(held);
        assert!(hasher.hash("an unusual phrase of words".to_owned(), Vec::new()).await.is_ok());
    }

    #[tokio::test]
    async fn used_memory_gives_the_same_hashes_and_stays_bounded() {
        let hasher = Arc::new(Argon2Hasher::new(&PasswordConfig { concurrent: 2, queue_ms: 60_000 }).unwrap());
        // From the reference implementation: `echo -n password | argon2 somesalt -id -t 2 -k 256 -p 1 -l 32 -e`.
        let known = PasswordHash("$argon2id$v=19$m=256,t=2,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4".to_owned());
        let before = resident_mib();
        let storm = (0..40).map(|n| {
            let (hasher, known) = (Arc::clone(&hasher), known.clone());
            async move {
                let wrong = hasher.verify(format!("guess {n}"), None).await.unwrap();
                (wrong, hasher.verify("password".to_owned(), Some(known)).await.unwrap())
            }
        });
        for outcome in futures_of(storm).await {
            assert_eq!(outcome, (false, true));
        }
        assert!(hasher.memories.lock().len() <= 2);
        let (after, growth) = (resident_mib(), 2 * 19);
        println!("resident: {before} MiB before 80 comparisons, {after} MiB after");
        assert!(after <= before + growth + 8, "{before} MiB before, {after} MiB after");
    }

    async fn futures_of<F: Future<Output: Send + 'static> + Send + 'static>(all: impl Iterator<Item = F>) -> Vec<F::Output> {
        let mut set = tokio::task::JoinSet::new();
        for one in all {
            set.spawn(one);
        }
        set.join_all().await
    }

    fn resident_mib() -> u64 {
        let status = std::fs::read_to_string("/proc/self/status").unwrap();
        let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
        line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap() / 1024
    }
}
