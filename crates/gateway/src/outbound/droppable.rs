//! What waits for one socket and may be lost: the newest ephemeral frame of each person in each conversation.

use std::collections::VecDeque;

use bytes::Bytes;
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
    frames: VecDeque<(DroppableKey, Bytes)>,
    bytes: usize,
}

impl Droppable {
    pub(super) fn push(&mut self, key: DroppableKey, frame: Bytes) -> Pushed {
        if frame.len() > MOST_BYTES / 4 {
            return Pushed::TooLarge;
        }
        self.bytes += frame.len();
        if let Some((_, waiting)) = self.frames.iter_mut().find(|(of, _)| *of == key) {
            self.bytes -= waiting.len();
            *waiting = frame;
            return Pushed::Conflated;
        }
        self.frames.push_back((key, frame));
        let mut displaced = false;
        while self.frames.len() > MOST_FRAMES || self.bytes > MOST_BYTES {
            let Some((_, oldest)) = self.frames.pop_front() else { break };
            self.bytes -= oldest.len();
            displaced = true;
        }
        if displaced { Pushed::Displaced } else { Pushed::Queued }
    }

    pub(super) fn end(&mut self, ends: Ends) {
        self.frames.retain(|(key, _)| match ends {
            Ends::Nothing => true,
            Ends::Person(person) => *key != person,
            Ends::Conversation(conversation) => key.conversation != conversation,
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
