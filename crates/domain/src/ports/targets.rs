//! Messages that somebody refers to: to answer, to edit or to delete them.

use relay_protocol::ThreadRef;
use relay_protocol::conversation::{ConversationKind, Role};
use relay_types::{ClientId, Emoji, Seq, TimestampMs, UserId};

/// What is known of a message to which somebody refers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    /// Its place in the order.
    pub seq: Seq,
    /// The event before it in its conversation, where that is known.
    pub prev: Option<Seq>,
    /// Who sent it.
    pub sender: UserId,
    /// Under which key.
    pub client_id: ClientId,
    /// When it was accepted.
    pub sent_at_ms: TimestampMs,
    /// When the log stored it, by the log's clock.
    pub stored_at_ms: TimestampMs,
    /// What it holds.
    pub holds: Holds,
    /// How often it was edited, as far as that is known.
    pub edits: u32,
    /// Whether who refers to it may see it: it stands in their present stay.
    pub visible: bool,
    /// The root of the thread in which it is.
    pub thread: Option<ThreadRef>,
}

/// What is known of the reactions to a message, and of where it is, for one who wants to react.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Reacted {
    /// With what people react now.
    pub kinds: Vec<Emoji>,
    /// How many reactions those are.
    pub count: u32,
    /// With what this person has reacted, or does.
    pub own: Vec<Emoji>,
    /// Of these, with what they react now.
    pub standing: Vec<Emoji>,
    /// Members of the conversation.
    pub members: u32,
    /// They hid the message from themselves.
    pub hidden: bool,
}

/// What is known of what is pinned in a conversation, and as what somebody stands in it who wants to pin.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pinned {
    /// What kind of conversation it is.
    pub kind: ConversationKind,
    /// Their role.
    pub role: Role,
    /// Whether the message is pinned now.
    pub is_pinned: bool,
    /// How many messages are.
    pub pins: u32,
}

/// What a message holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Holds {
    /// Text.
    Text,
    /// Something else, perhaps of a newer version's.
    Other,
    /// Nothing any more: its content was erased.
    Nothing,
}

/// As what somebody stands in a conversation beside the sender of a message, as decided.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Standing {
    /// What kind of conversation it is.
    pub kind: ConversationKind,
    /// Their role.
    pub role: Role,
    /// The sender's; `None` when they are not in it any more.
    pub sender: Option<Role>,
}
