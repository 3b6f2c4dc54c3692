//! Every series of the worker, at zero from the start.

use crate::audit::{Kind, ROUNDS};
use metrics::{Unit, counter, describe_counter, describe_gauge, describe_histogram, gauge};
use relay_domain::ports::MaintenanceTask;

/// Registers and describes them.
pub fn register() {
    describe_histogram!("relay_persist_lag_seconds", Unit::Seconds, "From an event's storage in the log to its commit in Postgres");
    describe_counter!("relay_persisted_events_total", "Events projected into Postgres");
    describe_counter!("relay_persist_duplicate_events_total", "Events delivered again that the projection had already");
    describe_counter!("relay_outbox_relayed_total", "Subjects whose outbox rows were left behind by the API and relayed");
    describe_counter!("relay_outbox_parked_total", "Outbox rows that the log refused when this process tried them");
    describe_counter!("relay_read_marks_told_later_total", "Read marks that moved again so soon that the worker told of them");
    counter!("relay_read_marks_told_later_total").increment(0);
    describe_counter!("relay_drafts_told_later_total", "Drafts that changed again so soon that the worker told of them");
    counter!("relay_drafts_told_later_total").increment(0);
    describe_counter!("relay_thread_marks_told_later_total", "Marks in threads that moved again so soon that the worker told of them");
    counter!("relay_thread_marks_told_later_total").increment(0);
    describe_gauge!("relay_outbox_waiting", "Outbox rows of a shard that are not in the log yet");
    describe_gauge!("relay_outbox_parked", "Outbox rows of a shard that the log refused; anything but 0 is an alert");
    describe_counter!("relay_users_retired_total", "Users whose durable consumers were taken away because nobody saw them for long");
    describe_gauge!("relay_consumers", "Consumers of a shard's log: of users, workers and tails");
    describe_gauge!("relay_consumer_places_left", "Durable consumers that a shard's log still takes for users; 0 is an alert");
    describe_gauge!("relay_durables_round_age_seconds", Unit::Seconds, "Since a walk over all users' consumers last came to an end");
    counter!("relay_users_retired_total").increment(0);
    gauge!("relay_durables_round_age_seconds").set(0.0);
    describe_counter!("relay_audit_messages_compared_total", "Messages in the log that were compared with Postgres");
    describe_gauge!("relay_messages_unaccounted", "Messages that the log or Postgres lacks or has too many; anything but 0 is an alert");
    describe_gauge!("relay_audit_findings", "What the audit finds, by kind");
    describe_histogram!("relay_audit_duration_seconds", Unit::Seconds, "One pass of the audit over what is new, all shards");
    describe_gauge!(
        "relay_audit_blind_seconds",
        Unit::Seconds,
        "Since the log was last compared as far as it was projected; being unable to look is an alert"
    );
    describe_gauge!("relay_audit_round_age_seconds", Unit::Seconds, "Since a round over everything last came to an end");
    gauge!("relay_audit_blind_seconds").set(0.0);
    for round in ROUNDS {
        gauge!("relay_audit_round_age_seconds", "round" => round).set(0.0);
    }
    counter!("relay_audit_messages_compared_total").increment(0);
    gauge!("relay_messages_unaccounted").set(0.0);
    describe_counter!(
        "relay_maintenance_removed_rows_total",
        "Rows removed because their time was over, by task; dropped partitions are not counted"
    );
    describe_counter!("relay_maintenance_failures_total", "Runs of a task that failed; each is tried again after 30 s");
    describe_gauge!("relay_maintenance_overdue_seconds", Unit::Seconds, "Since a task last came to an end; more than a day is an alert");
    for kind in MaintenanceTask::ALL {
        counter!("relay_maintenance_removed_rows_total", "task" => kind.name()).increment(0);
        counter!("relay_maintenance_failures_total", "task" => kind.name()).increment(0);
        gauge!("relay_maintenance_overdue_seconds", "task" => kind.name()).set(0.0);
    }
    for kind in Kind::ALL {
        gauge!("relay_audit_findings", "kind" => kind.name()).set(0.0);
    }
    for name in
        ["relay_persisted_events_total", "relay_persist_duplicate_events_total", "relay_outbox_relayed_total", "relay_outbox_parked_total"]
    {
        counter!(name).increment(0);
    }
    describe_counter!("relay_erasures_total", "Messages whose content was erased from the log");
    describe_gauge!("relay_erasures_waiting", "Messages that are hidden, and still in the log");
    describe_gauge!("relay_erasure_oldest_seconds", Unit::Seconds, "Since the oldest of them was hidden");
    counter!("relay_erasures_total").increment(0);
    gauge!("relay_erasures_waiting").set(0.0);
    gauge!("relay_erasure_oldest_seconds").set(0.0);
    describe_counter!("relay_search_indexed_messages_total", "Messages that the index of words took in, or looked at again");
    describe_gauge!(
        "relay_search_lag_seconds",
        Unit::Seconds,
        "How long the oldest message of a shard that could not be found yet had waited when it was indexed"
    );
    counter!("relay_search_indexed_messages_total").increment(0);
    describe_counter!("relay_dead_letters_total", "Events dead-lettered because no worker can process them, by worker");
    counter!("relay_dead_letters_total", "worker" => "persist").increment(0);
}
