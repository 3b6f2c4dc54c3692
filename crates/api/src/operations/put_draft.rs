use axum::Json;
use axum::extract::State;
use relay_protocol::rest::{DraftVersion, Problem, PutDraftRequest};
use relay_types::ConversationId;

use crate::error::ApiError;
use crate::extract::{Body, Caller, PathId, enforce};
use crate::flush::flush_soon;
use crate::state::App;

/// Keeps what the caller is writing in a conversation, for their other devices, which are told that it changed (`DRAFT_CHANGED`) and read
/// it. It takes the place of what any of them kept before. The same once more changes nothing.
#[utoipa::path(
    put, path = "/v1/conversations/{id}/draft", operation_id = "putDraft", tag = "conversations",
    security(("access_token" = [])), params(("id" = ConversationId, Path, description = "Where.")), request_body = PutDraftRequest,
    responses(
        (status = 200, description = "It is kept.", body = DraftVersion),
        (status = "default", description = "A refusal.", body = Problem, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn put_draft(
    State(app): State<App>,
    caller: Caller,
    PathId(id): PathId<ConversationId>,
    Body(request): Body<PutDraftRequest>,
) -> Result<Json<DraftVersion>, ApiError> {
    enforce(&app, "drafts", app.config.limits.drafts_per_user, &caller.user.to_string()).await?;
    let (version, told) = app.deps.drafts.put_draft(caller.user, id, &request, app.now_ms()).await?;
    if let Some(address) = told {
        flush_soon(&app, address).await;
    }
    Ok(Json(DraftVersion { conversation_id: id, version }))
}
