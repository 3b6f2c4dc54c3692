//! Beginning a shard's log anew after it was lost.

use async_nats::jetstream::stream;
use relay_types::{Seq, ShardId};

use super::{EPOCH_KEY, Topology, TopologyError, servers};
use crate::connect::Bus;

/// The stream of a shard as it is found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FoundLog {
    /// Which epoch of the log it is.
    pub epoch: Option<String>,
    /// The sequence it began with, as it was declared.
    pub first: Option<Seq>,
    /// Events in it.
    pub events: u64,
}

impl Topology {
    /// The shard's stream, if there is one.
    ///
    /// # Cancel safety
    /// Cancel safe.
    pub async fn find_log(&self, bus: &Bus, shard: ShardId) -> Result<Option<FoundLog>, TopologyError> {
        let name = relay_subjects::stream(shard);
        if servers::find_stream(bus, &name).await?.is_none() {
            return Ok(None);
        }
        let failed = |error: &dyn std::fmt::Display| TopologyError::Servers { what: format!("stream {name}"), reason: error.to_string() };
        let stream = bus.js.get_stream(&name).await.map_err(|error| failed(&error))?;
        let info = stream.cached_info();
        let epoch = info.config.metadata.get(EPOCH_KEY).cloned();
        Ok(Some(FoundLog { epoch, first: info.config.first_sequence.map(Seq), events: info.state.messages }))
    }

    /// Creates the shard's stream as one that continues a lost one: under a new epoch, with sequences from `first` on.
    /// Its consumers are [`Topology::apply`]'s business.
    ///
    /// # Errors
    /// A shard that is not declared, one whose stream is there, or servers that refuse.
    ///
    /// # Cancel safety
    /// The stream may have been created when the future is dropped.
    pub async fn continue_log(&self, bus: &Bus, shard: ShardId, epoch: &str, first: Seq) -> Result<(), TopologyError> {
        let name = relay_subjects::stream(shard);
        let declared = self.streams.iter().find(|declared| declared.name == name);
        let declared = declared.ok_or_else(|| TopologyError::Declaration { reason: format!("there is no {name}") })?;
        let mut config = stream::Config { first_sequence: Some(first.0), ..declared.clone() };
        config.metadata.insert(EPOCH_KEY.to_owned(), epoch.to_owned());
        let failed = |error: &dyn std::fmt::Display| TopologyError::Servers { what: format!("stream {name}"), reason: error.to_string() };
        bus.js.create_stream(config).await.map(drop).map_err(|error| failed(&error))
    }

    /// Deletes the shard's stream, with everything in it.
    ///
    /// # Cancel safety
    /// The stream may have been deleted when the future is dropped.
    pub async fn delete_log(&self, bus: &Bus, shard: ShardId) -> Result<(), TopologyError> {
        let name = relay_subjects::stream(shard);
        let deleted = bus.js.delete_stream(&name).await;
        deleted.map(drop).map_err(|error| TopologyError::Servers { what: format!("stream {name}"), reason: error.to_string() })
    }

    /// The shards whose stream is missing.
    ///
    /// # Cancel safety
    /// Cancel safe.
    pub async fn missing_logs(&self, bus: &Bus) -> Result<Vec<ShardId>, TopologyError> {
        let mut missing = Vec::new();
        for shard in (0..u16::MAX).map(ShardId).take_while(|shard| self.streams.iter().any(|s| s.name == relay_subjects::stream(*shard))) {
            if servers::find_stream(bus, &relay_subjects::stream(shard)).await?.is_none() {
                missing.push(shard);
            }
        }
        Ok(missing)
    }
}
