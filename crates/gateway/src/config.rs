//! `[gateway]`

use std::net::SocketAddr;
use std::time::Duration;

use relay_posting::QuotaConfig;
use relay_runtime::http::HttpLimits;
use relay_types::limits::{Violation, at_least};
use serde::{Deserialize, Serialize};

/// Limits and listeners of a gateway. Every default holds for a small machine.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct GatewayConfig {
    /// Where clients connect: `/v1/ws`, `/v1/events` and `/v1/commands`.
    pub listen: SocketAddr,
    /// Where operators look: `/healthz`, `/readyz`, `/metrics`.
    pub admin_listen: SocketAddr,
    /// Sockets at once; more are answered 503. Lowered at start, with a warning, to what the limit of open files allows
    /// (`ulimit -n`): 512 files are kept back, and an eighth for connections that are not sockets yet.
    pub max_sockets: usize,
    /// Sockets of one person at once, over all their devices; more are refused (`too_many_connections`).
    pub max_sockets_per_user: usize,
    /// Sockets of one device's session at once; its oldest stream of events makes room for another.
    pub max_sockets_per_session: usize,
    /// Sockets from one address at once (IPv6: one /64); more are answered 429.
    pub max_sockets_per_address: usize,
    /// How many proxies of yours stand in front and append to `X-Forwarded-For`. With 0 the peer is the client, and everybody
    /// behind a proxy shares its address.
    pub trusted_proxies: usize,
    /// A connection of which the peer takes not one byte for this long is ended, in milliseconds. The kernel tells it in
    /// steps of about a third of the 256 KiB that it holds back: with the default, a peer that reads less than about 6 KB/s
    /// may be ended.
    pub write_stall_ms: u64,
    /// Bytes queued for one socket before it is closed as `slow_reader`. 1 MiB is about 40 s of a busy group (500 B × 50
    /// messages/s).
    pub outbound_queue_bytes: usize,
    /// Recent events kept in memory, with their encoded frames and what it costs to keep them, in bytes per shard. 64 MiB is
    /// about 45,000 messages: at 300 messages/s, two and a half minutes.
    pub ring_bytes: usize,
    /// Bytes of frames that are kept from one socket's catching up for others who come back within 30 s; 0: none.
    pub replay_cache_bytes: usize,
    /// Events at most this much older than the newest one are loaded into the ring at start, in milliseconds; not more than
    /// fit into `ring_bytes`.
    pub ring_warmup_ms: u64,
    /// Time for the first frame, in milliseconds.
    pub hello_timeout_ms: u64,
    /// A socket that sends nothing for this long is closed, in milliseconds.
    pub idle_timeout_ms: u64,
    /// Sends of one socket that may await their ack.
    pub max_in_flight: u32,
    /// Messages per second that one user may send, over all sockets of this gateway.
    pub messages_per_s: u32,
    /// How many messages of one user may come at once before that rate applies.
    pub message_burst: u32,
    /// Frames of any kind per second and socket, pings included. A socket that sends twice as many for 10 s is closed (4504
    /// `flooding`).
    pub frames_per_s: u32,
    /// Times per second that one user may say that they type, or have stopped, counted over 5 s; beyond, nobody is told. A client says
    /// it every two seconds at most. With 0 nobody is told of typing.
    pub typing_per_s: u32,
    /// Events replayed one by one after a gap; beyond, the client is told to reload.
    pub max_resume_events: u32,
    /// Questions to the database at once, by sockets that catch up. The others wait, and after 20 s they are told `busy`.
    pub max_concurrent_resumes: usize,
    /// Sockets of one person that catch up from the database at once, each with a page of 256 KiB; the others wait.
    pub max_resumes_per_user: usize,
    /// How long a user's conversations are remembered after their last socket closed, in milliseconds.
    pub roster_linger_ms: u64,
    /// How often users' durable consumers are moved while they stay connected, in milliseconds (half of it is random).
    pub checkpoint_interval_ms: u64,
    /// When going away, sockets are told to move over this long, in milliseconds.
    pub drain_spread_ms: u64,
    /// How old a message may be to be edited, in seconds. The same as `api.edit_window_s`.
    pub edit_window_s: u32,
    /// How often a message may be edited: erasing it takes each edit out of the log. The same as `api.edits_per_message`.
    pub edits_per_message: u32,
    /// How old a message may be for its sender to delete it for everyone, in seconds; 0: as old as any. The same as
    /// `api.delete_window_s`.
    pub delete_window_s: u32,
    /// Bytes that one user may send, over all sockets of this gateway.
    pub quota: QuotaConfig,
}

impl Default for GatewayConfig {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 7080)),
            admin_listen: SocketAddr::from(([127, 0, 0, 1], 7081)),
            max_sockets: 50_000,
            max_sockets_per_user: 64,
            max_sockets_per_session: 16,
            max_sockets_per_address: 4_096,
            trusted_proxies: 0,
            write_stall_ms: 30_000,
            outbound_queue_bytes: 1 << 20,
            ring_bytes: 64 << 20,
            replay_cache_bytes: 16 << 20,
            ring_warmup_ms: 300_000,
            hello_timeout_ms: 10_000,
            idle_timeout_ms: 60_000,
            max_in_flight: 64,
            messages_per_s: 50,
            message_burst: 200,
            frames_per_s: 200,
            typing_per_s: 2,
            max_resume_events: 10_000,
            max_concurrent_resumes: 32,
            max_resumes_per_user: 4,
            roster_linger_ms: 60_000,
            checkpoint_interval_ms: 180_000,
            drain_spread_ms: 3_000,
            edit_window_s: 86_400,
            edits_per_message: 100,
            delete_window_s: 2_592_000,
            quota: QuotaConfig::default(),
        }
    }
}

impl GatewayConfig {
    /// Refuses values outside their limits: the key, and what it has to be.
    pub fn check(&self) -> Result<(), Violation> {
        self.quota.check().map_err(|(key, reason)| ("gateway.quota", format!("{key} {reason}")))?;
        at_least("gateway.max_sockets", &self.max_sockets, &1)?;
        at_least("gateway.max_sockets_per_user", &self.max_sockets_per_user, &1)?;
        at_least("gateway.max_sockets_per_session", &self.max_sockets_per_session, &1)?;
        at_least("gateway.max_sockets_per_address", &self.max_sockets_per_address, &1)?;
        at_least("gateway.write_stall_ms", &self.write_stall_ms, &100)?;
        at_least("gateway.outbound_queue_bytes", &self.outbound_queue_bytes, &(256 * 1024))?;
        at_least("gateway.ring_bytes", &self.ring_bytes, &(64 * 1024))?;
        at_least("gateway.hello_timeout_ms", &self.hello_timeout_ms, &100)?;
        at_least("gateway.idle_timeout_ms", &self.idle_timeout_ms, &1_000)?;
        at_least("gateway.max_in_flight", &self.max_in_flight, &1)?;
        at_least("gateway.messages_per_s", &self.messages_per_s, &1)?;
        at_least("gateway.message_burst", &self.message_burst, &1)?;
        at_least("gateway.frames_per_s", &self.frames_per_s, &1)?;
        at_least("gateway.max_concurrent_resumes", &self.max_concurrent_resumes, &1)?;
        at_least("gateway.max_resumes_per_user", &self.max_resumes_per_user, &1)?;
        at_least("gateway.checkpoint_interval_ms", &self.checkpoint_interval_ms, &1_000)
    }

    pub(crate) const fn hello_timeout(&self) -> Duration {
        Duration::from_millis(self.hello_timeout_ms)
    }

    /// What is held for peers before their connection is a socket.
    pub(crate) fn http_limits(&self, handshakes: usize) -> HttpLimits {
        HttpLimits {
            max_connections: handshakes,
            // Behind proxies every peer is one of them.
            max_per_address: if self.trusted_proxies > 0 { handshakes } else { (handshakes / 4).max(1) },
            header_timeout: self.hello_timeout(),
            write_stall: Duration::from_millis(self.write_stall_ms),
        }
    }

    pub(crate) const fn idle_timeout(&self) -> Duration {
        Duration::from_millis(self.idle_timeout_ms)
    }
}
