use axum::extract::State;
use axum::{Extension, Json};
use relay_protocol::DeleteMessage;
use relay_protocol::ErrorCode;
use relay_protocol::frame::MessageAck;
use relay_protocol::rest::{DeleteMessageRequest, Problem};
use relay_runtime::trace::TraceContext;
use relay_types::{ConversationId, MessageId, TextError};
use serde::Deserialize;

use crate::error::ApiError;
use crate::extract::{Caller, PathMessage, RawJson, parse_json};
use crate::publish::publish;
use crate::state::App;

/// As in `post_message`: each refusal has its own code.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Envelope {
    client_id: String,
}

/// Deletes a message for everyone, and answers once that is in the log. The caller's own, and only for so long after it was sent;
/// in a group also one of a member below the caller's role. Its place stays, with the body `erased`; what it ever said is gone. The
/// same `client_id` again gives the same ack.
#[utoipa::path(
    post, path = "/v1/conversations/{id}/messages/{message_id}/delete", operation_id = "deleteMessage", tag = "messages",
    security(("access_token" = [])), request_body = DeleteMessageRequest,
    params(("id" = ConversationId, Path, description = "Where."), ("message_id" = MessageId, Path, description = "Which.")),
    responses(
        (status = 200, description = "The deletion is in the log.", body = MessageAck),
        (status = "default", description = "A refusal.", body = Problem, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn delete_message(
    State(app): State<App>,
    caller: Caller,
    PathMessage(conversation_id, message_id): PathMessage,
    Extension(trace): Extension<TraceContext>,
    RawJson(bytes): RawJson,
) -> Result<Json<MessageAck>, ApiError> {
    let envelope: Envelope = parse_json(&bytes)?;
    let client_id = envelope.client_id.parse().map_err(|error: TextError| ApiError::new(ErrorCode::BadClientId, error.to_string()))?;
    let delete = DeleteMessage { client_id, conversation_id, message_id };
    publish(&app, caller, &trace, delete.into()).await.map(|accepted| Json(accepted.into()))
}
