use axum::extract::State;
use relay_domain::ports::ListCursor;
use relay_protocol::ErrorCode;
use relay_protocol::rest::{ConversationList, ConversationListQuery, Problem};

use super::page_limit;
use crate::error::ApiError;
use crate::extract::{Caller, Params, PathUser};
use crate::page::{self, Page};
use crate::read_your_writes;
use crate::state::App;

/// The caller's conversations, most recently active first, without hidden ones. What others began and the caller has not answered
/// is listed apart, with `state=request`. `id` is one's own or `me`.
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
    let permit = page::permit(&app, caller.user).await?;
    if after.is_none() {
        // What is missing shows as an older preview, which the next page repairs.
        read_your_writes::caught_up_everywhere(&app.deps, &app.read_your_writes).await;
    }
    let page = app.deps.conversations.list(caller.user, query.state.unwrap_or_default(), after, limit).await?;
    let body = ConversationList { conversations: page.items, next_cursor: page.next.as_ref().map(format_cursor) };
    Ok(permit.page(body))
}

/// The end of the year 9999, in microseconds: no time of ours is later, and the database knows few later ones.
const MAX_TIME_US: i64 = 253_402_300_799_999_999;

fn format_cursor(cursor: &ListCursor) -> String {
    format!("{}-{}", cursor.active_at_us, cursor.conversation)
}

fn parse_cursor(text: &str) -> Result<ListCursor, ApiError> {
    let refuse = || ApiError::new(ErrorCode::InvalidField, "cursor is not one that this service gave out");
    let (active_at_us, conversation) = text.split_once('-').ok_or_else(refuse)?;
    let active_at_us = active_at_us.parse().ok().filter(|us| (0..=MAX_TIME_US).contains(us)).ok_or_else(refuse)?;
    Ok(ListCursor { active_at_us, conversation: conversation.parse().map_err(|_| refuse())? })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cursors_round_trip_and_others_are_refused() {
        let cursor = ListCursor { active_at_us: 1_700_000_000_123_456, conversation: "01ARZ3NDEKTSV4RRFFQ69G5FAV".parse().unwrap() };
        assert_eq!(parse_cursor(&format_cursor(&cursor)).unwrap(), cursor);
        for bad in [
            "",
            "-",
            "1",
            "x-01ARZ3NDEKTSV4RRFFQ69G5FAV",
            "1-*",
            "99999999999999999999-01ARZ3NDEKTSV4RRFFQ69G5FAV",
            "9223372036854775807-01ARZ3NDEKTSV4RRFFQ69G5FAV",
            "-1-01ARZ3NDEKTSV4RRFFQ69G5FAV",
        ] {
            assert_eq!(parse_cursor(bad).unwrap_err().code, ErrorCode::InvalidField, "{bad}");
        }
    }
}
