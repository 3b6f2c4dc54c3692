//! How full each shard's log is, as somebody looked a moment ago.

use std::collections::HashMap;

use parking_lot::RwLock;
use relay_types::ShardId;

/// Shared by who looks and who posts. A shard nobody has looked at has room.
#[derive(Debug, Default)]
pub struct LogRoom {
    /// Per mille of what the log may hold.
    used: RwLock<HashMap<ShardId, u64>>,
}

impl LogRoom {
    /// A shard's log holds `bytes` of `max_bytes`.
    pub fn observe(&self, shard: ShardId, bytes: u64, max_bytes: u64) {
        let used = u64::try_from(u128::from(bytes) * 1000 / u128::from(max_bytes.max(1))).unwrap_or(u64::MAX);
        #[expect(clippy::cast_precision_loss, reason = "a ratio of four digits")]
        metrics::gauge!("relay_log_bytes_used_ratio", "shard" => shard.to_string()).set(used as f64 / 1000.0);
        self.used.write().insert(shard, used);
    }

    /// Whether only the last `reserve_percent` of the shard's log are free.
    pub(crate) fn is_reserved(&self, shard: ShardId, reserve_percent: u8) -> bool {
        let limit = 1000 - 10 * u64::from(reserve_percent.min(100));
        reserve_percent > 0 && self.used.read().get(&shard).is_some_and(|used| *used >= limit)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_tenth_is_reserved() {
        let (room, shard) = (LogRoom::default(), ShardId(0));
        assert!(!room.is_reserved(shard, 10), "nobody has looked");
        room.observe(shard, 899, 1000);
        assert!(!room.is_reserved(shard, 10));
        room.observe(shard, 900, 1000);
        assert!(room.is_reserved(shard, 10) && !room.is_reserved(shard, 0) && !room.is_reserved(ShardId(1), 10));
        room.observe(shard, 1 << 40, u64::MAX);
        assert!(!room.is_reserved(shard, 10), "a log without a limit");
    }
}
