//! Every series of any process, described when its metrics start.

use metrics::{counter, describe_counter};

/// Registers and describes them.
pub fn register() {
    describe_counter!("relay_task_restarts_total", "Supervised tasks that ended before they were told to, by task");
    describe_counter!("relay_process_pauses_total", "Times that the process did not run for more than 2 s; only gateways ask");
    describe_counter!(
        "relay_connections_ended_total",
        "Connections ended because the peer took nothing, sent bytes without end, or its address had enough, by reason"
    );
    for reason in ["stalled", "flooding", "crowded"] {
        counter!("relay_connections_ended_total", "reason" => reason).increment(0);
    }
}
