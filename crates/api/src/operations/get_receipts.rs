use axum::Json;
use axum::extract::State;
use relay_protocol::rest::{ConversationReceipts, Problem};
use relay_types::ConversationId;

use crate::error::ApiError;
use crate::extract::{Caller, PathId};
use crate::state::App;

/// What the other members of a conversation have read, at this moment. Later news comes over the socket (`receipts`) and may be lost: read
/// this after connecting, and when the conversation is shown.
#[utoipa::path(
    get, path = "/v1/conversations/{id}/receipts", operation_id = "getReceipts", tag = "conversations",
    security(("access_token" = [])), params(("id" = ConversationId, Path, description = "Which.")),
    responses(
        (status = 200, description = "What they have read.", body = ConversationReceipts),
        (status = "default", description = "A refusal.", body = Problem, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn get_receipts(
    State(app): State<App>,
    caller: Caller,
    PathId(id): PathId<ConversationId>,
) -> Result<Json<ConversationReceipts>, ApiError> {
    Ok(Json(app.deps.receipts.receipts(caller.user, id).await?))
}
