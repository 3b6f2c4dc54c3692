//! Who was in a conversation when, from what the projection knows and what the log says beyond it.

use std::collections::HashMap;

use relay_domain::ports::Stay;
use relay_protocol::log::LogEvent;
use relay_types::{Seq, UserId};

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

    /// Takes in the conversation's next event of the log. One that the projection has as well changes nothing.
    pub(crate) fn apply(&mut self, seq: Seq, event: &LogEvent) {
        event.joining().into_iter().for_each(|user| self.enter(user, seq));
        event.leaving().into_iter().for_each(|user| self.leave(user, seq));
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
