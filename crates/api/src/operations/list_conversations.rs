use axum::extract::State;
use relay_domain::ports::{ListCursor, ListCursorError, ListPart};
use relay_protocol::ErrorCode;
use relay_protocol::rest::{ConversationList, ConversationListQuery, ConversationState, Problem};

use super::page_limit;
use crate::error::ApiError;
use crate::extract::{Caller, Params, PathUser};
use crate::page::{self, Page};
use crate::read_your_writes;
use crate::state::App;

/// The caller's conversations, most recently active first, without hidden ones. What others began and the caller has not answered
/// is listed apart, with `state=request`, and so is what the caller archived, with `archived=true`. `pinned=true` lists only what they
/// pinned. `id` is one's own or `me`.
#[utoipa::path(
    get, path = "/v1/users/{id}/conversations", operation_id = "listConversations", tag = "conversations",
    security(("access_token" = [])), params(("id" = String, Path, description = "One's own id, or `me`.", min_length = 2, max_length = 26), ConversationListQuery),
    responses(
        (status = 200, description = "A page.", body = ConversationList),
        (status = "default", description = "A refusal.", body = Problem, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn list_conversations(
    State(app): State<App>,
    caller: Caller,
    user: PathUser,
    Params(query): Params<ConversationListQuery>,
) -> Result<Page<ConversationList>, ApiError> {
    match user {
        PathUser::Me => {}
        PathUser::Id(id) if id == caller.user => {}
        PathUser::Id(_) => return Err(ApiError::new(ErrorCode::Forbidden, "only one's own conversations can be listed")),
    }
    let limit = page_limit(query.limit, 50, 100)?;
    let after = query.cursor.as_deref().map(parse_cursor).transpose()?;
    let part = part_of(&query)?;
    let permit = page::permit(&app, caller.user).await?;
    if after.is_none() {
        // What is missing shows as an older preview, which the next page repairs.
        read_your_writes::caught_up_everywhere(&app.deps, &app.read_your_writes).await;
    }
    let page = app.deps.conversations.list(caller.user, part, after, limit).await?;
    let body = ConversationList { conversations: page.items, next_cursor: page.next.as_ref().map(ListCursor::to_string) };
    Ok(permit.page(body))
}

fn part_of(query: &ConversationListQuery) -> Result<ListPart, ApiError> {
    let part = match (query.state.unwrap_or_default(), query.archived.unwrap_or_default(), query.pinned.unwrap_or_default()) {
        (ConversationState::Accepted, false, false) => ListPart::Accepted,
        (ConversationState::Accepted, true, false) => ListPart::Archived,
        (ConversationState::Accepted, false, true) => ListPart::Pinned,
        (ConversationState::Request, false, false) => ListPart::Requests,
        (ConversationState::Accepted | ConversationState::Request, ..) => {
            return Err(ApiError::new(ErrorCode::InvalidField, "only one of archived, pinned and state=request may be asked for"));
        }
    };
    if part == ListPart::Pinned && query.cursor.is_some() {
        return Err(ApiError::new(ErrorCode::InvalidField, "what is pinned has one page"));
    }
    Ok(part)
}

fn parse_cursor(text: &str) -> Result<ListCursor, ApiError> {
    text.parse().map_err(|error: ListCursorError| ApiError::new(ErrorCode::InvalidField, error.to_string()))
}
