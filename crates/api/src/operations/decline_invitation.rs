use axum::extract::State;
use axum::http::StatusCode;
use relay_protocol::rest::Problem;
use relay_types::ConversationId;

use crate::error::ApiError;
use crate::extract::{Caller, PathId};
use crate::flush::flush;
use crate::state::App;

/// Declines an invitation, or a direct conversation that another began: it is
/// hidden until the caller accepts it or writes in it.
#[utoipa::path(
    post, path = "/v1/invitations/{id}/decline", operation_id = "declineInvitation", tag = "invitations",
    security(("access_token" = [])), params(("id" = ConversationId, Path, description = "The conversation's.")),
    responses(
        (status = 204, description = "Nothing waits for an answer any more."),
        (status = "default", description = "A refusal.", body = Problem, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn decline_invitation(
    State(app): State<App>,
    caller: Caller,
    PathId(id): PathId<ConversationId>,
) -> Result<StatusCode, ApiError> {
    let decided = app.deps.conversations.decline(caller.user, id, app.now_ms()).await?;
    flush(&app, &decided.touched).await?;
    Ok(StatusCode::NO_CONTENT)
}
