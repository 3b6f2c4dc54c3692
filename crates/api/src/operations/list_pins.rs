use axum::extract::State;
use relay_protocol::rest::{PinList, Problem};
use relay_types::ConversationId;

use super::projected;
use crate::error::ApiError;
use crate::extract::{Caller, PathId};
use crate::page::{self, Page};
use crate::state::App;

/// What is pinned in a conversation, the newest pin first: of what the caller may see.
#[utoipa::path(
    get, path = "/v1/conversations/{id}/pins", operation_id = "listPins", tag = "messages", security(("access_token" = [])),
    params(("id" = ConversationId, Path, description = "Where.")),
    responses(
        (status = 200, description = "The pinned messages.", body = PinList),
        (status = "default", description = "A refusal.", body = Problem, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn list_pins(
    State(app): State<App>,
    caller: Caller,
    PathId(conversation): PathId<ConversationId>,
) -> Result<Page<PinList>, ApiError> {
    let permit = page::permit(&app, caller.user).await?;
    projected(&app, caller.user, conversation).await?;
    Ok(permit.page(app.deps.history.pins(caller.user, conversation).await?))
}
