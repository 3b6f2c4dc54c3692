use std::borrow::Cow;

use axum::extract::State;
use axum::{Extension, Json};
use relay_protocol::command::decode_whole_body;
use relay_protocol::rest::{PostMessageRequest, PostMessageResponse, Problem};
use relay_protocol::{ErrorCode, SendMessage};
use relay_runtime::trace::TraceContext;
use relay_types::TextError;
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::error::ApiError;
use crate::extract::{Caller, RawJson, parse_id, parse_json};
use crate::publish::publish;
use crate::state::App;

/// Field presence only: the values are parsed one by one, so that each refusal has its own code, as on the socket.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Envelope<'a> {
    #[serde(borrow)]
    client_id: Cow<'a, str>,
    #[serde(borrow)]
    conversation_id: Cow<'a, str>,
    #[serde(borrow)]
    body: &'a RawValue,
    #[serde(default, borrow)]
    reply_to: Option<Cow<'a, str>>,
    #[serde(default, borrow)]
    thread: Option<Cow<'a, str>>,
}

/// Sends a message and answers once it is in the log. The same `client_id` again gives the same message and ack.
#[utoipa::path(
    post, path = "/v1/messages", operation_id = "postMessage", tag = "messages", security(("access_token" = [])),
    request_body = PostMessageRequest,
    responses(
        (status = 200, description = "The message is in the log.", body = PostMessageResponse),
        (status = "default", description = "A refusal.", body = Problem, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn post_message(
    State(app): State<App>,
    caller: Caller,
    Extension(trace): Extension<TraceContext>,
    RawJson(bytes): RawJson,
) -> Result<Json<PostMessageResponse>, ApiError> {
    let send = decode(&bytes)?;
    publish(&app, caller, &trace, send.into()).await.map(|accepted| Json(accepted.into()))
}

fn decode(bytes: &[u8]) -> Result<SendMessage, ApiError> {
    let envelope: Envelope<'_> = parse_json(bytes)?;
    let client_id = envelope.client_id.parse().map_err(|error: TextError| ApiError::new(ErrorCode::BadClientId, error.to_string()))?;
    let conversation_id = parse_id(&envelope.conversation_id)?;
    let body = decode_whole_body(envelope.body.get()).map_err(|error| ApiError::new(error.code, error.reason))?;
    let reply_to = envelope.reply_to.as_deref().map(parse_id).transpose()?;
    let thread = envelope.thread.as_deref().map(parse_id).transpose()?;
    Ok(SendMessage { client_id, conversation_id, body, reply_to, thread })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_refusal_has_its_code() {
        use ErrorCode::{BadClientId, BadId, EmptyMessage, InvalidField, MalformedFrame, MessageTooLong, UnsupportedBody};
        let id = "01ARZ3NDEKTSV4RRFFQ69G5FAV";
        let text = |text: &str| format!(r#"{{"type":"text","text":"{text}"}}"#);
        let send = |client: &str, conversation: &str, body: &str| {
            format!(r#"{{"client_id":"{client}","conversation_id":"{conversation}","body":{body}}}"#)
        };
        assert!(decode(send("k", id, &text("hi")).as_bytes()).is_ok());
        let long = "x".repeat(relay_types::text::MAX_MESSAGE_BYTES + 1);
        for (json, code) in [
            (send("*", id, &text("hi")), BadClientId),
            (send("", id, &text("hi")), BadClientId),
            (send("k", ">", &text("hi")), BadId),
            (send("k", "a.b", &text("hi")), BadId),
            (send("k", &"A".repeat(10_240), &text("hi")), BadId),
            (send("k", id, &text(" ")), EmptyMessage),
            (send("k", id, &text("\\u0000")), InvalidField),
            (send("k", id, &text(&long)), MessageTooLong),
            (send("k", id, r#"{"type":"hologram"}"#), UnsupportedBody),
            (send("k", id, r#"{"type":"hologram","x":1}"#), UnsupportedBody),
            (send("k", id, r#"{"type":"text","text":"hi","reply":1}"#), MalformedFrame),
            (format!(r#"{{"client_id":"k","conversation_id":"{id}","body":{},"reply_to":"x"}}"#, text("hi")), BadId),
            (format!(r#"{{"client_id":"k","conversation_id":"{id}","body":{},"thread":"x"}}"#, text("hi")), BadId),
            (send("k", id, "7"), MalformedFrame),
            (send("k", id, &text("\\ud800")), MalformedFrame),
            ("{}".to_owned(), MalformedFrame),
        ] {
            assert_eq!(decode(json.as_bytes()).unwrap_err().code, code, "{}", json.chars().take(100).collect::<String>());
        }
    }
}
