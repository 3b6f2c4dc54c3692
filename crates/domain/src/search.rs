//! Finding messages by what they say: the words of a text, what a person asks for, and whether a text is an answer to it.
//!
//! Both sides use the same [`words`]: what is written into the index, and what is looked up in it. A hit of the index is only a
//! candidate: [`Query::found_in`] looks at what the message says now, so that an edit holds before the index knows of it.

mod matching;
mod query;
mod words;

use std::collections::BTreeSet;

use relay_protocol::MessageBody;
use relay_types::UserId;

pub use query::{Has, Query, QueryError, Sender, Sequence, Term};
pub use words::{Token, words};

/// What a message is found by, in the index.
pub fn index_words(sender: UserId, body: &MessageBody) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    // A body that this version does not know says nothing to it; what was erased says nothing to anyone.
    let Some(text) = body.text() else { return found };
    found.extend(words(text.as_str()).into_iter().map(|token| token.word));
    found.insert(sender_word(sender));
    found.extend(Has::of(text.as_str()).map(Has::word).map(ToOwned::to_owned));
    found
}

/// The word of everything that this person wrote. No text has a word with `=`.
pub fn sender_word(sender: UserId) -> String {
    format!("=from:{sender}")
}

/// The words of what the messages have to have.
pub fn has_words(query: &Query) -> impl Iterator<Item = &'static str> {
    query.has.iter().map(|has| has.word())
}

/// Whether a title is called so: it has these words next to each other, the last of them perhaps only by its beginning.
pub fn names(name: &str, title: &str) -> bool {
    Sequence::beginning(name).is_some_and(|name| name.is_in(title))
}
