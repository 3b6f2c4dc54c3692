use axum::extract::State;
use axum::http::StatusCode;
use relay_protocol::rest::Problem;
use relay_types::ConversationId;

use crate::error::ApiError;
use crate::extract::{Caller, PathId};
use crate::flush::flush;
use crate::state::App;

/// Accepts an invitation, or a direct conversation that another began. Again changes nothing.
#[utoipa::path(
    post, path = "/v1/invitations/{id}/accept", operation_id = "acceptInvitation", tag = "invitations",
    security(("access_token" = [])), params(("id" = ConversationId, Path, description = "The conversation's.")),
    responses(
        (status = 204, description = "The caller is in it."),
        (status = "default", description = "A refusal.", body = Problem, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn accept_invitation(
    State(app): State<App>,
    caller: Caller,
    PathId(id): PathId<ConversationId>,
) -> Result<StatusCode, ApiError> {
    let decided = app.deps.conversations.accept(caller.user, id, app.config.people_limits(), app.now_ms()).await?;
    flush(&app, &decided.touched).await?;
    Ok(StatusCode::NO_CONTENT)
}
