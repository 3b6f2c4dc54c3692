use axum::Json;
use axum::extract::State;
use relay_protocol::rest::{Conversation, Problem};
use relay_types::ConversationId;

use crate::error::ApiError;
use crate::extract::{Caller, PathId};
use crate::state::App;

/// A conversation the caller is in, with its first members.
#[utoipa::path(
    get, path = "/v1/conversations/{id}", operation_id = "getConversation", tag = "conversations", security(("access_token" = [])),
    params(("id" = ConversationId, Path, description = "Which.")),
    responses(
        (status = 200, description = "The conversation.", body = Conversation),
        (status = "default", description = "A refusal.", body = Problem, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn get_conversation(
    State(app): State<App>,
    caller: Caller,
    PathId(id): PathId<ConversationId>,
) -> Result<Json<Conversation>, ApiError> {
    Ok(Json(app.deps.conversations.get(caller.user, id).await?))
}
