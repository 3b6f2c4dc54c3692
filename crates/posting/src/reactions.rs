//! How many reactions a message may have.

use std::collections::BTreeSet;

use relay_domain::ports::{Reacted, RecentReactions};
use relay_types::{ConversationId, Emoji, MessageId, Seq, ShardId, UserId};

use super::target::{TargetRefused, within};
use super::{PostError, Poster};

/// Kinds of reactions to one message.
const MOST_KINDS: usize = 20;
/// Reactions to one message, of all kinds.
const MOST_IN_ALL: u32 = 10_000;
/// Emoji that one person may try on one message: each leaves a row, also when it is taken back.
const MOST_TRIED: usize = 40;
/// Members of a conversation in which people may react: each reaction is a frame for everybody.
const MOST_MEMBERS: u32 = 1_000;

impl Poster {
    /// Whether the message takes this reaction as well. Some more pass when they come at the same time, over several processes.
    pub(super) async fn room_for_reaction(
        &self,
        author: UserId,
        shard: ShardId,
        conversation: ConversationId,
        (message, seq): (MessageId, Seq),
        (emoji, on): (&Emoji, bool),
    ) -> Result<Result<(), TargetRefused>, PostError> {
        let recent = self.parts.recent.reactions(shard, message, author);
        let known = match within(self.parts.store.reacted(author, conversation, seq)).await {
            Ok(projected) => add(projected, recent),
            // All that was said of a message that is remembered itself is remembered, too; only how large the conversation is, is not
            // known. People react while Postgres is away, as they talk.
            Err(_) if self.parts.recent.remembered_after(shard).is_some_and(|after| seq > after) => add(Reacted::default(), recent),
            Err(error) => return Err(error),
        };
        Ok(judge(&known, emoji, on))
    }
}

/// What the projection may not know yet is added. What was taken back there counts until it does.
fn add(projected: Reacted, recent: RecentReactions) -> Reacted {
    let mut kinds: BTreeSet<Emoji> = projected.kinds.into_iter().collect();
    let mut own: BTreeSet<Emoji> = projected.own.into_iter().collect();
    let mut standing: BTreeSet<Emoji> = projected.standing.into_iter().collect();
    kinds.extend(recent.kinds);
    // The newest that they said is here, where they said anything.
    for (emoji, on) in recent.own {
        if on {
            standing.insert(emoji.clone());
        } else {
            standing.remove(&emoji);
        }
        own.insert(emoji);
    }
    Reacted {
        kinds: kinds.into_iter().collect(),
        own: own.into_iter().collect(),
        standing: standing.into_iter().collect(),
        // Most of these are counted there already.
        count: projected.count.max(recent.count),
        members: projected.members,
        hidden: projected.hidden,
    }
}

fn judge(known: &Reacted, emoji: &Emoji, on: bool) -> Result<(), TargetRefused> {
    let Reacted { kinds, count, own, standing, members, hidden } = known;
    // What they hid is not there for them. What they gave before can be taken back.
    if *hidden && on {
        return Err(TargetRefused::Unknown);
    }
    if *members > MOST_MEMBERS {
        return Err(TargetRefused::TooLarge);
    }
    // What is so already is not published: each event is a frame for everybody, and stays in the log.
    match (on, standing.contains(emoji)) {
        (true, true) => return Err(TargetRefused::AlreadyReacted),
        (false, false) => return Err(TargetRefused::NotReacted),
        // Once for each that was given, so it needs no other bound.
        (false, true) => return Ok(()),
        (true, false) => {}
    }
    let is_new_kind = !kinds.contains(emoji) && kinds.len() >= MOST_KINDS;
    let is_one_more = !own.contains(emoji) && own.len() >= MOST_TRIED;
    if is_new_kind || is_one_more || *count >= MOST_IN_ALL { Err(TargetRefused::TooManyReactions) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn emoji(n: usize) -> Emoji {
        char::from_u32(0x1f600 + u32::try_from(n).unwrap()).unwrap().to_string().parse().unwrap()
    }

    #[test]
    fn each_bound_has_its_place() {
        let known = |kinds: usize, own: usize, count, members| Reacted {
            kinds: (0..kinds).map(emoji).collect(),
            own: (0..own).map(emoji).collect(),
            standing: (0..own.min(2)).map(emoji).collect(),
            count,
            members,
            hidden: false,
        };
        let hidden = Reacted { hidden: true, ..known(3, 2, 3, 2) };
        assert_eq!((judge(&hidden, &emoji(70), true), judge(&hidden, &emoji(1), false)), (Err(TargetRefused::Unknown), Ok(())));
        let many = Err(TargetRefused::TooManyReactions);
        assert_eq!(judge(&known(19, 39, 9_999, 1_000), &emoji(70), true), Ok(()));
        assert_eq!((judge(&known(20, 0, 1, 2), &emoji(70), true), judge(&known(20, 0, 1, 2), &emoji(3), true)), (many, Ok(())));
        assert_eq!((judge(&known(3, 40, 1, 2), &emoji(70), true), judge(&known(3, 40, 1, 2), &emoji(30), true)), (many, Ok(())));
        assert_eq!(judge(&known(3, 3, 10_000, 2), &emoji(2), true), many);
        assert_eq!(judge(&known(0, 0, 0, 1_001), &emoji(1), true), Err(TargetRefused::TooLarge));
        // Given is what does not stand, taken back what stands: each once, and neither in a large conversation.
        let (already, nothing) = (Err(TargetRefused::AlreadyReacted), Err(TargetRefused::NotReacted));
        assert_eq!((judge(&known(20, 40, 10_000, 9), &emoji(1), true), judge(&known(3, 5, 9, 9), &emoji(2), true)), (already, Ok(())));
        assert_eq!((judge(&known(20, 40, 10_000, 9), &emoji(1), false), judge(&known(3, 5, 9, 9), &emoji(2), false)), (Ok(()), nothing));
        assert_eq!(judge(&known(3, 5, 9, 1_001), &emoji(1), false), Err(TargetRefused::TooLarge));
    }

    #[test]
    fn what_is_only_remembered_counts() {
        let recent = RecentReactions { kinds: vec![emoji(1), emoji(2)], count: 2, own: vec![(emoji(1), true), (emoji(3), false)] };
        let projected =
            Reacted { kinds: vec![emoji(1)], count: 1, own: vec![emoji(1)], standing: vec![emoji(3)], members: 7, hidden: false };
        let known = add(projected, recent);
        assert_eq!((known.kinds, known.count), (vec![emoji(1), emoji(2)], 2));
        assert_eq!((known.own, known.standing, known.members), (vec![emoji(1), emoji(3)], vec![emoji(1)], 7));
    }
}
