//! The declared streams, consumers and buckets, against what the servers have.
//!
//! `nats/topology.toml` is part of the binary, so that every process of one build means the same topology.

mod declared;
mod reseed;
mod servers;

use std::collections::BTreeSet;
use std::fmt;

use async_nats::jetstream::consumer::pull;
use async_nats::jetstream::stream;

use crate::config::TopologyConfig;
use crate::connect::Bus;

pub use reseed::FoundLog;

/// The stream metadata that names the epoch of the log.
pub const EPOCH_KEY: &str = "relay_epoch";

/// The topology cannot be read or changed.
#[derive(Debug, thiserror::Error)]
pub enum TopologyError {
    /// The declaration itself is wrong.
    #[error("nats/topology.toml: {reason}")]
    Declaration {
        /// What is wrong.
        reason: String,
    },
    /// The servers did not answer or refused.
    #[error("{what}: {reason}")]
    Servers {
        /// What was attempted.
        what: String,
        /// NATS' words.
        reason: String,
    },
    /// The servers have something else than is declared.
    #[error("the topology differs from what is declared; `relayctl topology apply` fixes it: {}", .differences.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))]
    Drift {
        /// Every difference.
        differences: Vec<Difference>,
    },
}

/// One way in which the servers differ from the declaration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// Such as `stream CHAT-0` or `consumer CHAT-0/persist`.
    pub what: String,
    /// Missing, or which field is how instead of how.
    pub how: String,
    /// Whether processes can do without: `apply` fixes it, and `verify` lets it pass.
    pub bearable: bool,
}

impl Difference {
    fn new(what: impl Into<String>, how: impl Into<String>) -> Self {
        Self { what: what.into(), how: how.into(), bearable: false }
    }
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.what, self.how)
    }
}

/// Everything declared, for one configuration.
#[derive(Debug, Clone)]
pub struct Topology {
    pub(crate) streams: Vec<stream::Config>,
    pub(crate) consumers: Vec<(String, pull::Config)>,
    /// Streams that processes can do without.
    pub(crate) dispensable: BTreeSet<String>,
}

impl Topology {
    /// Reads the declaration for this many shards and replicas.
    pub fn declared(config: &TopologyConfig) -> Result<Self, TopologyError> {
        declared::read(include_str!("../../../nats/topology.toml"), config)
    }

    /// What `apply` would do; empty when the servers are as declared.
    ///
    /// # Cancel safety
    /// Cancel safe.
    pub async fn plan(&self, bus: &Bus) -> Result<Vec<Difference>, TopologyError> {
        servers::differences(self, bus).await
    }

    /// Creates what is missing and updates what differs. A new stream of the log gets a new epoch.
    /// Says what was done. Idempotent; safe to run from several places at once.
    ///
    /// # Cancel safety
    /// Cancel safe; what was done stays done, and running it again finishes.
    pub async fn apply(&self, bus: &Bus, new_epoch: &str) -> Result<Vec<Difference>, TopologyError> {
        servers::apply(self, bus, new_epoch).await
    }

    /// Refuses to go on unless the servers have at least what is declared. What a process can do without is logged.
    ///
    /// # Cancel safety
    /// Cancel safe.
    pub async fn verify(&self, bus: &Bus) -> Result<(), TopologyError> {
        let (bearable, differences): (Vec<_>, Vec<_>) = self.plan(bus).await?.into_iter().partition(|difference| difference.bearable);
        for difference in bearable {
            tracing::warn!(%difference, "not as declared, and done without; `relayctl topology apply` fixes it");
        }
        if differences.is_empty() { Ok(()) } else { Err(TopologyError::Drift { differences }) }
    }
}
