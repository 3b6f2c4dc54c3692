//! C12: after each fault sending worked again. How fast is reported, not judged: machines differ.

use crate::history::History;
use crate::verdict::{Check, Verdict};

pub(crate) fn check(history: &History, verdict: &mut Verdict) {
    for disturbance in history.disturbances.iter().filter(|disturbance| disturbance.recovered_us.is_none()) {
        verdict.broken(Check::Liveness, || format!("sending did not work again: {disturbance:?}"));
    }
}
