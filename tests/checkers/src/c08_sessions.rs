//! C8: what one device sent to one conversation, one after the other, and had acknowledged, stands in that order.
//!
//! A send whose outcome is unknown may take effect any time after its call: an attempt over a socket that was given up may
//! arrive when the network or a stopped process lets go of it. Nobody was told that it is stored, so it has no place in the
//! order; that it exists at most once is C3's and C4's business.

use std::collections::HashMap;

use crate::history::{Answer, History, NO_LINE, Sent};
use crate::index::Index;
use crate::verdict::{Check, Verdict};

pub(crate) fn check(history: &History, index: &Index, verdict: &mut Verdict) {
    let mut last: HashMap<(u32, u32, u32), (u64, &Sent)> = HashMap::new();
    // A key that another device used too stands where the faster one put it.
    let mut uses: HashMap<(u32, u32, u64), u32> = HashMap::with_capacity(history.sends.len());
    for send in &history.sends {
        *uses.entry((send.room, send.sender, send.key)).or_default() += 1;
    }
    for send in history.sends.iter().filter(|send| send.line != NO_LINE && matches!(send.answer, Answer::Acked { .. })) {
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
