//! Who is typing: what the program says of its person, as often as the server wants to hear it, and what others are said to do,
//! which ends by itself.

use std::collections::HashMap;
use std::time::Duration;

use relay_protocol::ephemeral::{TYPING_LASTS_MS, TYPING_REPEAT_MS};
use relay_protocol::{TypingState, UserTyping};
use relay_types::{ConversationId, UserId};
use tokio::time::Instant;

/// People shown as typing at once; what comes beyond is not shown.
const MOST_SHOWN: usize = 1_000;
/// Conversations remembered in which the program said so.
const MOST_OWN: usize = 256;
const LASTS: Duration = Duration::from_millis(TYPING_LASTS_MS);
const REPEAT: Duration = Duration::from_millis(TYPING_REPEAT_MS);

/// Somebody began or stopped: where, who, whether they type now.
pub(super) type Change = (ConversationId, UserId, bool);

#[derive(Debug, Default)]
pub(super) struct Typing {
    /// When the program's person was last said to type.
    own: HashMap<ConversationId, Instant>,
    /// Until when others are shown.
    others: HashMap<(ConversationId, UserId), Instant>,
}

impl Typing {
    /// The person types. Whether to tell the server.
    pub(super) fn start(&mut self, conversation: ConversationId, now: Instant) -> bool {
        if self.own.get(&conversation).is_some_and(|at| now < *at + REPEAT) {
            return false;
        }
        if self.own.len() >= MOST_OWN {
            self.own.retain(|_, at| now < *at + LASTS);
        }
        self.own.len() < MOST_OWN && {
            self.own.insert(conversation, now);
            true
        }
    }

    /// The person types no more. Whether to tell the server: others may still be shown it.
    pub(super) fn stop(&mut self, conversation: ConversationId, now: Instant) -> bool {
        self.own.remove(&conversation).is_some_and(|at| now < at + LASTS)
    }

    /// The person says something, which ends it for everybody.
    pub(super) fn said(&mut self, conversation: ConversationId) {
        self.own.remove(&conversation);
    }

    /// The server says what somebody does.
    pub(super) fn heard(&mut self, frame: &UserTyping, me: UserId, now: Instant) -> Option<Change> {
        let key = (frame.conversation_id, frame.user_id);
        match frame.state {
            TypingState::Typing if frame.user_id != me => {
                if let Some(until) = self.others.get_mut(&key) {
                    *until = now + LASTS;
                    return None;
                }
                if self.others.len() >= MOST_SHOWN {
                    return None;
                }
                self.others.insert(key, now + LASTS);
                Some((key.0, key.1, true))
            }
            TypingState::Stopped => self.ended(key.0, key.1),
            TypingState::Typing | TypingState::Unknown(_) => None,
        }
    }

    /// They said it, or are gone from there.
    pub(super) fn ended(&mut self, conversation: ConversationId, user: UserId) -> Option<Change> {
        self.others.remove(&(conversation, user)).map(|_| (conversation, user, false))
    }

    /// Whoever has not been heard of for too long, or everybody of one conversation, or everybody.
    pub(super) fn expire(&mut self, now: Instant) -> Vec<Change> {
        self.end_where(|_, until| until <= now)
    }

    pub(super) fn leave(&mut self, conversation: ConversationId) -> Vec<Change> {
        self.own.remove(&conversation);
        self.end_where(|of, _| of == conversation)
    }

    pub(super) fn end_all(&mut self) -> Vec<Change> {
        self.own = HashMap::new();
        self.end_where(|_, _| true)
    }

    fn end_where(&mut self, ended: impl Fn(ConversationId, Instant) -> bool) -> Vec<Change> {
        let over = self.others.extract_if(|(conversation, _), until| ended(*conversation, *until));
        over.map(|((conversation, user), _)| (conversation, user, false)).collect()
    }

    /// When somebody is shown no longer.
    pub(super) fn next_end(&self) -> Option<Instant> {
        self.others.values().min().copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id<T: std::str::FromStr<Err: std::fmt::Debug>>(n: usize) -> T {
        format!("{n:026}").parse().unwrap()
    }

    fn frame(user: usize, state: TypingState) -> UserTyping {
        UserTyping { conversation_id: id(1), user_id: id(user), state, until_ms: None }
    }

    #[test]
    fn the_server_is_told_every_two_seconds_and_of_the_end_only_while_it_matters() {
        let (mut typing, now) = (Typing::default(), Instant::now());
        assert!(typing.start(id(1), now));
        assert!(!typing.start(id(1), now + REPEAT / 2));
        assert!(typing.start(id(1), now + REPEAT));
        assert!(typing.stop(id(1), now + REPEAT) && !typing.stop(id(1), now + REPEAT));
        assert!(typing.start(id(1), now + REPEAT), "begun again");
        assert!(!typing.stop(id(1), now + REPEAT + LASTS), "it is over anyway");
        typing.start(id(2), now);
        typing.said(id(2));
        assert!(!typing.stop(id(2), now));
        assert_eq!((0..1_000).filter(|n| typing.start(id(*n), now)).count(), MOST_OWN);
        assert!(typing.start(id(5_000), now + LASTS));
    }

    #[test]
    fn others_are_shown_once_and_end_by_themselves() {
        let (mut typing, now, me) = (Typing::default(), Instant::now(), id(9));
        assert_eq!(typing.heard(&frame(9, TypingState::Typing), me, now), None, "oneself");
        assert_eq!(typing.heard(&frame(2, TypingState::Typing), me, now), Some((id(1), id(2), true)));
        assert_eq!(typing.heard(&frame(2, TypingState::Typing), me, now + REPEAT), None, "they go on");
        assert_eq!(typing.expire(now + LASTS), []);
        assert_eq!(typing.next_end(), Some(now + REPEAT + LASTS));
        assert_eq!(typing.expire(now + REPEAT + LASTS), [(id(1), id(2), false)]);
        typing.heard(&frame(3, TypingState::Typing), me, now);
        assert_eq!(typing.heard(&frame(3, TypingState::Stopped), me, now), Some((id(1), id(3), false)));
        assert_eq!(typing.heard(&frame(3, TypingState::Stopped), me, now), None);
        let shown = (10..2_000).filter(|n| typing.heard(&frame(*n, TypingState::Typing), me, now).is_some()).count();
        assert_eq!(shown, MOST_SHOWN);
        assert_eq!(typing.leave(id(2)).len(), 0);
        assert_eq!(typing.leave(id(1)).len(), MOST_SHOWN);
        assert_eq!(typing.next_end(), None);
    }
}
