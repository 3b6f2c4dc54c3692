//! C4: nothing exists that nobody sent, nothing that was refused, and everything is as it was sent.

use std::collections::{HashMap, HashSet};

use crate::history::{Answer, History, LoggedWhat, What};
use crate::index::{Index, MessageKey};
use crate::verdict::{Check, Verdict};

pub(crate) fn check(history: &History, index: &Index, verdict: &mut Verdict) {
    let mut sent: HashMap<MessageKey, bool> = HashMap::with_capacity(history.sends.len());
    for send in &history.sends {
        // Refused only if every call with this key was.
        let refused = matches!(send.answer, Answer::Refused { .. });
        sent.entry((send.room, send.sender, send.key)).and_modify(|all| *all &= refused).or_insert(refused);
    }
    for event in &history.log {
        if let LoggedWhat::Message { sender, key, intact } = &event.what
            && !index.void.contains(&event.seq)
        {
            match sent.get(&(event.room, *sender, *key)) {
                None => verdict.broken(Check::Phantom, || format!("in the log and sent by nobody: {event:?}")),
                Some(true) => verdict.broken(Check::Phantom, || format!("in the log and refused: {event:?}")),
                Some(false) if !intact => verdict.broken(Check::Phantom, || format!("in the log with other content: {event:?}")),
                Some(false) => {}
            }
        }
    }
    let known: HashSet<(u64, MessageKey)> = index.at.iter().map(|(seq, key)| (*seq, *key)).collect();
    for (number, device) in history.devices.iter().enumerate() {
        for event in &device.events {
            if let What::Message { sender, key, intact } = event.what
                && !(intact && known.contains(&(event.seq, (event.room, sender, key))))
            {
                verdict.broken(Check::Phantom, || format!("device {number} was told what the log does not have: {event:?}"));
            }
        }
    }
    for row in history.histories.iter().flat_map(|(_, rows)| rows) {
        if !known.contains(&(row.seq, (row.room, row.sender, row.key))) {
            verdict.broken(Check::Phantom, || format!("in the history over REST and not in the log: {row:?}"));
        }
    }
}
