//! What the checkers found.

use std::collections::BTreeMap;
use std::fmt;

use crate::history::{Answer, History, What};

/// Violations shown per check; all are counted.
const SAMPLES: usize = 20;

/// Which promise.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Check {
    /// C1: what was acknowledged is in the log, in the history, and on every member's devices.
    Loss,
    /// Between the log and Postgres nothing is left over on either side.
    Unaccounted,
    /// C2: one order, the same for everybody.
    Order,
    /// C3: one key, one message.
    Duplicate,
    /// C4: nothing that nobody sent, nothing that was refused.
    Phantom,
    /// C5: each event names the one before it.
    Gap,
    /// C6: marks never go back nor beyond the head.
    Receipt,
    /// C7: after an acknowledgement the history has it.
    ReadYourWrites,
    /// C8: what one socket sent keeps its order.
    SessionOrder,
    /// C9: in the end all devices have the same.
    Convergence,
    /// C10: nothing after a removal; changes that were answered are in the log.
    Removal,
    /// C11: kept as long as promised, and no longer.
    Retention,
    /// C12: sending works again after a fault.
    Liveness,
    /// C13: what was deleted does not come back.
    Resurrection,
    /// C14: a user's own events reach all their devices, once, and nothing else does.
    Own,
    /// C15: in the end each message is everywhere as the log has it.
    State,
    /// C16: in the end the reactions to each message are everywhere as the log has them.
    Reactions,
}

impl fmt::Display for Check {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = match self {
            Self::Loss => "C1 loss",
            Self::Unaccounted => "unaccounted",
            Self::Order => "C2 order",
            Self::Duplicate => "C3 duplicate",
            Self::Phantom => "C4 phantom",
            Self::Gap => "C5 gap",
            Self::Receipt => "C6 receipt",
            Self::ReadYourWrites => "C7 read your writes",
            Self::SessionOrder => "C8 session order",
            Self::Convergence => "C9 convergence",
            Self::Removal => "C10 removal",
            Self::Retention => "C11 retention",
            Self::Liveness => "C12 liveness",
            Self::Resurrection => "C13 resurrection",
            Self::Own => "C14 own events",
            Self::State => "C15 state of messages",
            Self::Reactions => "C16 reactions",
        };
        f.write_str(name)
    }
}

/// One broken promise.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    /// Which promise.
    pub check: Check,
    /// Where and how, by the run's numbers.
    pub detail: String,
}

/// The outcome of a run.
#[derive(Debug, Clone, Default)]
pub struct Verdict {
    /// Distinct messages that were acknowledged.
    pub acked: u64,
    /// Calls without an answer.
    pub unknown: u64,
    /// Calls that were refused.
    pub refused: u64,
    /// Messages that devices were told of, repetitions after a crash included.
    pub delivered: u64,
    counts: BTreeMap<Check, u64>,
    samples: Vec<Violation>,
}

impl Verdict {
    pub(crate) fn of(history: &History) -> Self {
        let mut this = Self::default();
        let mut acked: Vec<(u32, u32, u64)> = Vec::new();
        for send in &history.sends {
            match send.answer {
                Answer::None => this.unknown += 1,
                Answer::Refused { .. } => this.refused += 1,
                Answer::Acked { .. } => acked.push((send.room, send.sender, send.key)),
            }
        }
        acked.sort_unstable();
        acked.dedup();
        this.acked = acked.len() as u64;
        let messages = |device: &crate::history::Device| device.events.iter().filter(|e| matches!(e.what, What::Message { .. })).count();
        this.delivered = history.devices.iter().map(|device| messages(device) as u64).sum();
        this
    }

    pub(crate) fn broken(&mut self, check: Check, detail: impl FnOnce() -> String) {
        let count = self.counts.entry(check).or_default();
        *count += 1;
        if *count <= SAMPLES as u64 {
            self.samples.push(Violation { check, detail: detail() });
        }
    }

    /// How often a promise was broken.
    pub fn count(&self, check: Check) -> u64 {
        self.counts.get(&check).copied().unwrap_or(0)
    }

    /// Whether every promise held.
    pub fn holds(&self) -> bool {
        self.counts.is_empty()
    }

    /// Every promise that was broken, and how often.
    pub const fn counts(&self) -> &BTreeMap<Check, u64> {
        &self.counts
    }

    /// The first violations of each check.
    pub fn samples(&self) -> &[Violation] {
        &self.samples
    }
}
