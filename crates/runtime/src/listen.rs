//! Binding, and telling others where.

use std::io::Write as _;
use std::net::SocketAddr;
use std::path::Path;

use anyhow::Context as _;
use tokio::net::TcpListener;

/// Binds early, so that a taken port is an error at start-up and not later.
///
/// # Cancel safety
/// Cancel safe.
pub async fn bind(address: SocketAddr) -> anyhow::Result<TcpListener> {
    TcpListener::bind(address).await.with_context(|| format!("could not listen on {address}"))
}

/// Writes the bound addresses as JSON, complete or not at all.
pub(crate) fn write_addresses(path: &Path, public: Option<SocketAddr>, admin: SocketAddr) -> anyhow::Result<()> {
    let text = serde_json::json!({ "public": public, "admin": admin }).to_string();
    let temporary = path.with_extension("tmp");
    let mut file = std::fs::File::create(&temporary).with_context(|| format!("could not write {}", temporary.display()))?;
    file.write_all(text.as_bytes())?;
    std::fs::rename(&temporary, path).with_context(|| format!("could not write {}", path.display()))
}
