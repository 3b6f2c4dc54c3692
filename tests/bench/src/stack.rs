//! The servers and processes that are measured: release builds, production durability.

use anyhow::Context as _;
use relay_harness::{Harness, HarnessBuilder};

/// Everything on this machine, with limits per user out of the way.
pub async fn start(synced: bool, configure: impl FnOnce(HarnessBuilder) -> HarnessBuilder) -> anyhow::Result<Harness> {
    configure(for_load(Harness::builder(), synced)).start().await.context("could not start the servers")
}

/// With limits per user out of the way.
pub fn for_load(builder: HarnessBuilder, synced: bool) -> HarnessBuilder {
    let builder = builder
        .durable_postgres()
        .config(
            "gateway",
            "messages_per_s = 1000000\nmessage_burst = 1000000\nframes_per_s = 1000000\nmax_in_flight = 1024\nidle_timeout_ms = 600000\n\
             max_sockets_per_address = 1000000",
        )
        .config("tokens", "access_ttl_s = 86400")
        .config("topology", "max_bytes_per_shard = 17179869184")
        .config("log", "filter = \"warn\"")
        .config("api", "max_connections_per_address = 4096\nlimits = { requests_per_address = { limit = 0, per_s = 1 }, requests_per_user = { limit = 0, per_s = 1 }, searches_per_user = { limit = 0, per_s = 1 } }");
    if synced { builder.sync_always() } else { builder }
}

/// The ack level of the figures.
pub const fn ack_level(synced: bool) -> &'static str {
    if synced { "A2" } else { "A1" }
}

/// Resident memory of a process, in bytes.
pub fn resident_bytes(pid: u32) -> anyhow::Result<u64> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status"))?;
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).context("no VmRSS in /proc")?;
    let kilobytes: u64 = line.split_whitespace().nth(1).context("no value")?.parse()?;
    Ok(kilobytes * 1024)
}
