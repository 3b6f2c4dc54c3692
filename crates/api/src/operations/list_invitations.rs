use axum::Json;
use axum::extract::State;
use relay_protocol::rest::{InvitationList, Problem};

use crate::error::ApiError;
use crate::extract::Caller;
use crate::state::App;

/// Groups that the caller is invited into and has not answered.
#[utoipa::path(
    get, path = "/v1/invitations", operation_id = "listInvitations", tag = "invitations", security(("access_token" = [])),
    responses(
        (status = 200, description = "All of them.", body = InvitationList),
        (status = "default", description = "A refusal.", body = Problem, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn list_invitations(State(app): State<App>, caller: Caller) -> Result<Json<InvitationList>, ApiError> {
    Ok(Json(InvitationList { invitations: app.deps.conversations.invitations(caller.user).await? }))
}
