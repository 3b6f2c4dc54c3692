//! Look-ups that several checkers share.

use std::collections::{BTreeMap, HashMap, HashSet};

use crate::history::{History, LoggedWhat};

/// A key of a message: room, sender, the sender's key.
pub(crate) type MessageKey = (u32, u32, u64);

/// From which event to which a user sees a room.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Interval {
    pub(crate) from: u64,
    pub(crate) upto: u64,
}

#[derive(Debug, Default)]
pub(crate) struct Index {
    /// Where the log has a message.
    pub(crate) places: HashMap<MessageKey, Vec<u64>>,
    /// What the log has at a place.
    pub(crate) at: HashMap<u64, MessageKey>,
    /// Stays by room and user, ascending.
    pub(crate) intervals: BTreeMap<(u32, u32), Vec<Interval>>,
    /// Message places by room, ascending.
    pub(crate) messages: BTreeMap<u32, Vec<u64>>,
    /// Each room's newest event.
    pub(crate) heads: BTreeMap<u32, u64>,
    /// Messages whose sender had left before them: there for nobody, neither lost nor made up.
    pub(crate) void: HashSet<u64>,
}

impl Index {
    pub(crate) fn of(history: &History) -> Self {
        let mut this = Self::default();
        for event in &history.log {
            if let LoggedWhat::Message { sender, .. } = event.what
                && this.has_left(event.room, sender)
            {
                this.void.insert(event.seq);
                continue;
            }
            this.heads.insert(event.room, event.seq);
            match &event.what {
                LoggedWhat::Message { sender, key, .. } => {
                    let key = (event.room, *sender, *key);
                    this.places.entry(key).or_default().push(event.seq);
                    this.at.insert(event.seq, key);
                    this.messages.entry(event.room).or_default().push(event.seq);
                }
                LoggedWhat::Created { members } => members.iter().for_each(|user| this.enters(event.room, *user, event.seq)),
                LoggedWhat::Added { user } | LoggedWhat::Own { user } => this.enters(event.room, *user, event.seq),
                LoggedWhat::AddedAll { users } => users.iter().for_each(|user| this.enters(event.room, *user, event.seq)),
                LoggedWhat::Removed { user } => this.leaves(event.room, *user, event.seq),
                LoggedWhat::RemovedAll { users } => users.iter().for_each(|user| this.leaves(event.room, *user, event.seq)),
                LoggedWhat::Changed => {}
            }
        }
        this
    }

    /// So far.
    fn has_left(&self, room: u32, user: u32) -> bool {
        self.intervals.get(&(room, user)).and_then(|intervals| intervals.last()).is_some_and(|interval| interval.upto < u64::MAX)
    }

    fn enters(&mut self, room: u32, user: u32, seq: u64) {
        let intervals = self.intervals.entry((room, user)).or_default();
        // Added while in: nothing begins anew.
        if intervals.last().is_none_or(|interval| interval.upto < seq) {
            intervals.push(Interval { from: seq, upto: u64::MAX });
        }
    }

    fn leaves(&mut self, room: u32, user: u32, seq: u64) {
        if let Some(interval) = self.intervals.entry((room, user)).or_default().last_mut() {
            interval.upto = interval.upto.min(seq);
        }
    }

    /// Whether the user may see what stands there.
    pub(crate) fn sees(&self, room: u32, user: u32, seq: u64) -> bool {
        self.intervals
            .get(&(room, user))
            .is_some_and(|intervals| intervals.iter().any(|interval| (interval.from..=interval.upto).contains(&seq)))
    }

    /// The messages that the user has to see, by room, ascending.
    pub(crate) fn expected(&self, user: u32) -> impl Iterator<Item = (u32, Vec<u64>)> {
        self.intervals.iter().filter(move |((_, who), _)| *who == user).map(|((room, _), intervals)| {
            let messages = self.messages.get(room).map(Vec::as_slice).unwrap_or_default();
            let seen = intervals.iter().flat_map(|interval| {
                let from = messages.partition_point(|seq| *seq < interval.from);
                let upto = messages.partition_point(|seq| *seq <= interval.upto);
                messages.get(from..upto).unwrap_or_default().iter().copied()
            });
            (*room, seen.collect())
        })
    }
}
