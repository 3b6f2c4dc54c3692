use axum::extract::State;
use relay_domain::ports::HistoryAnchor;
use relay_protocol::ErrorCode;
use relay_protocol::rest::Problem;
use relay_protocol::threads::{ThreadPage, ThreadQuery};
use relay_types::{ConversationId, MessageId};

use super::{page_limit, projected};
use crate::error::ApiError;
use crate::extract::{Caller, Params, PathMessage};
use crate::page::{self, Page};
use crate::state::App;

/// The thread under a message: its root, and replies, oldest first. Who came behind the root sees neither.
#[utoipa::path(
    get, path = "/v1/conversations/{id}/messages/{message_id}/thread", operation_id = "getThread", tag = "messages",
    security(("access_token" = [])),
    params(("id" = ConversationId, Path, description = "Where."), ("message_id" = MessageId, Path, description = "The root."), ThreadQuery),
    responses(
        (status = 200, description = "A page.", body = ThreadPage),
        (status = "default", description = "A refusal.", body = Problem, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn get_thread(
    State(app): State<App>,
    caller: Caller,
    PathMessage(conversation, root): PathMessage,
    Params(query): Params<ThreadQuery>,
) -> Result<Page<ThreadPage>, ApiError> {
    let limit = page_limit(query.limit, 50, 200)?;
    let anchor = match (query.before, query.after) {
        (None, None) => HistoryAnchor::Newest,
        (Some(before), None) => HistoryAnchor::Before(before),
        (None, Some(after)) => HistoryAnchor::After(after),
        (Some(_), Some(_)) => return Err(ApiError::new(ErrorCode::InvalidField, "before and after exclude each other")),
    };
    let permit = page::permit(&app, caller.user).await?;
    projected(&app, caller.user, conversation).await?;
    Ok(permit.page(app.deps.threads.thread(caller.user, conversation, root, anchor, limit).await?))
}
