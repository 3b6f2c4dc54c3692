//! C6: marks never go back and never beyond the head.

use std::collections::HashMap;

use crate::history::{History, Receipt};
use crate::index::Index;
use crate::verdict::{Check, Verdict};

pub(crate) fn check(history: &History, index: &Index, verdict: &mut Verdict) {
    let mut last: HashMap<(u32, u32, u32), Receipt> = HashMap::new();
    for receipt in &history.receipts {
        if let Some(before) = last.insert((receipt.observer, receipt.reader, receipt.room), *receipt)
            && (receipt.delivered < before.delivered || receipt.read < before.read)
        {
            verdict.broken(Check::Receipt, || format!("a mark went back: {receipt:?} after {before:?}"));
        }
        let head = index.heads.get(&receipt.room).copied().unwrap_or(0);
        if receipt.delivered > head || receipt.read > head {
            verdict.broken(Check::Receipt, || format!("a mark beyond the head {head}: {receipt:?}"));
        }
    }
}
