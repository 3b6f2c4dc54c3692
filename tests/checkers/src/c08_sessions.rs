//! C8: what one device sent to one conversation, one after the other, stands in that order.

use std::collections::HashMap;

use crate::history::{History, NO_LINE, Sent};
use crate::index::Index;
use crate::verdict::{Check, Verdict};

pub(crate) fn check(history: &History, index: &Index, verdict: &mut Verdict) {
    let mut last: HashMap<(u32, u32, u32), (u64, &Sent)> = HashMap::new();
    // A key that another device used too stands where the faster one put it.
    let mut uses: HashMap<(u32, u32, u64), u32> = HashMap::with_capacity(history.sends.len());
    for send in &history.sends {
        *uses.entry((send.room, send.sender, send.key)).or_default() += 1;
    }
    for send in history.sends.iter().filter(|send| send.line != NO_LINE) {
        let key = (send.room, send.sender, send.key);
        let alone = uses.get(&key) == Some(&1);
        let Some(seq) = index.places.get(&key).and_then(|places| places.first()).filter(|_| alone) else { continue };
        if let Some((before, earlier)) = last.insert((send.device, send.line, send.room), (*seq, send))
            && *seq < before
        {
            verdict.broken(Check::SessionOrder, || format!("sent later and stored at {seq}, before {before}: {send:?} after {earlier:?}"));
        }
    }
}
