use axum::extract::State;
use relay_domain::ports::{ThreadCursor, ThreadCursorError};
use relay_protocol::ErrorCode;
use relay_protocol::rest::Problem;
use relay_protocol::threads::{ThreadList, ThreadListQuery};

use super::page_limit;
use crate::error::ApiError;
use crate::extract::{Caller, Params};
use crate::page::{self, Page};
use crate::read_your_writes;
use crate::state::App;

/// The threads that the caller follows and that have a reply, the one with the newest first, each with what is unread in it.
#[utoipa::path(
    get, path = "/v1/threads", operation_id = "listThreads", tag = "messages", security(("access_token" = [])),
    params(ThreadListQuery),
    responses(
        (status = 200, description = "A page.", body = ThreadList),
        (status = "default", description = "A refusal.", body = Problem, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn list_threads(
    State(app): State<App>,
    caller: Caller,
    Params(query): Params<ThreadListQuery>,
) -> Result<Page<ThreadList>, ApiError> {
    let limit = page_limit(query.limit, 20, 50)?;
    let cursor = query.cursor.as_deref().map(str::parse).transpose();
    let after: Option<ThreadCursor> =
        cursor.map_err(|error: ThreadCursorError| ApiError::new(ErrorCode::InvalidField, error.to_string()))?;
    let permit = page::permit(&app, caller.user).await?;
    if after.is_none() {
        // What is missing shows as an older thread, which the next page repairs.
        read_your_writes::caught_up_everywhere(&app.deps, &app.read_your_writes).await;
    }
    let page = app.deps.threads.followed_threads(caller.user, after, limit).await?;
    Ok(permit.page(ThreadList { threads: page.threads, next_cursor: page.next.as_ref().map(ThreadCursor::to_string) }))
}
