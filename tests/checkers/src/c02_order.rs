//! C2: on every device the order rises, and it is the log's.

use std::collections::HashMap;

use crate::history::{History, What};
use crate::index::Index;
use crate::verdict::{Check, Verdict};

pub(crate) fn check(history: &History, index: &Index, verdict: &mut Verdict) {
    for (number, device) in history.devices.iter().enumerate() {
        // By room, and whether told live or reloaded: after a reset the two overlap.
        let mut last: HashMap<(u32, bool), u64> = HashMap::new();
        for event in &device.events {
            if event.what == What::Restarted {
                last.clear();
                continue;
            }
            if event.what == What::Reset {
                last.retain(|(_, reloaded), _| !*reloaded);
                continue;
            }
            if let Some(before) = last.insert((event.room, event.reloaded), event.seq)
                && event.seq < before
            {
                verdict.broken(Check::Order, || format!("device {number}: {} of room {} came after {before}", event.seq, event.room));
            }
            if let What::Message { sender, key, .. } = event.what
                && let Some(there) = index.at.get(&event.seq)
                && *there != (event.room, sender, key)
            {
                verdict.broken(Check::Order, || format!("device {number} has another message at {} than the log: {event:?}", event.seq));
            }
        }
    }
    for (room, rows) in &history.histories {
        for pair in rows.windows(2) {
            if let [one, next] = pair
                && next.seq <= one.seq
            {
                verdict.broken(Check::Order, || format!("the history of room {room} has {} after {}", next.seq, one.seq));
            }
        }
    }
}
