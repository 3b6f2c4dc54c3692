//! REST bodies under `/v1`. Unknown fields are refused in requests, so that a typo is an answer and not a default.

use std::time::Duration;

use relay_types::{
    ClientId, ConversationId, ConversationTitle, DeviceName, DisplayName, DraftText, Emoji, Handle, MessageId, Seq, SessionId, TimestampMs,
    UserId,
};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::conversation::{ConversationKind, ConversationSettings, NotifyLevel, Role};
use crate::device::DeviceKind;
use crate::error::{AnyErrorCode, ErrorCode, millis};
use crate::frame::{EventFrame, MessageAck};
use crate::message::{Message, MessageBody};
use crate::presence::{Availability, PresenceAudience};
use crate::receipts::{DeliveredTo, ReadBy};

/// A password in a request. Never printed.
#[derive(Clone, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Password(pub String);

impl std::fmt::Debug for Password {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("[redacted]")
    }
}

/// A bearer secret in a request or response. Never printed.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Secret(pub String);

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("[redacted]")
    }
}

macro_rules! secret_schema {
    ($name:ident, $description:literal, $min:literal, $max:literal) => {
        impl utoipa::PartialSchema for $name {
            fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::schema::Schema> {
                utoipa::openapi::ObjectBuilder::new()
                    .schema_type(utoipa::openapi::schema::Type::String)
                    .description(Some($description))
                    .format(Some(utoipa::openapi::SchemaFormat::Custom("password".to_owned())))
                    .min_length(Some($min))
                    .max_length(Some($max))
                    .into()
            }
        }

        impl ToSchema for $name {}
    };
}

secret_schema!(Password, "8 to 256 bytes", 8, 256);
secret_schema!(Secret, "A bearer secret: keep it from logs and URLs", 1, 4096);

/// `POST /v1/auth/register`.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RegisterRequest {
    /// The unique name to log in with.
    pub handle: Handle,
    /// The name that others see.
    pub display_name: DisplayName,
    /// The password: 8 to 256 bytes, and not easily guessed.
    pub password: Password,
}

/// A user as others see them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct UserProfile {
    /// The user's id.
    pub user_id: UserId,
    /// The user's unique name.
    pub handle: Handle,
    /// The name to show.
    pub display_name: DisplayName,
}

/// `POST /v1/auth/login`.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct LoginRequest {
    /// The user's unique name.
    pub handle: Handle,
    /// The user's password.
    pub password: Password,
    /// The name that the person gives this device.
    pub device_name: DeviceName,
    /// What kind of device it is. Others see it beside what it received and where something was read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub device_kind: Option<DeviceKind>,
}

/// Answers log-in and refresh.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct TokenResponse {
    /// The user the tokens are for.
    pub user_id: UserId,
    /// The session of the device the tokens are for.
    pub session_id: SessionId,
    /// A JWT for `Authorization: Bearer` and for hello.
    pub access_token: Secret,
    /// How long the access token is valid, in seconds.
    pub expires_in_s: u64,
    /// The token for the next refresh, good once. It stays good, for the same answer, until the token of that answer is used.
    pub refresh_token: Secret,
}

/// `POST /v1/auth/password`.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ChangePasswordRequest {
    /// The present password.
    pub current_password: Password,
    /// The new password: 8 to 256 bytes, and not easily guessed.
    pub new_password: Password,
}

/// `POST /v1/auth/refresh`.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RefreshRequest {
    /// The newest refresh token of the session, or the one before it while the newest has not been used: an answer that was
    /// lost is asked for again. Using an older one ends the session.
    pub refresh_token: Secret,
}

/// One device's session.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct DeviceSession {
    /// The session's id.
    pub session_id: SessionId,
    /// The name that the person gave the device.
    pub device_name: DeviceName,
    /// What kind of device it is, if it said so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub device_kind: Option<DeviceKind>,
    /// When the device logged in, in milliseconds since 1970.
    pub created_at_ms: TimestampMs,
    /// When the device last refreshed its tokens, in milliseconds since 1970.
    pub last_used_at_ms: TimestampMs,
    /// Whether the session is the caller's own.
    pub current: bool,
}

/// `GET /v1/auth/sessions`.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct SessionList {
    /// The live sessions, newest first. At most 100 exist.
    pub sessions: Vec<DeviceSession>,
}

/// `POST /v1/conversations`.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum CreateConversationRequest {
    /// The conversation with one other person; the existing one if there is one.
    Direct {
        /// The other person's id.
        user_id: UserId,
    },
    /// A new group, with the caller as its owner.
    Group {
        /// The group's title.
        title: ConversationTitle,
        /// The group's other first members. Those with whom the caller shares no accepted conversation are invited.
        #[serde(default)]
        member_ids: Vec<UserId>,
        /// The caller's own key: the same key again finds the same group.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        client_key: Option<ClientId>,
    },
}

/// A member of a conversation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Member {
    /// Who.
    #[serde(flatten)]
    pub user: UserProfile,
    /// The member's role.
    pub role: Role,
}

/// `GET /v1/conversations/{id}` and the answer to creating one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Conversation {
    /// The conversation's id.
    pub conversation_id: ConversationId,
    /// Direct or group.
    pub kind: ConversationKind,
    /// The title of a group; absent for direct conversations.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<ConversationTitle>,
    /// When the conversation began, in milliseconds since 1970.
    pub created_at_ms: TimestampMs,
    /// Whether the caller accepted the conversation.
    pub state: ConversationState,
    /// The number of members.
    pub member_count: u32,
    /// The first members by id, at most 100; `GET /v1/conversations/{id}/members` has all.
    pub members: Vec<Member>,
    /// What the caller set for it.
    #[serde(default)]
    pub settings: ConversationSettings,
}

/// Whether a member accepted the conversation.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ConversationState {
    /// The member began it, joined it, or answered.
    #[default]
    Accepted,
    /// Another person began it, and the member has not answered by accepting, declining or writing.
    Request,
}

impl ConversationState {
    /// The wire name, also stored in Postgres.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Accepted => "accepted",
            Self::Request => "request",
        }
    }

    /// The inverse of [`Self::as_str`].
    pub fn from_name(name: &str) -> Option<Self> {
        match name {
            "accepted" => Some(Self::Accepted),
            "request" => Some(Self::Request),
            _ => None,
        }
    }
}

/// Query of `GET /v1/conversations/{id}/members`.
#[derive(Debug, Clone, Default, Serialize, Deserialize, IntoParams, ToSchema)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct MembersQuery {
    /// The `next_cursor` of the previous page.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cursor: Option<UserId>,
    /// 1 to 500; 100 unless given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<u16>,
}

/// `GET /v1/conversations/{id}/members`.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct MemberList {
    /// The members of this page, by id.
    pub members: Vec<Member>,
    /// Hand back as `cursor` for the next page; absent on the last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_cursor: Option<UserId>,
}

/// An invitation into a group that waits for the caller's answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Invitation {
    /// The group's id.
    pub conversation_id: ConversationId,
    /// The group's title.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<ConversationTitle>,
    /// The number of members.
    pub member_count: u32,
    /// The member who invited the caller.
    pub invited_by: UserProfile,
    /// When the caller was invited, in milliseconds since 1970.
    pub invited_at_ms: TimestampMs,
}

/// `GET /v1/invitations`.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct InvitationList {
    /// All invitations that wait, those to the newest conversations first.
    pub invitations: Vec<Invitation>,
}

/// `PATCH /v1/conversations/{id}`.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RenameRequest {
    /// The new title.
    pub title: ConversationTitle,
}

/// `PATCH /v1/users/me`.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ChangeProfileRequest {
    /// The name that others see.
    pub display_name: DisplayName,
}

/// `POST /v1/conversations/{id}/members`.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AddMembersRequest {
    /// The people to bring in, 1 to 500.
    pub user_ids: Vec<UserId>,
}

/// The answer to `POST /v1/conversations/{id}/members`. Who was in it, or asked, before is in neither list of news.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct AddedMembers {
    /// Those who are in the group now.
    pub added: Vec<UserId>,
    /// Those who were invited: the caller shares no accepted conversation with them.
    pub invited: Vec<UserId>,
}

/// `POST /v1/users/lookup`.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct LookUpUsersRequest {
    /// The users to look up, 1 to 500.
    pub user_ids: Vec<UserId>,
}

/// The answer to `POST /v1/users/lookup`.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct UserList {
    /// The users that exist, by id.
    pub users: Vec<UserProfile>,
}

/// `PUT /v1/conversations/{id}/members/{user_id}/role`.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SetRoleRequest {
    /// The new role. `owner` hands the group over: the caller becomes an admin.
    #[serde(deserialize_with = "known_role")]
    pub role: Role,
}

/// What a role allows has to be known before somebody gets it.
fn known_role<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Role, D::Error> {
    let role = Role::deserialize(deserializer)?;
    if role.is_known() { Ok(role) } else { Err(serde::de::Error::custom("unknown role")) }
}

/// `POST /v1/conversations/{id}/read`.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct MarkReadRequest {
    /// The sequence up to which the caller has read. The mark moves forward only, and never beyond the last event.
    pub seq: Seq,
}

/// `POST /v1/conversations/{id}/unread`.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct MarkUnreadRequest {
    /// The sequence of the first event that counts as unread. One beyond the last event is taken for that.
    pub seq: Seq,
}

/// The answer to `GET /v1/conversations/{id}/receipts`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ConversationReceipts {
    /// Whether receipts name people here. Not in conversations of more than 64 members, nor in one that waits for an answer.
    pub named: bool,
    /// What the other members have read, each of them: who has read nothing since they came has `read_seq` = `after_seq`. Empty for a
    /// caller who has receipts off.
    pub read: Vec<ReadBy>,
    /// The newest message of the caller's that each of the others' devices have, among the conversation's newest 500. Who has none of
    /// these is not named.
    #[serde(default)]
    pub delivered: Vec<DeliveredTo>,
}

/// The answer to `GET /v1/conversations/{id}/messages/{message_id}/readers`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ReaderList {
    /// Members who have read the message, by id; not its sender, nor those who have receipts off. Empty for a caller who has them off.
    pub readers: Vec<UserProfile>,
    /// Hand back as `cursor` for the next page; absent on the last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_cursor: Option<UserId>,
}

/// Query of `GET /v1/conversations/{id}/messages/{message_id}/readers`.
#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize, IntoParams, ToSchema)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct ReadersQuery {
    /// The `next_cursor` of the previous page.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cursor: Option<UserId>,
    /// 1 to 500; 100 unless given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[param(minimum = 1, maximum = 500)]
    pub limit: Option<u16>,
}

/// The answer to `GET /v1/conversations/{id}/messages/{message_id}/receipts`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct MessageReceipts {
    /// Whether `people` names everybody. Not in conversations of more than 64 members, where only the counts are told and readers come
    /// in pages; nor in one that waits for an answer, where nothing is told.
    pub named: bool,
    /// Members who have read the message, but for its sender; 0 for a caller who has receipts off.
    pub read_count: u32,
    /// Members whose devices have it; 0 for a message of another's.
    pub delivered_count: u32,
    /// Members whom the message was for: who was there when it was sent and still is, by id, but for its sender.
    pub people: Vec<MessageReceipt>,
}

/// What one member's devices did with a message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct MessageReceipt {
    /// Who.
    pub user: UserProfile,
    /// When a device of theirs had it, as far as that is known. Absent for a message of another's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub delivered: Option<ReceiptStep>,
    /// When they read it, as far as they tell.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub read: Option<ReceiptStep>,
}

/// When something reached somebody, and on what.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ReceiptStep {
    /// When, in milliseconds since 1970, to some seconds; absent when no time is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at_ms: Option<TimestampMs>,
    /// Whether it was at that time or before: of each person and conversation, the last 8 times are known.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub before: bool,
    /// On what kind of device, if it said so and the time is exact.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub device_kind: Option<DeviceKind>,
}

/// What a user has set for all their devices.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Settings {
    /// Whether the user tells others what they have read, and is told of others. What they read while it was off is told to nobody,
    /// also later.
    pub read_receipts: bool,
    /// Whom the user tells whether they are there, and when they were.
    #[serde(default = "contacts")]
    pub presence_to: PresenceAudience,
    /// How they want to be seen while they are there.
    #[serde(default = "available")]
    pub availability: Availability,
}

const fn contacts() -> PresenceAudience {
    PresenceAudience::Contacts
}

const fn available() -> Availability {
    Availability::Available
}

impl Default for Settings {
    fn default() -> Self {
        Self { read_receipts: true, presence_to: contacts(), availability: available() }
    }
}

/// `PATCH /v1/users/me/settings`. What is not named stays as it is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ChangeSettingsRequest {
    /// Whether the user tells others what they have read, and is told of others.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub read_receipts: Option<bool>,
    /// Whom the user tells whether they are there, and when they were.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub presence_to: Option<PresenceAudience>,
    /// How they want to be seen while they are there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub availability: Option<Availability>,
}

/// `PATCH /v1/conversations/{id}/settings`. What is not named stays as it is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ChangeConversationSettingsRequest {
    /// Mutes it until then, in milliseconds since 1970; for good with 253402214400000. `null`, or a time that has passed, ends it.
    #[serde(default, deserialize_with = "named", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<TimestampMs>, minimum = 0, maximum = 253_402_214_400_000_i64)]
    pub muted_until_ms: Option<Option<TimestampMs>>,
    /// Whether it stands above the others. At most 10 do. What is pinned is not archived.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pinned: Option<bool>,
    /// Whether it is listed apart, until somebody writes in it. What is archived is not pinned.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub archived: Option<bool>,
    /// Of what the caller wants to be notified.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub level: Option<NotifyLevel>,
}

/// What is named, and be it `null`; without a name the default holds.
#[expect(clippy::option_option, reason = "not named, `null` and a time are three things")]
fn named<'de, D: serde::Deserializer<'de>, T: Deserialize<'de>>(deserializer: D) -> Result<Option<Option<T>>, D::Error> {
    Option::deserialize(deserializer).map(Some)
}

/// `PUT /v1/conversations/{id}/draft`.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PutDraftRequest {
    /// What the caller has written so far; empty when nothing is left of it.
    pub text: DraftText,
    /// The message that it answers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reply_to: Option<MessageId>,
}

/// What a person is writing in a conversation, on all their devices.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Draft {
    /// The conversation's id.
    pub conversation_id: ConversationId,
    /// Rises with each change: the greatest is the last. 0 where nothing was ever written.
    pub version: u64,
    /// What they have written so far; empty when nothing is left of it.
    pub text: DraftText,
    /// The message that it answers: a reference, as in what is being written.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reply_to: Option<MessageId>,
}

/// That there is a draft, without its text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct DraftVersion {
    /// The conversation's id.
    pub conversation_id: ConversationId,
    /// Rises with each change: the greatest is the last.
    pub version: u64,
}

/// `GET /v1/users/me/drafts`.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct DraftList {
    /// All drafts of the caller that have a text; at most 200.
    pub drafts: Vec<DraftVersion>,
}

/// One row of a user's list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ConversationListItem {
    /// The conversation's id.
    pub conversation_id: ConversationId,
    /// Direct or group.
    pub kind: ConversationKind,
    /// The title of a group; absent for direct conversations.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<ConversationTitle>,
    /// The other person of a direct conversation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub peer: Option<UserProfile>,
    /// The caller's role.
    pub role: Role,
    /// Whether the caller accepted the conversation.
    #[serde(default)]
    pub state: ConversationState,
    /// The newest message the caller may see; of a longer text, the first 200 characters and an ellipsis.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_message: Option<Message>,
    /// Whether the text of `last_message` was cut: a list shows beginnings, histories show messages.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub last_message_cut: bool,
    /// Messages of others after the caller's read mark; counting stops at 1,000.
    pub unread_count: u32,
    /// The sequence up to which the caller has read.
    pub read_seq: Seq,
    /// The caller marked the conversation as unread from there on, and `unread_count` counts from there. Others are not told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unread_from: Option<Seq>,
    /// The sequence of the conversation's last event.
    pub last_seq: Seq,
    /// What the caller set for it.
    #[serde(default)]
    pub settings: ConversationSettings,
}

/// `GET /v1/users/{id}/conversations`.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct ConversationList {
    /// The conversations of this page, the most recently active first.
    pub conversations: Vec<ConversationListItem>,
    /// Hand back as `cursor` for the next page; absent on the last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_cursor: Option<String>,
}

/// Query of `GET /v1/users/{id}/conversations`.
#[derive(Debug, Clone, Default, Serialize, Deserialize, IntoParams, ToSchema)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct ConversationListQuery {
    /// `request` lists what others began and the caller has not answered; `accepted`, and without it, all else.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state: Option<ConversationState>,
    /// `true`: only what the caller archived, which is left out otherwise.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub archived: Option<bool>,
    /// `true`: only what the caller pinned, the last pinned first, without pages. Without it they stand among the others.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pinned: Option<bool>,
    /// The `next_cursor` of the previous page.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[param(min_length = 1, max_length = 64)]
    pub cursor: Option<String>,
    /// 1 to 100; 50 unless given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[param(minimum = 1, maximum = 100)]
    pub limit: Option<u16>,
}

/// `POST /v1/messages`.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PostMessageRequest {
    /// The caller's own key for this send.
    pub client_id: ClientId,
    /// The conversation to send to.
    pub conversation_id: ConversationId,
    /// The content of the message.
    pub body: MessageBody,
    /// The message of the same conversation that it answers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reply_to: Option<MessageId>,
    /// The message of the same conversation under which it is said, in its thread.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub thread: Option<MessageId>,
}

/// `PATCH /v1/conversations/{id}/messages/{message_id}`.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct EditMessageRequest {
    /// The caller's own key for this edit.
    pub client_id: ClientId,
    /// What the message says now: a text.
    pub body: MessageBody,
}

/// `POST /v1/conversations/{id}/messages/{message_id}/delete`.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct DeleteMessageRequest {
    /// The caller's own key for this deletion.
    pub client_id: ClientId,
}

/// `POST /v1/conversations/{id}/messages/{message_id}/reactions`.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ReactRequest {
    /// The caller's own key for this.
    pub client_id: ClientId,
    /// With what: one emoji.
    pub emoji: Emoji,
    /// Whether to react so from now on; `false`: no longer.
    pub on: bool,
}

/// `POST /v1/conversations/{id}/messages/{message_id}/pin`.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PinMessageRequest {
    /// The caller's own key for this.
    pub client_id: ClientId,
    /// Whether the message is pinned from now on; `false`: no longer.
    pub on: bool,
}

/// A pinned message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Pin {
    /// The message as it is now, without its reactions.
    pub message: crate::Message,
    /// Who pinned it.
    pub pinned_by: UserId,
    /// When, in milliseconds since 1970.
    pub pinned_at_ms: TimestampMs,
    /// The `seq` of the event that says so.
    pub pinned_seq: Seq,
}

/// The answer to `GET /v1/conversations/{id}/pins`.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct PinList {
    /// The pinned messages that the caller may see, the newest pin first: at most 50.
    pub pins: Vec<Pin>,
    /// Up to where the log is in this list. What comes behind it goes on from here.
    pub upto: Seq,
}

/// `GET /v1/conversations/{id}/messages/{message_id}/reactions`.
#[derive(Debug, Clone, Default, Serialize, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct ReactionsQuery {
    /// Only those with this emoji.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub emoji: Option<Emoji>,
    /// `next` of the page before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<UserId>,
    /// People on the page, 1 to 200.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<u16>,
}

/// Somebody who reacted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Reactor {
    /// Who.
    pub user_id: UserId,
    /// With what.
    pub emoji: Emoji,
    /// When, in milliseconds since 1970.
    pub at_ms: TimestampMs,
}

/// The answer to `GET …/reactions`.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct ReactionList {
    /// Who reacted, by user.
    pub reactions: Vec<Reactor>,
    /// Where the next page begins; absent on the last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<UserId>,
}

/// One version of a message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Revision {
    /// The sequence of the event that said it: the message's own, or an edit's.
    pub seq: Seq,
    /// When it was said, in milliseconds since 1970.
    pub at_ms: TimestampMs,
    /// What it said.
    pub body: MessageBody,
}

/// Query of `GET /v1/conversations/{id}/messages/{message_id}/revisions`.
#[derive(Debug, Clone, Default, Serialize, Deserialize, IntoParams, ToSchema)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct RevisionQuery {
    /// Only versions before this sequence; the newest of them are given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<Seq>,
}

/// `GET /v1/conversations/{id}/messages/{message_id}/revisions`.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct RevisionList {
    /// The newest versions, oldest first, the present one last; at most 100, and not much more than 1 MiB of them. A message that
    /// was never edited has one.
    pub revisions: Vec<Revision>,
    /// Whether there are older ones: ask with `before`.
    pub has_more: bool,
}

/// The answer to `POST /v1/messages`: the message is in the log.
pub type PostMessageResponse = MessageAck;

/// Query of `GET /v1/messages`.
#[derive(Debug, Clone, Serialize, Deserialize, IntoParams, ToSchema)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct HistoryQuery {
    /// The conversation's id.
    pub conversation_id: ConversationId,
    /// Only messages before this sequence; the newest of them are given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<Seq>,
    /// Only messages after this sequence; the oldest of them are given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<Seq>,
    /// `true`: only messages after the caller's read mark, as with `after`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unread: Option<bool>,
    /// 1 to 200; 50 unless given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[param(minimum = 1, maximum = 200)]
    pub limit: Option<u16>,
    /// `true`: also who came and went, new titles and roles, as `changes`. They count for `limit` as messages do.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub changes: Option<bool>,
}

/// `GET /v1/messages`.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct MessagePage {
    /// The messages of this page, in the log's order, oldest first.
    pub messages: Vec<Message>,
    /// What happened to the conversation between them, if it was asked for: in the log's order, and to be merged by `seq`. A
    /// page then begins and ends with the smallest and the greatest `seq` of both. Each is the event's frame, as AsyncAPI
    /// describes it; here only its place is named.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schema(value_type = Vec<crate::frame::EventPlace>)]
    pub changes: Vec<EventFrame>,
    /// Whether more messages lie in the direction asked for.
    pub has_more: bool,
}

/// Query of `GET /v1/users`.
#[derive(Debug, Clone, Serialize, Deserialize, IntoParams, ToSchema)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct FindUserQuery {
    /// The exact handle.
    pub handle: Handle,
}

/// Every refusal over HTTP, as `application/problem+json` (RFC 9457).
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct Problem {
    /// The code as a relative URI; not an address that answers.
    #[serde(rename = "type")]
    pub kind: String,
    /// The meaning of the code.
    pub title: String,
    /// The HTTP status.
    pub status: u16,
    /// The registered code.
    pub code: AnyErrorCode,
    /// Words for people; they may change.
    pub detail: String,
    /// Whether the same request may succeed later without any change.
    pub retryable: bool,
    /// The time to wait before the next try, in milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_after_ms: Option<u64>,
    /// The request's id, to quote to the operator.
    pub request_id: String,
    /// The number of the close code, where a stream of events was refused.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub close_code: Option<u16>,
}

impl Problem {
    /// The body of a refusal: what the registry says of the code, and what is known of this case.
    pub fn new(code: ErrorCode, detail: impl Into<String>, retry_after: Option<Duration>, request_id: impl Into<String>) -> Self {
        let row = code.row();
        Self {
            kind: format!("/problems/{}", row.name),
            title: row.meaning.to_owned(),
            status: row.http_status,
            code: code.into(),
            detail: detail.into(),
            retryable: row.retryable,
            retry_after_ms: retry_after.map(millis),
            request_id: request_id.into(),
            close_code: None,
        }
    }

    /// The JSON text of the body.
    pub fn encode(&self) -> String {
        // Strings and numbers always serialise.
        serde_json::to_string(self).unwrap_or_default()
    }
}
