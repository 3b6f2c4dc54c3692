//! C5: each event names the one before it in its conversation, on devices and in Postgres.

use std::collections::HashMap;

use crate::history::{History, What};
use crate::index::Index;
use crate::verdict::{Check, Verdict};

pub(crate) fn check(history: &History, index: &Index, verdict: &mut Verdict) {
    for (number, device) in history.devices.iter().enumerate() {
        let mut last: HashMap<u32, u64> = HashMap::new();
        for event in &device.events {
            match event.what {
                What::Restarted | What::Reset => {
                    last.clear();
                    continue;
                }
                // What lies between two intervals is not told.
                What::Added { user } if user == device.user => {
                    last.remove(&event.room);
                }
                What::Created => {
                    last.remove(&event.room);
                }
                _ => {}
            }
            if event.reloaded {
                continue;
            }
            if let (Some(before), Some(prev)) = (last.insert(event.room, event.seq), event.prev)
                && before < event.seq
                && prev != before
            {
                verdict.broken(Check::Gap, || format!("device {number}: {event:?} does not follow {before}"));
            }
        }
    }
    // What the log has, each naming the one before it.
    let mut before: HashMap<u32, u64> = HashMap::new();
    let mut chain: HashMap<u64, (u32, u64)> = HashMap::with_capacity(history.log.len());
    for event in history.log.iter().filter(|event| !index.void.contains(&event.seq)) {
        let prev = before.insert(event.room, event.seq).unwrap_or(0);
        chain.insert(event.seq, (event.room, prev));
    }
    let mut found = 0_u64;
    for (room, seq, prev) in &history.events {
        match chain.get(seq) {
            Some((of, expected)) if of == room => {
                found += 1;
                if prev.is_some_and(|prev| prev != *expected) {
                    verdict.broken(Check::Gap, || format!("Postgres: {seq} of room {room} names {prev:?} and follows {expected}"));
                }
            }
            _ => verdict.broken(Check::Unaccounted, || format!("an event in Postgres that the log does not have: {seq} of room {room}")),
        }
    }
    if found < chain.len() as u64 {
        let missing = chain.len() as u64 - found;
        verdict.broken(Check::Unaccounted, || format!("{missing} events of the log are not in Postgres"));
    }
}
