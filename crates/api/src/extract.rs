//! What handlers take from a request. Each way in which a part can be wrong has a registered code.

use std::net::IpAddr;
use std::str::FromStr;
use std::time::Duration;

use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::extract::{FromRequest, FromRequestParts, Query, RawPathParams, Request};
use axum::http::request::Parts;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::IntoResponse as _;
use relay_domain::ports::{DelayRule, RateDecision, RateRule};
use relay_protocol::ErrorCode;
use relay_types::{ClientId, ConversationId, IdError, MessageId, SessionId, TextError, UserId};
use serde::de::DeserializeOwned;

use crate::config::Rate;
use crate::error::ApiError;
use crate::rate_headers;
use crate::state::{App, AppState};

/// The address a request came from, set by the middleware.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ClientAddress(pub IpAddr);

impl ClientAddress {
    /// What limits count by. Whoever has one IPv6 address has a /64 of them.
    pub(crate) fn limit_key(self) -> String {
        match self.0.to_canonical() {
            IpAddr::V4(address) => address.to_string(),
            IpAddr::V6(address) => format!("{:x}", address.to_bits() >> 64),
        }
    }
}

impl FromRequestParts<App> for ClientAddress {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &App) -> Result<Self, ApiError> {
        parts.extensions.get::<Self>().copied().ok_or_else(|| ApiError::internal("the middleware set no client address"))
    }
}

/// Counts one use of the caller's own and refuses beyond the limit. The answer says what is left.
pub(crate) async fn enforce(app: &AppState, name: &'static str, rate: Rate, key: &str) -> Result<(), ApiError> {
    let Some(rule) = rule(name, rate) else { return Ok(()) };
    let measured = app.deps.limits.measure(rule, key).await;
    rate_headers::note(rule, measured);
    refuse(measured.0)
}

/// Counts one use by what is not the caller's own. What is left is not said: it tells what others do.
pub(crate) async fn enforce_untold(app: &AppState, name: &'static str, rate: Rate, key: &str) -> Result<(), ApiError> {
    let Some(rule) = rule(name, rate) else { return Ok(()) };
    refuse(app.deps.limits.check(rule, key).await)
}

fn rule(name: &'static str, rate: Rate) -> Option<RateRule> {
    (rate.limit > 0).then(|| RateRule { name, limit: rate.limit, per: Duration::from_secs(u64::from(rate.per_s)) })
}

fn refuse(decision: RateDecision) -> Result<(), ApiError> {
    match decision {
        RateDecision::Allowed => Ok(()),
        RateDecision::Limited { retry_after } => Err(ApiError::limited(retry_after)),
    }
}

/// Counts one guess as failed in advance, and refuses while earlier failures are waited for.
pub(crate) async fn guess(app: &AppState, rule: Option<DelayRule>, key: &str) -> Result<(), ApiError> {
    let Some(rule) = rule else { return Ok(()) };
    match app.deps.limits.attempt(rule, key).await {
        RateDecision::Allowed => Ok(()),
        RateDecision::Limited { retry_after } => Err(ApiError::limited(retry_after)),
    }
}

/// The guess was not looked at: it says nothing about whoever made it.
pub(crate) async fn not_guessed(app: &AppState, rule: Option<DelayRule>, key: &str) {
    if let Some(rule) = rule {
        app.deps.limits.not_made(rule, key).await;
    }
}

/// The guess was right.
pub(crate) async fn guessed_right(app: &AppState, rule: Option<DelayRule>, key: &str) {
    if let Some(rule) = rule {
        app.deps.limits.succeeded(rule, key).await;
    }
}

/// The authenticated caller: the token verifies and its session lives.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Caller {
    pub user: UserId,
    pub session: SessionId,
}

impl FromRequestParts<App> for Caller {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, ApiError> {
        let claims = app.deps.verifier.verify(bearer(&parts.headers)?)?;
        if !app.session_cache.is_known_live(claims.user, claims.session) {
            if !app.deps.sessions.is_live(claims.user, claims.session, app.now_ms()).await? {
                return Err(ApiError::plain(ErrorCode::SessionRevoked));
            }
            app.session_cache.remember(claims.user, claims.session);
        }
        enforce(app, "user", app.config.limits.requests_per_user, &claims.user.to_string()).await?;
        Ok(Self { user: claims.user, session: claims.session })
    }
}

/// Somebody on their way out: the token verifies, and its session may have ended already. Whoever repeats a log-out whose event
/// was not in the log yet has to be told when it is.
pub(crate) struct Leaving(pub Caller);

impl FromRequestParts<App> for Leaving {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, ApiError> {
        let claims = app.deps.verifier.verify(bearer(&parts.headers)?)?;
        enforce(app, "user", app.config.limits.requests_per_user, &claims.user.to_string()).await?;
        Ok(Self(Caller { user: claims.user, session: claims.session }))
    }
}

/// The token of exactly one `Authorization: Bearer` header.
fn bearer(headers: &HeaderMap) -> Result<&str, ApiError> {
    let refuse = || ApiError::plain(ErrorCode::Unauthenticated);
    let mut values = headers.get_all(header::AUTHORIZATION).iter();
    let (Some(value), None) = (values.next(), values.next()) else { return Err(refuse()) };
    let (scheme, token) = value.to_str().map_err(|_| refuse())?.split_once(' ').ok_or_else(refuse)?;
    if scheme.eq_ignore_ascii_case("bearer") { Ok(token) } else { Err(refuse()) }
}

/// One id from the path.
pub(crate) struct PathId<T>(pub T);

impl<T: FromStr<Err = IdError> + Send> FromRequestParts<App> for PathId<T> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, ApiError> {
        parse_path(parts, app, "id").await.map(Self)
    }
}

/// A conversation's id and a message's from the path.
pub(crate) struct PathMessage(pub ConversationId, pub MessageId);

impl FromRequestParts<App> for PathMessage {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, ApiError> {
        Ok(Self(parse_path(parts, app, "id").await?, parse_path(parts, app, "message_id").await?))
    }
}

/// A conversation's id and the caller's own key from the path.
pub(crate) struct PathKey(pub ConversationId, pub ClientId);

impl FromRequestParts<App> for PathKey {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, ApiError> {
        let conversation = parse_path(parts, app, "id").await?;
        let key = path_text(parts, app, "client_id").await?;
        let key = key.parse().map_err(|error: TextError| ApiError::new(ErrorCode::BadClientId, error.to_string()))?;
        Ok(Self(conversation, key))
    }
}

/// A conversation's id and a member's from the path.
pub(crate) struct PathMember<C, U>(pub C, pub U);

impl<C, U> FromRequestParts<App> for PathMember<C, U>
where
    C: FromStr<Err = IdError> + Send,
    U: FromStr<Err = IdError> + Send,
{
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, ApiError> {
        Ok(Self(parse_path(parts, app, "id").await?, parse_path(parts, app, "user_id").await?))
    }
}

/// `me` or an id from the path.
pub(crate) enum PathUser {
    Me,
    Id(UserId),
}

impl FromRequestParts<App> for PathUser {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, ApiError> {
        let text = path_text(parts, app, "id").await?;
        if text == "me" { Ok(Self::Me) } else { parse_id(&text).map(Self::Id) }
    }
}

async fn path_text(parts: &mut Parts, app: &App, name: &str) -> Result<String, ApiError> {
    // Fails when percent-decoding gives no UTF-8.
    let params = RawPathParams::from_request_parts(parts, app).await.map_err(|_| bad_id())?;
    params.iter().find(|(key, _)| *key == name).map(|(_, value)| value.to_owned()).ok_or_else(bad_id)
}

async fn parse_path<T: FromStr<Err = IdError>>(parts: &mut Parts, app: &App, name: &str) -> Result<T, ApiError> {
    parse_id(&path_text(parts, app, name).await?)
}

fn bad_id() -> ApiError {
    ApiError::plain(ErrorCode::BadId)
}

pub(crate) fn parse_id<T: FromStr<Err = IdError>>(text: &str) -> Result<T, ApiError> {
    text.parse().map_err(|error: IdError| ApiError::new(ErrorCode::BadId, error.to_string()))
}

/// The query string's fields.
pub(crate) struct Params<T>(pub T);

impl<T: DeserializeOwned> FromRequestParts<App> for Params<T> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &App) -> Result<Self, ApiError> {
        Query::try_from_uri(&parts.uri).map(|Query(value)| Self(value)).map_err(|rejection| {
            let text = rejection.body_text();
            match wire_error(text.strip_prefix("Failed to deserialize query string: ").unwrap_or(&text)) {
                (ErrorCode::MalformedFrame, _) => {
                    ApiError::new(ErrorCode::InvalidField, "a query parameter is missing, unknown, or malformed")
                }
                (code, detail) => ApiError::new(code, detail),
            }
        })
    }
}

/// The body's bytes, of a declared JSON body within the route's limit, arrived in time.
pub(crate) struct RawJson(pub Bytes);

impl FromRequest<App> for RawJson {
    type Rejection = ApiError;

    async fn from_request(request: Request, app: &App) -> Result<Self, ApiError> {
        let declared = request.headers().get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
        let media_type = declared.split(';').next().unwrap_or_default().trim();
        if !media_type.eq_ignore_ascii_case("application/json") {
            return Err(ApiError::new(ErrorCode::MalformedFrame, "Content-Type has to be application/json"));
        }
        match tokio::time::timeout(app.config.body_timeout(), Bytes::from_request(request, app)).await {
            Ok(Ok(bytes)) => Ok(Self(bytes)),
            Ok(Err(rejection)) => Err(body_error(rejection)),
            Err(_) => Err(ApiError::new(ErrorCode::MalformedFrame, "the body did not arrive in time")),
        }
    }
}

fn body_error(rejection: BytesRejection) -> ApiError {
    if rejection.into_response().status() == StatusCode::PAYLOAD_TOO_LARGE {
        ApiError::plain(ErrorCode::FrameTooLarge)
    } else {
        ApiError::new(ErrorCode::MalformedFrame, "the body could not be read")
    }
}

/// A JSON body.
pub(crate) struct Body<T>(pub T);

impl<T: DeserializeOwned> FromRequest<App> for Body<T> {
    type Rejection = ApiError;

    async fn from_request(request: Request, app: &App) -> Result<Self, ApiError> {
        let RawJson(bytes) = RawJson::from_request(request, app).await?;
        parse_json(&bytes).map(Self)
    }
}

pub(crate) fn parse_json<'a, T: serde::Deserialize<'a>>(bytes: &'a [u8]) -> Result<T, ApiError> {
    // serde takes a list of a shape's values for the shape.
    if bytes.trim_ascii_start().first() == Some(&b'[') {
        return Err(ApiError::new(ErrorCode::MalformedFrame, "the body has to be an object"));
    }
    serde_json::from_slice(bytes).map_err(|error| {
        if !error.is_data() {
            return ApiError::new(ErrorCode::MalformedFrame, format!("not valid JSON at line {} column {}", error.line(), error.column()));
        }
        let text = error.to_string();
        let (code, detail) = wire_error(text.split(" at line ").next().unwrap_or_default());
        ApiError::new(code, detail)
    })
}

/// The code for serde's words. What our own types say about a value never quotes it and may leave the process; what
/// serde says about shapes may quote the input and may not.
fn wire_error(text: &str) -> (ErrorCode, String) {
    // serde_path_to_error puts the field first.
    let ours = text.split_once(": ").filter(|(path, _)| !path.contains(' ')).map_or(text, |(_, rest)| rest);
    let is_text_error = ["handle", "display name", "device name", "title", "client_id", "text"].iter().any(|what| {
        ours.strip_prefix(what).is_some_and(|rest| {
            rest == " is empty" || [" is longer than ", " is shorter than ", " may hold only "].iter().any(|words| rest.starts_with(words))
        })
    });
    if ours.starts_with("not a ") && ours.contains(" id: 26 characters of 0-9 and A-Z") {
        (ErrorCode::BadId, ours.to_owned())
    } else if is_text_error {
        (ErrorCode::InvalidField, ours.to_owned())
    } else {
        (ErrorCode::MalformedFrame, "a field is missing, unknown, or has the wrong type".to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use relay_protocol::rest::{CreateConversationRequest, HistoryQuery, LoginRequest, RegisterRequest};

    fn refusal<T: DeserializeOwned>(json: &str) -> (ErrorCode, String) {
        let refusal = parse_json::<T>(json.as_bytes()).err().expect("was accepted");
        (refusal.code, refusal.detail.into_owned())
    }

    #[test]
    fn bodies_are_refused_by_what_is_wrong_with_them() {
        use ErrorCode::{BadId, InvalidField, MalformedFrame};
        let register = |handle: &str, name: &str| format!(r#"{{"handle":{handle},"display_name":{name},"password":"12345678"}}"#);
        for (json, code) in [
            (register("\"A\"", "\"Ann\""), InvalidField),
            (register("\"an n\"", "\"Ann\""), InvalidField),
            (register("\"ann\"", "\"\""), InvalidField),
            (register("\"ann\"", "\"a\\r\\nb\""), InvalidField),
            (register("7", "\"Ann\""), MalformedFrame),
            ("{".to_owned(), MalformedFrame),
            ("[]".to_owned(), MalformedFrame),
            (r#" ["ann","Ann","12345678"]"#.to_owned(), MalformedFrame),
            (r#"{"handle":"ann"}"#.to_owned(), MalformedFrame),
            (r#"{"handle":"ann","display_name":"A","password":"x","admin":true}"#.to_owned(), MalformedFrame),
        ] {
            assert_eq!(refusal::<RegisterRequest>(&json).0, code, "{json}");
        }
        for id in ["*", ">", "a.b", "01arz3ndektsv4rrffq69g5fav", "", "é"] {
            let direct = format!(r#"{{"kind":"direct","user_id":"{id}"}}"#);
            assert_eq!(refusal::<CreateConversationRequest>(&direct).0, BadId, "{id}");
            let group = format!(r#"{{"kind":"group","title":"t","member_ids":["{id}"]}}"#);
            assert_eq!(refusal::<CreateConversationRequest>(&group).0, BadId, "{id}");
        }
        assert_eq!(refusal::<CreateConversationRequest>(r#"{"kind":"group","title":""}"#).0, InvalidField);
        assert_eq!(refusal::<CreateConversationRequest>(r#"{"kind":"party"}"#).0, MalformedFrame);
    }

    #[test]
    fn errors_do_not_quote_the_input() {
        for json in [
            r#"{"canary":"x"}"#,
            r#"{"handle":"canary!","password":"x","device_name":"d"}"#,
            r#"{"handle":"ann","password":["canary"],"device_name":"d"}"#,
        ] {
            let (_, detail) = refusal::<LoginRequest>(json);
            assert!(!detail.contains("canary"), "{detail}");
        }
    }

    #[test]
    fn query_errors_have_codes() {
        let parse = |query: &str| {
            let uri = format!("/v1/messages?{query}").parse().unwrap();
            Query::<HistoryQuery>::try_from_uri(&uri).map(|_| ()).map_err(|rejection| {
                let text = rejection.body_text();
                wire_error(text.strip_prefix("Failed to deserialize query string: ").unwrap_or(&text)).0
            })
        };
        assert_eq!(parse("conversation_id=01ARZ3NDEKTSV4RRFFQ69G5FAV&limit=5&unread=true&before=9"), Ok(()));
        for id in ["*", "%3E", "a.b", "%0D%0A", ""] {
            assert_eq!(parse(&format!("conversation_id={id}")), Err(ErrorCode::BadId), "{id}");
        }
        assert_eq!(parse("limit=x"), Err(ErrorCode::MalformedFrame));
    }

    #[test]
    fn limits_count_v6_networks() {
        let key = |text: &str| ClientAddress(text.parse().unwrap()).limit_key();
        assert_eq!(key("2001:db8::1"), key("2001:db8::ffff:1"));
        assert_ne!(key("2001:db8::1"), key("2001:db8:0:1::1"));
        assert_eq!(key("::ffff:192.0.2.1"), "192.0.2.1");
    }
}
