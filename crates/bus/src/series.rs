//! Every series about NATS, at zero from the start.

use metrics::{Unit, counter, describe_counter, describe_histogram};

/// Registers and describes them; done at each connect, harmless when repeated.
pub(crate) fn register() {
    describe_histogram!(
        "relay_log_append_duration_seconds",
        Unit::Seconds,
        "From the first attempt at publishing to JetStream's acknowledgement"
    );
    describe_counter!("relay_log_append_retries_total", "Publishing attempts repeated with the same id");
    describe_counter!("relay_log_append_unknown_total", "Events given up on without an answer: the caller retries with the same id");
    describe_counter!("relay_nats_slow_consumer_total", "Subscriptions that lost messages and were read again");
    for name in [
        "relay_log_append_retries_total",
        "relay_log_append_unknown_total",
        "relay_log_append_refused_total",
        "relay_nats_slow_consumer_total",
        "relay_tail_reopened_total",
        "relay_cursor_checkpoints_total",
        "relay_user_consumers_created_total",
        "relay_user_consumers_updated_total",
        "relay_user_consumers_stranded_total",
        "relay_consumer_filters_capped_total",
        "relay_persist_resets_total",
    ] {
        counter!(name).increment(0);
    }
}
