//! C7: a read that began after the acknowledgement has the message.

use crate::history::History;
use crate::verdict::{Check, Verdict};

pub(crate) fn check(history: &History, verdict: &mut Verdict) {
    for read in history.reads.iter().filter(|read| read.called_us >= read.acked_us && !read.found) {
        verdict.broken(Check::ReadYourWrites, || format!("acknowledged and not in the history a moment later: {read:?}"));
    }
}
