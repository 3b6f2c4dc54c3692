//! Messages that somebody refers to: to answer or to edit them.

use relay_types::{Seq, TimestampMs, UserId};

/// What is known of a message to which somebody refers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Target {
    /// Its place in the order.
    pub seq: Seq,
    /// Who sent it.
    pub sender: UserId,
    /// When it was accepted.
    pub sent_at_ms: TimestampMs,
    /// What it holds.
    pub holds: Holds,
    /// How often it was edited, as far as that is known.
    pub edits: u32,
    /// Whether who refers to it may see it: it stands in their present stay.
    pub visible: bool,
}

/// What a message holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Holds {
    /// Text.
    Text,
    /// Something else, perhaps of a newer version's.
    Other,
    /// Nothing any more: its content was erased.
    Nothing,
}
