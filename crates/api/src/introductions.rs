//! How often somebody may turn to people who do not know them, and how often a person may be turned to.

use futures::{StreamExt as _, TryStreamExt as _, stream};
use relay_types::UserId;

use crate::error::ApiError;
use crate::extract::{enforce, enforce_untold};
use crate::state::AppState;

/// Counted at once for one request.
const CONCURRENT: usize = 16;

/// Whether `actor` may begin one more conversation.
pub(crate) async fn may_create(app: &AppState, actor: UserId) -> Result<(), ApiError> {
    enforce(app, "creations", app.config.limits.creations_per_user, &actor.to_string()).await
}

/// Whether `actor` may turn to `person`, who has not answered them yet.
pub(crate) async fn may_ask(app: &AppState, actor: UserId, person: UserId) -> Result<(), ApiError> {
    enforce(app, "introductions", app.config.limits.introductions_per_user, &actor.to_string()).await?;
    enforce_untold(app, "introduced", app.config.limits.introductions_to_user, &person.to_string()).await
}

/// Whether `actor` may invite those of `people` who do not know them.
pub(crate) async fn may_invite(app: &AppState, actor: UserId, people: &[UserId]) -> Result<(), ApiError> {
    let strangers = app.deps.conversations.strangers(actor, people).await?;
    stream::iter(strangers).map(|person| may_ask(app, actor, person)).buffer_unordered(CONCURRENT).try_collect::<()>().await
}
