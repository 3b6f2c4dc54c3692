//! From what was recorded to the report.

use std::sync::Arc;

use relay_checkers::history::{Device, Disturbance, History};
use relay_checkers::judge as check;

use crate::finals::Finals;
use crate::nemesis::Outcome;
use crate::record::Taken;
use crate::report::Report;
use crate::workload::Population;

/// What else belongs to a run.
pub struct Facts {
    pub seed: u64,
    pub began_us: u64,
    pub ended_us: u64,
    /// Devices that did not see everything in time: device, room, what they should have seen, what they have.
    pub behind: Vec<(usize, u32, u64, u64)>,
    /// Holes that the SDK noticed, and reloads.
    pub gaps: u64,
    pub resets: u64,
    /// Times that a device was told that somebody types, and those where it should not have been.
    pub typing: u64,
    pub typing_astray: u64,
    /// Processes that ended by themselves.
    pub restarts: u64,
    pub outcome: Outcome,
    pub population: Arc<Population>,
}

/// Judges the whole history.
pub fn judge(taken: Taken, finals: Finals, facts: &Facts) -> Report {
    let devices = taken.seen.into_iter().enumerate().map(|(index, events)| {
        let user = facts.population.logins.get(index).and_then(|login| u32::try_from(login.person).ok()).unwrap_or(u32::MAX);
        // Nobody is excused: a device that is behind by now has lost something.
        Device { user, events, complete: true }
    });
    let disturbances = facts.outcome.windows.iter().map(|window| Disturbance {
        fault: format!("{} of {}", window.fault, window.target),
        healed_us: window.healed_us,
        recovered_us: window.recovered_us,
    });
    let (mut log, mut amendments, mut reacted) = (Vec::new(), Vec::new(), Vec::new());
    for part in taken.logs {
        log.extend(part.events);
        amendments.extend(part.amendments);
        reacted.extend(part.reacted);
    }
    // The same, as below.
    amendments.sort_by_key(|amendment| amendment.seq);
    reacted.sort_by_key(|reacted| reacted.seq);
    // The log of an ended epoch is read before it ends, and what is read at the end may begin with it.
    log.sort_by_key(|event| event.seq);
    // A message of an ended epoch that was deleted in the next one stands in both.
    log.dedup_by_key(|event| event.seq);
    let history = History {
        sends: taken.sends,
        devices: devices.collect(),
        log,
        rows: finals.rows,
        events: finals.events,
        histories: finals.history.into_iter().zip(0..).map(|(rows, room)| (room, rows)).collect(),
        reads: taken.reads,
        membership: taken.membership,
        receipts: taken.receipts,
        own_from: taken.own_from,
        amendments,
        said: taken.said,
        said_in_history: finals.said.into_iter().zip(0..).map(|(said, room)| (room, said)).collect(),
        reacted,
        heard: taken.heard,
        reactions_in_history: finals.reactions.into_iter().zip(0..).map(|(shown, room)| (room, shown)).collect(),
        disturbances: disturbances.collect(),
        ..History::default()
    };
    let verdict = check(&history);
    Report::of(&history, &verdict, facts, finals.verify)
}
