//! Which position may be stored, which is reported, and when. Pure.

use std::collections::VecDeque;

use relay_protocol::Position;

/// Positions that wait for the program. When more come, the newest replaces the one before it.
const MAX_WAITING: usize = 16;

/// Counts events against positions: a position is stored only when the program has dealt with every event before it.
#[derive(Debug, Default)]
pub(super) struct Progress {
    /// Events handed to the program's stream.
    handed: u64,
    /// Whether events went nowhere because the program dropped its stream. Then nothing is stored any more.
    discarding: bool,
    /// Where to resume on the next socket: everything before it was handed over.
    resume: Option<Position>,
    /// Positions with the number of events before each.
    waiting: VecDeque<(Position, u64)>,
    /// The newest stored position and the number of events before it.
    stored: Option<(Position, u64)>,
    /// Events before the position that was reported last.
    reported: u64,
    /// Events since the newest position.
    unplaced: bool,
}

impl Progress {
    /// Begins where an earlier run stopped.
    pub(super) fn from_saved(position: Option<Position>) -> Self {
        Self { resume: position, ..Self::default() }
    }

    /// An event was handed over.
    pub(super) const fn handed_over(&mut self) {
        self.handed += 1;
        self.unplaced = true;
    }

    /// An event went nowhere.
    pub(super) fn discarded(&mut self) {
        self.discarding = true;
        self.waiting.clear();
    }

    /// The server says that everything up to `position` was sent before. All of it was handed over, except `undelivered`
    /// events that will be, whatever happens to the socket.
    pub(super) fn reached(&mut self, position: Position, undelivered: u64) {
        self.resume = Some(position.clone());
        self.unplaced = false;
        if self.discarding {
            return;
        }
        if self.waiting.len() >= MAX_WAITING {
            self.waiting.pop_back();
        }
        self.waiting.push_back((position, self.handed + undelivered));
    }

    /// Where to resume.
    pub(super) const fn resume_from(&self) -> Option<&Position> {
        self.resume.as_ref()
    }

    /// A newer position that may be stored, now that the program has dealt with `handled` events.
    pub(super) fn storable(&mut self, handled: u64) -> Option<Position> {
        let mut newest = None;
        while let Some((_, before)) = self.waiting.front() {
            if *before > handled {
                break;
            }
            newest = self.waiting.pop_front();
        }
        let (position, before) = newest?;
        self.stored = Some((position.clone(), before));
        Some(position)
    }

    /// Whether a position waits for the program.
    pub(super) fn is_waiting(&self) -> bool {
        !self.waiting.is_empty()
    }

    /// The position to put into a ping, which thereby counts as reported.
    pub(super) fn report(&mut self) -> Option<&Position> {
        let (position, before) = self.stored.as_ref()?;
        self.reported = *before;
        Some(position)
    }

    /// Whether a ping is worth its bytes: events have no position yet, or a stored one is not known to the server.
    pub(super) fn wants_ping(&self) -> bool {
        self.unplaced || self.stored.as_ref().is_some_and(|(_, before)| *before > self.reported)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use relay_types::{Seq, ShardId};

    fn position(seq: u64) -> Position {
        Position { epoch: "E".to_owned(), shards: [(ShardId(0), Seq(seq))].into() }
    }

    #[test]
    fn a_position_waits_for_the_program() {
        let mut progress = Progress::default();
        progress.reached(position(1), 0);
        assert_eq!(progress.storable(0), Some(position(1)), "nothing came before it");
        progress.handed_over();
        progress.handed_over();
        progress.reached(position(3), 0);
        assert_eq!(progress.resume_from(), Some(&position(3)), "the stream outlives a socket");
        assert_eq!(progress.storable(1), None);
        assert!(progress.is_waiting());
        assert_eq!(progress.storable(2), Some(position(3)));
        assert_eq!(progress.storable(2), None, "once");
    }

    #[test]
    fn a_program_that_is_always_behind_still_gets_somewhere() {
        let mut progress = Progress::default();
        for seq in 1..=100 {
            progress.handed_over();
            progress.reached(position(seq), 0);
        }
        assert_eq!(progress.storable(10), Some(position(10)));
        assert_eq!(progress.storable(100), Some(position(100)), "the newest is never lost");
    }

    #[test]
    fn quiet_clients_send_no_reports() {
        let mut progress = Progress::default();
        progress.reached(position(1), 0);
        progress.storable(0);
        assert!(!progress.wants_ping());
        progress.handed_over();
        assert!(progress.wants_ping(), "asks for a position");
        progress.reached(position(2), 0);
        assert!(!progress.wants_ping(), "nothing to report until the program is done with it");
        progress.storable(1);
        assert!(progress.wants_ping(), "reports it");
        assert_eq!(progress.report(), Some(&position(2)));
        progress.reached(position(9), 0);
        progress.storable(1);
        assert!(!progress.wants_ping(), "a position that only moved past other people's events is worth no ping");
    }

    #[test]
    fn without_a_program_nothing_is_stored() {
        let mut progress = Progress::default();
        progress.discarded();
        progress.reached(position(5), 0);
        assert_eq!(progress.storable(u64::MAX), None);
        assert_eq!(progress.resume_from(), Some(&position(5)));
    }
}
