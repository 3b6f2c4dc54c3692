//! Binding, and telling others where.

use std::io::Write as _;
use std::net::SocketAddr;
use std::path::Path;

use anyhow::Context as _;
use tokio::net::{TcpListener, TcpSocket};

/// What the kernel holds back of a connection's answers; Linux doubles it. By itself it grows to 4 MiB, for each connection that
/// nobody reads. A socket is writable again once a third of it is free, so a peer shows progress to us in steps of that size.
const SEND_BUFFER: u32 = 128 << 10;
/// Connections that wait to be accepted.
const BACKLOG: u32 = 1024;

/// Binds early, so that a taken port is an error at start-up and not later.
///
/// # Errors
/// The address is taken or not ours. Within a runtime only.
pub fn bind(address: SocketAddr) -> anyhow::Result<TcpListener> {
    let listen = || {
        let socket = if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
        socket.set_reuseaddr(true)?;
        // Accepted connections have what their listener has.
        socket.set_send_buffer_size(SEND_BUFFER)?;
        socket.bind(address)?;
        socket.listen(BACKLOG)
    };
    listen().with_context(|| format!("could not listen on {address}"))
}

/// Writes the bound addresses as JSON, complete or not at all.
pub(crate) fn write_addresses(path: &Path, public: Option<SocketAddr>, admin: SocketAddr) -> anyhow::Result<()> {
    let text = serde_json::json!({ "public": public, "admin": admin }).to_string();
    let temporary = path.with_extension("tmp");
    let mut file = std::fs::File::create(&temporary).with_context(|| format!("could not write {}", temporary.display()))?;
    file.write_all(text.as_bytes())?;
    std::fs::rename(&temporary, path).with_context(|| format!("could not write {}", path.display()))
}
