//! How NATS is doing, for operators: what the servers say about themselves and about the log.

use async_nats::jetstream::context::GetStreamError;
use relay_types::ShardId;

use crate::connect::Bus;

/// The server that this connection goes to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServerState {
    /// Such as `2.15.1`.
    pub version: String,
    /// Whether it is one of several.
    pub clustered: bool,
}

/// One shard's stream. Bytes count one copy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogState {
    /// Which.
    pub shard: ShardId,
    /// How much it holds.
    pub bytes: u64,
    /// How much it may hold; at that much, every send is refused.
    pub max_bytes: u64,
    /// Consumers of users, workers and tails.
    pub consumers: u64,
    /// How many it may have.
    pub max_consumers: Option<u64>,
    /// Copies that exist, the leader's included.
    pub copies: usize,
    /// Copies that are away or not up to date, by server name.
    pub behind: Vec<String>,
}

impl Bus {
    /// What the server told when it was connected to.
    pub fn server_state(&self) -> ServerState {
        let info = self.client.server_info();
        ServerState { version: info.version, clustered: info.cluster.is_some() }
    }

    /// Asks the shard's leader.
    ///
    /// # Errors
    /// When the stream does not exist or nobody answers.
    ///
    /// # Cancel safety
    /// Cancel safe.
    pub async fn log_state(&self, shard: ShardId) -> Result<LogState, GetStreamError> {
        let stream = self.js.get_stream(relay_subjects::stream(shard)).await?;
        let info = stream.cached_info();
        let replicas = info.cluster.as_ref().map(|cluster| cluster.replicas.as_slice()).unwrap_or_default();
        let behind = replicas.iter().filter(|replica| replica.offline || !replica.current).map(|replica| replica.name.clone()).collect();
        Ok(LogState {
            shard,
            bytes: info.state.bytes,
            max_bytes: u64::try_from(info.config.max_bytes).unwrap_or(u64::MAX),
            consumers: info.state.consumer_count as u64,
            max_consumers: u64::try_from(info.config.max_consumers).ok().filter(|most| *most > 0),
            copies: replicas.len() + 1,
            behind,
        })
    }
}
