//! What happens to every request, whatever its path: an id, a trace, limits, a log line, metrics, and one shape for
//! every refusal.

use std::net::{IpAddr, Ipv4Addr};
use std::time::Instant;

use axum::extract::{MatchedPath, Request, State};
use axum::http::{HeaderName, HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use relay_protocol::{Actor, ErrorCode};
use relay_runtime::http::{Peer, forwarded_for, problem_response};
use relay_runtime::query_holds_secret;
use relay_runtime::trace::TraceContext;
use tracing::Instrument as _;

use crate::codes;
use crate::error::ApiError;
use crate::extract::{ClientAddress, enforce};
use crate::rate_headers;
use crate::state::App;

pub(crate) static REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
pub(crate) static TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");

/// Handles every request.
pub(crate) async fn handle(State(app): State<App>, mut request: Request, next: Next) -> Response {
    let started = Instant::now();
    let request_id = app.deps.ids.next_ulid().to_string();
    let trace = request
        .headers()
        .get(&TRACEPARENT)
        .and_then(|value| value.to_str().ok())
        .and_then(TraceContext::parse)
        .map_or_else(TraceContext::begin, TraceContext::child);
    let method = method_label(request.method());
    let route = request.extensions().get::<MatchedPath>().map_or_else(|| "unmatched".to_owned(), |path| path.as_str().to_owned());
    let address = client_address(&request, app.config.trusted_proxies);
    request.extensions_mut().insert(address);
    request.extensions_mut().insert(trace);

    let span = tracing::info_span!("http.request", request.id = %request_id, trace.id = %trace.trace_id());
    // The request itself cannot be borrowed across an await: its body is not shared between threads.
    let judged = judge(&app, &request);
    // What browsers and proxies keep says nothing of this moment.
    let tells_limits = request.uri().path().starts_with("/v1/");
    let answer = async {
        let response = match admit(&app, judged, address).await {
            Ok(()) => {
                let changes = !request.method().is_safe();
                interrupted(next.run(request).await, changes)
            }
            Err(error) => error.into_response(),
        };
        finish(response, &request_id, &trace)
    }
    .instrument(span.clone());
    let response = if tells_limits { rate_headers::noting(answer, Response::headers_mut).await } else { answer.await };

    // The promise is the document's; breaking it is a fault of ours that every test should see.
    if cfg!(debug_assertions)
        && let Some(code) = response.extensions().get::<ErrorCode>()
        && !codes::is_documented(method, &route, *code)
    {
        span.in_scope(|| tracing::error!(code = code.as_str(), http.method = method, http.route = route, "an undocumented refusal"));
    }
    let status = response.status();
    let seconds = started.elapsed().as_secs_f64();
    let class = status_class(status);
    metrics::counter!("relay_http_requests_total", "route" => route.clone(), "method" => method, "status" => class).increment(1);
    metrics::histogram!("relay_http_request_duration_seconds", "route" => route.clone(), "method" => method).record(seconds);
    span.in_scope(|| {
        let elapsed_ms = (seconds * 100_000.0).round() / 100.0;
        tracing::info!(http.method = method, http.route = route, http.status = status.as_u16(), elapsed_ms, "request");
    });
    response
}

/// A change that ran into the time limit may be decided all the same: then nobody can say that nothing is stored.
fn interrupted(response: Response, changes: bool) -> Response {
    let is_interrupted = response.status() == StatusCode::SERVICE_UNAVAILABLE && response.extensions().get::<ApiError>().is_none();
    if changes && is_interrupted { ApiError::interrupted().into_response() } else { response }
}

/// Refuses what no handler should see.
async fn admit(app: &App, judged: Result<(), ApiError>, address: ClientAddress) -> Result<(), ApiError> {
    judged?;
    enforce(app, "address", app.config.limits.requests_per_address, &address.limit_key()).await
}

fn judge(app: &App, request: &Request) -> Result<(), ApiError> {
    if query_holds_secret(request.uri()) {
        return Err(ApiError::plain(ErrorCode::TokenInUrl));
    }
    app.deps.origins.judge(request.headers()).map_err(|error| ApiError::new(ErrorCode::OriginRefused, error.to_string()))
}

/// The peer, or what the outermost of our own proxies saw.
fn client_address(request: &Request, trusted_proxies: usize) -> ClientAddress {
    let peer = request.extensions().get::<Peer>().map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), |peer| peer.0.ip());
    let forwarded = trusted_proxies.checked_sub(1).and_then(|hop| forwarded_for(request.headers(), hop));
    ClientAddress(forwarded.unwrap_or(peer))
}

/// Renders refusals and sets the headers that every answer has.
fn finish(mut response: Response, request_id: &str, trace: &TraceContext) -> Response {
    if response.status().is_client_error() || response.status().is_server_error() {
        response = render(response, request_id);
    }
    let headers = response.headers_mut();
    if let Ok(value) = HeaderValue::from_str(request_id) {
        headers.insert(REQUEST_ID.clone(), value);
    }
    if let Ok(value) = HeaderValue::from_str(&trace.to_string()) {
        headers.insert(TRACEPARENT.clone(), value);
    }
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    response
}

fn render(mut response: Response, request_id: &str) -> Response {
    let error = response.extensions_mut().remove::<ApiError>().unwrap_or_else(|| ApiError::from_status(response.status()));
    let row = error.code.row();
    metrics::counter!("relay_errors_total", "surface" => "rest", "code" => row.name).increment(1);
    match (row.actor, &error.cause) {
        (Actor::Operator, Some(cause)) if row.http_status == 500 => tracing::error!(code = row.name, cause, "request failed"),
        (Actor::Operator, _) if row.http_status == 500 => tracing::error!(code = row.name, "request failed"),
        (_, Some(cause)) => tracing::warn!(code = row.name, cause, "request refused"),
        (_, None) => tracing::debug!(code = row.name, "request refused"),
    }
    let status = error.code.http_status();
    let mut rendered = problem_response(status, error.problem(request_id).encode(), error.retry_after);
    rendered.extensions_mut().insert(error.code);
    if status == StatusCode::UNAUTHORIZED.as_u16() {
        rendered.headers_mut().insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
    }
    // A 405 names what is allowed.
    if let Some(allow) = response.headers_mut().remove(header::ALLOW) {
        rendered.headers_mut().insert(header::ALLOW, allow);
    }
    rendered
}

/// A closed set: clients may send any token as a method.
fn method_label(method: &Method) -> &'static str {
    match method.as_str() {
        "GET" => "GET",
        "HEAD" => "HEAD",
        "POST" => "POST",
        "PUT" => "PUT",
        "PATCH" => "PATCH",
        "DELETE" => "DELETE",
        "OPTIONS" => "OPTIONS",
        _ => "other",
    }
}

fn status_class(status: StatusCode) -> &'static str {
    match status.as_u16() {
        100..=199 => "1xx",
        200..=299 => "2xx",
        300..=399 => "3xx",
        400..=499 => "4xx",
        _ => "5xx",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_our_own_proxies_are_believed() {
        let request = |header: &str| {
            let mut request = Request::builder().header("x-forwarded-for", header).body(axum::body::Body::empty()).unwrap();
            request.extensions_mut().insert(Peer("192.0.2.9:1".parse().unwrap()));
            request
        };
        let address = |header: &str, proxies| client_address(&request(header), proxies).0.to_string();
        assert_eq!(address("203.0.113.1", 0), "192.0.2.9");
        assert_eq!(address("198.51.100.66, 203.0.113.1", 1), "203.0.113.1");
        assert_eq!(address("198.51.100.66, 203.0.113.1", 2), "198.51.100.66");
        assert_eq!(address("junk", 1), "192.0.2.9");
        assert_eq!(address("203.0.113.1:51234", 1), "203.0.113.1", "with a port, as some proxies write it");
        assert_eq!(address("198.51.100.66, [2001:db8::7]:51234", 1), "2001:db8::7");
        assert_eq!(address("[2001:db8::7]", 1), "2001:db8::7");
        assert_eq!(address("2001:db8::7", 1), "2001:db8::7");
        assert_eq!(address("203.0.113.1:port", 1), "192.0.2.9");
        assert_eq!(address("203.0.113.1", 2), "192.0.2.9", "fewer hops than expected: nothing is believed");
    }
}
