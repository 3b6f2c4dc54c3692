use axum::Json;
use axum::extract::State;
use relay_protocol::rest::Problem;
use relay_protocol::scheduled::ScheduledList;

use crate::error::ApiError;
use crate::extract::Caller;
use crate::state::App;

/// The caller's messages that are to be sent later, the earliest first, and those that were refused at their time or are overdue.
#[utoipa::path(
    get, path = "/v1/scheduled", operation_id = "listScheduled", tag = "messages", security(("access_token" = [])),
    responses(
        (status = 200, description = "All of them: at most 100, of 1 MiB together.", body = ScheduledList),
        (status = "default", description = "A refusal.", body = Problem, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn list_scheduled(State(app): State<App>, caller: Caller) -> Result<Json<ScheduledList>, ApiError> {
    app.deps.scheduled.scheduled(caller.user).await.map(|scheduled| Json(ScheduledList { scheduled })).map_err(ApiError::from)
}
