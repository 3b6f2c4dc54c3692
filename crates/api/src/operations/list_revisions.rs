use axum::extract::State;
use relay_protocol::rest::{Problem, RevisionList, RevisionQuery};
use relay_types::{ConversationId, MessageId};

use super::projected;
use crate::error::ApiError;
use crate::extract::{Caller, Params, PathMessage};
use crate::page::{self, Page};
use crate::state::App;

/// What a message said over time. Empty for one whose content was erased.
#[utoipa::path(
    get, path = "/v1/conversations/{id}/messages/{message_id}/revisions", operation_id = "listRevisions", tag = "messages",
    security(("access_token" = [])),
    params(("id" = ConversationId, Path, description = "Where."), ("message_id" = MessageId, Path, description = "Which."), RevisionQuery),
    responses(
        (status = 200, description = "The newest versions.", body = RevisionList),
        (status = "default", description = "A refusal.", body = Problem, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn list_revisions(
    State(app): State<App>,
    caller: Caller,
    PathMessage(conversation, message): PathMessage,
    Params(query): Params<RevisionQuery>,
) -> Result<Page<RevisionList>, ApiError> {
    let permit = page::permit(&app, caller.user).await?;
    projected(&app, caller.user, conversation).await?;
    Ok(permit.page(app.deps.history.revisions(caller.user, conversation, message, query.before).await?))
}
