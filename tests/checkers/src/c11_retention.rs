//! C11: an acknowledged message can be had for as long as promised, and not much longer.

use crate::history::History;
use crate::verdict::{Check, Verdict};

pub(crate) fn check(history: &History, verdict: &mut Verdict) {
    for probe in &history.retention {
        let young = probe.age_ms < probe.kept_ms;
        let old = probe.age_ms > probe.kept_ms.saturating_add(probe.slack_ms);
        if young && !probe.found {
            verdict.broken(Check::Retention, || format!("gone before its time: {probe:?}"));
        }
        if old && probe.found {
            verdict.broken(Check::Retention, || format!("kept beyond its time: {probe:?}"));
        }
    }
}
