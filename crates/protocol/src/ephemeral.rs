//! Ephemeral frames: what has no place in the log. They carry no `seq`, nobody resumes them, and any of them may be lost.
//!
//! Gateways tell each other in batches over subjects of their own. A batch comes from another process and perhaps from a
//! newer version, or from somebody who stole a gateway's password: its size is bounded before it is read.

use std::str::FromStr;

use relay_types::{ConversationId, Seq, ShardId, TimestampMs, UserId};

use crate::conversation::open_names;
use crate::unknown::{WireName, WireNameError};

/// How long somebody is shown as typing after a `typing_start`, in milliseconds. Clients repeat it while the person types.
pub const TYPING_LASTS_MS: u64 = 5_000;
/// Clients repeat `typing_start` at most this often, in milliseconds.
pub const TYPING_REPEAT_MS: u64 = 2_000;
/// Bytes of one batch.
pub const MAX_BATCH_BYTES: usize = 64 * 1024;
/// Notices in one batch.
pub const MAX_BATCH_NOTICES: usize = 256;

/// What somebody does in a conversation at this moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum TypingState {
    /// They write something.
    Typing,
    /// They do not any more.
    Stopped,
    /// Something of a newer version's, such as recording a voice message. Shown as nothing.
    Unknown(WireName),
}

impl TypingState {
    /// The wire name.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Typing => "typing",
            Self::Stopped => "stopped",
            Self::Unknown(name) => name.as_str(),
        }
    }
}

impl FromStr for TypingState {
    type Err = WireNameError;

    fn from_str(name: &str) -> Result<Self, WireNameError> {
        Ok(match name {
            "typing" => Self::Typing,
            "stopped" => Self::Stopped,
            other => Self::Unknown(other.parse()?),
        })
    }
}

open_names!(
    TypingState,
    "`typing` (they write something, until `until_ms`) or `stopped`. A newer server may say another.",
    ["typing", "stopped"]
);

/// Somebody began or stopped typing. Not an event: it has no `seq`, is not replayed, and may be lost.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize, utoipa::ToSchema)]
pub struct UserTyping {
    /// Where.
    pub conversation_id: ConversationId,
    /// Who. Never oneself.
    pub user_id: UserId,
    /// What they do.
    pub state: TypingState,
    /// With `typing`: when it ends unless it is said again, by the server's clock; at most 5 s ahead.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until_ms: Option<TimestampMs>,
}

/// What one gateway tells the others about one person in one conversation.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct TypingNotice {
    /// Where.
    pub conversation_id: ConversationId,
    /// Who.
    pub user_id: UserId,
    /// What they do.
    pub state: TypingState,
    /// When it ends unless it is said again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until_ms: Option<TimestampMs>,
    /// The conversation's shard.
    pub shard: ShardId,
    /// Everything of the conversation up to here had passed at the person's gateway, and they were in it. Whoever knows of a later
    /// change of membership drops the notice; whoever has not come so far waits.
    pub as_of: Seq,
}

impl TypingNotice {
    /// The frame that members get.
    pub const fn frame(&self) -> UserTyping {
        UserTyping { conversation_id: self.conversation_id, user_id: self.user_id, state: self.state, until_ms: self.until_ms }
    }
}

/// What one gateway tells the others at once, on one bucket's subject.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct TypingBatch {
    /// The shape's version.
    pub v: u16,
    /// At most [`MAX_BATCH_NOTICES`].
    pub notices: Vec<TypingNotice>,
}

/// The present shape of batches. It only ever grows.
const BATCH_VERSION: u16 = 1;

/// Why a batch was not read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BatchError {
    /// More than [`MAX_BATCH_BYTES`] or [`MAX_BATCH_NOTICES`].
    #[error("the batch is too large")]
    TooLarge,
    /// Not a batch.
    #[error("the batch is malformed")]
    Malformed,
}

impl TypingBatch {
    /// A batch of these notices.
    pub const fn new(notices: Vec<TypingNotice>) -> Self {
        Self { v: BATCH_VERSION, notices }
    }

    /// The JSON text of the batch.
    pub fn encode(&self) -> Vec<u8> {
        // Every type here serialises.
        serde_json::to_vec(self).unwrap_or_default()
    }

    /// Reads a batch. What is beyond the limits is not looked at.
    pub fn decode(bytes: &[u8]) -> Result<Self, BatchError> {
        if bytes.len() > MAX_BATCH_BYTES {
            return Err(BatchError::TooLarge);
        }
        let batch: Self = serde_json::from_slice(bytes).map_err(|_| BatchError::Malformed)?;
        if batch.notices.len() > MAX_BATCH_NOTICES { Err(BatchError::TooLarge) } else { Ok(batch) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn notice(state: TypingState) -> TypingNotice {
        let id = "01ARZ3NDEKTSV4RRFFQ69G5FAV";
        TypingNotice {
            conversation_id: id.parse().unwrap(),
            user_id: id.parse().unwrap(),
            state,
            until_ms: Some(i64::MAX),
            shard: ShardId(u16::MAX),
            as_of: Seq(u64::MAX),
        }
    }

    #[test]
    fn the_largest_batch_is_read_back_and_a_larger_one_is_not() {
        let longest = TypingState::Unknown("x".repeat(31).parse().unwrap());
        let batch = TypingBatch::new(vec![notice(longest); MAX_BATCH_NOTICES]);
        let bytes = batch.encode();
        assert!(bytes.len() <= MAX_BATCH_BYTES, "{}", bytes.len());
        assert_eq!(TypingBatch::decode(&bytes), Ok(batch));
        let larger = TypingBatch::new(vec![notice(TypingState::Stopped); MAX_BATCH_NOTICES + 1]);
        assert_eq!(TypingBatch::decode(&larger.encode()), Err(BatchError::TooLarge));
        assert_eq!(TypingBatch::decode(&vec![b' '; MAX_BATCH_BYTES + 1]), Err(BatchError::TooLarge));
    }

    #[test]
    fn what_is_no_batch_is_refused_and_what_is_new_is_carried() {
        for text in ["", "[]", "{}", r#"{"v":1,"notices":[{}]}"#, r#"{"v":1,"notices":[7]}"#, "\u{0}"] {
            assert_eq!(TypingBatch::decode(text.as_bytes()), Err(BatchError::Malformed), "{text}");
        }
        let id = "01ARZ3NDEKTSV4RRFFQ69G5FAV";
        let newer = format!(
            r#"{{"v":2,"mood":1,"notices":[{{"conversation_id":"{id}","user_id":"{id}","state":"recording","shard":0,"as_of":7,"x":[]}}]}}"#
        );
        let batch = TypingBatch::decode(newer.as_bytes()).unwrap();
        assert_eq!(batch.notices.first().map(|notice| notice.state.as_str()), Some("recording"));
    }
}
