//! Messages to be sent later.

use std::str::FromStr;

use relay_types::{ClientId, ConversationId, MessageId, TimestampMs};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::conversation::open_names;
use crate::error::AnyErrorCode;
use crate::message::MessageBody;
use crate::unknown::{WireName, WireNameError};

/// Messages of one person that wait at most.
pub const MOST_SCHEDULED: usize = 100;
/// Their bodies together at most, in bytes.
pub const MOST_SCHEDULED_BYTES: usize = 1024 * 1024;
/// How far ahead at most, in milliseconds: 366 days.
pub const SCHEDULE_AHEAD_MS: i64 = 366 * 24 * 3_600_000;
/// A message that is so late, in milliseconds, is not sent: its author is asked.
pub const OVERDUE_MS: i64 = 24 * 3_600_000;
/// The longest name of a time zone, in bytes.
pub const MAX_TIME_ZONE: usize = 64;

/// How a message to be sent later is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ScheduledState {
    /// Its time is to come.
    Waiting,
    /// It is on its way: it can neither be changed nor cancelled any more.
    Sending,
    /// It is in the log.
    Sent,
    /// It was refused at its time. It waits for its author, who may schedule it anew or cancel it.
    Refused,
    /// Nothing could be sent at its time, and that is long ago. It waits for its author, as above.
    Overdue,
    /// Its author cancelled it.
    Cancelled,
    /// Something of a newer version's.
    Unknown(WireName),
}

impl ScheduledState {
    /// The wire name.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Waiting => "waiting",
            Self::Sending => "sending",
            Self::Sent => "sent",
            Self::Refused => "refused",
            Self::Overdue => "overdue",
            Self::Cancelled => "cancelled",
            Self::Unknown(name) => name.as_str(),
        }
    }
}

impl FromStr for ScheduledState {
    type Err = WireNameError;

    fn from_str(name: &str) -> Result<Self, WireNameError> {
        Ok(match name {
            "waiting" => Self::Waiting,
            "sending" => Self::Sending,
            "sent" => Self::Sent,
            "refused" => Self::Refused,
            "overdue" => Self::Overdue,
            "cancelled" => Self::Cancelled,
            other => Self::Unknown(other.parse()?),
        })
    }
}

open_names!(
    ScheduledState,
    "`waiting`, `sending`, `sent`, `refused` (at its time; `refusal` says why), `overdue` (more than a day late; its author is asked) or \
     `cancelled`. A newer server may say another.",
    ["waiting", "sending", "sent", "refused", "overdue", "cancelled"]
);

/// `PUT /v1/conversations/{id}/scheduled/{client_id}`.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ScheduleRequest {
    /// The content of the message.
    pub body: MessageBody,
    /// The message of the same conversation that it answers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reply_to: Option<MessageId>,
    /// When it is to be sent, in milliseconds since 1970: at most 366 days ahead. A time that is past means now.
    pub send_at_ms: TimestampMs,
    /// The time zone that the time was chosen in, such as `Europe/Berlin`, for people to read.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    #[schema(max_length = 64)]
    pub time_zone: String,
}

/// A message to be sent later. Its author alone sees it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ScheduledMessage {
    /// Where.
    pub conversation_id: ConversationId,
    /// The author's key for it, with which it is sent.
    pub client_id: ClientId,
    /// The content of the message.
    pub body: MessageBody,
    /// The message that it answers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reply_to: Option<MessageId>,
    /// When it is to be sent, in milliseconds since 1970.
    pub send_at_ms: TimestampMs,
    /// The time zone that the time was chosen in; empty where none was named.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub time_zone: String,
    /// How it is doing.
    pub state: ScheduledState,
    /// Why it was refused.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refusal: Option<AnyErrorCode>,
}

/// All of the caller's, by time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ScheduledList {
    /// At most 100, the earliest first.
    pub scheduled: Vec<ScheduledMessage>,
}
