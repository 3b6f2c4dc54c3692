//! What the server says over a socket.

use std::time::Duration;

use relay_types::{ClientId, ConversationId, ConversationTitle, MessageId, Seq, SessionId, TimestampMs, UserId};

use crate::conversation::{ConversationKind, Role};
use crate::error::{ErrorCode, millis};
use crate::log::{LogEvent, StoredEvent};
use crate::message::Message;

/// A server frame. Events of conversations carry `seq`, their place in the shard's order, and `prev`, the `seq` of the
/// event before them in the same conversation (0 for the first), with which a client proves that it missed nothing.
/// `prev` is absent only while the server works without Postgres and cannot know it.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize, utoipa::ToSchema)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum ServerFrame {
    /// Answers hello. Catching up follows, and ends in `caught_up`.
    Welcome(Welcome),
    /// The message is in the log.
    MessageAck(MessageAck),
    /// Someone (perhaps another device of one's own) sent a message.
    NewMessage(Message),
    /// Someone joined, perhaps oneself.
    MemberAdded(MemberAddedFrame),
    /// Someone left or was removed. When it is oneself, nothing follows in that conversation.
    MemberRemoved(MemberRemovedFrame),
    /// Several people joined at once, perhaps oneself among them.
    MembersAdded(MembersAddedFrame),
    /// Several people were removed at once. When oneself is among them, nothing follows in that conversation.
    MembersRemoved(MembersRemovedFrame),
    /// A conversation began, was renamed, or a role in it changed.
    ConversationUpdated(ConversationUpdated),
    /// A message's content was erased: clients drop what they hold of it.
    MessageErased(MessageErasedFrame),
    /// Everything up to the position was delivered, and more of what was missed follows.
    Progress {
        /// To be stored and handed back in the next hello, should the socket end before `caught_up`.
        position: String,
    },
    /// Everything up to the position was delivered; what follows is live.
    CaughtUp {
        /// To be stored and handed back in the next hello.
        position: String,
    },
    /// The gap cannot be filled event by event: reload over REST, then go on from `position`; `caught_up` follows.
    Reset {
        /// Why.
        reason: ResetReason,
        /// The place from which live events follow.
        position: String,
    },
    /// Answers ping.
    Pong {
        /// The server's clock.
        server_time_ms: TimestampMs,
        /// Everything up to here was sent on this socket before this frame; absent before `caught_up`.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        position: Option<String>,
    },
    /// A refusal, or an announcement of the close that follows.
    Error(ErrorFrame),
}

/// Answers hello.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize, utoipa::ToSchema)]
pub struct Welcome {
    /// Who the token says this is.
    pub user_id: UserId,
    /// Which of their devices.
    pub session_id: SessionId,
    /// The server's clock: `client_id`s that are ULIDs are minted with it, whatever the device's clock says.
    pub server_time_ms: TimestampMs,
    /// Send something at least this often, or the socket closes as `idle_timeout`.
    pub idle_timeout_ms: u64,
    /// Sends without an ack that one socket may have.
    pub max_in_flight: u32,
}

/// A message is in the log.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize, utoipa::ToSchema)]
pub struct MessageAck {
    /// The client's key.
    pub client_id: ClientId,
    /// Where.
    pub conversation_id: ConversationId,
    /// Minted by the server; the original one when the key had been used before.
    pub message_id: MessageId,
    /// Its place in the order.
    pub seq: Seq,
    /// When it was accepted.
    pub sent_at_ms: TimestampMs,
}

/// Someone joined.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize, utoipa::ToSchema)]
pub struct MemberAddedFrame {
    /// Where.
    pub conversation_id: ConversationId,
    /// Its place in the order.
    pub seq: Seq,
    /// The event before it in this conversation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prev: Option<Seq>,
    /// Who.
    pub user_id: UserId,
    /// As what.
    pub role: Role,
    /// By whom.
    pub added_by: UserId,
    /// What they joined.
    pub conversation: ConversationSummary,
    /// When.
    pub at_ms: TimestampMs,
}

/// Someone left or was removed.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize, utoipa::ToSchema)]
pub struct MemberRemovedFrame {
    /// Where.
    pub conversation_id: ConversationId,
    /// Its place in the order.
    pub seq: Seq,
    /// The event before it in this conversation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prev: Option<Seq>,
    /// Who.
    pub user_id: UserId,
    /// By whom; themselves when they left.
    pub removed_by: UserId,
    /// When.
    pub at_ms: TimestampMs,
}

/// Several people joined.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize, utoipa::ToSchema)]
pub struct MembersAddedFrame {
    /// Where.
    pub conversation_id: ConversationId,
    /// Its place in the order.
    pub seq: Seq,
    /// The event before it in this conversation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prev: Option<Seq>,
    /// Who; at most 500.
    pub user_ids: Vec<UserId>,
    /// As what.
    pub role: Role,
    /// By whom.
    pub added_by: UserId,
    /// What they joined.
    pub conversation: ConversationSummary,
    /// When.
    pub at_ms: TimestampMs,
}

/// Several people were removed.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize, utoipa::ToSchema)]
pub struct MembersRemovedFrame {
    /// Where.
    pub conversation_id: ConversationId,
    /// Its place in the order.
    pub seq: Seq,
    /// The event before it in this conversation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prev: Option<Seq>,
    /// Who; at most 500.
    pub user_ids: Vec<UserId>,
    /// By whom.
    pub removed_by: UserId,
    /// When.
    pub at_ms: TimestampMs,
}

/// A conversation began or changed.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize, utoipa::ToSchema)]
pub struct ConversationUpdated {
    /// Where.
    pub conversation_id: ConversationId,
    /// Its place in the order.
    pub seq: Seq,
    /// The event before it in this conversation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prev: Option<Seq>,
    /// By whom.
    pub by: UserId,
    /// When.
    pub at_ms: TimestampMs,
    /// What changed.
    pub change: ConversationChange,
}

/// A message's content was erased.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize, utoipa::ToSchema)]
pub struct MessageErasedFrame {
    /// The message's conversation.
    pub conversation_id: ConversationId,
    /// The sequence of this event.
    pub seq: Seq,
    /// The event before it in this conversation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prev: Option<Seq>,
    /// The erased message.
    pub message_id: MessageId,
    /// The sequence of the erased message.
    pub message_seq: Seq,
    /// When it was erased.
    pub at_ms: TimestampMs,
}

/// What changed about a conversation.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize, utoipa::ToSchema)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum ConversationChange {
    /// It began.
    Created {
        /// What it is.
        conversation: ConversationSummary,
    },
    /// It has another title.
    Renamed {
        /// The new one.
        title: ConversationTitle,
    },
    /// A member's role changed.
    RoleChanged {
        /// Whose.
        user_id: UserId,
        /// The new one.
        role: Role,
    },
}

/// What a list needs to show a conversation.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize, utoipa::ToSchema)]
pub struct ConversationSummary {
    /// Direct or group.
    pub kind: ConversationKind,
    /// A group's title.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<ConversationTitle>,
}

/// Why events cannot be replayed one by one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ResetReason {
    /// The log was rebuilt; positions of its former epoch mean nothing.
    EpochChanged,
    /// The position is older than the log is kept.
    TooOld,
    /// More was missed than is replayed one by one.
    TooMuch,
    /// The position lies ahead of the log.
    AheadOfLog,
}

/// A refusal.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize, utoipa::ToSchema)]
pub struct ErrorFrame {
    /// The registered code.
    pub code: ErrorCode,
    /// For people; may change.
    pub message: String,
    /// The send it refuses.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_id: Option<ClientId>,
    /// Whether the same request may succeed later without any change.
    pub retryable: bool,
    /// When to try again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_after_ms: Option<u64>,
}

impl ErrorFrame {
    /// A refusal with the registry's answer to "may I try again?".
    pub fn new(code: ErrorCode, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), client_id: None, retryable: code.retryable(), retry_after_ms: None }
    }

    /// The same refusal with the time to wait, if waiting helps.
    #[must_use]
    pub fn retry_after(self, wait: Duration) -> Self {
        let retry_after_ms = self.retryable.then(|| millis(wait));
        Self { retry_after_ms, ..self }
    }
}

impl ServerFrame {
    /// The JSON text of the frame.
    pub fn encode(&self) -> String {
        // Every type here serialises: maps have string keys and no value is fallible.
        serde_json::to_string(self).unwrap_or_default()
    }

    /// The client's view of a stored event; `None` for events that no client sees.
    pub fn from_log(stored: &StoredEvent) -> Option<Self> {
        let (seq, prev) = (stored.seq, stored.prev);
        Some(match &stored.event {
            LogEvent::MessageSent(e) => Self::NewMessage(Message {
                conversation_id: e.conversation_id,
                seq,
                prev,
                message_id: e.message_id,
                sender_id: e.sender_id,
                client_id: e.client_id.clone(),
                sent_at_ms: e.sent_at_ms,
                body: e.body.clone(),
            }),
            LogEvent::MemberAdded(e) => Self::MemberAdded(MemberAddedFrame {
                conversation_id: e.conversation_id,
                seq,
                prev,
                user_id: e.user_id,
                role: e.role,
                added_by: e.added_by,
                conversation: ConversationSummary { kind: e.kind, title: e.title.clone() },
                at_ms: e.at_ms,
            }),
            LogEvent::MemberRemoved(e) => Self::MemberRemoved(MemberRemovedFrame {
                conversation_id: e.conversation_id,
                seq,
                prev,
                user_id: e.user_id,
                removed_by: e.removed_by,
                at_ms: e.at_ms,
            }),
            LogEvent::MembersAdded(e) => Self::MembersAdded(MembersAddedFrame {
                conversation_id: e.conversation_id,
                seq,
                prev,
                user_ids: e.user_ids.clone(),
                role: e.role,
                added_by: e.added_by,
                conversation: ConversationSummary { kind: e.kind, title: e.title.clone() },
                at_ms: e.at_ms,
            }),
            LogEvent::MembersRemoved(e) => Self::MembersRemoved(MembersRemovedFrame {
                conversation_id: e.conversation_id,
                seq,
                prev,
                user_ids: e.user_ids.clone(),
                removed_by: e.removed_by,
                at_ms: e.at_ms,
            }),
            LogEvent::ConversationCreated(e) => Self::ConversationUpdated(ConversationUpdated {
                conversation_id: e.conversation_id,
                seq,
                prev,
                by: e.created_by,
                at_ms: e.at_ms,
                change: ConversationChange::Created { conversation: ConversationSummary { kind: e.kind, title: e.title.clone() } },
            }),
            LogEvent::ConversationRenamed(e) => Self::ConversationUpdated(ConversationUpdated {
                conversation_id: e.conversation_id,
                seq,
                prev,
                by: e.renamed_by,
                at_ms: e.at_ms,
                change: ConversationChange::Renamed { title: e.title.clone() },
            }),
            LogEvent::RoleChanged(e) => Self::ConversationUpdated(ConversationUpdated {
                conversation_id: e.conversation_id,
                seq,
                prev,
                by: e.changed_by,
                at_ms: e.at_ms,
                change: ConversationChange::RoleChanged { user_id: e.user_id, role: e.role },
            }),
            LogEvent::MessageErased(e) => Self::MessageErased(MessageErasedFrame {
                conversation_id: e.conversation_id,
                seq,
                prev,
                message_id: e.message_id,
                message_seq: e.message_seq,
                at_ms: e.at_ms,
            }),
            LogEvent::UserRegistered(_)
            | LogEvent::UserSeen(_)
            | LogEvent::ConversationJoined(_)
            | LogEvent::ConversationLeft(_)
            | LogEvent::ConversationInvited(_)
            | LogEvent::InvitationEnded(_)
            | LogEvent::SessionRevoked(_)
            | LogEvent::Unknown => {
                return None;
            }
        })
    }

    /// The conversation, sequence and predecessor of a conversation event.
    pub fn chain_link(&self) -> Option<(ConversationId, Seq, Option<Seq>)> {
        match self {
            Self::NewMessage(f) => Some((f.conversation_id, f.seq, f.prev)),
            Self::MemberAdded(f) => Some((f.conversation_id, f.seq, f.prev)),
            Self::MemberRemoved(f) => Some((f.conversation_id, f.seq, f.prev)),
            Self::MembersAdded(f) => Some((f.conversation_id, f.seq, f.prev)),
            Self::MembersRemoved(f) => Some((f.conversation_id, f.seq, f.prev)),
            Self::ConversationUpdated(f) => Some((f.conversation_id, f.seq, f.prev)),
            Self::MessageErased(f) => Some((f.conversation_id, f.seq, f.prev)),
            Self::Welcome(_)
            | Self::MessageAck(_)
            | Self::Progress { .. }
            | Self::CaughtUp { .. }
            | Self::Reset { .. }
            | Self::Pong { .. }
            | Self::Error(_) => None,
        }
    }
}
