//! What every socket's task shares.

use std::net::IpAddr;
use std::sync::Arc;

use relay_domain::ports::{LogClock as _, TokenVerifier};
use relay_posting::Poster;
use relay_runtime::census::Census;
use relay_runtime::{CancellationToken, Component, Health, Origins, PauseDetector};
use relay_types::{Clock, SessionId, UserId};
use tokio::sync::Semaphore;

use crate::activity::LivePeople;
use crate::checkpoints::Checkpoints;
use crate::commands::Paces;
use crate::config::GatewayConfig;
use crate::ephemeral::Ephemeral;
use crate::fresh_heads::FreshHeads;
use crate::hub::Hub;
use crate::presence::Presence;
use crate::receipts::Deliveries;
use crate::resume::Resumer;
use crate::streams::Streams;

/// What every socket's task shares.
pub(crate) struct Shared {
    pub(crate) config: GatewayConfig,
    pub(crate) hub: Arc<Hub>,
    pub(crate) resumer: Resumer,
    pub(crate) poster: Arc<Poster>,
    pub(crate) fresh_heads: Arc<FreshHeads>,
    pub(crate) ephemeral: Arc<Ephemeral>,
    pub(crate) deliveries: Arc<Deliveries>,
    pub(crate) presence: Arc<Presence>,
    pub(crate) live_people: LivePeople,
    pub(crate) tokens: Arc<dyn TokenVerifier>,
    pub(crate) origins: Origins,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) pauses: Arc<PauseDetector>,
    pub(crate) checkpoints: Checkpoints,
    /// Every socket is gone: the tails may end.
    pub(crate) closed: CancellationToken,
    pub(crate) health: Health,
    /// Not ready before every tail was started and sockets are accepted.
    pub(crate) accepting: Component,
    pub(crate) connection_slots: Arc<Semaphore>,
    /// Connections that are not sockets yet.
    pub(crate) handshakes: usize,
    /// Sockets of an address, of a person, of a device.
    pub(crate) addresses: Census<IpAddr>,
    pub(crate) people: Census<UserId>,
    pub(crate) devices: Census<SessionId>,
    pub(crate) streams: Arc<Streams>,
    /// Commands of a device that come without a socket: those under way, and how often.
    pub(crate) commands: Census<SessionId>,
    pub(crate) command_slots: Semaphore,
    pub(crate) paces: Paces,
}

impl Shared {
    /// The time clients mint their keys with: the log's own, by which keys are judged, as soon as it is known.
    pub(crate) fn server_time_ms(&self) -> i64 {
        self.hub.clock.log_now_ms().unwrap_or_else(|| self.clock.now_ms())
    }
}
