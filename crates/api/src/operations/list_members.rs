use axum::Json;
use axum::extract::State;
use relay_protocol::rest::{MemberList, MembersQuery, Problem};
use relay_types::ConversationId;

use super::page_limit;
use crate::error::ApiError;
use crate::extract::{Caller, Params, PathId};
use crate::state::App;

/// The members of a conversation the caller is in, by id.
#[utoipa::path(
    get, path = "/v1/conversations/{id}/members", operation_id = "listMembers", tag = "conversations",
    security(("access_token" = [])), params(("id" = ConversationId, Path, description = "Which."), MembersQuery),
    responses(
        (status = 200, description = "A page.", body = MemberList),
        (status = "default", description = "A refusal.", body = Problem, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn list_members(
    State(app): State<App>,
    caller: Caller,
    PathId(id): PathId<ConversationId>,
    Params(query): Params<MembersQuery>,
) -> Result<Json<MemberList>, ApiError> {
    let limit = page_limit(query.limit, 100, 500)?;
    let page = app.deps.conversations.members(caller.user, id, query.cursor, limit).await?;
    Ok(Json(MemberList { members: page.members, next_cursor: page.next }))
}
