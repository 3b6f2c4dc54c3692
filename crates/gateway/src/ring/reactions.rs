//! What the remembered events say with emoji about one message, counted as they come and go: a reaction asks under the hub's lock.

use std::collections::HashMap;

use relay_domain::ports::RecentReactions;
use relay_types::{Emoji, MessageId, Seq, UserId};

use super::ALLOCATION_BYTES;

/// What remembering a reaction costs beside its emoji: its row of the message's tables, and perhaps the message's of all.
pub(super) const REACTION_BYTES: usize = 2 * size_of::<(UserId, Vec<Said>)>()
    + 2 * size_of::<Said>()
    + 2 * size_of::<(Emoji, u32)>()
    + 2 * size_of::<(MessageId, Reactions)>()
    + 5 * ALLOCATION_BYTES;

/// The newest that a person said with one emoji.
struct Said {
    emoji: Emoji,
    seq: Seq,
    on: bool,
}

/// The newest of each person and emoji.
#[derive(Default)]
pub(super) struct Reactions {
    /// Of each person the few that they tried: what others said is not walked through.
    said: HashMap<UserId, Vec<Said>>,
    /// How many people react with each; none has 0.
    counts: HashMap<Emoji, u32>,
}

impl Reactions {
    /// Takes what is newer than all that is here.
    pub(super) fn say(&mut self, user: UserId, emoji: &Emoji, seq: Seq, on: bool) {
        let theirs = self.said.entry(user).or_default();
        let before = if let Some(said) = theirs.iter_mut().find(|said| said.emoji == *emoji) {
            said.seq = seq;
            std::mem::replace(&mut said.on, on)
        } else {
            theirs.push(Said { emoji: emoji.clone(), seq, on });
            false
        };
        if before {
            self.uncount(emoji);
        }
        if on {
            *self.counts.entry(emoji.clone()).or_default() += 1;
        }
    }

    /// The event at `seq` is no longer remembered.
    pub(super) fn forget(&mut self, user: UserId, emoji: &Emoji, seq: Seq) {
        let Some(theirs) = self.said.get_mut(&user) else { return };
        let Some(at) = theirs.iter().position(|said| said.emoji == *emoji && said.seq == seq) else { return };
        let was_on = theirs.swap_remove(at).on;
        if theirs.is_empty() {
            self.said.remove(&user);
        }
        if was_on {
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
        let own = self.said.get(&author).into_iter().flatten();
        RecentReactions {
            kinds: self.counts.keys().cloned().collect(),
            count: self.counts.values().sum(),
            own: own.map(|said| (said.emoji.clone(), said.on)).collect(),
        }
    }
}
