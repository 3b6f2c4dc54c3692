//! Who may pin, and how many messages a conversation pins.

use std::time::Instant;

use relay_domain::conversation::{Change, decide};
use relay_domain::ports::Pinned;
use relay_types::{ConversationId, Seq, ShardId, UserId};

use super::target::{TargetRefused, within};
use super::{PostError, Poster, SETTLE, SETTLE_STEP, undecided};

/// Messages that are pinned in one conversation at a time.
const MOST_PINS: u32 = 50;

impl Poster {
    /// Whether the author may pin the message, or take that back. Pins are few and need roles anyway, so the projection is asked once it
    /// has what the log held: what was pinned through another process counts. Two that come at the same moment may both pass.
    pub(super) async fn room_for_pin(
        &self,
        author: UserId,
        shard: ShardId,
        conversation: ConversationId,
        message: Seq,
        on: bool,
    ) -> Result<Result<(), TargetRefused>, PostError> {
        let head = self.parts.tails.head(shard);
        let head = tokio::time::timeout(SETTLE, head).await.map_err(|_elapsed| undecided("the log does not answer".to_owned()))?;
        let needed = head.map_err(|error| undecided(error.to_string()))?.last;
        let started = Instant::now();
        while within(self.parts.store.watermarks()).await?.get(&shard).copied().unwrap_or_default() < needed {
            if started.elapsed() > SETTLE {
                return Err(undecided("the projection is behind the log".to_owned()));
            }
            tokio::time::sleep(SETTLE_STEP).await;
        }
        let known = within(self.parts.store.pinned(author, conversation, message)).await?;
        Ok(judge(known, author, on))
    }
}

fn judge(known: Option<Pinned>, author: UserId, on: bool) -> Result<(), TargetRefused> {
    // Somebody who was removed a moment ago.
    let Pinned { kind, role, is_pinned, pins } = known.ok_or(TargetRefused::PinForbidden)?;
    decide(kind, author, role, Change::Pin, 0, 0).map_err(|_denied| TargetRefused::PinForbidden)?;
    match (on, is_pinned) {
        (true, true) => Err(TargetRefused::AlreadyPinned),
        (false, false) => Err(TargetRefused::NotPinned),
        (true, false) if pins >= MOST_PINS => Err(TargetRefused::TooManyPins),
        (true, false) | (false, true) => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use relay_protocol::conversation::{ConversationKind, Role};

    #[test]
    fn each_bound_has_its_place() {
        let me: UserId = "01ARZ3NDEKTSV4RRFFQ69G5FAV".parse().unwrap();
        let (direct, group) = (ConversationKind::Direct, ConversationKind::Group);
        let judged = |kind, role, is_pinned, pins, on| judge(Some(Pinned { kind, role, is_pinned, pins }), me, on).err();
        assert_eq!(judged(direct, Role::Member, false, 49, true), None);
        assert_eq!(judged(direct, Role::Member, false, 50, true), Some(TargetRefused::TooManyPins));
        assert_eq!(judged(direct, Role::Member, true, 50, false), None);
        assert_eq!(judged(group, Role::Member, false, 0, true), Some(TargetRefused::PinForbidden));
        assert_eq!(judged(group, Role::Member, true, 1, false), Some(TargetRefused::PinForbidden));
        assert_eq!((judged(group, Role::Admin, false, 0, true), judged(group, Role::Owner, true, 1, false)), (None, None));
        assert_eq!(judged(group, Role::Admin, true, 50, true), Some(TargetRefused::AlreadyPinned));
        assert_eq!(judged(group, Role::Admin, false, 50, false), Some(TargetRefused::NotPinned));
        assert_eq!(judge(None, me, true), Err(TargetRefused::PinForbidden));
    }
}
