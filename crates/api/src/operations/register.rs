use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use relay_domain::ports::NewAccount;
use relay_protocol::ErrorCode;
use relay_protocol::rest::{Problem, RegisterRequest, UserProfile};
use relay_types::{ShardId, UserId};

use super::new_password;
use crate::error::ApiError;
use crate::extract::{Body, ClientAddress, enforce};
use crate::flush::flush;
use crate::state::App;

/// Creates an account. It has no session: log in next.
#[utoipa::path(
    post, path = "/v1/auth/register", operation_id = "register", tag = "auth", request_body = RegisterRequest,
    responses(
        (status = 201, description = "The account exists.", body = UserProfile),
        (status = "default", description = "A refusal.", body = Problem, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn register(
    State(app): State<App>,
    address: ClientAddress,
    Body(request): Body<RegisterRequest>,
) -> Result<(StatusCode, Json<UserProfile>), ApiError> {
    new_password(&request.password.0)?;
    if request.handle.is_reserved() {
        return Err(ApiError::plain(ErrorCode::HandleReserved));
    }
    enforce(&app, "register", app.config.limits.registrations_per_address, &address.limit_key()).await?;
    let names = vec![request.handle.to_string(), request.display_name.to_string()];
    let password_hash = app.deps.passwords.hash(request.password.0, names).await?;
    let user = UserId::new(app.deps.ids.next_ulid());
    let account = NewAccount {
        user,
        handle: request.handle,
        display_name: request.display_name,
        password_hash,
        home_shard: ShardId::home_of(user, app.deps.shards),
        at_ms: app.now_ms(),
    };
    let touched = app.deps.accounts.register(&account).await?;
    flush(&app, &touched).await?;
    let profile = UserProfile { user_id: user, handle: account.handle, display_name: account.display_name };
    Ok((StatusCode::CREATED, Json(profile)))
}
