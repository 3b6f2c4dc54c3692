//! Ephemeral notices: who may give one, and who gets it.

use std::collections::HashSet;
use std::sync::Arc;

use bytes::Bytes;
use relay_protocol::ephemeral::TypingNotice;
use relay_protocol::receipts::{RECEIPTS_MOST_MEMBERS, ReadNotice};
use relay_protocol::{Receipts, ServerFrame};
use relay_types::{ConversationId, Seq, ShardId, UserId};

use super::Hub;
use crate::metrics::Dropped;
use crate::outbound::DroppableKey;

/// Members known here of a conversation in which something ephemeral is told. Normally the sender's gateway has looked at the
/// number of all members; this bounds what a wrong notice costs.
const MOST_KNOWN: usize = 1_000;

/// What became of a notice.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Told {
    /// It was queued for so many sockets.
    To(u64),
    /// This gateway's tail has not come to where the notice was given.
    Ahead,
    /// It is not told.
    Not(Dropped),
}

/// Sockets that one notice goes to: the tail waits meanwhile. Who has many devices in a large group may see nobody typing.
const MOST_SOCKETS: usize = 2_000;

impl Hub {
    /// On which shard the conversation lies, and up to where everything of it has passed here; or why the user can tell nothing
    /// there now.
    pub(crate) fn place_of(&self, user: UserId, conversation: ConversationId) -> Result<(ShardId, Seq), Dropped> {
        let state = self.state.lock();
        let membership = state.users.get(&user).and_then(|user| user.roster.present(conversation)).ok_or(Dropped::NotMember)?;
        let shard = state.shards.get(&membership.shard).ok_or(Dropped::Behind)?;
        if !shard.sight.is_good() {
            return Err(Dropped::Behind);
        }
        let last = state.conversations.get(&conversation).and_then(|conversation| conversation.last);
        Ok((membership.shard, last.unwrap_or_else(|| shard.ring.head())))
    }

    /// Queues the notice's frame for the sockets of those who are in the conversation now, but for the person it is about.
    ///
    /// Under the lock, so that no removal passes between looking and queuing: what is queued before a removal is given up when the
    /// removal is.
    pub(crate) fn tell(&self, notice: &TypingNotice, frame: impl FnOnce() -> Bytes) -> Told {
        let state = self.state.lock();
        let Some(conversation) = state.conversations.get(&notice.conversation_id) else { return Told::To(0) };
        let Some(shard) = state.shards.get(&notice.shard) else { return Told::To(0) };
        if notice.as_of > shard.ring.head() {
            return Told::Ahead;
        }
        if notice.as_of < conversation.changed || conversation.said.is_by(notice.user_id, notice.as_of) {
            return Told::Not(Dropped::Stale);
        }
        if conversation.users.len() > MOST_KNOWN {
            return Told::Not(Dropped::Silent);
        }
        let others = conversation.users.iter().filter(|user| **user != notice.user_id).filter_map(|user| state.users.get(user));
        let mut sockets = others.flat_map(|user| &user.sockets).peekable();
        if sockets.peek().is_none() {
            return Told::To(0);
        }
        let (key, frame) = (DroppableKey { conversation: notice.conversation_id, user: notice.user_id }, frame());
        let mut told = 0;
        for socket in sockets.take(MOST_SOCKETS) {
            socket.outbound.push_droppable(key, frame.clone());
            told += 1;
        }
        Told::To(told)
    }

    /// Queues one frame with what these notices say, all of `conversation`, for the sockets of those who are in it now. Answers with
    /// how many sockets that are, and those notices that this gateway's tail has not come to.
    ///
    /// Under the lock, as [`Self::tell`].
    pub(crate) fn tell_read(&self, conversation: ConversationId, notices: Vec<ReadNotice>) -> (u64, Vec<ReadNotice>) {
        let (mut ahead, mut not_to, mut receipts) = (Vec::new(), HashSet::new(), Receipts::none(conversation));
        let state = self.state.lock();
        let Some(known) = state.conversations.get(&conversation) else { return (0, ahead) };
        if known.users.len() > RECEIPTS_MOST_MEMBERS as usize {
            Dropped::Silent.count(notices.len());
            return (0, ahead);
        }
        for notice in notices {
            match state.shards.get(&notice.shard) {
                Some(shard) if notice.as_of > shard.ring.head() => ahead.push(notice),
                Some(_) if notice.as_of >= known.changed => {
                    receipts.rise(&notice.by);
                    not_to.extend(notice.not_to);
                }
                Some(_) | None => Dropped::Stale.count(1),
            }
        }
        let about = |user: &UserId| receipts.read.iter().all(|by| by.user_id == *user);
        let others = known.users.iter().filter(|user| !not_to.contains(user) && !about(user)).filter_map(|user| state.users.get(user));
        let mut sockets = others.flat_map(|user| &user.sockets).peekable();
        if sockets.peek().is_none() {
            return (0, ahead);
        }
        let frame = Bytes::from(ServerFrame::Receipts(receipts.clone()).encode());
        let (receipts, mut told) = (Arc::new(receipts.clone()), 0);
        for socket in sockets.take(MOST_SOCKETS) {
            socket.outbound.push_receipts(&receipts, frame.clone());
            told += 1;
        }
        (told, ahead)
    }
}
