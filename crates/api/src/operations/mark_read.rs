use axum::extract::State;
use axum::http::StatusCode;
use relay_protocol::activity::Deed;
use relay_protocol::rest::{MarkReadRequest, Problem};
use relay_types::ConversationId;

use super::projected_to;
use crate::error::ApiError;
use crate::extract::{Body, Caller, PathId, enforce};
use crate::flush::flush_soon;
use crate::state::App;

/// Moves the caller's read mark forward; never back, never beyond the last event. Their other devices are told (`READ_MARK_MOVED`):
/// at once, or, if that was said of the conversation less than 5 s ago, then. The other members are told too (`receipts`), unless the
/// caller has receipts off, or the conversation is a large one or waits for an answer.
#[utoipa::path(
    post, path = "/v1/conversations/{id}/read", operation_id = "markRead", tag = "conversations",
    security(("access_token" = [])), params(("id" = ConversationId, Path, description = "Which.")), request_body = MarkReadRequest,
    responses(
        (status = 204, description = "The mark is at least there, or at the last event."),
        (status = "default", description = "A refusal.", body = Problem, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn mark_read(
    State(app): State<App>,
    caller: Caller,
    PathId(id): PathId<ConversationId>,
    Body(request): Body<MarkReadRequest>,
) -> Result<StatusCode, ApiError> {
    enforce(&app, "read-marks", app.config.limits.read_marks_per_user, &caller.user.to_string()).await?;
    // A device marks a message as it comes: a moment before the projection has it.
    projected_to(&app, caller.user, id, request.seq).await?;
    let mark = app.deps.conversations.mark_read(caller.user, id, request.seq, app.now_ms(), Some(caller.session)).await?;
    if let Some(receipt) = mark.receipt {
        // What others may not know is told to nobody else either.
        app.deps.activity.tell(caller.user, Deed::MessageRead { conversation_id: id, seq: receipt.by.read_seq });
        app.deps.receipt_news.tell(receipt);
    }
    if let Some(address) = mark.touched {
        flush_soon(&app, address).await;
    }
    Ok(StatusCode::NO_CONTENT)
}
