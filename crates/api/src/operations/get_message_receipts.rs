use axum::Json;
use axum::extract::State;
use relay_protocol::rest::{MessageReceipts, Problem};
use relay_types::{ConversationId, MessageId};

use super::projected;
use crate::error::ApiError;
use crate::extract::{Caller, PathMessage};
use crate::state::App;

/// Who has a message, who has read it, and when; for members who may see it. When it was delivered is told to its sender alone. What
/// somebody read and does not tell looks as if it was not read.
#[utoipa::path(
    get, path = "/v1/conversations/{id}/messages/{message_id}/receipts", operation_id = "getMessageReceipts", tag = "messages",
    security(("access_token" = [])),
    params(
        ("id" = ConversationId, Path, description = "Where."), ("message_id" = MessageId, Path, description = "Which."),
    ),
    responses(
        (status = 200, description = "At this moment.", body = MessageReceipts),
        (status = "default", description = "A refusal.", body = Problem, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn get_message_receipts(
    State(app): State<App>,
    caller: Caller,
    PathMessage(conversation, message): PathMessage,
) -> Result<Json<MessageReceipts>, ApiError> {
    projected(&app, caller.user, conversation).await?;
    Ok(Json(app.deps.receipts.message_receipts(caller.user, conversation, message).await?))
}
