//! What the rest of an installation is told of people's comings, goings and readings: one JSON object for each event, on the subjects
//! `activity.<kind>.<bucket>`. It is for the operator's own programs and in no log of messages: it may be lost, it holds no content, and
//! it goes after seven days.

use relay_types::{ConversationId, Seq, ShardId, TimestampMs, UserId};
use serde::{Deserialize, Serialize};

/// The version that [`ActivityEvent::v`] has.
pub const ACTIVITY_VERSION: u8 = 1;

/// The least time between two events of one kind, of one person and one place, as one process tells them, in milliseconds.
pub const ACTIVITY_EVERY_MS: u64 = 60_000;

/// What somebody did, or what became of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(tag = "type")]
pub enum Deed {
    /// The first device of a person's is live at this gateway.
    #[serde(rename = "USER_CONNECTED")]
    UserConnected,
    /// The last device of a person's is gone from this gateway.
    #[serde(rename = "USER_DISCONNECTED")]
    UserDisconnected,
    /// A person's devices have everything of a shard that was theirs, up to a place. The greatest place counts.
    #[serde(rename = "MESSAGE_DELIVERED")]
    MessageDelivered {
        /// Of which shard.
        shard: ShardId,
        /// Up to which place.
        seq: Seq,
    },
    /// A person has read a conversation up to a place, and others may know it. The greatest place counts.
    #[serde(rename = "MESSAGE_READ")]
    MessageRead {
        /// Which conversation.
        conversation_id: ConversationId,
        /// Up to which place.
        seq: Seq,
    },
}

/// An event of activity.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct ActivityEvent {
    /// The version of this shape: 1. It only grows: fields and types that a program does not know are none of its business.
    pub v: u8,
    /// What happened.
    #[serde(flatten)]
    pub what: Deed,
    /// Whose.
    pub user_id: UserId,
    /// When the newest of what the event stands for happened, by the process's clock, in milliseconds since 1970.
    pub at_ms: TimestampMs,
    /// Which process tells it: a name that it has from its start to its end.
    pub process: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_is_one_flat_object_and_reads_back() {
        let event = |what| ActivityEvent {
            v: ACTIVITY_VERSION,
            what,
            user_id: "01ARZ3NDEKTSV4RRFFQ69G5FAV".parse().unwrap(),
            at_ms: 7,
            process: "gateway-1f".to_owned(),
        };
        let read = event(Deed::MessageRead { conversation_id: "01ARZ3NDEKTSV4RRFFQ69G5FAV".parse().unwrap(), seq: Seq(9) });
        let text = serde_json::to_string(&read).unwrap();
        assert_eq!(
            text,
            r#"{"v":1,"type":"MESSAGE_READ","conversation_id":"01ARZ3NDEKTSV4RRFFQ69G5FAV","seq":9,"user_id":"01ARZ3NDEKTSV4RRFFQ69G5FAV","at_ms":7,"process":"gateway-1f"}"#
        );
        for what in [Deed::UserConnected, Deed::UserDisconnected, Deed::MessageDelivered { shard: ShardId(1), seq: Seq(2) }] {
            let text = serde_json::to_string(&event(what)).unwrap();
            assert_eq!(serde_json::from_str::<ActivityEvent>(&text).unwrap(), event(what), "{text}");
        }
        let younger = text.replace("\"seq\":9", "\"seq\":9,\"of_the_future\":true");
        assert_eq!(serde_json::from_str::<ActivityEvent>(&younger).unwrap(), read);
    }
}
