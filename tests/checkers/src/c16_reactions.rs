//! C16: in the end each device, and the history, has the reactions to each message that the log comes to: of each person and emoji what
//! they said last, and none to what was deleted.

use std::collections::{BTreeSet, HashMap, HashSet};

use crate::history::{History, Reacted, Reaction};
use crate::index::Index;
use crate::resets::PassedOver;
use crate::verdict::{Check, Verdict};

/// What the log comes to: of each reaction, who said it last.
fn newest(log: &[Reacted]) -> HashMap<Reaction, &Reacted> {
    log.iter().map(|reacted| (reacted.of, reacted)).collect()
}

pub(crate) fn check(history: &History, index: &Index, verdict: &mut Verdict) {
    let newest = newest(&history.reacted);
    let by_seq: HashMap<u64, &Reacted> = history.reacted.iter().map(|reacted| (reacted.seq, reacted)).collect();
    let mut states: HashMap<(usize, Reaction), u64> = HashMap::new();
    for (device, heard) in &history.heard {
        if by_seq.get(&heard.seq).is_none_or(|logged| **logged != *heard) {
            verdict.broken(Check::Reactions, || format!("device {device} was told of a reaction that the log does not have: {heard:?}"));
        }
        let state = states.entry((*device, heard.of)).or_default();
        *state = (*state).max(heard.seq);
    }
    for (number, device) in history.devices.iter().enumerate().filter(|(_, device)| device.complete) {
        let passed_over = PassedOver::by(device);
        for (of, last) in &newest {
            let sees = |seq| index.sees(of.room, device.user, seq);
            if !sees(last.seq) || !sees(of.message) || passed_over.covers(last.seq) {
                continue;
            }
            let state = states.get(&(number, *of)).copied().unwrap_or_default();
            if state != last.seq {
                verdict.broken(Check::Reactions, || format!("device {number} ended at {state}, and the log at {last:?}"));
            }
        }
    }
    let deleted: HashSet<(u32, u64)> =
        history.amendments.iter().filter(|gone| gone.text.is_none()).map(|gone| (gone.room, gone.message)).collect();
    for (room, shown) in &history.reactions_in_history {
        let shown: BTreeSet<Reaction> = shown.iter().copied().collect();
        let stand = |(of, last): &(&Reaction, &&Reacted)| of.room == *room && last.on && !deleted.contains(&(of.room, of.message));
        let logged: BTreeSet<Reaction> = newest.iter().filter(stand).map(|(of, _)| *of).collect();
        for of in logged.symmetric_difference(&shown) {
            let has = if shown.contains(of) { "the history" } else { "the log" };
            verdict.broken(Check::Reactions, || format!("only {has} has the reaction {of:?}"));
        }
    }
}
