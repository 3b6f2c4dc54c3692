//! Notices that wait to be told: the newest of each person in each conversation.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use relay_protocol::ephemeral::TypingNotice;
use relay_types::{ConversationId, UserId};

/// Notices that wait at most, of all people here: four for each place in the batches of one flush would never be sent in time.
const MOST_WAITING: usize = 16_384;
/// Notices are counted over this long.
const WINDOW: Duration = Duration::from_secs(5);

/// What became of a notice.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Added {
    Waits,
    Conflated,
    Full,
}

/// See the module. As large as what people gave in the last moments.
pub(super) struct Outgoing {
    waiting: HashMap<(ConversationId, UserId), TypingNotice>,
    given: HashMap<UserId, u32>,
    since: Instant,
    most: u32,
}

impl Outgoing {
    pub(super) fn new(per_s: u32) -> Self {
        let most = per_s.saturating_mul(u32::try_from(WINDOW.as_secs()).unwrap_or(1));
        Self { waiting: HashMap::new(), given: HashMap::new(), since: Instant::now(), most }
    }

    /// Counts a notice of the user's, and says whether it is one too many.
    pub(super) fn may_give(&mut self, user: UserId, now: Instant) -> bool {
        if now.saturating_duration_since(self.since) >= WINDOW {
            // Gives the room back as well.
            self.given = HashMap::new();
            self.since = now;
        }
        let given = self.given.entry(user).or_default();
        *given = given.saturating_add(1);
        *given <= self.most
    }

    pub(super) fn add(&mut self, notice: TypingNotice) -> Added {
        let key = (notice.conversation_id, notice.user_id);
        if let Some(waiting) = self.waiting.get_mut(&key) {
            *waiting = notice;
            return Added::Conflated;
        }
        if self.waiting.len() >= MOST_WAITING {
            return Added::Full;
        }
        self.waiting.insert(key, notice);
        Added::Waits
    }

    pub(super) fn take(&mut self) -> Vec<TypingNotice> {
        std::mem::take(&mut self.waiting).into_values().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use relay_protocol::TypingState;
    use relay_types::{Seq, ShardId};

    fn notice(n: u32, state: TypingState) -> TypingNotice {
        TypingNotice {
            conversation_id: format!("{n:026}").parse().unwrap(),
            user_id: format!("{:026}", 7).parse().unwrap(),
            state,
            until_ms: None,
            shard: ShardId(0),
            as_of: Seq(1),
        }
    }

    #[test]
    fn the_newest_of_a_person_waits_and_the_number_is_bounded() {
        let mut outgoing = Outgoing::new(2);
        assert_eq!(outgoing.add(notice(1, TypingState::Typing)), Added::Waits);
        assert_eq!(outgoing.add(notice(1, TypingState::Stopped)), Added::Conflated);
        assert_eq!(outgoing.take().first().map(|notice| notice.state), Some(TypingState::Stopped));
        let full = (0..20_000).filter(|n| outgoing.add(notice(*n, TypingState::Typing)) == Added::Full).count();
        assert_eq!((outgoing.take().len(), full), (MOST_WAITING, 20_000 - MOST_WAITING));
    }

    #[test]
    fn a_person_gives_so_many_and_others_are_not_held_up() {
        let (mut outgoing, now) = (Outgoing::new(2), Instant::now());
        let (ann, bob) = (format!("{:026}", 1).parse().unwrap(), format!("{:026}", 2).parse().unwrap());
        let given = (0..100).filter(|_| outgoing.may_give(ann, now)).count();
        assert_eq!(given, 10);
        assert!(outgoing.may_give(bob, now));
        assert!(outgoing.may_give(ann, now + WINDOW));
        assert!(!Outgoing::new(0).may_give(ann, now), "switched off");
    }
}
