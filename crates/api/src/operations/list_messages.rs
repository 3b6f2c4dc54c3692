use axum::extract::State;
use relay_domain::ports::HistoryAnchor;
use relay_protocol::ErrorCode;
use relay_protocol::rest::{HistoryQuery, MessagePage, Problem};

use super::page_limit;
use crate::error::ApiError;
use crate::extract::{Caller, Params};
use crate::history_completion::{self, Asked};
use crate::page::{self, Page};
use crate::read_your_writes;
use crate::state::App;

/// Messages of the past, oldest first, from when the caller came in; with `changes`, also who came and went.
#[utoipa::path(
    get, path = "/v1/messages", operation_id = "listMessages", tag = "messages", security(("access_token" = [])),
    params(HistoryQuery),
    responses(
        (status = 200, description = "A page.", body = MessagePage),
        (status = "default", description = "A refusal.", body = Problem, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn list_messages(
    State(app): State<App>,
    caller: Caller,
    Params(query): Params<HistoryQuery>,
) -> Result<Page<MessagePage>, ApiError> {
    let limit = page_limit(query.limit, 50, 200)?;
    let anchor = anchor(&query)?;
    let conversation = query.conversation_id;
    let permit = page::permit(&app, caller.user).await?;
    // What lies before a sequence that the caller knows cannot be new.
    let behind = if matches!(anchor, HistoryAnchor::Before(_)) {
        None
    } else {
        let membership = app.deps.conversations.membership_state(caller.user, conversation).await?;
        let membership = membership.filter(|membership| membership.member).ok_or_else(|| ApiError::plain(ErrorCode::NotMember))?;
        read_your_writes::caught_up(&app.deps, &app.read_your_writes, membership.shard).await
    };
    let changes = query.changes.unwrap_or(false);
    let page = app.deps.history.messages(caller.user, conversation, anchor, limit, changes).await?;
    let Some(behind) = behind else { return Ok(permit.page(page)) };
    let asked = Asked { reader: caller.user, conversation, anchor, limit, changes };
    Ok(permit.page(history_completion::complete(&app.deps, &asked, behind, page).await?))
}

fn anchor(query: &HistoryQuery) -> Result<HistoryAnchor, ApiError> {
    match (query.before, query.after, query.unread.unwrap_or(false)) {
        (None, None, false) => Ok(HistoryAnchor::Newest),
        (Some(before), None, false) => Ok(HistoryAnchor::Before(before)),
        (None, Some(after), false) => Ok(HistoryAnchor::After(after)),
        (None, None, true) => Ok(HistoryAnchor::Unread),
        _ => Err(ApiError::new(ErrorCode::InvalidField, "before, after and unread exclude each other")),
    }
}
