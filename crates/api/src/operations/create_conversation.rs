use std::collections::BTreeSet;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use relay_domain::ports::NewConversation;
use relay_protocol::ErrorCode;
use relay_protocol::rest::{Conversation, CreateConversationRequest, Problem};
use relay_types::{ConversationId, UserId};

use crate::error::ApiError;
use crate::extract::{Body, Caller};
use crate::flush::flush;
use crate::introductions;
use crate::state::App;

/// Creates a group, or the one conversation with another person: 200 when that existed, or a group of the same `client_key`;
/// 201 when it is new. To the other person it is a request until they answer. Members of a group with whom the caller shares no
/// accepted conversation are invited.
#[utoipa::path(
    post, path = "/v1/conversations", operation_id = "createConversation", tag = "conversations", security(("access_token" = [])),
    request_body = CreateConversationRequest,
    responses(
        (status = 200, description = "It existed.", body = Conversation),
        (status = 201, description = "The conversation is new.", body = Conversation),
        (status = "default", description = "A refusal.", body = Problem, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn create_conversation(
    State(app): State<App>,
    caller: Caller,
    Body(request): Body<CreateConversationRequest>,
) -> Result<(StatusCode, Json<Conversation>), ApiError> {
    let new = plan(caller.user, request, app.config.max_group_members)?;
    match &new {
        // Looking up one's conversation with somebody is no beginning.
        NewConversation::Direct { peer } if app.deps.conversations.direct_of(caller.user, *peer).await?.is_some() => {}
        NewConversation::Direct { peer } => {
            introductions::may_create(&app, caller.user).await?;
            introductions::may_ask(&app, caller.user, *peer).await?;
        }
        NewConversation::Group { members, .. } => {
            introductions::may_create(&app, caller.user).await?;
            introductions::may_invite(&app, caller.user, members).await?;
        }
    }
    let id = ConversationId::new(app.deps.ids.next_ulid());
    let decided = app.deps.conversations.create(id, caller.user, &new, app.config.people_limits(), app.now_ms()).await?;
    flush(&app, &decided.touched).await?;
    let status = if decided.value.fresh { StatusCode::CREATED } else { StatusCode::OK };
    Ok((status, Json(decided.value.conversation)))
}

fn plan(creator: UserId, request: CreateConversationRequest, max_members: usize) -> Result<NewConversation, ApiError> {
    match request {
        CreateConversationRequest::Direct { user_id } if user_id == creator => {
            Err(ApiError::new(ErrorCode::InvalidField, "user_id has to be another person"))
        }
        CreateConversationRequest::Direct { user_id } => Ok(NewConversation::Direct { peer: user_id }),
        CreateConversationRequest::Group { title, member_ids, client_key } => {
            let members: BTreeSet<UserId> = member_ids.into_iter().filter(|member| *member != creator).collect();
            if members.len() >= max_members {
                return Err(ApiError::plain(ErrorCode::GroupFull));
            }
            Ok(NewConversation::Group { title, members: members.into_iter().collect(), client_key })
        }
    }
}
