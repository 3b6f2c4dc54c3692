use axum::extract::State;
use axum::http::StatusCode;
use relay_protocol::rest::{MarkUnreadRequest, Problem};
use relay_types::ConversationId;

use super::projected;
use crate::error::ApiError;
use crate::extract::{Body, Caller, PathId, enforce};
use crate::flush::flush;
use crate::state::App;

/// Marks a conversation as unread from an event on, for the caller alone: their other devices are told (`READ_MARK_MOVED`), and nobody
/// else is. What they have read stays read for others. Moving the read mark there or beyond, and writing something, ends it.
#[utoipa::path(
    post, path = "/v1/conversations/{id}/unread", operation_id = "markUnread", tag = "conversations",
    security(("access_token" = [])), params(("id" = ConversationId, Path, description = "Which.")), request_body = MarkUnreadRequest,
    responses(
        (status = 204, description = "It is unread from there on."),
        (status = "default", description = "A refusal.", body = Problem, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn mark_unread(
    State(app): State<App>,
    caller: Caller,
    PathId(id): PathId<ConversationId>,
    Body(request): Body<MarkUnreadRequest>,
) -> Result<StatusCode, ApiError> {
    enforce(&app, "read-marks", app.config.limits.read_marks_per_user, &caller.user.to_string()).await?;
    // What the caller wrote before ends nothing: it has to be known as such.
    projected(&app, caller.user, id).await?;
    let address = app.deps.conversations.mark_unread(caller.user, id, request.seq, app.now_ms()).await?;
    flush(&app, &[address]).await?;
    Ok(StatusCode::NO_CONTENT)
}
