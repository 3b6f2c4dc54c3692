//! What the remembered events say with emoji about one message, counted as they come and go: a reaction asks under the hub's lock.

use std::collections::HashMap;

use relay_domain::ports::RecentReactions;
use relay_types::{Emoji, MessageId, Seq, UserId};

use super::ALLOCATION_BYTES;

/// What remembering a reaction costs beside its emoji: its row of the message's tables, and perhaps the message's of all.
pub(super) const REACTION_BYTES: usize = 2 * size_of::<((UserId, Emoji), (Seq, bool))>()
    + 2 * size_of::<(Emoji, u32)>()
    + 2 * size_of::<(MessageId, Reactions)>()
    + 4 * ALLOCATION_BYTES;

/// The newest of each person and emoji.
#[derive(Default)]
pub(super) struct Reactions {
    said: HashMap<(UserId, Emoji), (Seq, bool)>,
    /// How many people react with each; none has 0.
    counts: HashMap<Emoji, u32>,
}

impl Reactions {
    /// Takes what is newer than all that is here.
    pub(super) fn say(&mut self, user: UserId, emoji: &Emoji, seq: Seq, on: bool) {
        let before = self.said.insert((user, emoji.clone()), (seq, on));
        if let Some((_, true)) = before {
            self.uncount(emoji);
        }
        if on {
            *self.counts.entry(emoji.clone()).or_default() += 1;
        }
    }

    /// The event at `seq` is no longer remembered.
    pub(super) fn forget(&mut self, user: UserId, emoji: &Emoji, seq: Seq) {
        let key = (user, emoji.clone());
        if self.said.get(&key).is_none_or(|(newest, _)| *newest != seq) {
            return;
        }
        if let Some((_, true)) = self.said.remove(&key) {
            self.uncount(emoji);
        }
    }

    fn uncount(&mut self, emoji: &Emoji) {
        if let Some(count) = self.counts.get_mut(emoji) {
            *count -= 1;
            if *count == 0 {
                self.counts.remove(emoji);
            }
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.said.is_empty()
    }

    /// Copies the kinds and `author`'s own, of which there are few.
    pub(super) fn recent(&self, author: UserId) -> RecentReactions {
        let own = self.said.iter().filter(|((user, _), _)| *user == author);
        RecentReactions {
            kinds: self.counts.keys().cloned().collect(),
            count: self.counts.values().sum(),
            own: own.map(|((_, emoji), (_, on))| (emoji.clone(), *on)).collect(),
        }
    }
}
