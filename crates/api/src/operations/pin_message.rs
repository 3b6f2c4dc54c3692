use std::borrow::Cow;

use axum::extract::State;
use axum::{Extension, Json};
use relay_protocol::frame::MessageAck;
use relay_protocol::rest::{PinMessageRequest, Problem};
use relay_protocol::{ErrorCode, PinMessage};
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
struct Envelope<'a> {
    #[serde(borrow)]
    client_id: Cow<'a, str>,
    on: bool,
}

/// Pins a message in its conversation, or takes that back, and answers once that is in the log. The same `client_id` again gives the same
/// ack. In a group this is for its owner and admins.
#[utoipa::path(
    post, path = "/v1/conversations/{id}/messages/{message_id}/pin", operation_id = "pinMessage", tag = "messages",
    security(("access_token" = [])), request_body = PinMessageRequest,
    params(("id" = ConversationId, Path, description = "Where."), ("message_id" = MessageId, Path, description = "Which.")),
    responses(
        (status = 200, description = "It is in the log.", body = MessageAck),
        (status = "default", description = "A refusal.", body = Problem, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn pin_message(
    State(app): State<App>,
    caller: Caller,
    PathMessage(conversation_id, message_id): PathMessage,
    Extension(trace): Extension<TraceContext>,
    RawJson(bytes): RawJson,
) -> Result<Json<MessageAck>, ApiError> {
    let envelope: Envelope<'_> = parse_json(&bytes)?;
    let client_id = envelope.client_id.parse().map_err(|error: TextError| ApiError::new(ErrorCode::BadClientId, error.to_string()))?;
    let pin = PinMessage { client_id, conversation_id, message_id, on: envelope.on };
    publish(&app, caller, &trace, pin.into()).await.map(|accepted| Json(accepted.into()))
}
