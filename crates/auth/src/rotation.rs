//! Keeping the keys current: files are read again and again, and what changed is published.

use std::sync::Arc;
use std::time::Duration;

use relay_domain::ports::{KeyPublishError, KeyPublisher};

use crate::keys::KeyError;
use crate::mint::Mint;
use crate::ring::KeyRing;

/// How often the directory is read. Well under the publish delay, so that a new key is out before it signs.
pub const REREAD: Duration = Duration::from_secs(30);

/// The keys could not be brought up to date; the present ones stay in use.
#[derive(Debug, thiserror::Error)]
pub enum RotationError {
    /// The files.
    #[error("could not read the signing keys")]
    Read(#[from] KeyError),
    /// Handing them on.
    #[error(transparent)]
    Publish(#[from] KeyPublishError),
    /// The reader itself failed.
    #[error("reading the signing keys did not finish")]
    Unfinished,
}

/// Reads the directory, lets `ring` verify with what it holds, and publishes it.
///
/// # Cancel safety
/// Cancel safe; calling it again completes what was begun.
pub async fn refresh(mint: &Arc<Mint>, ring: &KeyRing, publisher: &dyn KeyPublisher) -> Result<(), RotationError> {
    let reader = Arc::clone(mint);
    let keys = tokio::task::spawn_blocking(move || reader.reload()).await.map_err(|_| RotationError::Unfinished)??;
    ring.replace(&keys);
    publisher.publish(&keys.to_jwk_map()).await?;
    Ok(())
}

/// Refreshes every [`REREAD`], for ever. Failures are logged, and tried again sooner.
///
/// # Cancel safety
/// Cancel safe.
pub async fn keep_current(mint: Arc<Mint>, ring: Arc<KeyRing>, publisher: Arc<dyn KeyPublisher>) {
    loop {
        let pause = match refresh(&mint, &ring, publisher.as_ref()).await {
            Ok(()) => REREAD,
            Err(error) => {
                let cause = std::error::Error::source(&error).map(ToString::to_string).unwrap_or_default();
                tracing::warn!(%error, cause, "signing keys were not refreshed; the present ones stay in use");
                REREAD / 6
            }
        };
        tokio::time::sleep(pause).await;
    }
}
