//! The one registry of refusals and of socket close codes.
//!
//! A refusal has a code that never changes meaning, an HTTP status, whether trying again can help, and who has to act.
//! The text beside a code is for people and may change; programs match on the code.

use std::fmt;
use std::time::Duration;

/// When to try again what was refused for now, where nothing better is known.
pub const RETRY_AFTER: Duration = Duration::from_secs(1);
/// The same for a send.
pub const SEND_RETRY_AFTER: Duration = Duration::from_millis(500);

/// A time to wait, as the wire has it.
pub fn millis(wait: Duration) -> u64 {
    u64::try_from(wait.as_millis()).unwrap_or(u64::MAX)
}

/// Who can do something about a refusal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Actor {
    /// The caller sent something wrong and can fix it.
    Caller,
    /// Nobody has to: try later.
    Time,
    /// The operator: it is our fault or a dependency's.
    Operator,
}

/// One row of the registry.
#[derive(Debug, Clone, Copy)]
pub struct ErrorRow {
    /// The name on the wire.
    pub name: &'static str,
    /// The HTTP status it is sent with.
    pub http_status: u16,
    /// Whether the same request may succeed later without any change.
    pub retryable: bool,
    /// Who has to act.
    pub actor: Actor,
    /// What it means, in one sentence.
    pub meaning: &'static str,
}

macro_rules! error_registry {
    ($( $variant:ident = $name:literal, $status:literal, $retry:literal, $actor:ident, $meaning:literal; )*) => {
        /// A registered refusal.
        #[expect(clippy::doc_markdown, reason = "the meanings are sentences for people, shown as they are")]
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize, utoipa::ToSchema)]
        #[serde(rename_all = "snake_case")]
        pub enum ErrorCode {
            $( #[doc = $meaning] #[serde(rename = $name)] $variant, )*
        }

        impl ErrorCode {
            /// Every code, in the order of the registry.
            pub const ALL: &'static [Self] = &[ $( Self::$variant, )* ];

            /// The code's row.
            pub const fn row(self) -> ErrorRow {
                match self {
                    $( Self::$variant => ErrorRow {
                        name: $name, http_status: $status, retryable: $retry, actor: Actor::$actor, meaning: $meaning,
                    }, )*
                }
            }
        }
    };
}

error_registry! {
    MalformedFrame = "malformed_frame", 400, false, Caller, "The frame or body is not valid JSON of the documented shape.";
    FrameTooLarge = "frame_too_large", 413, false, Caller, "The frame or body is larger than the server reads.";
    UnknownCommand = "unknown_command", 400, false, Caller, "The frame's type is not a command of this protocol.";
    BadId = "bad_id", 400, false, Caller, "An id is not in its canonical form (26 characters of 0-9 and A-Z).";
    BadClientId = "bad_client_id", 400, false, Caller, "client_id is not 1 to 64 of A-Z, a-z, 0-9, _ and -.";
    BadPosition = "bad_position", 400, false, Caller, "The position is not one that this service gave out.";
    InvalidField = "invalid_field", 400, false, Caller, "A field is outside its documented limits.";
    EmptyMessage = "empty_message", 400, false, Caller, "The message has no content.";
    MessageTooLong = "message_too_long", 413, false, Caller, "The message is longer than the limit.";
    UnsupportedBody = "unsupported_body", 400, false, Caller, "The message body's type is unknown to this server.";
    HelloRequired = "hello_required", 401, false, Caller, "The first frame on a socket has to be hello.";
    HelloTwice = "hello_twice", 400, false, Caller, "hello was already answered on this socket.";
    Unauthenticated = "unauthenticated", 401, false, Caller, "The token is missing, malformed, forged or of the wrong kind.";
    TokenExpired = "token_expired", 401, false, Caller, "The access token has expired, or its key is not known here: refresh it.";
    TokenInUrl = "token_in_url", 400, false, Caller, "Tokens are not accepted in URLs, where logs and histories keep them.";
    SessionRevoked = "session_revoked", 401, false, Caller, "This device's session was ended: log in again.";
    RefreshReused = "refresh_reused", 401, false, Caller, "The refresh token had been used before; every token of that session is now void.";
    BadCredentials = "bad_credentials", 401, false, Caller, "Handle or password is wrong.";
    PasswordTooGuessable = "password_too_guessable", 400, false, Caller, "The password is a common one, or made of the person's own names: choose a longer or less usual one.";
    Forbidden = "forbidden", 403, false, Caller, "The caller's role does not allow this.";
    OriginRefused = "origin_refused", 403, false, Caller, "The page's origin is not on the allow-list.";
    NotMember = "not_member", 403, false, Caller, "There is no such conversation, or the caller is not in it.";
    UnknownUser = "unknown_user", 404, false, Caller, "There is no such user.";
    UnknownSession = "unknown_session", 404, false, Caller, "There is no such session of the caller's.";
    NotFound = "not_found", 404, false, Caller, "There is nothing at this path.";
    MethodNotAllowed = "method_not_allowed", 405, false, Caller, "This path does not take that method.";
    UnknownMessage = "unknown_message", 404, false, Caller, "There is no such message in this conversation, or the caller may not see it.";
    MessageGone = "message_gone", 410, false, Caller, "The message's content was erased.";
    NotAThreadRoot = "not_a_thread_root", 409, false, Caller, "The message is in a thread itself: replies stand under the thread's root.";
    NotSender = "not_sender", 403, false, Caller, "Only who sent the message may do this.";
    NotEditable = "not_editable", 409, false, Caller, "What the message holds cannot be edited.";
    BadEmoji = "bad_emoji", 400, false, Caller, "What is to be reacted with is not one emoji that the server knows.";
    TooManyReactions = "too_many_reactions", 409, false, Caller, "The message has as many reactions, or kinds of them, as a message may, or the caller tried as many on it as a person may.";
    AlreadyReacted = "already_reacted", 409, false, Caller, "The caller reacts to the message with this emoji already.";
    NotReacted = "not_reacted", 409, false, Caller, "The caller does not react to the message with this emoji: there is nothing to take back.";
    TooManyPins = "too_many_pins", 409, false, Caller, "As many messages are pinned in the conversation as may be.";
    AlreadyPinned = "already_pinned", 409, false, Caller, "The message is pinned already.";
    NotPinned = "not_pinned", 409, false, Caller, "The message is not pinned: there is nothing to take back.";
    ConversationTooLarge = "conversation_too_large", 409, false, Caller, "The conversation has more members than may do this.";
    DeleteTooLate = "delete_too_late", 409, false, Caller, "The message is older than messages may be to be deleted for everyone.";
    TooManyHidden = "too_many_hidden", 409, false, Caller, "The caller has hidden as many messages as a person may.";
    TooManyPinned = "too_many_pinned", 409, false, Caller, "The caller has pinned as many conversations as a person may.";
    TooManyArchived = "too_many_archived", 409, false, Caller, "The caller has archived as many conversations as a person may.";
    TooManyDrafts = "too_many_drafts", 409, false, Caller, "The caller has as many drafts as a person may.";
    TooManyScheduled = "too_many_scheduled", 409, false, Caller, "The caller has as many messages waiting to be sent later as a person may.";
    UnknownScheduled = "unknown_scheduled", 404, false, Caller, "No such message of the caller's waits to be sent later.";
    AlreadySent = "already_sent", 409, false, Caller, "The message was sent, or is being sent: it can neither be changed nor cancelled.";
    EditTooLate = "edit_too_late", 409, false, Caller, "The message is older than messages may be to be edited.";
    TooManyEdits = "too_many_edits", 409, false, Caller, "The message was edited as often as messages may be.";
    HandleTaken = "handle_taken", 409, false, Caller, "Another user has this handle.";
    HandleReserved = "handle_reserved", 409, false, Caller, "The handle is reserved: clients and servers speak under it.";
    GroupFull = "group_full", 409, false, Caller, "The group has as many members as it may.";
    DirectImmutable = "direct_immutable", 409, false, Caller, "A direct conversation has no title, roles, joining or leaving.";
    UnknownInvitation = "unknown_invitation", 404, false, Caller, "Nothing of the kind waits for the caller's answer.";
    TooManyConversations = "too_many_conversations", 409, false, Caller, "Somebody is in as many conversations as they may be.";
    TooManyInvitations = "too_many_invitations", 409, false, Caller, "Somebody has as many unanswered invitations as may wait.";
    OwnerMustHandOver = "owner_must_hand_over", 409, false, Caller, "The owner hands the group over before leaving.";
    RateLimited = "rate_limited", 429, true, Time, "Too many requests: wait for retry_after_ms.";
    TooManyInFlight = "too_many_in_flight", 429, true, Time, "Too many sends of this socket await their ack.";
    QuotaExceeded = "quota_exceeded", 429, true, Time, "The caller has sent as many bytes as a person may: wait for retry_after_ms.";
    LogFull = "log_full", 503, true, Operator, "The log takes no more messages: what is left of it is for membership changes and sessions.";
    TooManyConnections = "too_many_connections", 429, true, Time, "This address, person or device has as many connections as it may.";
    ClientIdAhead = "client_id_ahead", 425, true, Time, "client_id is a ULID minted ahead of the server's time: send it again after retry_after_ms, and mint with server_time_ms.";
    Draining = "draining", 503, true, Time, "This server is going away: reconnect elsewhere after retry_after_ms.";
    Busy = "busy", 503, true, Time, "The server is at its limit: try again after retry_after_ms.";
    Unavailable = "unavailable", 503, true, Operator, "A part the request needs does not answer. Nothing was stored: repeat it.";
    OutcomeUnknown = "outcome_unknown", 503, true, Operator, "What was asked for may be stored, or may be stored later: repeat it, a send with the same client_id.";
    Internal = "internal", 500, true, Operator, "An error of ours; quote the request id.";
}

impl ErrorCode {
    /// The name on the wire.
    pub const fn as_str(self) -> &'static str {
        self.row().name
    }

    /// Whether the same request may succeed later without any change.
    pub const fn retryable(self) -> bool {
        self.row().retryable
    }

    /// The HTTP status it is sent with.
    pub const fn http_status(self) -> u16 {
        self.row().http_status
    }
}

impl fmt::Display for ErrorCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A code as it is read: a newer server may say one that this version's registry does not have. What to do then is told by
/// `retryable` beside it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum AnyErrorCode {
    /// One of the registry.
    Known(ErrorCode),
    /// A newer one, as it came.
    Unknown(Box<str>),
}

impl AnyErrorCode {
    /// The name on the wire.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Known(code) => code.as_str(),
            Self::Unknown(name) => name,
        }
    }

    /// The registry's code, if it has it.
    pub const fn known(&self) -> Option<ErrorCode> {
        match self {
            Self::Known(code) => Some(*code),
            Self::Unknown(_) => None,
        }
    }
}

impl From<ErrorCode> for AnyErrorCode {
    fn from(code: ErrorCode) -> Self {
        Self::Known(code)
    }
}

impl PartialEq<ErrorCode> for AnyErrorCode {
    fn eq(&self, other: &ErrorCode) -> bool {
        self.known() == Some(*other)
    }
}

impl fmt::Display for AnyErrorCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl serde::Serialize for AnyErrorCode {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl<'de> serde::Deserialize<'de> for AnyErrorCode {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let name = Box::<str>::deserialize(deserializer)?;
        let known = ErrorCode::ALL.iter().copied().find(|code| code.as_str() == &*name);
        Ok(known.map_or(Self::Unknown(name), Self::Known))
    }
}

/// The documents list the codes that this version has.
impl utoipa::PartialSchema for AnyErrorCode {
    fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::schema::Schema> {
        ErrorCode::schema()
    }
}

impl utoipa::ToSchema for AnyErrorCode {
    fn name() -> std::borrow::Cow<'static, str> {
        ErrorCode::name()
    }

    fn schemas(schemas: &mut Vec<(String, utoipa::openapi::RefOr<utoipa::openapi::schema::Schema>)>) {
        ErrorCode::schemas(schemas);
    }
}

macro_rules! close_codes {
    ($( $variant:ident = $number:literal, $name:literal, $meaning:literal, $action:literal; )*) => {
        /// Why the server closed a socket. 1000 to 1999 are the standard's; 4000 to 4499 mean "reconnect and resume";
        /// 4500 to 4999 mean "do not come back without changing something".
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum CloseCode {
            $( #[doc = $meaning] $variant, )*
        }

        impl CloseCode {
            /// Every code.
            pub const ALL: &'static [Self] = &[ $( Self::$variant, )* ];

            /// The number in the close frame.
            pub const fn code(self) -> u16 {
                match self {
                    $( Self::$variant => $number, )*
                }
            }

            /// The name in the close frame's reason and in metrics.
            pub const fn as_str(self) -> &'static str {
                match self {
                    $( Self::$variant => $name, )*
                }
            }

            /// When the server sends it, in one sentence.
            pub const fn meaning(self) -> &'static str {
                match self {
                    $( Self::$variant => $meaning, )*
                }
            }

            /// What a client does about it.
            pub const fn client_action(self) -> &'static str {
                match self {
                    $( Self::$variant => $action, )*
                }
            }
        }
    };
}

close_codes! {
    Normal = 1000, "normal", "Reserved for a goodbye; the server does not begin one.", "Nothing.";
    Draining = 4000, "draining", "The gateway is going away; an `error` frame with the code `draining` comes before.", "Reconnect after `retry_after_ms`, to any gateway, with the last position; send unanswered messages again.";
    SlowReader = 4001, "slow_reader", "More than `gateway.outbound_queue_bytes` waited for this socket, or it took nothing for `gateway.idle_timeout_ms`.", "Reconnect and resume; nothing is lost.";
    IdleTimeout = 4002, "idle_timeout", "Nothing arrived from the client for `idle_timeout_ms`.", "Reconnect; ping more often.";
    Resync = 4003, "resync", "The log was rebuilt.", "Reconnect; a `reset` follows.";
    Busy = 4004, "busy", "Catching up is not possible now; an `error` frame with the code `unavailable` or `busy` comes before.", "Reconnect after `retry_after_ms`, to another gateway if there is one.";
    TokenExpired = 4005, "token_expired", "The session ends by now unless it was refreshed, which cannot be looked up (Postgres is away). Or hello held an access token that has expired, or was issued in the future, by this gateway's clock.", "Refresh the token, then reconnect.";
    HelloTimeout = 4006, "hello_timeout", "No hello within `gateway.hello_timeout_ms`.", "Reconnect and say hello at once.";
    ProcessPaused = 4007, "process_paused", "The gateway did not run for more than 2 s while this socket was open, and the socket wants to send or waits for an ack. It publishes nothing that it had not published by then.", "Reconnect, to any gateway, with the last position; send unanswered messages again.";
    Unauthenticated = 4500, "unauthenticated", "The token is not valid, or the first frame was another command than hello.", "Log in again.";
    SessionRevoked = 4501, "session_revoked", "This device was logged out, here or elsewhere, or its session has ended.", "Log in again.";
    ProtocolViolation = 4502, "protocol_violation", "A binary frame, invalid UTF-8, or a first frame that could not be read.", "Fix the client.";
    FrameTooLarge = 4503, "frame_too_large", "A frame of more than 102,400 bytes.", "Fix the client.";
    Flooding = 4504, "flooding", "Far more frames or bytes than allowed, for seconds.", "Fix the client.";
}

impl CloseCode {
    /// Whether a client should reconnect by itself after this number. Abnormal closes (1006 and the like) say yes.
    pub const fn number_allows_reconnect(number: u16) -> bool {
        !matches!(number, 1000 | 4500..=4999)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn names_and_numbers_are_unique() {
        let names: BTreeSet<_> = ErrorCode::ALL.iter().map(|code| code.as_str()).collect();
        assert_eq!(names.len(), ErrorCode::ALL.len());
        let numbers: BTreeSet<_> = CloseCode::ALL.iter().map(|code| code.code()).collect();
        assert_eq!(numbers.len(), CloseCode::ALL.len());
    }

    #[test]
    fn serialised_name_is_the_registered_one() {
        for code in ErrorCode::ALL {
            assert_eq!(serde_json::to_string(code).unwrap(), format!("\"{code}\""));
        }
    }
}
