//! The API without its servers: every refusal has the one shape, whatever goes wrong where.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "helpers of tests, which the exemption for test functions leaves out"
)]

mod document;
mod fakes;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{Request, Response, StatusCode, header};
use relay_api::{Config, Rate, router};
use relay_protocol::ErrorCode;
use relay_protocol::rest::Problem;
use tower::ServiceExt as _;

use std::sync::atomic::Ordering;

use fakes::{GOOD_TOKEN, LIMITED_ADDRESS, NOT_MADE, deps};

fn api() -> Router {
    router(&Config::default(), deps())
}

fn request(method: &str, path: &str) -> axum::http::request::Builder {
    Request::builder().method(method).uri(path)
}

fn authorised(method: &str, path: &str) -> axum::http::request::Builder {
    request(method, path).header(header::AUTHORIZATION, format!("Bearer {GOOD_TOKEN}"))
}

fn json(builder: axum::http::request::Builder, body: impl Into<Body>) -> Request<Body> {
    builder.header(header::CONTENT_TYPE, "application/json").body(body.into()).unwrap()
}

fn empty(builder: axum::http::request::Builder) -> Request<Body> {
    builder.body(Body::empty()).unwrap()
}

async fn send(api: &Router, request: Request<Body>) -> Response<Body> {
    api.clone().oneshot(request).await.unwrap()
}

/// The refusal, after checking the shape that all refusals have.
async fn refused(api: &Router, request: Request<Body>) -> (ErrorCode, Problem) {
    let what = format!("{} {}", request.method(), request.uri().to_string().chars().take(120).collect::<String>());
    let response = send(api, request).await;
    let status = response.status();
    let headers = response.headers().clone();
    let body = to_bytes(response.into_body(), 1 << 20).await.unwrap();
    assert_eq!(headers[header::CONTENT_TYPE], "application/problem+json", "{what}: {status} {body:?}");
    let problem: Problem = serde_json::from_slice(&body).unwrap();
    assert_eq!(problem.status, status.as_u16(), "{what}");
    let code = problem.code.known().unwrap();
    assert_eq!(code.http_status(), status.as_u16(), "{what}");
    assert_eq!(headers["x-request-id"], problem.request_id, "{what}");
    assert_eq!(headers[header::X_CONTENT_TYPE_OPTIONS], "nosniff");
    assert_eq!(headers[header::CACHE_CONTROL], "no-store");
    assert_eq!(headers.contains_key(header::RETRY_AFTER), problem.retry_after_ms.is_some(), "{what}");
    assert_eq!(headers.contains_key(header::WWW_AUTHENTICATE), status == StatusCode::UNAUTHORIZED, "{what}");
    (code, problem)
}

async fn code(api: &Router, request: Request<Body>) -> ErrorCode {
    refused(api, request).await.0
}

#[tokio::test]
async fn paths_and_methods_that_do_not_exist() {
    let api = api();
    for path in ["/", "/v1", "/v2/messages", "/v1/conversations/", "/v1/messages/x", "/admin", "/%2e%2e/etc/passwd"] {
        assert_eq!(code(&api, empty(authorised("GET", path))).await, ErrorCode::NotFound, "{path}");
    }
    for (method, path) in [("DELETE", "/v1/messages"), ("GET", "/v1/auth/login"), ("TRACE", "/v1/users/me"), ("BREW", "/v1/messages")] {
        assert_eq!(code(&api, empty(authorised(method, path))).await, ErrorCode::MethodNotAllowed, "{method} {path}");
    }
    let response = send(&api, empty(request("PUT", "/v1/messages"))).await;
    assert!(response.headers().contains_key(header::ALLOW));
}

#[tokio::test]
async fn every_operation_but_the_open_ones_wants_a_token() {
    let api = api();
    let id = "01ARZ3NDEKTSV4RRFFQ69G5FAV";
    let open = ["/v1/auth/register", "/v1/auth/login", "/v1/auth/refresh"];
    let document: serde_json::Value = serde_json::from_str(relay_api::documents().openapi).unwrap();
    let mut checked = 0;
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            let closed = operation.get("security").is_some();
            assert_eq!(closed, !open.contains(&path.as_str()), "{method} {path}");
            if !closed {
                continue;
            }
            let uri = path.replace("{id}", id).replace("{user_id}", id);
            let method = method.to_uppercase();
            for authorisation in
                ["", "Bearer", "Bearer ", "Basic YTpi", "Bearer forged", &format!("bearer  {GOOD_TOKEN}"), &format!("Token {GOOD_TOKEN}")]
            {
                let request = json(request(&method, &uri).header(header::AUTHORIZATION, authorisation), "{}");
                assert_eq!(code(&api, request).await, ErrorCode::Unauthenticated, "{method} {path} {authorisation:?}");
            }
            assert_eq!(code(&api, json(request(&method, &uri), "{}")).await, ErrorCode::Unauthenticated, "{method} {path}");
            let expired = json(request(&method, &uri).header(header::AUTHORIZATION, "Bearer expired"), "{}");
            assert_eq!(code(&api, expired).await, ErrorCode::TokenExpired);
            let revoked = json(request(&method, &uri).header(header::AUTHORIZATION, "Bearer revoked"), "{}");
            // Logging out once more is no offence, and asks the store, which is away here.
            let ends = path == "/v1/auth/logout" || (path == "/v1/auth/sessions" && method == "DELETE");
            let again = if ends { ErrorCode::Unavailable } else { ErrorCode::SessionRevoked };
            assert_eq!(code(&api, revoked).await, again, "{method} {path}");
            checked += 1;
        }
    }
    assert_eq!(checked, 54, "operations with a token");
    let twice = authorised("GET", "/v1/users/me").header(header::AUTHORIZATION, format!("Bearer {GOOD_TOKEN}"));
    assert_eq!(code(&api, empty(twice)).await, ErrorCode::Unauthenticated, "two tokens are none");
}

#[tokio::test]
async fn ids_in_paths() {
    let api = api();
    let ten_kilobytes = "A".repeat(10_240);
    let hostile = ["*", "%3E", "%2A", "a.b", "%0d%0aPUB", "%00", "%FF", "%C3%A9", "01arz3ndektsv4rrffq69g5fav", "%20", &ten_kilobytes];
    for id in hostile {
        for (method, path) in [
            ("GET", format!("/v1/conversations/{id}")),
            ("PATCH", format!("/v1/conversations/{id}")),
            ("POST", format!("/v1/conversations/{id}/members")),
            ("DELETE", format!("/v1/conversations/01ARZ3NDEKTSV4RRFFQ69G5FAV/members/{id}")),
            ("PUT", format!("/v1/conversations/{id}/members/{id}/role")),
            ("POST", format!("/v1/conversations/{id}/read")),
            ("DELETE", format!("/v1/auth/sessions/{id}")),
            ("GET", format!("/v1/users/{id}/conversations")),
            ("GET", format!("/v1/users/{id}")),
            ("GET", format!("/v1/conversations/{id}/members")),
            ("PUT", format!("/v1/conversations/{id}/hidden")),
            ("POST", format!("/v1/invitations/{id}/accept")),
            ("POST", format!("/v1/invitations/{id}/decline")),
        ] {
            assert_eq!(code(&api, json(authorised(method, &path), "{}")).await, ErrorCode::BadId, "{method} {path:.80}");
        }
        let query = format!("/v1/messages?conversation_id={id}");
        assert_eq!(code(&api, empty(authorised("GET", &query))).await, ErrorCode::BadId, "{query:.80}");
    }
}

#[tokio::test]
async fn tokens_in_urls() {
    let api = api();
    for path in ["/v1/users/me?token=x", "/v1/messages?access_token=x", "/v1/auth/login?refresh_token=x", "/nowhere?%74oken=x"] {
        assert_eq!(code(&api, empty(authorised("GET", path))).await, ErrorCode::TokenInUrl, "{path}");
    }
}

#[tokio::test]
async fn bodies() {
    let api = api();
    let post = || authorised("POST", "/v1/messages");
    assert_eq!(code(&api, json(post(), "{")).await, ErrorCode::MalformedFrame);
    assert_eq!(code(&api, json(post(), "")).await, ErrorCode::MalformedFrame);
    assert_eq!(code(&api, json(post(), &b"\xff\xfe"[..])).await, ErrorCode::MalformedFrame);
    assert_eq!(code(&api, json(post(), "[".repeat(100_000))).await, ErrorCode::MalformedFrame);
    assert_eq!(code(&api, json(post(), " ".repeat(128 * 1024 + 1))).await, ErrorCode::FrameTooLarge);
    assert_eq!(code(&api, json(request("POST", "/v1/auth/login"), " ".repeat(8 * 1024 + 1))).await, ErrorCode::FrameTooLarge);
    let text = post().header(header::CONTENT_TYPE, "text/plain").body(Body::from("{}")).unwrap();
    assert_eq!(code(&api, text).await, ErrorCode::MalformedFrame);
    let (_, problem) = refused(&api, json(request("POST", "/v1/auth/login"), r#"{"handle":"canary!!","password":"p"}"#)).await;
    assert!(!problem.detail.contains("canary"), "{}", problem.detail);
    for password in ["1234567".to_owned(), "x".repeat(257)] {
        let body = format!(r#"{{"handle":"ann","display_name":"Ann","password":"{password}"}}"#);
        assert_eq!(code(&api, json(request("POST", "/v1/auth/register"), body)).await, ErrorCode::InvalidField);
    }
}

#[tokio::test]
async fn queries() {
    let api = api();
    let get = |path: &str| empty(authorised("GET", path));
    for path in [
        "/v1/users",
        "/v1/users?handle=A",
        "/v1/users?handle=ann&x=1",
        "/v1/messages?limit=1",
        "/v1/messages?conversation_id=01ARZ3NDEKTSV4RRFFQ69G5FAV&limit=201",
        "/v1/messages?conversation_id=01ARZ3NDEKTSV4RRFFQ69G5FAV&limit=-1",
        "/v1/messages?conversation_id=01ARZ3NDEKTSV4RRFFQ69G5FAV&before=1&after=2",
        "/v1/users/me/conversations?limit=0",
        "/v1/users/me/conversations?cursor=x",
    ] {
        assert_eq!(code(&api, get(path)).await, ErrorCode::InvalidField, "{path}");
    }
    assert_eq!(code(&api, get("/v1/users/01ARZ3NDEKTSV4RRFFQ69G5FAX/conversations")).await, ErrorCode::Forbidden);
}

#[tokio::test]
async fn a_store_that_is_away_is_said_without_its_words() {
    let api = api();
    let (code, problem) = refused(&api, empty(authorised("GET", "/v1/users/me"))).await;
    assert_eq!(code, ErrorCode::Unavailable);
    assert!(problem.retryable && problem.retry_after_ms == Some(1000));
    assert!(!serde_json::to_string(&problem).unwrap().contains(fakes::STORE_WORDS));
    let direct = r#"{"kind":"direct","user_id":"01ARZ3NDEKTSV4RRFFQ69G5FAV"}"#;
    let (code, problem) = refused(&api, json(authorised("POST", "/v1/conversations"), direct)).await;
    assert_eq!((code, problem.detail.as_str()), (ErrorCode::InvalidField, "user_id has to be another person"));
}

#[tokio::test]
async fn a_panic_is_an_answer() {
    let api = api();
    let (code, problem) = refused(&api, empty(authorised("GET", "/v1/users?handle=panic"))).await;
    assert_eq!(code, ErrorCode::Internal);
    assert!(!problem.detail.contains("canary"));
}

#[tokio::test(start_paused = true)]
async fn waits_are_bounded() {
    let api = api();
    let hangs = empty(authorised("GET", "/v1/users?handle=hangs"));
    assert_eq!(code(&api, hangs).await, ErrorCode::Unavailable);
    let never = Body::from_stream(futures::stream::pending::<Result<bytes::Bytes, std::io::Error>>());
    assert_eq!(code(&api, json(authorised("POST", "/v1/messages"), never)).await, ErrorCode::MalformedFrame);
}

#[tokio::test]
async fn a_guess_that_nobody_looked_at_is_none() {
    let api = api();
    let login =
        |password| json(request("POST", "/v1/auth/login"), format!(r#"{{"handle":"busy","password":"{password}","device_name":"d"}}"#));
    assert_eq!(code(&api, login("wrong-one")).await, ErrorCode::BadCredentials);
    assert_eq!(NOT_MADE.load(Ordering::Relaxed), 0);
    assert_eq!(code(&api, login("busy-busy")).await, ErrorCode::Busy);
    assert_eq!(NOT_MADE.load(Ordering::Relaxed), 1);
}

#[tokio::test]
async fn limits_say_when_to_come_back() {
    let mut config = Config::default();
    config.limits.login_failures.first_ms = 1500;
    let api = router(&config, deps());
    let login = || json(request("POST", "/v1/auth/login"), r#"{"handle":"limited","password":"12345678","device_name":"d"}"#);
    let (code, problem) = refused(&api, login()).await;
    assert_eq!(code, ErrorCode::RateLimited);
    assert_eq!(problem.retry_after_ms, Some(1500));
    let response = send(&api, login()).await;
    assert_eq!(response.headers()[header::RETRY_AFTER], "2", "rounded up");
    config.limits.login_failures.longest_ms = 0;
    assert_eq!(self::code(&router(&config, deps()), login()).await, ErrorCode::RateLimited, "by the handle's own limit");
    config.limits.logins_per_handle = Rate::new(0, 60);
    assert_eq!(self::code(&router(&config, deps()), login()).await, ErrorCode::BadCredentials, "a limit of 0 is off");
}

#[tokio::test]
async fn answers_say_what_is_left_of_the_callers_own_limits() {
    let api = router(&Config { trusted_proxies: 1, ..Config::default() }, deps());
    let said = |response: &Response<Body>| {
        let of = |name: &str| response.headers().get(name).map(|value| value.to_str().unwrap().to_owned()).unwrap_or_default();
        (of("ratelimit-policy"), of("ratelimit"), of("retry-after"))
    };
    let me = send(&api, empty(authorised("GET", "/v1/users/me"))).await;
    let policies = r#""address";q=6000;w=10, "user";q=1000;w=10"#;
    assert_eq!(said(&me), (policies.to_owned(), r#""address";r=5999;t=10, "user";r=999;t=10"#.to_owned(), "1".to_owned()));
    let limited = |path: &str| empty(request("GET", path).header("x-forwarded-for", LIMITED_ADDRESS));
    let refused = send(&api, limited("/v1/users/me")).await;
    assert_eq!(refused.status(), StatusCode::TOO_MANY_REQUESTS);
    let (policy, left, retry_after) = said(&refused);
    assert_eq!((policy.as_str(), left.as_str(), retry_after.as_str()), (r#""address";q=6000;w=10"#, r#""address";r=0;t=2"#, "2"));
    // Attempts by the handle are others', too, and what caches keep says nothing of one caller.
    let login = json(request("POST", "/v1/auth/login"), r#"{"handle":"limited","password":"12345678","device_name":"d"}"#);
    assert!(!said(&send(&api, login).await).0.contains("handle"));
    let document = send(&api, empty(request("GET", "/openapi.json"))).await;
    assert_eq!(said(&document), Default::default());
    // A page of another origin may read them.
    let origin = authorised("GET", "/v1/users/me").header(header::ORIGIN, "https://app.example.org");
    let exposed = send(&api, empty(origin)).await.headers()[header::ACCESS_CONTROL_EXPOSE_HEADERS].to_str().unwrap().to_owned();
    assert!(
        ["ratelimit", "ratelimit-policy", "retry-after"].iter().all(|name| exposed.split(',').any(|one| one.trim() == *name)),
        "{exposed}"
    );
}

#[tokio::test]
async fn traces_are_continued() {
    let api = api();
    let trace = "4bf92f3577b34da6a3ce929d0e0e4736";
    let sent = format!("00-{trace}-00f067aa0ba902b7-01");
    let response = send(&api, empty(request("GET", "/openapi.json").header("traceparent", &sent))).await;
    assert_eq!(response.status(), StatusCode::OK);
    let answered = response.headers()["traceparent"].to_str().unwrap();
    assert!(answered.contains(trace) && answered != sent, "{answered}");
}

#[tokio::test]
async fn documents_and_keys_are_served() {
    let api = api();
    for path in ["/openapi.json", "/asyncapi.json", "/.well-known/jwks.json"] {
        let response = send(&api, empty(request("GET", path))).await;
        assert_eq!(response.status(), StatusCode::OK, "{path}");
        assert_eq!(response.headers()[header::X_CONTENT_TYPE_OPTIONS], "nosniff");
        let body = to_bytes(response.into_body(), 1 << 20).await.unwrap();
        serde_json::from_slice::<serde_json::Value>(&body).unwrap();
    }
}

/// `RELAY_UPDATE_DOCS=1 cargo test -p relay-api` writes the files.
#[test]
fn checked_in_documents_are_current() {
    #[expect(clippy::disallowed_methods, reason = "a switch for people who run this test, not configuration")]
    let update = std::env::var("RELAY_UPDATE_DOCS").is_ok();
    let docs = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs");
    let documents = relay_api::documents();
    for (name, text) in [("openapi.json", documents.openapi), ("asyncapi.json", documents.asyncapi)] {
        let path = docs.join(name);
        if update {
            std::fs::write(&path, text).unwrap();
        }
        let checked_in = std::fs::read_to_string(&path).unwrap_or_default();
        assert!(checked_in == text, "docs/{name} is not what the code says: run RELAY_UPDATE_DOCS=1 cargo test -p relay-api");
    }
}

/// The time limit ends a change wherever it stands, perhaps behind its commit.
#[tokio::test]
async fn a_change_that_ran_into_the_time_limit_may_have_happened() {
    let api = router(&Config { request_timeout_ms: 100, ..Config::default() }, deps());
    let never = Body::from_stream(futures::stream::pending::<Result<bytes::Bytes, std::io::Error>>());
    let (code, problem) = refused(&api, json(authorised("POST", "/v1/conversations"), never)).await;
    assert_eq!(code, ErrorCode::OutcomeUnknown);
    assert!(problem.retry_after_ms.is_some());
}
