//! Everything that leaves a process: client frames, REST bodies, stored events, positions, error and close codes.
//!
//! No other crate derives serde for the wire. This one decides nothing and performs no I/O.
//! Start reading in [`command`] and [`frame`] (the WebSocket), [`log`] (what JetStream stores) and [`error`] (the registry).

pub mod activity;
pub mod command;
pub mod conversation;
pub mod device;
pub mod ephemeral;
pub mod error;
pub mod frame;
pub mod log;
pub mod message;
pub mod position;
pub mod presence;
pub mod receipts;
pub mod rest;
pub mod scheduled;
pub mod search;
pub mod sync;
pub mod threads;
pub mod unknown;

pub use command::{Command, DecodeError, DeleteMessage, EditMessage, Hello, PinMessage, Ping, React, ReceivedUpto, SendMessage};
pub use conversation::{ConversationKind, Role};
pub use device::DeviceKind;
pub use ephemeral::{TypingState, UserTyping};
pub use error::{Actor, AnyErrorCode, CloseCode, ErrorCode, RETRY_AFTER, SEND_RETRY_AFTER};
pub use frame::{Chain, EventFrame, Place, ServerFrame};
pub use log::{EventClass, EventOwner, EventText, LogEvent, MessageEdited, MessageSent};
pub use message::{Message, MessageBody, MessageRef, Reaction};
pub use position::{Position, PositionError};
pub use presence::{PersonPresence, Presence, PresenceState, SayPresence, WatchPresence};
pub use receipts::{DeliveredTo, ReadBy, Receipts};
pub use threads::{ThreadRef, ThreadReplies};
pub use unknown::{RawJson, WireName};

/// Largest frame a client may send, in bytes: the longest text, escaped at its worst (6 bytes for one), plus the envelope.
pub const MAX_CLIENT_FRAME_BYTES: usize = relay_types::text::MAX_MESSAGE_BYTES * 6 + 4 * 1024;
