use std::borrow::Cow;

use axum::extract::State;
use axum::{Extension, Json};
use relay_domain::ports::{LogAddress, MembershipState};
use relay_posting::Publication;
use relay_protocol::command::decode_whole_body;
use relay_protocol::rest::{PostMessageRequest, PostMessageResponse, Problem};
use relay_protocol::{ErrorCode, SendMessage};
use relay_runtime::trace::TraceContext;
use relay_types::{ShardId, TextError, UserId};
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::error::ApiError;
use crate::extract::{Caller, RawJson, enforce, parse_id, parse_json};
use crate::flush::flush;
use crate::state::{App, AppState};

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
    enforce(&app, "send", app.config.limits.sends_per_user, &caller.user.to_string()).await?;
    let membership = app.deps.conversations.membership_state(caller.user, send.conversation_id).await?;
    let MembershipState { shard, member } = membership.ok_or_else(|| ApiError::plain(ErrorCode::NotMember))?;
    // From here to the log's answer nobody is put out of the conversation: what is acknowledged was sent by a member.
    let hold = if member { app.deps.postings.hold(caller.user, send.conversation_id, shard).await? } else { None };
    let Some(hold) = hold else { return original(&app, caller.user, shard, &send.into()).await };
    if hold.unflushed() {
        // The event that lets the sender in, or begins the conversation, may be among them: a message before it is for nobody.
        flush(&app, &[LogAddress::Conversation { shard, id: send.conversation_id }]).await.map_err(not_yet)?;
    }
    let accepted = app.deps.poster.post(caller.user, shard, send.into(), Some(&trace.to_string())).await?;
    let unknown = |error| ApiError { detail: "whether the message stands is unknown".into(), ..ApiError::outcome_unknown(&error) };
    hold.release().await.map_err(unknown)?;
    app.read_your_writes.observe(shard, accepted.original.seq);
    Ok(Json(accepted.into()))
}

/// The answer to somebody who is not in it: a retry of what they sent while they were gets its ack, and nothing else does.
async fn original(app: &AppState, user: UserId, shard: ShardId, publication: &Publication) -> Result<Json<PostMessageResponse>, ApiError> {
    let found = app.deps.poster.find(shard, publication.key(user)).await?;
    found.map(|accepted| Json(accepted.into())).ok_or_else(|| ApiError::plain(ErrorCode::NotMember))
}

/// What waits stands; of the message nothing is stored.
fn not_yet(error: ApiError) -> ApiError {
    // What may be stored is that change, decided before, and not this message.
    let code = if error.code == ErrorCode::OutcomeUnknown { ErrorCode::Unavailable } else { error.code };
    ApiError { code, detail: "the conversation's last change is not in the log yet; nothing was sent".into(), ..error }
}

fn decode(bytes: &[u8]) -> Result<SendMessage, ApiError> {
    let envelope: Envelope<'_> = parse_json(bytes)?;
    let client_id = envelope.client_id.parse().map_err(|error: TextError| ApiError::new(ErrorCode::BadClientId, error.to_string()))?;
    let conversation_id = parse_id(&envelope.conversation_id)?;
    let body = decode_whole_body(envelope.body.get()).map_err(|error| ApiError::new(error.code, error.reason))?;
    Ok(SendMessage { client_id, conversation_id, body })
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
            (send("k", id, "7"), MalformedFrame),
            (send("k", id, &text("\\ud800")), MalformedFrame),
            ("{}".to_owned(), MalformedFrame),
        ] {
            assert_eq!(decode(json.as_bytes()).unwrap_err().code, code, "{}", json.chars().take(100).collect::<String>());
        }
    }
}
