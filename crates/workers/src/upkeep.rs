//! What the database needs from time to time: coming partitions, and an end to old keys.

use std::sync::Arc;
use std::time::Duration;

use relay_domain::ports::Projection;
use relay_runtime::Task;

const EVERY: Duration = Duration::from_hours(6);
const RETRY: Duration = Duration::from_secs(30);

/// Runs upkeep now and every six hours until told to stop.
///
/// # Cancel safety
/// Cancel safe.
pub async fn run(task: Task, projection: Arc<dyn Projection>) -> anyhow::Result<()> {
    task.health.up();
    loop {
        let pause = match projection.maintain().await {
            Ok(()) => EVERY,
            Err(error) => {
                tracing::info!(reason = error.reason, "upkeep did not finish; again soon");
                RETRY
            }
        };
        tokio::select! {
            () = task.stop.cancelled() => return Ok(()),
            () = tokio::time::sleep(pause) => {}
        }
    }
}
