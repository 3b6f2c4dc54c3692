use axum::Json;
use axum::extract::State;
use relay_protocol::rest::{DraftList, Problem};

use crate::error::ApiError;
use crate::extract::Caller;
use crate::state::App;

/// Where the caller has drafts, without their texts.
#[utoipa::path(
    get, path = "/v1/users/me/drafts", operation_id = "listDrafts", tag = "conversations", security(("access_token" = [])),
    responses(
        (status = 200, description = "All of them, the last changed first.", body = DraftList),
        (status = "default", description = "A refusal.", body = Problem, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn list_drafts(State(app): State<App>, caller: Caller) -> Result<Json<DraftList>, ApiError> {
    Ok(Json(DraftList { drafts: app.deps.drafts.drafts(caller.user).await? }))
}
