//! Every series of the worker, at zero from the start.

use metrics::{Unit, counter, describe_counter, describe_histogram};

/// Registers and describes them.
pub fn register() {
    describe_histogram!("relay_persist_lag_seconds", Unit::Seconds, "From an event's storage in the log to its commit in Postgres");
    describe_counter!("relay_persisted_events_total", "Events projected into Postgres");
    describe_counter!("relay_persist_skipped_events_total", "Events that the projection had already");
    describe_counter!("relay_outbox_relayed_total", "Subjects whose outbox rows were left behind by the API and relayed");
    for name in ["relay_persisted_events_total", "relay_persist_skipped_events_total", "relay_outbox_relayed_total"] {
        counter!(name).increment(0);
    }
    counter!("relay_dead_letters_total", "worker" => "persist").increment(0);
}
