//! Who was in a conversation when, from what the projection knows and what the log says beyond it.

use std::collections::HashMap;

use relay_domain::ports::MemberInterval;
use relay_protocol::log::LogEvent;
use relay_types::{Seq, UserId};

/// Somebody's coming or going.
#[derive(Debug, Clone, Copy)]
pub(crate) struct MembershipChange {
    pub(crate) user: UserId,
    at: Seq,
    enters: bool,
}

impl MembershipChange {
    /// Those that an event of the log tells of.
    pub(crate) fn of(at: Seq, event: &LogEvent) -> Vec<Self> {
        let entering = event.joining().into_iter().map(|user| Self { user, at, enters: true });
        let leaving = event.leaving().into_iter().map(|user| Self { user, at, enters: false });
        entering.chain(leaving).collect()
    }
}

/// The intervals of some people in one conversation.
pub(crate) struct MemberIntervals(HashMap<UserId, Vec<(Seq, Option<Seq>)>>);

impl MemberIntervals {
    /// What the projection knows of `people`; nobody else counts.
    pub(crate) fn of(people: &[UserId], known: Vec<MemberInterval>) -> Self {
        let mut intervals: HashMap<_, Vec<_>> = people.iter().map(|user| (*user, Vec::new())).collect();
        for interval in known {
            intervals.entry(interval.user).or_default().push((interval.joined, interval.left));
        }
        Self(intervals)
    }

    /// Whether their intervals are known.
    pub(crate) fn knows(&self, user: UserId) -> bool {
        self.0.contains_key(&user)
    }

    /// Takes in what the projection knows of more people, and what the log said of them meanwhile.
    pub(crate) fn meet(&mut self, people: &[UserId], known: Vec<MemberInterval>, changes: &[MembershipChange]) {
        if people.is_empty() {
            return;
        }
        let mut theirs = Self::of(people, known);
        theirs.apply(changes);
        self.0.extend(theirs.0);
    }

    /// Takes in what the conversation's next event of the log tells. What the projection has as well changes nothing.
    pub(crate) fn apply(&mut self, changes: &[MembershipChange]) {
        for step in changes {
            if step.enters {
                self.enter(step.user, step.at);
            } else {
                self.leave(step.user, step.at);
            }
        }
    }

    fn enter(&mut self, user: UserId, at: Seq) {
        if let Some(intervals) = self.0.get_mut(&user)
            && !intervals.iter().any(|interval| covers(interval, at))
        {
            intervals.push((at, None));
        }
    }

    fn leave(&mut self, user: UserId, at: Seq) {
        let intervals = self.0.get_mut(&user).into_iter().flatten();
        for (_, left) in intervals.filter(|(joined, left)| *joined <= at && left.is_none()) {
            *left = Some(at);
        }
    }

    /// Whether they were in it there.
    pub(crate) fn inside(&self, user: UserId, at: Seq) -> bool {
        self.0.get(&user).is_some_and(|intervals| intervals.iter().any(|interval| covers(interval, at)))
    }

    /// The event that began the interval that lasts.
    pub(crate) fn present(&self, user: UserId) -> Option<Seq> {
        self.0.get(&user)?.iter().find(|(_, left)| left.is_none()).map(|(joined, _)| *joined)
    }
}

fn covers((joined, left): &(Seq, Option<Seq>), at: Seq) -> bool {
    *joined <= at && left.is_none_or(|left| at <= left)
}
