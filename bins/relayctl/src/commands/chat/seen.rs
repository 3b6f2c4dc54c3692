//! What was said here, and who has read it.

use std::collections::{HashMap, VecDeque};

use relay_protocol::Receipts;
use relay_types::{ConversationId, Seq, UserId};

/// Messages of one conversation that are looked after.
const MOST_SENT: usize = 100;

/// See the module. Numbers are those that were printed when the messages went out.
#[derive(Default)]
pub struct Seen {
    /// The newest last.
    sent: HashMap<ConversationId, VecDeque<(u32, Seq)>>,
    read: HashMap<ConversationId, Receipts>,
}

impl Seen {
    /// A message is in the log. Who is known to have read it already.
    pub fn sent(&mut self, conversation: ConversationId, number: u32, seq: Seq) -> Vec<UserId> {
        let sent = self.sent.entry(conversation).or_default();
        sent.push_back((number, seq));
        if sent.len() > MOST_SENT {
            sent.pop_front();
        }
        let known = self.read.get(&conversation).into_iter().flat_map(|receipts| &receipts.read);
        known.filter(|by| by.covers(seq)).map(|by| by.user_id).collect()
    }

    /// As [`Self::news`], of what others' devices have and they have not read.
    pub fn arrived(&mut self, news: &Receipts) -> Vec<(UserId, u32)> {
        let Some(sent) = self.sent.get(&news.conversation_id) else { return Vec::new() };
        let known = self.read.entry(news.conversation_id).or_insert_with(|| Receipts::none(news.conversation_id));
        let mut arrived = Vec::new();
        for to in &news.delivered {
            let before = known.delivered.iter().find(|known| known.user_id == to.user_id).map_or(Seq::ZERO, |known| known.seq);
            let read = known.read.iter().find(|by| by.user_id == to.user_id);
            let newest = sent.iter().rev().find(|(_, seq)| *seq <= to.seq && *seq > before);
            if let Some((number, _)) = newest.filter(|(_, seq)| !read.is_some_and(|by| by.covers(*seq))) {
                arrived.push((to.user_id, *number));
            }
            known.has(to);
        }
        arrived
    }

    /// Takes in what others have read. For each of them, the newest message of ours that they had not read before.
    pub fn news(&mut self, news: &Receipts) -> Vec<(UserId, u32)> {
        let known = self.read.entry(news.conversation_id).or_insert_with(|| Receipts::none(news.conversation_id));
        let before = known.clone();
        known.merge(news);
        let Some(sent) = self.sent.get(&news.conversation_id) else { return Vec::new() };
        let newest = |of: &Receipts, user: UserId| {
            let by = of.read.iter().find(|by| by.user_id == user)?;
            sent.iter().rev().find(|(_, seq)| by.covers(*seq)).map(|(number, _)| *number)
        };
        let people = news.read.iter().map(|by| by.user_id);
        people.filter_map(|user| Some((user, newest(known, user).filter(|now| Some(*now) != newest(&before, user))?))).collect()
    }

    /// Where something was said here.
    pub fn conversations(&self) -> Vec<ConversationId> {
        self.sent.keys().copied().collect()
    }

    /// One is not in it any more.
    pub fn forget(&mut self, conversation: ConversationId) {
        self.sent.remove(&conversation);
        self.read.remove(&conversation);
    }
}

#[cfg(test)]
mod tests {
    use relay_protocol::{DeliveredTo, ReadBy};

    use super::*;

    #[test]
    fn each_reader_is_told_once_with_the_newest_message_they_read() {
        let room: ConversationId = "01ARZ3NDEKTSV4RRFFQ69G5FAV".parse().unwrap();
        let bob: UserId = "01ARZ3NDEKTSV4RRFFQ69G5FAW".parse().unwrap();
        let mark = |after, read| Receipts {
            conversation_id: room,
            read: vec![ReadBy { user_id: bob, after_seq: Seq(after), read_seq: Seq(read) }],
            delivered: Vec::new(),
        };
        let devices = |seq| Receipts { delivered: vec![DeliveredTo { user_id: bob, seq: Seq(seq) }], ..Receipts::none(room) };
        let mut seen = Seen::default();
        assert_eq!(seen.news(&mark(3, 12)), [], "nothing was said");
        assert_eq!(seen.sent(room, 1, Seq(12)), [bob], "the mark came before the ack");
        for (number, seq) in [(2, 20), (3, 21), (4, 30)] {
            assert_eq!(seen.sent(room, number, Seq(seq)), []);
        }
        assert_eq!(seen.arrived(&devices(20)), [(bob, 2)]);
        assert_eq!(seen.arrived(&devices(20)), []);
        assert_eq!(seen.news(&mark(3, 25)), [(bob, 3)]);
        assert_eq!(seen.arrived(&devices(21)), [], "it was read");
        assert_eq!(seen.news(&mark(3, 25)), []);
        assert_eq!(seen.news(&mark(3, 22)), [], "late news");
        assert_eq!(seen.news(&mark(30, 30)), [], "read while it was off");
        assert_eq!(seen.news(&mark(30, 40)), []);
    }
}
