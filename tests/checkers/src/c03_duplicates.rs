//! C3: one key of one sender is one message, and every acknowledgement names its one place.

use std::collections::{HashMap, HashSet};

use crate::history::{Answer, History, What};
use crate::index::Index;
use crate::verdict::{Check, Verdict};

pub(crate) fn check(history: &History, index: &Index, verdict: &mut Verdict) {
    for (key, places) in index.places.iter().filter(|(_, places)| places.len() > 1) {
        verdict.broken(Check::Duplicate, || format!("one key, several messages in the log: {key:x?} at {places:?}"));
    }
    for send in &history.sends {
        if let Answer::Acked { seq, .. } = send.answer
            && let Some(places) = index.places.get(&(send.room, send.sender, send.key))
            && !places.contains(&seq)
        {
            verdict.broken(Check::Duplicate, || format!("acknowledged at {seq}, stored at {places:?}: {send:?}"));
        }
    }
    let mut rows: HashMap<(u32, u32, u64), u64> = HashMap::new();
    for row in &history.rows {
        if let Some(other) = rows.insert((row.room, row.sender, row.key), row.seq) {
            verdict.broken(Check::Duplicate, || format!("one key, two rows in Postgres: {row:?} and {other}"));
        }
    }
    for (number, device) in history.devices.iter().enumerate() {
        let mut run: HashSet<(u32, u32, u64)> = HashSet::new();
        for event in &device.events {
            match event.what {
                // What was told since the last stored position is told again, and what was reloaded may also come live.
                What::Restarted | What::Reset => run.clear(),
                What::Message { sender, key, .. } if !event.reloaded && !run.insert((event.room, sender, key)) => {
                    verdict.broken(Check::Duplicate, || format!("device {number} was told twice in one run: {event:?}"));
                }
                _ => {}
            }
        }
    }
}
