//! Ports that stay ours over restarts and between test processes.

use std::fs::{self, File, TryLockError};
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::PathBuf;

use anyhow::{Context as _, bail};

/// Below the range from which Linux takes the ports of outgoing connections (32768–60999): while a server is down, nobody
/// is given its port by chance.
const FIRST: u16 = 20_000;
const COUNT: u16 = 12_000;

/// A port on 127.0.0.1 which no other user of this module gets while this value lives.
#[derive(Debug)]
pub struct PortLease {
    port: u16,
    // The lock on this file is the lease; it ends with the process at the latest.
    _lock: File,
}

impl PortLease {
    /// Any free port.
    pub fn any() -> anyhow::Result<Self> {
        let start: u16 = rand::random_range(0..COUNT);
        for step in 0..COUNT {
            if let Some(lease) = Self::try_take(FIRST + (start + step) % COUNT)? {
                return Ok(lease);
            }
        }
        bail!("no free port from {FIRST} to {}", FIRST + COUNT - 1)
    }

    /// `preferred` if it is free, else any.
    pub fn prefer(preferred: u16) -> anyhow::Result<Self> {
        match Self::try_take(preferred)? {
            Some(lease) => Ok(lease),
            None => Self::any(),
        }
    }

    fn try_take(port: u16) -> anyhow::Result<Option<Self>> {
        let path = directory()?.join(port.to_string());
        let lock = File::create(&path).with_context(|| format!("could not create {}", path.display()))?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Ok(None),
            Err(TryLockError::Error(error)) => return Err(error).context("could not lock a port's file"),
        }
        // Nothing of ours holds it; somebody else may.
        Ok(TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok().then_some(Self { port, _lock: lock }))
    }

    /// The port.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The port on 127.0.0.1.
    pub fn address(&self) -> SocketAddr {
        (Ipv4Addr::LOCALHOST, self.port).into()
    }
}

/// One directory per user, since lock files of another user cannot be opened.
fn directory() -> anyhow::Result<PathBuf> {
    let path = std::env::temp_dir().join(format!("relayhub-ports-{}", rustix::process::getuid().as_raw()));
    fs::create_dir_all(&path).with_context(|| format!("could not create {}", path.display()))?;
    Ok(path)
}
