use axum::Json;
use axum::extract::State;
use relay_protocol::command::decode_emoji;
use relay_protocol::rest::{Problem, ReactionList, ReactionsQuery};
use relay_types::{ConversationId, MessageId};

use super::{page_limit, projected};
use crate::error::ApiError;
use crate::extract::{Caller, Params, PathMessage};
use crate::state::App;

/// Who reacted to a message, by user.
#[utoipa::path(
    get, path = "/v1/conversations/{id}/messages/{message_id}/reactions", operation_id = "listReactions", tag = "messages",
    security(("access_token" = [])),
    params(
        ("id" = ConversationId, Path, description = "Where."), ("message_id" = MessageId, Path, description = "Which."), ReactionsQuery,
    ),
    responses(
        (status = 200, description = "A page.", body = ReactionList),
        (status = "default", description = "A refusal.", body = Problem, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn list_reactions(
    State(app): State<App>,
    caller: Caller,
    PathMessage(conversation, message): PathMessage,
    Params(query): Params<ReactionsQuery>,
) -> Result<Json<ReactionList>, ApiError> {
    let limit = page_limit(query.limit, 50, 200)?;
    let emoji = query.emoji.map(|emoji| decode_emoji(emoji.as_str())).transpose();
    let emoji = emoji.map_err(|error| ApiError::new(error.code, error.reason))?;
    projected(&app, caller.user, conversation).await?;
    Ok(Json(app.deps.history.reactions(caller.user, conversation, message, emoji.as_ref(), query.after, limit).await?))
}
