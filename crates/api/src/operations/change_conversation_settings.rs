use axum::Json;
use axum::extract::State;
use relay_protocol::ErrorCode;
use relay_protocol::conversation::{ConversationSettings, MUTED_FOREVER_MS, NotifyLevel};
use relay_protocol::rest::{ChangeConversationSettingsRequest, Problem};
use relay_types::ConversationId;

use super::projected;
use crate::error::ApiError;
use crate::extract::{Body, Caller, PathId, enforce};
use crate::flush::flush;
use crate::state::App;

/// Changes what is named of the caller's settings of a conversation: mutes, pins or archives it, and says of what they are notified.
/// Their devices are told (`CONVERSATION_SETTINGS_CHANGED`), and nobody else is. Once more changes nothing.
#[utoipa::path(
    patch, path = "/v1/conversations/{id}/settings", operation_id = "changeConversationSettings", tag = "conversations",
    security(("access_token" = [])), params(("id" = ConversationId, Path, description = "Which.")),
    request_body = ChangeConversationSettingsRequest,
    responses(
        (status = 200, description = "All that is set for it now.", body = ConversationSettings),
        (status = "default", description = "A refusal.", body = Problem, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn change_conversation_settings(
    State(app): State<App>,
    caller: Caller,
    PathId(id): PathId<ConversationId>,
    Body(request): Body<ChangeConversationSettingsRequest>,
) -> Result<Json<ConversationSettings>, ApiError> {
    let rate = app.config.limits.conversation_settings_per_user;
    enforce(&app, "conversation-settings", rate, &caller.user.to_string()).await?;
    check(&request).map_err(|what| ApiError::new(ErrorCode::InvalidField, what))?;
    if request.archived == Some(true) {
        // What the caller has seen must not end it.
        projected(&app, caller.user, id).await?;
    }
    let (settings, address) = app.deps.conversations.change_conversation_settings(caller.user, id, request, app.now_ms()).await?;
    flush(&app, &[address]).await?;
    Ok(Json(settings))
}

fn check(request: &ChangeConversationSettingsRequest) -> Result<(), &'static str> {
    if request.muted_until_ms.flatten().is_some_and(|until| !(0..=MUTED_FOREVER_MS).contains(&until)) {
        return Err("muted_until_ms has to be 0 to 253402214400000, or null");
    }
    if request.pinned == Some(true) && request.archived == Some(true) {
        return Err("what is archived is not pinned");
    }
    // Kept for a newer version, it would be taken for `all` without a word.
    if matches!(request.level, Some(NotifyLevel::Unknown(_))) {
        return Err("level has a value that is not known");
    }
    Ok(())
}
