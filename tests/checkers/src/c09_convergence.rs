//! C9: in the end all devices that may see the same have the same.

use std::collections::{BTreeMap, BTreeSet};
use std::hash::{DefaultHasher, Hasher as _};

use crate::history::{History, What};
use crate::index::{Index, Interval};
use crate::resets::PassedOver;
use crate::verdict::{Check, Verdict};

/// A room, and the spans of it that somebody may see.
type View = (u32, Vec<(u64, u64)>);

pub(crate) fn check(history: &History, index: &Index, verdict: &mut Verdict) {
    // What one of a user's devices could not get is not asked of the others.
    let mut passed_over: BTreeMap<u32, Vec<PassedOver>> = BTreeMap::new();
    for device in history.devices.iter().filter(|device| device.complete) {
        passed_over.entry(device.user).or_default().push(PassedOver::by(device));
    }
    let excused = |room, user, seq| passed_over.get(&user).into_iter().flatten().any(|passed| passed.excuses(index, room, user, seq));
    // Devices by what they may see: a room, and the same intervals in it.
    let mut groups: BTreeMap<View, Vec<(usize, u64)>> = BTreeMap::new();
    for (number, device) in history.devices.iter().enumerate().filter(|(_, device)| device.complete) {
        let mut states: BTreeMap<u32, BTreeSet<(u64, u32, u64)>> = BTreeMap::new();
        for event in &device.events {
            if let What::Message { sender, key, .. } = event.what
                && !excused(event.room, device.user, event.seq)
            {
                states.entry(event.room).or_default().insert((event.seq, sender, key));
            }
        }
        for ((room, _), intervals) in index.intervals.iter().filter(|((_, user), _)| *user == device.user) {
            let mut hasher = DefaultHasher::new();
            for (seq, sender, key) in states.get(room).into_iter().flatten() {
                hasher.write_u64(*seq);
                hasher.write_u32(*sender);
                hasher.write_u64(*key);
            }
            // Whoever was there before the first message has seen the same as who founded the room.
            let first = index.messages.get(room).and_then(|messages| messages.first()).copied().unwrap_or(u64::MAX);
            let span = |interval: &Interval| (if interval.from < first { 0 } else { interval.from }, interval.upto);
            groups.entry((*room, intervals.iter().map(span).collect())).or_default().push((number, hasher.finish()));
        }
    }
    for ((room, _), devices) in groups {
        let Some((first, state)) = devices.first().copied() else { continue };
        for (other, _) in devices.iter().filter(|(_, other)| *other != state) {
            verdict.broken(Check::Convergence, || format!("devices {first} and {other} ended with different states of room {room}"));
        }
    }
}
