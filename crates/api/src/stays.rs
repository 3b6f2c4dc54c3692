//! Who was in a conversation when, from what the projection knows and what the log says beyond it.

use std::collections::HashMap;

use relay_domain::ports::Stay;
use relay_protocol::log::LogEvent;
use relay_types::{Seq, UserId};

/// Somebody's coming or going.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Move {
    pub(crate) user: UserId,
    at: Seq,
    enters: bool,
}

impl Move {
    /// Those that an event of the log tells of.
    pub(crate) fn of(at: Seq, event: &LogEvent) -> Vec<Self> {
        let entering = event.joining().into_iter().map(|user| Self { user, at, enters: true });
        let leaving = event.leaving().into_iter().map(|user| Self { user, at, enters: false });
        entering.chain(leaving).collect()
    }
}

/// The stays of some people in one conversation.
pub(crate) struct Stays(HashMap<UserId, Vec<(Seq, Option<Seq>)>>);

impl Stays {
    /// What the projection knows of `people`; nobody else counts.
    pub(crate) fn of(people: &[UserId], known: Vec<Stay>) -> Self {
        let mut stays: HashMap<_, Vec<_>> = people.iter().map(|user| (*user, Vec::new())).collect();
        for stay in known {
            stays.entry(stay.user).or_default().push((stay.joined, stay.left));
        }
        Self(stays)
    }

    /// Whether their stays are known.
    pub(crate) fn knows(&self, user: UserId) -> bool {
        self.0.contains_key(&user)
    }

    /// Takes in what the projection knows of more people, and what the log said of them meanwhile.
    pub(crate) fn meet(&mut self, people: &[UserId], known: Vec<Stay>, moves: &[Move]) {
        if people.is_empty() {
            return;
        }
        let mut theirs = Self::of(people, known);
        theirs.apply(moves);
        self.0.extend(theirs.0);
    }

    /// Takes in what the conversation's next event of the log tells. What the projection has as well changes nothing.
    pub(crate) fn apply(&mut self, moves: &[Move]) {
        for step in moves {
            if step.enters {
                self.enter(step.user, step.at);
            } else {
                self.leave(step.user, step.at);
            }
        }
    }

    fn enter(&mut self, user: UserId, at: Seq) {
        if let Some(stays) = self.0.get_mut(&user)
            && !stays.iter().any(|stay| covers(stay, at))
        {
            stays.push((at, None));
        }
    }

    fn leave(&mut self, user: UserId, at: Seq) {
        let stays = self.0.get_mut(&user).into_iter().flatten();
        for (_, left) in stays.filter(|(joined, left)| *joined <= at && left.is_none()) {
            *left = Some(at);
        }
    }

    /// Whether they were in it there.
    pub(crate) fn inside(&self, user: UserId, at: Seq) -> bool {
        self.0.get(&user).is_some_and(|stays| stays.iter().any(|stay| covers(stay, at)))
    }

    /// The event that began the stay that lasts.
    pub(crate) fn present(&self, user: UserId) -> Option<Seq> {
        self.0.get(&user)?.iter().find(|(_, left)| left.is_none()).map(|(joined, _)| *joined)
    }
}

fn covers((joined, left): &(Seq, Option<Seq>), at: Seq) -> bool {
    *joined <= at && left.is_none_or(|left| at <= left)
}
