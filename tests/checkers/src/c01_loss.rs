//! C1: what was acknowledged, and whatever else the log has, is in Postgres, in the history and on every member's devices.

use std::collections::{HashMap, HashSet};

use crate::history::{Answer, History, What};
use crate::index::Index;
use crate::resets::PassedOver;
use crate::verdict::{Check, Verdict};

pub(crate) fn check(history: &History, index: &Index, verdict: &mut Verdict) {
    let rows: HashSet<(u32, u64, u32, u64)> = history.rows.iter().map(|row| (row.room, row.seq, row.sender, row.key)).collect();
    for send in &history.sends {
        if let Answer::Acked { seq, .. } = send.answer
            && !index.places.contains_key(&(send.room, send.sender, send.key))
        {
            verdict.broken(Check::Loss, || format!("acknowledged and not in the log: {send:?}, at {seq}"));
            if !rows.contains(&(send.room, seq, send.sender, send.key)) {
                verdict.broken(Check::Unaccounted, || format!("acknowledged, neither in the log nor in Postgres: {send:?}"));
            }
        }
    }
    for (seq, (room, sender, key)) in &index.at {
        if !rows.contains(&(*room, *seq, *sender, *key)) {
            verdict.broken(Check::Unaccounted, || format!("in the log and not in Postgres: {seq} of room {room}, key {key:x} of {sender}"));
        }
    }
    for row in &history.rows {
        if index.at.get(&row.seq) != Some(&(row.room, row.sender, row.key)) {
            verdict.broken(Check::Unaccounted, || format!("in Postgres and not in the log: {row:?}"));
        }
    }
    in_histories(history, index, verdict);
    on_devices(history, index, verdict);
}

/// The reader of a room's history was in it from the start to the end.
fn in_histories(history: &History, index: &Index, verdict: &mut Verdict) {
    for (room, rows) in &history.histories {
        let read: HashSet<u64> = rows.iter().map(|row| row.seq).collect();
        for seq in index.messages.get(room).map(Vec::as_slice).unwrap_or_default() {
            if !read.contains(seq) {
                verdict.broken(Check::Loss, || format!("not in the history over REST: {seq} of room {room}"));
            }
        }
    }
}

fn on_devices(history: &History, index: &Index, verdict: &mut Verdict) {
    for (number, device) in history.devices.iter().enumerate().filter(|(_, device)| device.complete) {
        let mut seen: HashMap<u32, HashSet<u64>> = HashMap::new();
        for event in device.events.iter().filter(|event| matches!(event.what, What::Message { .. })) {
            seen.entry(event.room).or_default().insert(event.seq);
        }
        let (nothing, passed_over) = (HashSet::new(), PassedOver::by(device));
        for (room, expected) in index.expected(device.user) {
            let seen = seen.get(&room).unwrap_or(&nothing);
            let excused = |seq: u64| passed_over.excuses(index, room, device.user, seq);
            for seq in expected.into_iter().filter(|seq| !seen.contains(seq) && !excused(*seq)) {
                verdict.broken(Check::Loss, || format!("device {number} of user {} never got {seq} of room {room}", device.user));
            }
        }
    }
}
