//! What the database needs from time to time: coming partitions, and an end to what is kept for a time only.
//!
//! Each task has its own schedule, its own time and its own outcome: one that fails is reported, and holds up no other.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use relay_domain::ports::{Maintenance, MaintenanceOutcome, MaintenanceTask, StoreError};
use relay_runtime::Task;
use tokio::time::Instant;

const EVERY: Duration = Duration::from_hours(6);
/// After a run that failed or did not come to an end.
const AGAIN: Duration = Duration::from_secs(30);
/// The time of one run of a task.
const BUDGET: Duration = Duration::from_mins(1);

/// When a task runs next, and when it last came to an end.
struct Schedule {
    due: Instant,
    ended: Instant,
    failed: Option<String>,
}

impl Schedule {
    fn first(now: Instant) -> Self {
        Self { due: now, ended: now, failed: None }
    }

    fn record(&mut self, outcome: Result<MaintenanceOutcome, StoreError>, now: Instant) {
        (self.due, self.failed) = match outcome {
            Ok(MaintenanceOutcome { done: true, .. }) => {
                self.ended = now;
                (now + EVERY, None)
            }
            Ok(MaintenanceOutcome { done: false, .. }) => (now + AGAIN, None),
            Err(error) => (now + AGAIN, Some(error.reason)),
        };
    }
}

/// Runs every task now and every six hours until told to stop.
///
/// # Cancel safety
/// Cancel safe.
pub async fn run(task: Task, maintenance: Arc<dyn Maintenance>) -> anyhow::Result<()> {
    let mut schedules: BTreeMap<MaintenanceTask, Schedule> =
        MaintenanceTask::ALL.map(|kind| (kind, Schedule::first(Instant::now()))).into();
    task.health.up();
    loop {
        for (kind, schedule) in &mut schedules {
            if schedule.due <= Instant::now() {
                let outcome = tokio::select! {
                    () = task.stop.cancelled() => return Ok(()),
                    outcome = maintenance.maintain(*kind, BUDGET) => outcome,
                };
                report(*kind, &outcome);
                schedule.record(outcome, Instant::now());
            }
            metrics::gauge!("relay_maintenance_overdue_seconds", "task" => kind.name()).set(schedule.ended.elapsed().as_secs_f64());
        }
        let failed: Vec<String> =
            schedules.iter().filter_map(|(kind, schedule)| Some(format!("{}: {}", kind.name(), schedule.failed.as_ref()?))).collect();
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

fn report(kind: MaintenanceTask, outcome: &Result<MaintenanceOutcome, StoreError>) {
    match outcome {
        Ok(outcome) => metrics::counter!("relay_maintenance_removed_rows_total", "task" => kind.name()).increment(outcome.removed),
        Err(error) => {
            metrics::counter!("relay_maintenance_failures_total", "task" => kind.name()).increment(1);
            tracing::warn!(task = kind.name(), reason = error.reason, "maintenance did not finish; again soon");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_task_that_fails_or_is_not_done_comes_again_soon_and_is_overdue() {
        let begin = Instant::now();
        let mut schedule = Schedule::first(begin);
        let now = begin + Duration::from_secs(100);
        schedule.record(Err(StoreError::new("away".to_owned())), now);
        assert_eq!((schedule.due, schedule.ended), (now + AGAIN, begin));
        assert_eq!(schedule.failed.as_deref(), Some("away"));
        schedule.record(Ok(MaintenanceOutcome { removed: 5, done: false }), now);
        assert_eq!((schedule.due, schedule.ended, schedule.failed.as_ref()), (now + AGAIN, begin, None));
        schedule.record(Ok(MaintenanceOutcome { removed: 5, done: true }), now);
        assert_eq!((schedule.due, schedule.ended), (now + EVERY, now));
    }
}
