//! What waits for one socket and may be lost: the newest ephemeral frame of each person in each conversation, and what has been read
//! there, in one frame for each conversation.

use std::collections::VecDeque;
use std::sync::Arc;

use bytes::Bytes;
use relay_protocol::presence::MOST_PRESENT;
use relay_protocol::{Presence, Receipts, ServerFrame};
use relay_types::{ConversationId, UserId};

/// Frames that wait at most.
const MOST_FRAMES: usize = 64;
/// Their bytes.
const MOST_BYTES: usize = 16 * 1024;

/// What a frame is about. A newer one takes its place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct DroppableKey {
    pub(crate) conversation: ConversationId,
    pub(crate) user: UserId,
}

/// What an event makes void of the frames that wait: sent behind it, they would say what is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Ends {
    #[default]
    Nothing,
    /// What one person does in a conversation: they have said it.
    Person(DroppableKey),
    /// Everything in a conversation: somebody came or left.
    Conversation(ConversationId),
}

/// What one frame is about.
#[derive(Debug, Clone)]
enum About {
    Person(DroppableKey),
    /// With what the frame says: news of others is added to it.
    Receipts(Arc<Receipts>),
    /// Who is there: news of others is added to it.
    Presence(Arc<Presence>),
}

impl About {
    fn conversation(&self) -> Option<ConversationId> {
        match self {
            Self::Person(key) => Some(key.conversation),
            Self::Receipts(receipts) => Some(receipts.conversation_id),
            Self::Presence(_) => None,
        }
    }
}

/// What became of the frames that had to make room, or were not taken in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Pushed {
    Queued,
    /// It took the place of an older one.
    Conflated,
    /// An older one was given up for it.
    Displaced,
    TooLarge,
}

#[derive(Debug, Default)]
pub(super) struct Droppable {
    frames: VecDeque<(About, Bytes)>,
    bytes: usize,
}

impl Droppable {
    pub(super) fn push(&mut self, key: DroppableKey, frame: Bytes) -> Pushed {
        let same = |about: &About| matches!(about, About::Person(of) if *of == key);
        self.put(same, About::Person(key), frame)
    }

    /// What others have read, with its frame. Marks that wait already are kept: each person's greatest is told.
    pub(super) fn push_receipts(&mut self, receipts: &Arc<Receipts>, frame: Bytes) -> Pushed {
        let same = |about: &About| matches!(about, About::Receipts(of) if of.conversation_id == receipts.conversation_id);
        let waiting =
            self.frames.iter().find_map(|(about, _)| if let About::Receipts(of) = about { Some(of).filter(|_| same(about)) } else { None });
        let Some(waiting) = waiting else { return self.put(same, About::Receipts(Arc::clone(receipts)), frame) };
        let mut merged = Receipts::clone(waiting);
        merged.merge(receipts);
        let frame = Bytes::from(ServerFrame::Receipts(merged.clone()).encode());
        self.put(same, About::Receipts(Arc::new(merged)), frame)
    }

    /// Who is there, with its frame. Of those who wait already, the newest is told.
    pub(super) fn push_presence(&mut self, presence: &Arc<Presence>, frame: Bytes) -> Pushed {
        let same = |about: &About| matches!(about, About::Presence(_));
        let waiting = self.frames.iter().find_map(|(about, _)| if let About::Presence(of) = about { Some(of) } else { None });
        let Some(waiting) = waiting else { return self.put(same, About::Presence(Arc::clone(presence)), frame) };
        let newer = |user| presence.people.iter().any(|one| one.user_id == user);
        let mut people: Vec<_> = waiting.people.iter().filter(|one| !newer(one.user_id)).copied().collect();
        people.extend(&presence.people);
        // What is too much is lost, the oldest first.
        people.drain(..people.len().saturating_sub(MOST_PRESENT));
        let merged = Presence { people };
        let frame = Bytes::from(ServerFrame::UserPresence(merged.clone()).encode());
        self.put(same, About::Presence(Arc::new(merged)), frame)
    }

    fn put(&mut self, same: impl Fn(&About) -> bool, about: About, frame: Bytes) -> Pushed {
        if frame.len() > MOST_BYTES / 2 {
            return Pushed::TooLarge;
        }
        self.bytes += frame.len();
        if let Some((of, waiting)) = self.frames.iter_mut().find(|(of, _)| same(of)) {
            self.bytes -= waiting.len();
            (*of, *waiting) = (about, frame);
            return Pushed::Conflated;
        }
        self.frames.push_back((about, frame));
        let mut displaced = false;
        while self.frames.len() > MOST_FRAMES || self.bytes > MOST_BYTES {
            let Some((_, oldest)) = self.frames.pop_front() else { break };
            self.bytes -= oldest.len();
            displaced = true;
        }
        if displaced { Pushed::Displaced } else { Pushed::Queued }
    }

    pub(super) fn end(&mut self, ends: Ends) {
        self.frames.retain(|(about, _)| match ends {
            Ends::Nothing => true,
            Ends::Person(person) => !matches!(about, About::Person(key) if *key == person),
            Ends::Conversation(conversation) => about.conversation() != Some(conversation),
        });
        self.bytes = self.frames.iter().map(|(_, frame)| frame.len()).sum();
    }

    pub(super) fn len(&self) -> usize {
        self.frames.len()
    }

    pub(super) fn into_frames(self) -> impl Iterator<Item = Bytes> {
        self.frames.into_iter().map(|(_, frame)| frame)
    }
}

#[cfg(test)]
mod tests {
    use relay_protocol::ReadBy;
    use relay_types::Seq;

    use super::*;

    fn key(n: u32) -> DroppableKey {
        DroppableKey { conversation: format!("{:026}", n % 2).parse().unwrap(), user: format!("{n:026}").parse().unwrap() }
    }

    #[test]
    fn it_is_bounded_in_frames_and_bytes_and_keeps_the_newest() {
        let mut lane = Droppable::default();
        for n in 0..200 {
            lane.push(key(n), Bytes::from(n.to_string()));
        }
        assert_eq!(lane.len(), MOST_FRAMES);
        assert_eq!(lane.push(key(199), Bytes::from_static(b"again")), Pushed::Conflated);
        for n in 200..220 {
            assert_eq!(lane.push(key(n), Bytes::from(vec![b'x'; MOST_BYTES / 4])), Pushed::Displaced);
        }
        assert!(lane.bytes <= MOST_BYTES && lane.len() == 4, "{} bytes in {}", lane.bytes, lane.len());
        assert_eq!(lane.push(key(1), Bytes::from(vec![b'x'; MOST_BYTES])), Pushed::TooLarge);
        let bytes = lane.bytes;
        assert_eq!(bytes, lane.into_frames().map(|frame| frame.len()).sum::<usize>());
    }

    #[test]
    fn what_others_have_read_waits_in_one_frame_with_the_greatest_mark_of_each() {
        let (mut lane, conversation_id) = (Droppable::default(), key(1).conversation);
        let receipts = |user, read| {
            let by = ReadBy { user_id: key(user).user, after_seq: Seq(0), read_seq: Seq(read) };
            Arc::new(Receipts { read: vec![by], ..Receipts::none(conversation_id) })
        };
        let mut push =
            |receipts: &Arc<Receipts>| lane.push_receipts(receipts, Bytes::from(ServerFrame::Receipts(Receipts::clone(receipts)).encode()));
        assert_eq!(push(&receipts(1, 5)), Pushed::Queued);
        for (user, read) in [(2, 4), (1, 7), (2, 3)] {
            assert_eq!(push(&receipts(user, read)), Pushed::Conflated);
        }
        for user in 0..60 {
            push(&receipts(user, u64::MAX));
        }
        lane.push(key(1), Bytes::from_static(b"typing"));
        lane.end(Ends::Person(key(1)));
        assert_eq!(lane.bytes, lane.frames.iter().map(|(_, frame)| frame.len()).sum::<usize>());
        let frames: Vec<Bytes> = lane.into_frames().collect();
        assert_eq!(frames.len(), 1);
        let ServerFrame::Receipts(told) = ServerFrame::decode(std::str::from_utf8(&frames[0]).unwrap()).unwrap() else { panic!() };
        assert!(told.read.len() == 60 && told.read.iter().all(|by| by.read_seq == Seq(u64::MAX)), "{told:?}");
        let mut lane = Droppable::default();
        lane.push_receipts(&receipts(1, 5), Bytes::from_static(b"x"));
        lane.end(Ends::Conversation(conversation_id));
        assert_eq!((lane.len(), lane.bytes), (0, 0));
    }

    #[test]
    fn an_event_ends_what_it_makes_void_and_no_more() {
        let mut lane = Droppable::default();
        for n in 0..4 {
            lane.push(key(n), Bytes::from_static(b"x"));
        }
        lane.end(Ends::Nothing);
        assert_eq!(lane.len(), 4);
        lane.end(Ends::Person(key(0)));
        assert_eq!(lane.len(), 3);
        lane.end(Ends::Conversation(key(1).conversation));
        assert_eq!((lane.len(), lane.bytes), (1, 1));
    }
}
