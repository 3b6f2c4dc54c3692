//! Events on a user's own subject: each shard has one, with a chain of its own, for all of the user's sockets.

use std::sync::Arc;

use bytes::Bytes;
use relay_protocol::log::StoredEvent;
use relay_types::{Seq, ShardId};

use super::{Socket, UserState};
use crate::ring::Ring;

/// Per shard, what is known of the user's own subject. A shard where nothing is known is absent. There are few shards, and many
/// users.
#[derive(Debug, Clone, Default)]
pub(super) struct OwnHeads(Vec<OwnHead>);

#[derive(Debug, Clone, Copy)]
struct OwnHead {
    shard: ShardId,
    /// The newest event.
    last: Seq,
    /// The event whose predecessor nobody knows: before it, the projection knew of none for certain. 0: there is no such event.
    open: Seq,
}

impl OwnHeads {
    fn of(&self, shard: ShardId) -> Option<&OwnHead> {
        self.0.iter().find(|head| head.shard == shard)
    }

    /// The newest event.
    pub(super) fn get(&self, shard: ShardId) -> Option<Seq> {
        self.of(shard).map(|head| head.last)
    }

    /// Whether the event's predecessor is known to nobody, so that there is no use in asking.
    pub(super) fn is_open(&self, shard: ShardId, seq: Seq) -> bool {
        self.of(shard).is_some_and(|head| head.open == seq)
    }

    /// Where the subject ends.
    pub(super) fn set(&mut self, shard: ShardId, last: Seq) {
        self.follow(shard, None, last);
    }

    /// `first` follows on what nobody knows, and the subject ends at `last`.
    pub(super) fn begin(&mut self, shard: ShardId, first: Seq, last: Seq) {
        self.follow(shard, Some(first), last);
    }

    fn follow(&mut self, shard: ShardId, open: Option<Seq>, last: Seq) {
        if let Some(known) = self.0.iter_mut().find(|head| head.shard == shard) {
            known.last = last;
        } else {
            self.0.reserve_exact(1);
            self.0.push(OwnHead { shard, last, open: open.unwrap_or_default() });
        }
    }
}

/// Passes an event of `user`'s own; of somebody who is not connected here it is only kept.
pub(super) fn pass(ring: &mut Ring, user: Option<&mut UserState>, mut event: StoredEvent) -> Option<(Bytes, Vec<Arc<Socket>>)> {
    let Some(user) = user else {
        ring.push(event);
        return None;
    };
    let (shard, seq) = (event.shard, event.seq);
    event.prev = user.own.get(shard);
    match event.prev {
        Some(_) => user.own.set(shard, seq),
        None => user.own.begin(shard, seq, seq),
    }
    let entry = ring.push(event)?;
    if entry.begins_chain() {
        entry.learn_prev(Seq::ZERO);
    }
    if user.sockets.is_empty() {
        return None;
    }
    Some((entry.frame()?, user.sockets.clone()))
}
