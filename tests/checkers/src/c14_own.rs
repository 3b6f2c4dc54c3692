//! C14: what lies on a user's own subject reaches all their devices, once, and nothing else does. Order and chain are judged with the
//! conversations' (C2, C5), and who may see it (C10).

use std::collections::{BTreeMap, HashSet};

use crate::history::{History, LoggedWhat, What, own_room};
use crate::resets::PassedOver;
use crate::verdict::{Check, Verdict};

pub(crate) fn check(history: &History, verdict: &mut Verdict) {
    let mut logged: BTreeMap<u32, Vec<u64>> = BTreeMap::new();
    for event in history.log.iter().filter(|event| matches!(event.what, LoggedWhat::Own { .. })) {
        logged.entry(event.room).or_default().push(event.seq);
    }
    let nothing = Vec::new();
    for (number, device) in history.devices.iter().enumerate() {
        let room = own_room(device.user);
        let there = logged.get(&room).unwrap_or(&nothing);
        let (mut told, mut since_restart) = (HashSet::new(), HashSet::new());
        for event in &device.events {
            if event.what == What::Restarted {
                since_restart.clear();
            }
            if event.room != room {
                continue;
            }
            told.insert(event.seq);
            if !since_restart.insert(event.seq) {
                verdict.broken(Check::Own, || format!("device {number} was told {} of its user's own twice", event.seq));
            }
            if there.binary_search(&event.seq).is_err() {
                verdict.broken(Check::Own, || format!("device {number} was told {event:?} of its user's own, which the log does not have"));
            }
        }
        if !device.complete {
            continue;
        }
        let passed_over = PassedOver::by(device);
        for seq in there.iter().filter(|seq| **seq > history.own_from && !told.contains(*seq) && !passed_over.covers(**seq)) {
            verdict.broken(Check::Own, || format!("device {number} of user {} never got {seq} of its user's own", device.user));
        }
    }
}
