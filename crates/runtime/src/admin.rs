//! The operators' listener: `/healthz`, `/readyz`, `/metrics`. Not for the public network.

use axum::Json;
use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::IntoResponse;
use axum::routing::get;
use metrics_exporter_prometheus::PrometheusHandle;

use crate::health::Health;

#[derive(Clone)]
struct Admin {
    health: Health,
    metrics: PrometheusHandle,
}

pub(crate) fn router(health: Health, metrics: PrometheusHandle) -> Router {
    Router::new()
        .route("/healthz", get(async || "ok\n"))
        .route("/readyz", get(ready))
        .route("/metrics", get(async |State(admin): State<Admin>| admin.metrics.render()))
        .with_state(Admin { health, metrics })
}

async fn ready(State(admin): State<Admin>) -> impl IntoResponse {
    let (ready, components) = admin.health.report();
    let status = if ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    let body = serde_json::json!({ "ready": ready, "draining": admin.health.is_draining(), "components": components });
    (status, Json(body))
}
