use std::collections::BTreeSet;

use axum::Json;
use axum::extract::State;
use relay_protocol::rest::{AddMembersRequest, AddedMembers, Problem};
use relay_types::{ConversationId, UserId};

use super::some_people;
use crate::error::ApiError;
use crate::extract::{Body, Caller, PathId};
use crate::flush::flush;
use crate::introductions;
use crate::state::App;

/// Brings people into a group. For admins and the owner. Those with whom the caller shares no accepted conversation are invited.
/// Someone who is in it already, or invited already, stays as they are.
#[utoipa::path(
    post, path = "/v1/conversations/{id}/members", operation_id = "addMembers", tag = "conversations",
    security(("access_token" = [])), params(("id" = ConversationId, Path, description = "Which.")), request_body = AddMembersRequest,
    responses(
        (status = 200, description = "Who is in it now, and who is invited.", body = AddedMembers),
        (status = "default", description = "A refusal.", body = Problem, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn add_members(
    State(app): State<App>,
    caller: Caller,
    PathId(id): PathId<ConversationId>,
    Body(request): Body<AddMembersRequest>,
) -> Result<Json<AddedMembers>, ApiError> {
    let people: BTreeSet<UserId> = some_people(request.user_ids)?.into_iter().collect();
    let people: Vec<UserId> = people.into_iter().collect();
    introductions::may_invite(&app, caller.user, &people).await?;
    let decided = app.deps.conversations.add_members(caller.user, id, &people, app.config.people_limits(), app.now_ms()).await?;
    flush(&app, &decided.touched).await?;
    Ok(Json(AddedMembers { added: decided.value.added, invited: decided.value.invited }))
}
