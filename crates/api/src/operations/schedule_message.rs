use std::borrow::Cow;
use std::time::Duration;

use axum::Json;
use axum::extract::State;
use relay_domain::ports::{ScheduleError, SendKey};
use relay_protocol::ErrorCode;
use relay_protocol::command::decode_whole_body;
use relay_protocol::rest::Problem;
use relay_protocol::scheduled::{MAX_TIME_ZONE, SCHEDULE_AHEAD_MS, ScheduleRequest, ScheduledMessage, ScheduledState};
use relay_types::{ClientId, ConversationId, TimestampMs};
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::error::ApiError;
use crate::extract::{Caller, PathKey, RawJson, enforce, parse_id, parse_json};
use crate::flush::flush_soon;
use crate::state::App;

/// What is to be sent now is sent then: longer than it takes to look whether the key was used.
const SOON_MS: i64 = 3_000;
/// How far ahead of this server's clock a key may be minted.
const AHEAD_MS: i64 = 5_000;

/// As in `post_message`: each refusal has its own code.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Envelope<'a> {
    #[serde(borrow)]
    body: &'a RawValue,
    #[serde(default, borrow)]
    reply_to: Option<Cow<'a, str>>,
    send_at_ms: TimestampMs,
    #[serde(default, borrow)]
    time_zone: Cow<'a, str>,
}

/// Schedules a message to be sent later, or says anew what it says and when it is sent. It is sent once, with this `client_id`; whether
/// its author may is asked then. The author's devices are told what becomes of it (`SCHEDULED_MESSAGE_CHANGED`). The same again changes
/// nothing. One person has at most 100 that wait, of 1 MiB together.
#[utoipa::path(
    put, path = "/v1/conversations/{id}/scheduled/{client_id}", operation_id = "scheduleMessage", tag = "messages",
    security(("access_token" = [])), request_body = ScheduleRequest,
    params(
        ("id" = ConversationId, Path, description = "Where."),
        ("client_id" = ClientId, Path, description = "The caller's own key for the message."),
    ),
    responses(
        (status = 200, description = "It waits.", body = ScheduledMessage),
        (status = "default", description = "A refusal.", body = Problem, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn schedule_message(
    State(app): State<App>,
    caller: Caller,
    PathKey(conversation_id, client_id): PathKey,
    RawJson(bytes): RawJson,
) -> Result<Json<ScheduledMessage>, ApiError> {
    let message = decode(&bytes, conversation_id, client_id, app.now_ms())?;
    enforce(&app, "schedules", app.config.limits.schedules_per_user, &caller.user.to_string()).await?;
    let membership = app.deps.conversations.membership_state(caller.user, conversation_id).await?;
    let membership = membership.filter(|state| state.member).ok_or_else(|| ApiError::plain(ErrorCode::NotMember))?;
    let key = SendKey { conversation: conversation_id, sender: caller.user, client_id: message.client_id.clone() };
    let address = app.deps.scheduled.schedule(caller.user, &message, app.now_ms()).await?;
    // What was sent is not scheduled again: a change that came too late has to be told. Asked behind the change: a row that was sent goes
    // only when its message is in the log.
    let sent = app.deps.poster.find(membership.shard, key).await.map_err(|error| ApiError::outcome_unknown(&error))?;
    if sent.is_some() {
        match app.deps.scheduled.cancel(caller.user, conversation_id, &message.client_id, app.now_ms()).await {
            Ok(address) => flush_soon(&app, address).await,
            // It is being sent, which finds the message that is there.
            Err(ScheduleError::Sending | ScheduleError::Unknown) => {}
            Err(error) => return Err(error.into()),
        }
        return Err(ApiError::plain(ErrorCode::AlreadySent));
    }
    flush_soon(&app, address).await;
    Ok(Json(message))
}

fn decode(bytes: &[u8], conversation_id: ConversationId, client_id: ClientId, now_ms: TimestampMs) -> Result<ScheduledMessage, ApiError> {
    let Envelope { body, reply_to, send_at_ms, time_zone } = parse_json(bytes)?;
    let body = decode_whole_body(body.get()).map_err(|error| ApiError::new(error.code, error.reason))?;
    let reply_to = reply_to.as_deref().map(parse_id).transpose()?;
    if !(0..=now_ms + SCHEDULE_AHEAD_MS).contains(&send_at_ms) {
        return Err(ApiError::new(ErrorCode::InvalidField, "send_at_ms lies at most 366 days ahead"));
    }
    // As the zones of the calendar are named.
    let named = time_zone.len() <= MAX_TIME_ZONE && time_zone.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"/_+-".contains(&byte));
    if !named {
        return Err(ApiError::new(ErrorCode::InvalidField, "time_zone is a name such as Europe/Berlin, of at most 64 bytes"));
    }
    // The log does not take a key of the future, and would not until then.
    let ahead_ms = client_id.minted_at_ms().and_then(|minted_ms| i64::try_from(minted_ms).ok()).map_or(0, |minted_ms| minted_ms - now_ms);
    if ahead_ms > AHEAD_MS {
        let retry_after = Some(Duration::from_millis((ahead_ms - AHEAD_MS).unsigned_abs()));
        return Err(ApiError { retry_after, ..ApiError::plain(ErrorCode::ClientIdAhead) });
    }
    let (time_zone, state, refusal) = (time_zone.into_owned(), ScheduledState::Waiting, None);
    // A time that is past does not make it late. What is sent before this request has looked whether it was sent would be taken for that.
    let send_at_ms = send_at_ms.max(now_ms + SOON_MS);
    Ok(ScheduledMessage { conversation_id, client_id, body, reply_to, send_at_ms, time_zone, state, refusal })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_refusal_has_its_code() {
        use ErrorCode::{BadId, EmptyMessage, InvalidField, MalformedFrame, UnsupportedBody};
        let decode = |json: &str| {
            decode(json.as_bytes(), "01ARZ3NDEKTSV4RRFFQ69G5FAV".parse().unwrap(), "k".parse().unwrap(), 1_000).map_err(|error| error.code)
        };
        let text = r#""body":{"type":"text","text":"hi"}"#;
        assert_eq!(decode(&format!(r#"{{{text},"send_at_ms":5000}}"#)).unwrap().send_at_ms, 5_000);
        assert_eq!(decode(&format!(r#"{{{text},"send_at_ms":0}}"#)).unwrap().send_at_ms, 4_000, "now, which is soon");
        let future = super::decode(
            format!(r#"{{{text},"send_at_ms":5000}}"#).as_bytes(),
            "01ARZ3NDEKTSV4RRFFQ69G5FAV".parse().unwrap(),
            "7ZZZZZZZZZZZZZZZZZZZZZZZZZ".parse().unwrap(),
            1_000,
        );
        assert_eq!(future.unwrap_err().code, ErrorCode::ClientIdAhead);
        for (json, code) in [
            (format!(r#"{{{text},"send_at_ms":-1}}"#), InvalidField),
            (format!(r#"{{{text},"send_at_ms":{}}}"#, i64::MAX), InvalidField),
            (format!(r#"{{{text},"send_at_ms":{}}}"#, 1_001 + SCHEDULE_AHEAD_MS), InvalidField),
            (format!(r#"{{{text},"send_at_ms":"soon"}}"#), MalformedFrame),
            (format!("{{{text}}}"), MalformedFrame),
            (format!(r#"{{{text},"send_at_ms":1,"time_zone":"a b"}}"#), InvalidField),
            (format!(r#"{{{text},"send_at_ms":1,"time_zone":"{}"}}"#, "x".repeat(65)), InvalidField),
            (format!(r#"{{{text},"send_at_ms":1,"reply_to":"x"}}"#), BadId),
            (format!(r#"{{{text},"send_at_ms":1,"client_id":"x"}}"#), MalformedFrame),
            (r#"{"body":{"type":"text","text":" "},"send_at_ms":1}"#.to_owned(), EmptyMessage),
            (r#"{"body":{"type":"erased"},"send_at_ms":1}"#.to_owned(), UnsupportedBody),
        ] {
            assert_eq!(decode(&json).unwrap_err(), code, "{json}");
        }
    }
}
