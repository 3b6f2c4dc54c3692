//! C13: what was deleted is not told again.

use std::collections::HashMap;

use crate::history::{History, What};
use crate::verdict::{Check, Verdict};

pub(crate) fn check(history: &History, verdict: &mut Verdict) {
    let deleted: HashMap<(u32, u64), u64> = history.deletions.iter().map(|gone| ((gone.room, gone.seq), gone.at_us)).collect();
    if deleted.is_empty() {
        return;
    }
    for (number, device) in history.devices.iter().enumerate() {
        for event in device.events.iter().filter(|event| matches!(event.what, What::Message { .. })) {
            if deleted.get(&(event.room, event.seq)).is_some_and(|at| event.at_us > *at) {
                verdict.broken(Check::Resurrection, || format!("device {number} was told what had been deleted: {event:?}"));
            }
        }
    }
}
