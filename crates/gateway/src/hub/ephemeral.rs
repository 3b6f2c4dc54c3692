//! Ephemeral notices: who may give one, and who gets it.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use bytes::Bytes;
use relay_protocol::ephemeral::TypingNotice;
use relay_protocol::receipts::{DeliveredNotice, RECEIPTS_MOST_MEMBERS, ReadNotice};
use relay_protocol::{DeliveredTo, Receipts, ServerFrame};
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

    /// Queues what these notices say, all of `conversation`, for the sockets of those who are in it now: one frame for all, and to each
    /// author of what was delivered one with that, too. Answers with how many sockets that are, and with those notices that this
    /// gateway's tail has not come to.
    ///
    /// Under the lock, as [`Self::tell`].
    pub(crate) fn tell_receipts(&self, conversation: ConversationId, news: ReceiptNews) -> (u64, ReceiptNews) {
        let mut ahead = ReceiptNews::default();
        let (mut not_to, mut read, mut own) = (HashSet::new(), Receipts::none(conversation), HashMap::<UserId, Vec<DeliveredTo>>::new());
        let state = self.state.lock();
        let Some(known) = state.conversations.get(&conversation) else { return (0, ahead) };
        if known.users.len() > RECEIPTS_MOST_MEMBERS as usize {
            Dropped::Silent.count(news.read.len() + news.delivered.len());
            return (0, ahead);
        }
        // Whether it is told now; `None`: it is ahead.
        let judge = |shard: ShardId, as_of: Seq| match state.shards.get(&shard) {
            Some(shard) if as_of > shard.ring.head() => None,
            Some(_) if as_of >= known.changed => Some(true),
            Some(_) | None => {
                Dropped::Stale.count(1);
                Some(false)
            }
        };
        for notice in news.read {
            match judge(notice.shard, notice.as_of) {
                None => ahead.read.push(notice),
                Some(true) => {
                    read.rise(&notice.by);
                    not_to.extend(notice.not_to);
                }
                Some(false) => {}
            }
        }
        for notice in news.delivered {
            match judge(notice.shard, notice.as_of) {
                None => ahead.delivered.push(notice),
                Some(true) => {
                    for of in notice.of {
                        own.entry(of.user_id).or_default().push(DeliveredTo { user_id: notice.user_id, seq: of.seq });
                    }
                }
                Some(false) => {}
            }
        }
        let mut common: Option<(Arc<Receipts>, Bytes)> = None;
        let mut told = 0;
        for user in &known.users {
            let Some(sockets) = state.users.get(user).map(|user| &user.sockets).filter(|sockets| !sockets.is_empty()) else { continue };
            let is_told = !not_to.contains(user) && read.read.iter().any(|by| by.user_id != *user);
            let frame = match own.remove(user) {
                Some(delivered) => {
                    let read = if is_told { read.read.clone() } else { Vec::new() };
                    framed(Receipts { conversation_id: conversation, read, delivered })
                }
                None if is_told => common.get_or_insert_with(|| framed(read.clone())).clone(),
                None => continue,
            };
            for socket in sockets.iter().take(MOST_SOCKETS.saturating_sub(told)) {
                socket.outbound.push_receipts(&frame.0, frame.1.clone());
                told += 1;
            }
        }
        (told as u64, ahead)
    }
}

fn framed(receipts: Receipts) -> (Arc<Receipts>, Bytes) {
    let frame = Bytes::from(ServerFrame::Receipts(receipts.clone()).encode());
    (Arc::new(receipts), frame)
}

/// Notices of one conversation.
#[derive(Debug, Default)]
pub(crate) struct ReceiptNews {
    pub(crate) read: Vec<ReadNotice>,
    pub(crate) delivered: Vec<DeliveredNotice>,
}
