use axum::extract::State;
use relay_protocol::rest::{Problem, ReaderList, ReadersQuery};
use relay_types::{ConversationId, MessageId};

use super::{page_limit, projected};
use crate::error::ApiError;
use crate::extract::{Caller, Params, PathMessage};
use crate::page::{self, Page};
use crate::state::App;

/// Who has read a message, in a conversation of any size. Only who is in the conversation now, and was when the message was sent.
#[utoipa::path(
    get, path = "/v1/conversations/{id}/messages/{message_id}/readers", operation_id = "listReaders", tag = "messages",
    security(("access_token" = [])),
    params(
        ("id" = ConversationId, Path, description = "Where."), ("message_id" = MessageId, Path, description = "Which."), ReadersQuery,
    ),
    responses(
        (status = 200, description = "A page.", body = ReaderList),
        (status = "default", description = "A refusal.", body = Problem, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn list_readers(
    State(app): State<App>,
    caller: Caller,
    PathMessage(conversation, message): PathMessage,
    Params(query): Params<ReadersQuery>,
) -> Result<Page<ReaderList>, ApiError> {
    let limit = page_limit(query.limit, 100, 500)?;
    let permit = page::permit(&app, caller.user).await?;
    projected(&app, caller.user, conversation).await?;
    let page = app.deps.receipts.readers(caller.user, conversation, message, query.cursor, limit).await?;
    Ok(permit.page(ReaderList { readers: page.readers, next_cursor: page.next }))
}
