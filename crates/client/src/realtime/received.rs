//! Telling the server what this device has of others' messages, so that they see that it was delivered: seldom, and in one frame.

use std::collections::HashMap;
use std::time::Duration;

use relay_protocol::ReceivedUpto;
use relay_protocol::command::MOST_RECEIVED;
use relay_types::{ConversationId, Seq};
use tokio::time::Instant;

/// From a message to the word about it: others of the same moment come along.
const GATHER: Duration = Duration::from_millis(100);
/// Between two words.
const EVERY: Duration = Duration::from_secs(1);
/// A word may be lost with its socket for so long. It has no answer.
const MAY_BE_LOST: Duration = Duration::from_secs(10);

/// What is told on one socket, and left to the next.
#[derive(Debug, Default)]
pub(super) struct ReceivedTeller {
    upto: HashMap<ConversationId, Seq>,
    /// While catching up the server reads nothing.
    live: bool,
    due: Option<Instant>,
    said: Option<Instant>,
    /// The last word.
    last: Vec<ReceivedUpto>,
    /// A server of before knows no such command.
    off: bool,
}

impl ReceivedTeller {
    /// Another's message came.
    pub(super) fn message(&mut self, conversation: ConversationId, seq: Seq, now: Instant) {
        if self.off {
            return;
        }
        let upto = self.upto.entry(conversation).or_default();
        *upto = (*upto).max(seq);
        self.plan(now);
    }

    /// What is to be said on the next socket: what was not, and what may not have come.
    pub(super) fn over(self, now: Instant) -> Self {
        let mut next = Self { upto: self.upto, ..Self::default() };
        if self.said.is_some_and(|said| now < said + MAY_BE_LOST) {
            for ReceivedUpto { conversation_id, seq } in self.last {
                let upto = next.upto.entry(conversation_id).or_default();
                *upto = (*upto).max(seq);
            }
        }
        next
    }

    /// Everything missed has come.
    pub(super) fn live(&mut self, now: Instant) {
        self.live = true;
        self.plan(now);
    }

    fn plan(&mut self, now: Instant) {
        if self.live && self.due.is_none() && !self.upto.is_empty() {
            let soon = now + GATHER;
            self.due = Some(self.said.map_or(soon, |said| soon.max(said + EVERY)));
        }
    }

    /// When there is something to say.
    pub(super) const fn due(&self) -> Option<Instant> {
        self.due
    }

    /// What is to be said now: the oldest first, because whoever has one place of a shard has everything before it.
    pub(super) fn take(&mut self, now: Instant) -> Vec<ReceivedUpto> {
        self.due = None;
        if self.off || !self.live {
            return Vec::new();
        }
        let mut all: Vec<ReceivedUpto> = self.upto.drain().map(|(conversation_id, seq)| ReceivedUpto { conversation_id, seq }).collect();
        all.sort_unstable_by_key(|upto| upto.seq);
        let rest = all.split_off(all.len().min(MOST_RECEIVED));
        self.upto.extend(rest.into_iter().map(|upto| (upto.conversation_id, upto.seq)));
        if !all.is_empty() {
            self.said = Some(now);
            self.last.clone_from(&all);
        }
        self.plan(now);
        all
    }

    /// The server refuses a command that it does not know. Whether it was this one.
    pub(super) fn is_unknown(&mut self) -> bool {
        let it_was = self.said.is_some() && !self.off;
        self.off |= it_was;
        if self.off {
            (self.upto, self.due, self.last) = (HashMap::new(), None, Vec::new());
        }
        it_was
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn room(n: usize) -> ConversationId {
        format!("{n:026}").parse().unwrap()
    }

    #[test]
    fn what_came_is_told_once_a_second_the_newest_of_each_conversation_and_not_before_it_is_live() {
        let (mut teller, now) = (ReceivedTeller::default(), Instant::now());
        teller.message(room(1), Seq(5), now);
        assert_eq!(teller.due(), None);
        teller.live(now);
        assert_eq!(teller.due(), Some(now + GATHER));
        for seq in [9, 7] {
            teller.message(room(1), Seq(seq), now);
        }
        let at = now + GATHER;
        assert_eq!(teller.take(at), [ReceivedUpto { conversation_id: room(1), seq: Seq(9) }]);
        assert_eq!((teller.due(), teller.take(at)), (None, Vec::new()));
        teller.message(room(2), Seq(10), at);
        assert_eq!(teller.due(), Some(at + EVERY));
    }

    #[test]
    fn what_may_be_lost_with_a_socket_is_told_on_the_next_one() {
        let (mut teller, now) = (ReceivedTeller::default(), Instant::now());
        teller.live(now);
        teller.message(room(1), Seq(5), now);
        teller.take(now);
        teller.message(room(2), Seq(7), now);
        let mut next = teller.over(now + EVERY);
        assert_eq!(next.due(), None);
        next.live(now);
        let both = [(1, 5), (2, 7)].map(|(n, seq)| ReceivedUpto { conversation_id: room(n), seq: Seq(seq) });
        assert_eq!(next.take(now), both);
        assert!(next.over(now + MAY_BE_LOST).upto.is_empty(), "it came");
    }

    #[test]
    fn many_conversations_go_out_in_parts_and_a_server_of_before_is_told_nothing() {
        let (mut teller, now) = (ReceivedTeller::default(), Instant::now());
        teller.live(now);
        for n in 0..100 {
            teller.message(room(n), Seq(1_000 - n as u64), now);
        }
        let (first, second) = (teller.take(now), teller.take(now + EVERY));
        assert_eq!((first.len(), second.len()), (MOST_RECEIVED, 100 - MOST_RECEIVED));
        assert!(first.iter().chain(&second).is_sorted_by_key(|upto| upto.seq));
        assert!(teller.is_unknown() && !teller.is_unknown());
        teller.message(room(1), Seq(2_000), now);
        assert_eq!((teller.due(), teller.take(now)), (None, Vec::new()));
    }
}
