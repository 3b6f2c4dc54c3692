//! Every route.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::{DefaultBodyLimit, State};
use axum::http::{Method, StatusCode, header};
use axum::middleware::from_fn_with_state;
use axum::response::IntoResponse;
use axum::routing::get;
use relay_runtime::Origins;
use relay_runtime::permits::Permits;
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::cors::{AllowOrigin, CorsLayer};
use tower_http::timeout::TimeoutLayer;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::config::Config;
use crate::deps::{App, AppState, Deps};
use crate::middleware::{REQUEST_ID, TRACEPARENT, handle, register_metrics};
use crate::openapi::{self, documents};
use crate::operations;
use crate::read_your_writes::LogProgress;
use crate::session_cache::SessionCache;

/// The longest text, escaped at its worst, plus the envelope.
const BODY_LIMIT: usize = 128 * 1024;
/// Handles, names, passwords, tokens.
const AUTH_BODY_LIMIT: usize = 8 * 1024;

/// How long a browser may remember what it may ask; a change of the list is felt as late.
const PREFLIGHT_AGE: Duration = Duration::from_mins(10);

/// The API as a service.
pub fn router(config: &Config, deps: Deps) -> Router {
    register_metrics();
    let session_cache = SessionCache::new(Duration::from_millis(config.session_cache_ms));
    let (reads, asking) = (Permits::new(config.reads_per_user), Permits::new(1));
    let app: App =
        Arc::new(AppState { config: config.clone(), deps, session_cache, read_your_writes: LogProgress::default(), reads, asking });
    let documents = documents();
    let (operations, _) = api().split_for_parts();
    operations
        .route("/.well-known/jwks.json", get(jwks))
        .route("/openapi.json", get(async move || document(documents.openapi)))
        .route("/asyncapi.json", get(async move || document(documents.asyncapi)))
        .fallback(async || StatusCode::NOT_FOUND)
        .layer(TimeoutLayer::with_status_code(StatusCode::SERVICE_UNAVAILABLE, config.request_timeout()))
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
        .expose_headers([REQUEST_ID.clone(), TRACEPARENT.clone(), header::RETRY_AFTER])
        .max_age(PREFLIGHT_AGE)
}

/// The documented operations.
pub(crate) fn api() -> OpenApiRouter<App> {
    let auth = OpenApiRouter::new()
        .routes(routes!(operations::register::register))
        .routes(routes!(operations::login::login))
        .routes(routes!(operations::refresh::refresh))
        .routes(routes!(operations::logout::logout))
        .routes(routes!(operations::change_password::change_password))
        .routes(routes!(operations::list_sessions::list_sessions, operations::logout_everywhere::logout_everywhere))
        .routes(routes!(operations::revoke_session::revoke_session))
        .layer(DefaultBodyLimit::max(AUTH_BODY_LIMIT));
    let rest = OpenApiRouter::new()
        .routes(routes!(operations::find_user::find_user))
        .routes(routes!(operations::me::me))
        .routes(routes!(operations::get_user::get_user))
        .routes(routes!(operations::look_up_users::look_up_users))
        .routes(routes!(operations::list_conversations::list_conversations))
        .routes(routes!(operations::create_conversation::create_conversation))
        .routes(routes!(operations::get_conversation::get_conversation, operations::rename_conversation::rename_conversation))
        .routes(routes!(operations::add_members::add_members, operations::list_members::list_members))
        .routes(routes!(operations::hide_conversation::hide_conversation, operations::unhide_conversation::unhide_conversation))
        .routes(routes!(operations::list_invitations::list_invitations))
        .routes(routes!(operations::accept_invitation::accept_invitation))
        .routes(routes!(operations::decline_invitation::decline_invitation))
        .routes(routes!(operations::remove_member::remove_member))
        .routes(routes!(operations::set_role::set_role))
        .routes(routes!(operations::mark_read::mark_read))
        .routes(routes!(operations::post_message::post_message, operations::list_messages::list_messages))
        .layer(DefaultBodyLimit::max(BODY_LIMIT));
    OpenApiRouter::with_openapi(openapi::base()).merge(auth).merge(rest)
}

/// Verifiers outside fetch the keys here; within the publish delay a minute's caching misses nothing.
async fn jwks(State(app): State<App>) -> impl IntoResponse {
    ([(header::CONTENT_TYPE, "application/jwk-set+json"), (header::CACHE_CONTROL, "public, max-age=30")], app.deps.tokens.jwks())
}

fn document(text: &'static str) -> impl IntoResponse {
    ([(header::CONTENT_TYPE, "application/json"), (header::CACHE_CONTROL, "public, max-age=60")], text)
}
