//! What names stand for.

use std::io;
use std::net::IpAddr;

use async_trait::async_trait;

/// Looks names up.
#[async_trait]
pub trait Names: Send + Sync {
    /// The addresses of a name, which is in ASCII and without a trailing dot.
    ///
    /// # Cancel safety
    /// Cancel safe.
    async fn addresses(&self, name: &str) -> io::Result<Vec<IpAddr>>;
}

/// Names as this machine resolves them.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemNames;

#[async_trait]
impl Names for SystemNames {
    async fn addresses(&self, name: &str) -> io::Result<Vec<IpAddr>> {
        // With the dot it is the whole name: the machine's search domains are not tried, and do not turn it into another one.
        let found = tokio::net::lookup_host((format!("{name}."), 0)).await?;
        Ok(found.map(|address| address.ip()).collect())
    }
}
