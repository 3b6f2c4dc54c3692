//! Events on a user's own subject: each shard has one, with a chain of its own, for all of the user's sockets.

use std::sync::Arc;

use bytes::Bytes;
use relay_protocol::log::StoredEvent;
use relay_types::{Seq, ShardId};

use super::{Socket, UserState};
use crate::ring::Ring;

/// Per shard, the newest event on the user's own subject. A shard where it is not known is absent. There are few shards, and
/// many users.
#[derive(Debug, Clone, Default)]
pub(super) struct OwnHeads(Vec<(ShardId, Seq)>);

impl OwnHeads {
    pub(super) fn get(&self, shard: ShardId) -> Option<Seq> {
        self.0.iter().find(|(of, _)| *of == shard).map(|(_, seq)| *seq)
    }

    pub(super) fn set(&mut self, shard: ShardId, seq: Seq) {
        if let Some((_, known)) = self.0.iter_mut().find(|(of, _)| *of == shard) {
            *known = seq;
        } else {
            self.0.reserve_exact(1);
            self.0.push((shard, seq));
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
    user.own.set(shard, seq);
    let entry = ring.push(event)?;
    if entry.begins_chain() {
        entry.learn_prev(Seq::ZERO);
    }
    if user.sockets.is_empty() {
        return None;
    }
    Some((entry.frame()?, user.sockets.clone()))
}
