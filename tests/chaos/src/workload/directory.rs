//! Small numbers instead of ids: a run records millions of deliveries.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hasher as _};

use relay_protocol::MessageBody;
use relay_types::{ClientId, ConversationId, UserId};

use super::Population;

/// Numbers of users and conversations, as positions in the population.
pub struct Directory {
    users: HashMap<UserId, u32>,
    rooms: HashMap<ConversationId, u32>,
}

impl Directory {
    pub fn of(population: &Population) -> Self {
        let number = |index: usize| u32::try_from(index).unwrap_or(u32::MAX);
        Self {
            users: population.people.iter().enumerate().map(|(index, person)| (person.user, number(index))).collect(),
            rooms: population.rooms.iter().enumerate().map(|(index, room)| (room.id, number(index))).collect(),
        }
    }

    /// A user nobody made has the largest number, so that a message of theirs is seen as nobody's.
    pub fn user(&self, id: UserId) -> u32 {
        self.users.get(&id).copied().unwrap_or(u32::MAX)
    }

    /// As with users.
    pub fn room(&self, id: ConversationId) -> u32 {
        self.rooms.get(&id).copied().unwrap_or(u32::MAX)
    }
}

/// A key as a number.
pub fn key_number(key: &ClientId) -> u64 {
    hash(key.as_str())
}

/// The text that belongs to a key, with a checksum of its rest; what arrives otherwise was not sent.
pub fn text_of(key: u64, padding: &str) -> String {
    format!("{key:016x}{:016x} {padding}", hash(padding))
}

/// Whether this text was sent with this key, whole.
pub fn text_fits(text: &str, key: u64) -> bool {
    text.split_once(' ').is_some_and(|(head, padding)| head == format!("{key:016x}{:016x}", hash(padding)))
}

/// Whether a body is one that was sent, or said later, with this key; nothing is left of what was deleted.
pub fn is_intact(body: &MessageBody, key: u64) -> bool {
    *body == MessageBody::Erased || body.text().is_some_and(|text| text_fits(text.as_str(), key))
}

/// A checksum of a text; `None` where there is none any more.
pub fn checksum(body: &MessageBody) -> Option<u64> {
    body.text().map(|text| hash(text.as_str()))
}

fn hash(text: &str) -> u64 {
    // The default hasher's keys are fixed: equal texts have equal numbers in one build.
    let mut hasher = DefaultHasher::new();
    hasher.write(text.as_bytes());
    hasher.finish()
}
