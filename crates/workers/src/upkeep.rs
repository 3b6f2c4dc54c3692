//! What the database needs from time to time: coming partitions, and an end to what is kept for a time only.
//!
//! Each chore has its own turn, its own time and its own outcome: one that fails is told of, and holds up no other.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use relay_domain::ports::{Chore, StoreError, Upkeep, Upkept};
use relay_runtime::Task;
use tokio::time::Instant;

const EVERY: Duration = Duration::from_hours(6);
/// After a turn that failed or did not come to an end.
const AGAIN: Duration = Duration::from_secs(30);
/// One chore's turn.
const BUDGET: Duration = Duration::from_mins(1);

/// When a chore comes next, and when it last came to an end.
struct Turn {
    due: Instant,
    ended: Instant,
    failed: Option<String>,
}

impl Turn {
    fn first(now: Instant) -> Self {
        Self { due: now, ended: now, failed: None }
    }

    fn took(&mut self, outcome: Result<Upkept, StoreError>, now: Instant) {
        (self.due, self.failed) = match outcome {
            Ok(Upkept { done: true, .. }) => {
                self.ended = now;
                (now + EVERY, None)
            }
            Ok(Upkept { done: false, .. }) => (now + AGAIN, None),
            Err(error) => (now + AGAIN, Some(error.reason)),
        };
    }
}

/// Does every chore now and every six hours until told to stop.
///
/// # Cancel safety
/// Cancel safe.
pub async fn run(task: Task, upkeep: Arc<dyn Upkeep>) -> anyhow::Result<()> {
    let mut turns: BTreeMap<Chore, Turn> = Chore::ALL.map(|chore| (chore, Turn::first(Instant::now()))).into();
    task.health.up();
    loop {
        for (chore, turn) in &mut turns {
            if turn.due <= Instant::now() {
                let outcome = tokio::select! {
                    () = task.stop.cancelled() => return Ok(()),
                    outcome = upkeep.upkeep(*chore, BUDGET) => outcome,
                };
                tell(*chore, &outcome);
                turn.took(outcome, Instant::now());
            }
            metrics::gauge!("relay_upkeep_overdue_seconds", "chore" => chore.name()).set(turn.ended.elapsed().as_secs_f64());
        }
        let failed: Vec<String> =
            turns.iter().filter_map(|(chore, turn)| Some(format!("{}: {}", chore.name(), turn.failed.as_ref()?))).collect();
        if failed.is_empty() {
            task.health.up();
        } else {
            task.health.degraded(failed.join("; "));
        }
        // The gauges are kept fresh, too.
        tokio::select! {
            () = task.stop.cancelled() => return Ok(()),
            () = tokio::time::sleep(AGAIN) => {}
        }
    }
}

fn tell(chore: Chore, outcome: &Result<Upkept, StoreError>) {
    match outcome {
        Ok(upkept) => metrics::counter!("relay_upkeep_removed_rows_total", "chore" => chore.name()).increment(upkept.removed),
        Err(error) => {
            metrics::counter!("relay_upkeep_failures_total", "chore" => chore.name()).increment(1);
            tracing::warn!(chore = chore.name(), reason = error.reason, "upkeep did not finish; again soon");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_chore_that_fails_or_is_not_done_comes_again_soon_and_is_overdue() {
        let begin = Instant::now();
        let mut turn = Turn::first(begin);
        let now = begin + Duration::from_secs(100);
        turn.took(Err(StoreError::new("away".to_owned())), now);
        assert_eq!((turn.due, turn.ended), (now + AGAIN, begin));
        assert_eq!(turn.failed.as_deref(), Some("away"));
        turn.took(Ok(Upkept { removed: 5, done: false }), now);
        assert_eq!((turn.due, turn.ended, turn.failed.as_ref()), (now + AGAIN, begin, None));
        turn.took(Ok(Upkept { removed: 5, done: true }), now);
        assert_eq!((turn.due, turn.ended), (now + EVERY, now));
    }
}
