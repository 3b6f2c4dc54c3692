//! Writing down up to where people's devices have everything, and when they came to have it, for those who ask later. The stream of
//! activity is told, too.

use std::time::Duration;

use relay_domain::ports::DeliveryMarks;
use relay_protocol::activity::Deed;
use relay_runtime::Task;
use relay_types::{Seq, ShardId, UserId};

use super::{Deliveries, ReceiptParts};
use crate::hub::Hub;

/// Between two times of writing.
const EVERY: Duration = Duration::from_secs(3);
/// Marks written together.
const BATCH: usize = 500;

/// Writes until told to stop, and then once more.
pub(super) async fn run(task: Task, ReceiptParts { hub, marks, deliveries, activity, .. }: ReceiptParts) -> anyhow::Result<()> {
    task.health.up();
    loop {
        let stopped = tokio::select! {
            () = task.stop.cancelled() => true,
            () = tokio::time::sleep(EVERY) => false,
        };
        let moved = hub.take_received();
        for (user, shard, seq) in &moved {
            activity.tell(*user, Deed::MessageDelivered { shard: *shard, seq: *seq });
        }
        keep(&hub, marks.as_ref(), &moved).await;
        keep_steps(&deliveries, marks.as_ref()).await;
        if stopped {
            return Ok(());
        }
    }
}

/// What cannot be written waits for the next time.
async fn keep(hub: &Hub, marks: &dyn DeliveryMarks, moved: &[(UserId, ShardId, Seq)]) {
    for (at, batch) in moved.chunks(BATCH).enumerate() {
        if let Err(error) = marks.keep(batch).await {
            tracing::debug!(reason = error.reason, "what devices have is not written down now");
            hub.give_back(moved.get(at * BATCH..).unwrap_or_default());
            return;
        }
        metrics::counter!("relay_delivery_marks_total").increment(batch.len() as u64);
    }
}

/// As [`keep`]. A device's step waits without growing: a later one takes its place.
async fn keep_steps(deliveries: &Deliveries, marks: &dyn DeliveryMarks) {
    let steps = deliveries.take_steps();
    for (at, batch) in steps.chunks(BATCH).enumerate() {
        if let Err(error) = marks.keep_steps(batch).await {
            tracing::debug!(reason = error.reason, "when devices came to have something is not written down now");
            deliveries.note(steps.get(at * BATCH..).unwrap_or_default().iter().copied());
            return;
        }
    }
}
