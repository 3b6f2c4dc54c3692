//! Messages that are on their way, by shard, and words about them.

use std::collections::BTreeMap;

use futures::StreamExt as _;
use futures::future::BoxFuture;
use futures::stream::FuturesUnordered;
use relay_domain::ports::LogAddress;
use relay_types::ShardId;

/// Sends, each of which ends with the subjects that tell of it, and tellings.
#[derive(Default)]
pub(super) struct UnderWay<'a> {
    going: FuturesUnordered<BoxFuture<'a, (Option<ShardId>, Vec<LogAddress>)>>,
    of_shard: BTreeMap<ShardId, usize>,
}

impl<'a> UnderWay<'a> {
    /// A message of the shard.
    pub(super) fn sends(&mut self, shard: ShardId, send: BoxFuture<'a, Vec<LogAddress>>) {
        *self.of_shard.entry(shard).or_default() += 1;
        self.going.push(Box::pin(async move { (Some(shard), send.await) }));
    }

    /// A telling: it ends with nothing more to tell.
    pub(super) fn tells(&mut self, telling: BoxFuture<'a, ()>) {
        self.going.push(Box::pin(async move {
            telling.await;
            (None, Vec::new())
        }));
    }

    /// How many messages are on their way.
    pub(super) fn messages(&self) -> usize {
        self.of_shard.values().sum()
    }

    /// The shards of which so many or more are.
    pub(super) fn busy(&self, most: usize) -> Vec<ShardId> {
        self.of_shard.iter().filter(|(_, count)| **count >= most).map(|(shard, _)| *shard).collect()
    }

    /// What the next one that ends has to tell of; nothing when none is on its way.
    ///
    /// # Cancel safety
    /// Cancel safe: nothing that is on its way ends by it.
    pub(super) async fn ended(&mut self) -> Option<Vec<LogAddress>> {
        let (shard, touched) = self.going.next().await?;
        if let Some(count) = shard.and_then(|shard| self.of_shard.get_mut(&shard)) {
            *count = count.saturating_sub(1);
        }
        Some(touched)
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt as _;

    use super::*;

    #[test]
    fn a_shard_is_busy_until_one_of_its_messages_ends() {
        let mut under_way = UnderWay::default();
        under_way.sends(ShardId(1), Box::pin(std::future::pending()));
        under_way.sends(ShardId(0), Box::pin(std::future::ready(Vec::new())));
        under_way.tells(Box::pin(std::future::pending()));
        assert_eq!((under_way.busy(1), under_way.messages()), (vec![ShardId(0), ShardId(1)], 2));
        assert_eq!(under_way.ended().now_or_never(), Some(Some(vec![])));
        assert_eq!((under_way.busy(1), under_way.messages()), (vec![ShardId(1)], 1));
        assert_eq!(under_way.ended().now_or_never(), None);
    }
}
