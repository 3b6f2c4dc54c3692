//! C10: nothing reaches a device that its owner may not see; membership changes that were answered are in the log.

use std::collections::HashMap;

use crate::history::{History, LoggedWhat, What};
use crate::index::Index;
use crate::verdict::{Check, Verdict};

pub(crate) fn check(history: &History, index: &Index, verdict: &mut Verdict) {
    for (number, device) in history.devices.iter().enumerate() {
        for event in &device.events {
            let marker = matches!(event.what, What::Reset | What::Restarted);
            if !marker && !index.sees(event.room, device.user, event.seq) {
                verdict
                    .broken(Check::Removal, || format!("device {number} of user {} was told what it may not see: {event:?}", device.user));
            }
        }
    }
    let mut in_log: HashMap<(u32, u32, bool), u64> = HashMap::new();
    for event in &history.log {
        let (users, added) = match &event.what {
            LoggedWhat::Added { user } => (std::slice::from_ref(user), true),
            LoggedWhat::AddedAll { users } => (users.as_slice(), true),
            LoggedWhat::Removed { user } => (std::slice::from_ref(user), false),
            LoggedWhat::RemovedAll { users } => (users.as_slice(), false),
            LoggedWhat::Message { .. } | LoggedWhat::Created { .. } | LoggedWhat::Changed | LoggedWhat::Own { .. } => continue,
        };
        for user in users {
            *in_log.entry((event.room, *user, added)).or_default() += 1;
        }
    }
    let mut answered: HashMap<(u32, u32, bool), u64> = HashMap::new();
    for call in &history.membership {
        *answered.entry((call.room, call.user, call.added)).or_default() += 1;
    }
    for ((room, user, added), calls) in answered {
        let found = in_log.get(&(room, user, added)).copied().unwrap_or(0);
        if found < calls {
            let what = if added { "added" } else { "removed" };
            verdict.broken(Check::Removal, || format!("user {user} was {what} {calls} times in room {room}, of which the log has {found}"));
        }
    }
}
