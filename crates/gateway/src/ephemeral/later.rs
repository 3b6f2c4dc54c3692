//! Notices for which the present moment has no room: the newest of each person in each conversation, the oldest first.

use std::collections::{HashMap, VecDeque};

use relay_protocol::ephemeral::TypingNotice;
use relay_types::{ConversationId, UserId};

use super::outgoing::Added;

/// Notices that wait at most. More are not told.
const MOST: usize = 4_096;

type Key = (ConversationId, UserId);

/// See the module.
#[derive(Default)]
pub(super) struct Later {
    /// Each key once.
    order: VecDeque<Key>,
    notices: HashMap<Key, TypingNotice>,
}

impl Later {
    pub(super) fn is_empty(&self) -> bool {
        self.order.is_empty()
    }

    pub(super) fn add(&mut self, notice: TypingNotice) -> Added {
        let key = (notice.conversation_id, notice.user_id);
        if let Some(waiting) = self.notices.get_mut(&key) {
            *waiting = notice;
            return Added::Conflated;
        }
        if self.order.len() >= MOST {
            return Added::Full;
        }
        self.order.push_back(key);
        self.notices.insert(key, notice);
        Added::Waits
    }

    pub(super) fn next(&mut self) -> Option<TypingNotice> {
        let key = self.order.pop_front()?;
        self.notices.remove(&key)
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.order.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use relay_protocol::TypingState;
    use relay_types::{Seq, ShardId};

    fn notice(n: usize, state: TypingState) -> TypingNotice {
        let (conversation_id, user_id) = (format!("{n:026}").parse().unwrap(), format!("{:026}", 7).parse().unwrap());
        TypingNotice { conversation_id, user_id, state, until_ms: None, shard: ShardId(0), as_of: Seq(1) }
    }

    #[test]
    fn a_newer_one_takes_the_place_of_an_older_and_the_number_is_bounded() {
        let mut later = Later::default();
        assert_eq!(later.add(notice(1, TypingState::Typing)), Added::Waits);
        assert_eq!(later.add(notice(2, TypingState::Typing)), Added::Waits);
        assert_eq!(later.add(notice(1, TypingState::Stopped)), Added::Conflated);
        assert_eq!(later.next(), Some(notice(1, TypingState::Stopped)), "in the older one's place");
        assert_eq!((later.next(), later.next()), (Some(notice(2, TypingState::Typing)), None));
        let full = (0..2 * MOST).filter(|n| later.add(notice(*n, TypingState::Typing)) == Added::Full).count();
        assert_eq!((later.len(), full), (MOST, MOST));
    }
}
