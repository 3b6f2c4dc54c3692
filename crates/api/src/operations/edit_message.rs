use std::borrow::Cow;

use axum::extract::State;
use axum::{Extension, Json};
use relay_protocol::command::decode_whole_body;
use relay_protocol::frame::MessageAck;
use relay_protocol::rest::{EditMessageRequest, Problem};
use relay_protocol::{EditMessage, ErrorCode};
use relay_runtime::trace::TraceContext;
use relay_types::{ConversationId, MessageId, TextError};
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::error::ApiError;
use crate::extract::{Caller, PathMessage, RawJson, parse_json};
use crate::publish::publish;
use crate::state::App;

/// As in `post_message`: each refusal has its own code.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Envelope<'a> {
    #[serde(borrow)]
    client_id: Cow<'a, str>,
    #[serde(borrow)]
    body: &'a RawValue,
}

/// Says an earlier message of the caller's own anew, and answers once that is in the log. Only text, and only for so long after it was
/// sent. The same `client_id` again gives the same ack.
#[utoipa::path(
    patch, path = "/v1/conversations/{id}/messages/{message_id}", operation_id = "editMessage", tag = "messages",
    security(("access_token" = [])), request_body = EditMessageRequest,
    params(("id" = ConversationId, Path, description = "Where."), ("message_id" = MessageId, Path, description = "Which.")),
    responses(
        (status = 200, description = "The edit is in the log.", body = MessageAck),
        (status = "default", description = "A refusal.", body = Problem, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn edit_message(
    State(app): State<App>,
    caller: Caller,
    PathMessage(conversation_id, message_id): PathMessage,
    Extension(trace): Extension<TraceContext>,
    RawJson(bytes): RawJson,
) -> Result<Json<MessageAck>, ApiError> {
    let envelope: Envelope<'_> = parse_json(&bytes)?;
    let client_id = envelope.client_id.parse().map_err(|error: TextError| ApiError::new(ErrorCode::BadClientId, error.to_string()))?;
    let body = decode_whole_body(envelope.body.get()).map_err(|error| ApiError::new(error.code, error.reason))?;
    let edit = EditMessage { client_id, conversation_id, message_id, body };
    publish(&app, caller, &trace, edit.into()).await.map(|accepted| Json(accepted.into()))
}
