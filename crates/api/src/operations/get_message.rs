use axum::Json;
use axum::extract::State;
use relay_protocol::Message;
use relay_protocol::rest::Problem;
use relay_types::{ConversationId, MessageId};

use super::projected;
use crate::error::ApiError;
use crate::extract::{Caller, PathMessage};
use crate::state::App;

/// One message as it is now.
#[utoipa::path(
    get, path = "/v1/conversations/{id}/messages/{message_id}", operation_id = "getMessage", tag = "messages",
    security(("access_token" = [])),
    params(("id" = ConversationId, Path, description = "Where."), ("message_id" = MessageId, Path, description = "Which.")),
    responses(
        (status = 200, description = "The message.", body = Message),
        (status = "default", description = "A refusal.", body = Problem, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn get_message(
    State(app): State<App>,
    caller: Caller,
    PathMessage(conversation, message): PathMessage,
) -> Result<Json<Message>, ApiError> {
    projected(&app, caller.user, conversation).await?;
    Ok(Json(app.deps.history.message(caller.user, conversation, message).await?))
}
