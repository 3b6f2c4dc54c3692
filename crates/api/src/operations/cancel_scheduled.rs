use axum::extract::State;
use axum::http::StatusCode;
use relay_protocol::rest::Problem;
use relay_types::{ClientId, ConversationId};

use crate::error::ApiError;
use crate::extract::{Caller, PathKey, enforce};
use crate::flush::flush_soon;
use crate::state::App;

/// Cancels a message that was to be sent later. The author's devices are told. Also for a conversation that the author has left.
#[utoipa::path(
    delete, path = "/v1/conversations/{id}/scheduled/{client_id}", operation_id = "cancelScheduled", tag = "messages",
    security(("access_token" = [])),
    params(
        ("id" = ConversationId, Path, description = "Where."),
        ("client_id" = ClientId, Path, description = "The caller's own key for the message."),
    ),
    responses(
        (status = 204, description = "It will not be sent."),
        (status = "default", description = "A refusal.", body = Problem, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn cancel_scheduled(
    State(app): State<App>,
    caller: Caller,
    PathKey(conversation, client_id): PathKey,
) -> Result<StatusCode, ApiError> {
    enforce(&app, "schedules", app.config.limits.schedules_per_user, &caller.user.to_string()).await?;
    let address = app.deps.scheduled.cancel(caller.user, conversation, &client_id, app.now_ms()).await?;
    flush_soon(&app, address).await;
    Ok(StatusCode::NO_CONTENT)
}
