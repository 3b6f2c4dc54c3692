//! Who may post, as far as this gateway knows.

use std::time::Duration;

use relay_domain::ports::MembershipInterval;
use relay_types::{ConversationId, ShardId, UserId};

use crate::state::Shared;

/// A send to a conversation that the tail does not know the user to be in waits this long for the tail to reach the
/// log's end: the conversation may have been created a moment ago.
const MEMBERSHIP_WAIT: Duration = Duration::from_secs(2);

/// The log does not answer, or this gateway's tail has not passed what it holds.
#[derive(Clone, Copy)]
pub(crate) struct Behind;

/// As what the user may post to the conversation, as far as the tail has come; `None`: they are not in it.
pub(crate) fn known_membership(shared: &Shared, user: UserId, conversation: ConversationId) -> Option<Result<MembershipInterval, Behind>> {
    let membership = shared.hub.membership(user, conversation)?;
    // Published by an old view, it could neither be answered nor be sure to count.
    Some(if shared.hub.in_sight(membership.shard) { Ok(membership) } else { Err(Behind) })
}

/// As what the user may post to the conversation, if they may. "No" is said only by a gateway that is up to date.
pub(crate) async fn authorise(shared: &Shared, user: UserId, conversation: ConversationId) -> Result<Option<MembershipInterval>, Behind> {
    if let Some(known) = known_membership(shared, user, conversation) {
        return known.map(Some);
    }
    // Whoever was told over REST that they are in has their event in the log; this gateway may be a moment behind it.
    let shards = shared.hub.heads().into_keys();
    let up_to_date = futures::future::join_all(shards.map(|shard| is_up_to_date(shared, shard))).await;
    if !up_to_date.into_iter().all(|is| is) {
        return Err(Behind);
    }
    Ok(shared.hub.membership(user, conversation))
}

/// Whether the tail comes to where the log ends now.
async fn is_up_to_date(shared: &Shared, shard: ShardId) -> bool {
    let Ok(Ok(last)) = tokio::time::timeout(MEMBERSHIP_WAIT, shared.fresh_heads.last(shard)).await else { return false };
    shared.hub.reached(shard, last, MEMBERSHIP_WAIT).await
}
