//! Threads: replies under a message, which the conversation's own timeline leaves out.

use relay_types::{MessageId, Seq, TimestampMs, UserId};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::Message;
use crate::log::{MessageErased, MessageSent};

/// The root of the thread in which a message is: a message of the same conversation that is in no thread itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
pub struct ThreadRef {
    /// Which.
    pub message_id: MessageId,
    /// Its place in the order.
    pub seq: Seq,
    /// Who sent it, and so follows the thread.
    pub sender_id: UserId,
}

/// What was said in the thread under a message, without what was deleted since.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ThreadReplies {
    /// How many replies.
    pub count: u32,
    /// Where the newest of them stands.
    pub last_seq: Seq,
    /// When it was accepted, in milliseconds since 1970.
    pub last_at_ms: TimestampMs,
    /// The first who replied, at most [`Self::MOST_NAMED`].
    pub by: Vec<UserId>,
    /// The `seq` of the newest reply, or deletion of one, that is counted: those up to it are in there.
    pub upto_seq: Seq,
}

impl ThreadReplies {
    /// People who are named in [`Self::by`].
    pub const MOST_NAMED: usize = 5;
}

impl Message {
    /// Counts a reply at `seq` under this message. Whether it changed something: not one that is counted already, or of another thread.
    pub fn reply(&mut self, sent: &MessageSent, seq: Seq) -> bool {
        if sent.thread.is_none_or(|root| root.message_id != self.message_id)
            || self.replies.as_ref().is_some_and(|replies| replies.upto_seq >= seq)
        {
            return false;
        }
        let none = ThreadReplies { count: 0, last_seq: seq, last_at_ms: sent.at_ms, by: Vec::new(), upto_seq: seq };
        let replies = self.replies.get_or_insert(none);
        replies.count = replies.count.saturating_add(1);
        (replies.last_seq, replies.last_at_ms, replies.upto_seq) = (seq, sent.at_ms, seq);
        if replies.by.len() < ThreadReplies::MOST_NAMED && !replies.by.contains(&sent.actor_id) {
            replies.by.push(sent.actor_id);
        }
        true
    }

    /// Takes a deleted reply out of the count. Which one is the newest now, and who is named, is known when it is read anew.
    pub fn unreply(&mut self, erased: &MessageErased, seq: Seq) -> bool {
        let is_ours = erased.thread.is_some_and(|root| root.message_id == self.message_id);
        let Some(replies) = self.replies.as_mut().filter(|replies| is_ours && replies.upto_seq < seq) else { return false };
        replies.count = replies.count.saturating_sub(1);
        replies.upto_seq = seq;
        if replies.count == 0 {
            self.replies = None;
        }
        true
    }
}

/// Query of `GET /v1/conversations/{id}/messages/{message_id}/thread`.
#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct ThreadQuery {
    /// The newest replies before this sequence; without `before` and `after` the newest.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<Seq>,
    /// The oldest replies after this sequence.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<Seq>,
    /// 1 to 200; 50 unless given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[param(minimum = 1, maximum = 200)]
    pub limit: Option<u16>,
}

/// `GET /v1/conversations/{id}/messages/{message_id}/thread`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ThreadPage {
    /// The message under which they stand, as it is now.
    pub root: Message,
    /// Replies, oldest first.
    pub messages: Vec<Message>,
    /// Whether there are more in the direction that was asked for.
    pub has_more: bool,
    /// Whether the caller follows the thread.
    pub following: bool,
    /// The sequence up to which the caller has read it, if they follow it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub read_seq: Option<Seq>,
}

/// `PUT /v1/conversations/{id}/messages/{message_id}/thread`.
#[derive(Debug, Clone, Copy, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct FollowThreadRequest {
    /// Whether the caller follows the thread from now on.
    pub following: bool,
}

/// `POST /v1/conversations/{id}/messages/{message_id}/thread/read`.
#[derive(Debug, Clone, Copy, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct MarkThreadReadRequest {
    /// The sequence of the last reply that was read.
    pub seq: Seq,
}

/// Query of `GET /v1/threads`.
#[derive(Debug, Clone, Default, Serialize, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct ThreadListQuery {
    /// The `next_cursor` of the previous page.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[param(min_length = 1, max_length = 64)]
    pub cursor: Option<String>,
    /// 1 to 50; 20 unless given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[param(minimum = 1, maximum = 50)]
    pub limit: Option<u16>,
}

/// A thread that the caller follows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct FollowedThread {
    /// The message under which the replies stand, as it is now, with their number.
    pub root: Message,
    /// The sequence up to which the caller has read it.
    pub read_seq: Seq,
    /// Replies of others behind it; counting stops at 1,000.
    pub unread_count: u32,
}

/// `GET /v1/threads`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ThreadList {
    /// The threads of this page, the one with the newest reply first.
    pub threads: Vec<FollowedThread>,
    /// Hand back as `cursor` for the next page; absent on the last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_cursor: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::MessageBody;

    fn id<T: std::str::FromStr<Err: std::fmt::Debug>>(n: u64) -> T {
        format!("{n:026}").parse().unwrap()
    }

    fn sent(seq: u64, by: u64, thread: Option<ThreadRef>) -> MessageSent {
        let body = MessageBody::Text { text: "x".parse().unwrap() };
        let (message_id, conversation_id, actor_id, client_id) = (id(seq), id(1), id(by), id(seq));
        MessageSent { message_id, actor_id, at_ms: 10, conversation_id, client_id, body, reply_to: None, thread }
    }

    #[test]
    fn a_root_counts_each_reply_once_and_forgets_what_is_deleted() {
        let mut root = Message::of(sent(3, 2, None), Seq(3), None);
        let thread = Some(ThreadRef { message_id: id(3), seq: Seq(3), sender_id: id(2) });
        assert!(root.reply(&sent(4, 2, thread), Seq(4)) && root.reply(&sent(5, 7, thread), Seq(5)));
        assert!(!root.reply(&sent(5, 7, thread), Seq(5)), "twice");
        assert!(!root.reply(&sent(6, 7, None), Seq(6)), "in no thread");
        let replies = root.replies.clone().unwrap();
        assert_eq!((replies.count, replies.last_seq, replies.by), (2, Seq(5), vec![id(2), id(7)]));
        let erased = |message: u64| MessageErased {
            event_id: id(90 + message),
            actor_id: None,
            actor_client_id: None,
            at_ms: 0,
            conversation_id: id(1),
            message_id: id(message),
            message_seq: Seq(message),
            message_prev: None,
            sender_id: id(2),
            client_id: id(message),
            sent_at_ms: 0,
            stored_at_ms: 0,
            thread,
        };
        assert!(root.unreply(&erased(4), Seq(7)) && !root.unreply(&erased(4), Seq(7)));
        assert_eq!(root.replies.as_ref().unwrap().count, 1);
        assert!(root.unreply(&erased(5), Seq(8)));
        assert_eq!(root.replies, None);
    }
}
