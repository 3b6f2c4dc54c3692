//! Putting what a person publishes into the log over REST.

use relay_domain::ports::{LogAddress, MembershipState};
use relay_posting::{Accepted, Publication};
use relay_protocol::ErrorCode;
use relay_runtime::trace::TraceContext;
use relay_types::{ShardId, UserId};

use crate::deps::Deps;
use crate::error::ApiError;
use crate::extract::{Caller, enforce};
use crate::flush::flush_by;
use crate::state::App;

/// Answers once it is in the log. The same key again gives the same ack.
pub(crate) async fn publish(app: &App, caller: Caller, trace: &TraceContext, publication: Publication) -> Result<Accepted, ApiError> {
    enforce(app, "send", app.config.limits.sends_per_user, &caller.user.to_string()).await?;
    let (shard, accepted) = publish_for(&app.deps, caller.user, trace, publication).await?;
    app.read_your_writes.observe(shard, accepted.original.seq);
    Ok(accepted)
}

/// The same on behalf of somebody, who may do it now or not at all. Answers with the shard, too.
pub(crate) async fn publish_for(
    deps: &Deps,
    author: UserId,
    trace: &TraceContext,
    publication: Publication,
) -> Result<(ShardId, Accepted), ApiError> {
    let conversation = publication.conversation;
    let membership = deps.conversations.membership_state(author, conversation).await?;
    let MembershipState { shard, member } = membership.ok_or_else(|| ApiError::plain(ErrorCode::NotMember))?;
    // From here to the log's answer nobody is put out of the conversation: what is acknowledged was sent by a member.
    let hold = if member { deps.postings.hold(author, conversation, shard).await? } else { None };
    let Some(hold) = hold else {
        return original(deps, author, shard, &publication).await.map(|accepted| (shard, accepted));
    };
    if hold.unflushed() {
        // The event that lets the sender in, or begins the conversation, may be among them: a message before it is for nobody.
        flush_by(deps, &[LogAddress::Conversation { shard, id: conversation }]).await.map_err(not_yet)?;
    }
    let accepted = deps.poster.post(author, shard, publication, Some(&trace.to_string())).await?;
    let unknown = |error| ApiError { detail: "whether the message stands is unknown".into(), ..ApiError::outcome_unknown(&error) };
    hold.release().await.map_err(unknown)?;
    Ok((shard, accepted))
}

/// The answer to somebody who is not in it: a retry of what they sent while they were gets its ack, and nothing else does.
async fn original(deps: &Deps, user: UserId, shard: ShardId, publication: &Publication) -> Result<Accepted, ApiError> {
    let found = deps.poster.find(shard, publication.key(user)).await?;
    found.ok_or_else(|| ApiError::plain(ErrorCode::NotMember))
}

/// What waits stands; of the message nothing is stored.
fn not_yet(error: ApiError) -> ApiError {
    // What may be stored is that change, decided before, and not this message.
    let code = if error.code == ErrorCode::OutcomeUnknown { ErrorCode::Unavailable } else { error.code };
    ApiError { code, detail: "the conversation's last change is not in the log yet; nothing was sent".into(), ..error }
}
