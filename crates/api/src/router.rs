//! The service: every route, and what is around all of them.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::http::{Method, StatusCode, header};
use axum::middleware::from_fn_with_state;
use axum::response::IntoResponse;
use axum::routing::get;
use relay_runtime::Origins;
use relay_runtime::permits::Permits;
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::cors::{AllowOrigin, CorsLayer};
use tower_http::timeout::TimeoutLayer;

use crate::config::Config;
use crate::deps::Deps;
use crate::middleware::{REQUEST_ID, TRACEPARENT, handle};
use crate::openapi::documents;
use crate::rate_headers::{RATE_LIMIT, RATE_LIMIT_POLICY};
use crate::read_your_writes::LogProgress;
use crate::routes::api;
use crate::session_cache::SessionCache;
use crate::state::{App, AppState};
use crate::web_client::{self, WebClient};

/// How long a browser may remember what it may ask; a change of the list is felt as late.
const PREFLIGHT_AGE: Duration = Duration::from_mins(10);

/// The API as a service.
pub fn router(config: &Config, deps: Deps) -> Router {
    crate::metrics::register();
    let session_cache = SessionCache::new(Duration::from_millis(config.session_cache_ms));
    let (reads, asking) = (Permits::new(config.reads_per_user), Permits::new(1));
    let web_client = WebClient::new(config);
    let config = config.clone();
    let request_timeout = config.request_timeout();
    let app: App = Arc::new(AppState { config, deps, session_cache, read_your_writes: LogProgress::default(), reads, asking, web_client });
    let documents = documents();
    let (operations, _) = api().split_for_parts();
    operations
        .route("/.well-known/jwks.json", get(jwks))
        .route("/openapi.json", get(async move || document(documents.openapi)))
        .route("/asyncapi.json", get(async move || document(documents.asyncapi)))
        .route("/config.json", get(web_client::configuration))
        .fallback(web_client::fallback)
        .layer(TimeoutLayer::with_status_code(StatusCode::SERVICE_UNAVAILABLE, request_timeout))
        .layer(CatchPanicLayer::custom(|_| StatusCode::INTERNAL_SERVER_ERROR.into_response()))
        .layer(from_fn_with_state(Arc::clone(&app), handle))
        // Outside of the middleware: pages read refusals too.
        .layer(cors(&app.deps.origins))
        .with_state(app)
}

/// Pages of ours may ask from another origin than ours. No credentials of the browser's: tokens are in a header.
fn cors(origins: &Arc<Origins>) -> CorsLayer {
    let origins = Arc::clone(origins);
    CorsLayer::new()
        .allow_origin(AllowOrigin::predicate(move |_, parts| origins.judge(&parts.headers).is_ok()))
        .allow_methods([Method::GET, Method::POST, Method::PUT, Method::PATCH, Method::DELETE])
        .allow_headers([header::AUTHORIZATION, header::CONTENT_TYPE, TRACEPARENT.clone()])
        .expose_headers([REQUEST_ID.clone(), TRACEPARENT.clone(), header::RETRY_AFTER, RATE_LIMIT.clone(), RATE_LIMIT_POLICY.clone()])
        .max_age(PREFLIGHT_AGE)
}

/// Verifiers outside fetch the keys here; within the publish delay a minute's caching misses nothing.
async fn jwks(State(app): State<App>) -> impl IntoResponse {
    ([(header::CONTENT_TYPE, "application/jwk-set+json"), (header::CACHE_CONTROL, "public, max-age=30")], app.deps.tokens.jwks())
}

fn document(text: &'static str) -> impl IntoResponse {
    ([(header::CONTENT_TYPE, "application/json"), (header::CACHE_CONTROL, "public, max-age=60")], text)
}
