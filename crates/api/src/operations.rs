//! One operation per file: take, decide through a port, flush, answer.

pub(crate) mod accept_invitation;
pub(crate) mod add_members;
pub(crate) mod cancel_scheduled;
pub(crate) mod change_conversation_settings;
pub(crate) mod change_password;
pub(crate) mod change_profile;
pub(crate) mod change_settings;
pub(crate) mod create_conversation;
pub(crate) mod decline_invitation;
pub(crate) mod delete_message;
pub(crate) mod edit_message;
pub(crate) mod find_user;
pub(crate) mod follow_thread;
pub(crate) mod get_conversation;
pub(crate) mod get_draft;
pub(crate) mod get_message;
pub(crate) mod get_message_receipts;
pub(crate) mod get_receipts;
pub(crate) mod get_settings;
pub(crate) mod get_thread;
pub(crate) mod get_user;
pub(crate) mod hide_conversation;
pub(crate) mod hide_message;
pub(crate) mod list_conversations;
pub(crate) mod list_drafts;
pub(crate) mod list_invitations;
pub(crate) mod list_members;
pub(crate) mod list_messages;
pub(crate) mod list_pins;
pub(crate) mod list_reactions;
pub(crate) mod list_readers;
pub(crate) mod list_revisions;
pub(crate) mod list_scheduled;
pub(crate) mod list_sessions;
pub(crate) mod list_threads;
pub(crate) mod login;
pub(crate) mod logout;
pub(crate) mod logout_everywhere;
pub(crate) mod look_up_users;
pub(crate) mod mark_read;
pub(crate) mod mark_thread_read;
pub(crate) mod mark_unread;
pub(crate) mod me;
pub(crate) mod pin_message;
pub(crate) mod post_message;
pub(crate) mod put_draft;
pub(crate) mod react;
pub(crate) mod refresh;
pub(crate) mod register;
pub(crate) mod remove_member;
pub(crate) mod rename_conversation;
pub(crate) mod revoke_session;
pub(crate) mod schedule_message;
pub(crate) mod search_messages;
pub(crate) mod set_role;
pub(crate) mod sync;
pub(crate) mod unhide_conversation;

use relay_protocol::ErrorCode;
use relay_types::{ConversationId, Seq, ShardId, UserId};

use crate::error::ApiError;
use crate::read_your_writes;
use crate::state::App;

/// Shortest password, in bytes.
const MIN_PASSWORD: usize = 8;
/// Longest password, in bytes: hashing reads all of it.
const MAX_PASSWORD: usize = 256;

/// Refuses a new password that is too short to be one or too long to be hashed.
fn new_password(password: &str) -> Result<(), ApiError> {
    if (MIN_PASSWORD..=MAX_PASSWORD).contains(&password.len()) {
        return Ok(());
    }
    Err(ApiError::new(ErrorCode::InvalidField, format!("password has to have {MIN_PASSWORD} to {MAX_PASSWORD} bytes")))
}

/// Refuses a password that cannot be anybody's, so that hashing takes no longer for it.
fn given_password(password: &str) -> Result<(), ApiError> {
    if password.len() <= MAX_PASSWORD {
        return Ok(());
    }
    Err(ApiError::new(ErrorCode::InvalidField, format!("password has at most {MAX_PASSWORD} bytes")))
}

/// People that one request names at most.
const MOST_PEOPLE: usize = 500;

/// People named in a request, some and not too many.
fn some_people(people: Vec<UserId>) -> Result<Vec<UserId>, ApiError> {
    if (1..=MOST_PEOPLE).contains(&people.len()) {
        Ok(people)
    } else {
        Err(ApiError::new(ErrorCode::InvalidField, format!("user_ids has to name 1 to {MOST_PEOPLE} people")))
    }
}

/// Waits until the projection has what the conversation's log had when the request came, for a caller who is in it.
async fn projected(app: &App, caller: UserId, conversation: ConversationId) -> Result<(), ApiError> {
    let shard = shard_for(app, caller, conversation).await?;
    match read_your_writes::caught_up(&app.deps, &app.read_your_writes, shard).await {
        None => Ok(()),
        Some(_behind) => Err(newest_missing()),
    }
}

/// The same for what the log has up to this place.
async fn projected_to(app: &App, caller: UserId, conversation: ConversationId, seq: Seq) -> Result<(), ApiError> {
    let shard = shard_for(app, caller, conversation).await?;
    read_your_writes::reached(&app.deps, &app.read_your_writes, shard, seq).await.map_err(|_behind| newest_missing())
}

/// The shard of a conversation that the caller is in.
async fn shard_for(app: &App, caller: UserId, conversation: ConversationId) -> Result<ShardId, ApiError> {
    let membership = app.deps.conversations.membership_state(caller, conversation).await?;
    let membership = membership.filter(|membership| membership.member).ok_or_else(|| ApiError::plain(ErrorCode::NotMember))?;
    Ok(membership.shard)
}

fn newest_missing() -> ApiError {
    ApiError::new(ErrorCode::Unavailable, "the newest messages cannot be read now")
}

/// A page size within its limits.
fn page_limit(asked: Option<u16>, usual: u16, max: u16) -> Result<u16, ApiError> {
    match asked {
        None => Ok(usual),
        Some(limit) if (1..=max).contains(&limit) => Ok(limit),
        Some(_) => Err(ApiError::new(ErrorCode::InvalidField, format!("limit has to be 1 to {max}"))),
    }
}
