//! Places where a process can be told to die, so that tests can see what happens between two steps.
//!
//! Every build has them, so that the tests, chaos and the bench run the same programs. They are off unless
//! `RELAY_FAILPOINTS` is set when the process starts: `after_append=crash:0.01` dies at one in a hundred passes. While they
//! are off, a pass costs one relaxed atomic load.

use std::collections::HashMap;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::config::ConfigError;

const VARIABLE: &str = "RELAY_FAILPOINTS";

/// Set once, before the process has more than one thread.
static ARMED: AtomicBool = AtomicBool::new(false);
static FAILPOINTS: OnceLock<Failpoints> = OnceLock::new();

/// Passes the place called `name`. An armed process may end here, at once and without any goodbye.
#[inline]
pub fn hit(name: &str) {
    if ARMED.load(Ordering::Relaxed) {
        hit_armed(name);
    }
}

#[cold]
fn hit_armed(name: &str) {
    if FAILPOINTS.get().is_some_and(|failpoints| failpoints.dies_at(name)) {
        std::process::abort();
    }
}

/// Reads the environment. A process that is armed says so: nobody should run one without knowing.
pub(crate) fn arm() -> Result<(), ConfigError> {
    #[expect(clippy::disallowed_methods, reason = "a test's switch, not configuration")]
    let Ok(text) = std::env::var(VARIABLE) else { return Ok(()) };
    let reason = || "has to be a list of PLACE=crash:PROBABILITY".to_owned();
    let failpoints = Failpoints::parse(&text).ok_or_else(|| ConfigError::Invalid { key: VARIABLE, reason: reason() })?;
    if failpoints.0.is_empty() {
        return Ok(());
    }
    tracing::warn!(failpoints = text, "failpoints are armed: this process dies on purpose");
    ARMED.store(FAILPOINTS.set(failpoints).is_ok(), Ordering::Relaxed);
    Ok(())
}

/// The probability of dying, by place.
struct Failpoints(HashMap<String, f64>);

impl Failpoints {
    fn parse(text: &str) -> Option<Self> {
        let place = |item: &str| {
            let (name, action) = item.split_once('=')?;
            let probability: f64 = action.strip_prefix("crash:")?.parse().ok()?;
            (0.0..=1.0).contains(&probability).then(|| (name.trim().to_owned(), probability))
        };
        text.split(',').filter(|item| !item.trim().is_empty()).map(place).collect::<Option<_>>().map(Self)
    }

    fn dies_at(&self, name: &str) -> bool {
        self.0.get(name).is_some_and(|probability| rand::random_bool(*probability))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn failpoints_are_read_and_decide_by_place() {
        let failpoints = Failpoints::parse("after_append=crash:1, after_commit=crash:0,").unwrap();
        assert!(failpoints.dies_at("after_append"));
        assert!(!failpoints.dies_at("after_commit") && !failpoints.dies_at("elsewhere"));
    }

    #[test]
    fn failpoints_that_cannot_be_read_are_refused() {
        for text in ["after_append", "after_append=pause", "after_append=crash:2", "a=crash:1,b"] {
            assert!(Failpoints::parse(text).is_none(), "{text}");
        }
    }

    #[test]
    fn failpoints_are_off_unless_armed() {
        hit("after_append");
        assert!(!ARMED.load(Ordering::Relaxed));
    }
}
