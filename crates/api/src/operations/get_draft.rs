use axum::Json;
use axum::extract::State;
use relay_protocol::rest::{Draft, Problem};
use relay_types::ConversationId;

use crate::error::ApiError;
use crate::extract::{Caller, PathId};
use crate::state::App;

/// What the caller is writing in a conversation, on whichever device; an empty text where they write nothing.
#[utoipa::path(
    get, path = "/v1/conversations/{id}/draft", operation_id = "getDraft", tag = "conversations",
    security(("access_token" = [])), params(("id" = ConversationId, Path, description = "Where.")),
    responses(
        (status = 200, description = "It, as it was kept last.", body = Draft),
        (status = "default", description = "A refusal.", body = Problem, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn get_draft(State(app): State<App>, caller: Caller, PathId(id): PathId<ConversationId>) -> Result<Json<Draft>, ApiError> {
    Ok(Json(app.deps.drafts.draft(caller.user, id).await?))
}
