//! Every series about NATS, at zero from the start.

use metrics::{Unit, counter, describe_counter, describe_histogram};

use crate::unstored::Unstored;

/// Registers and describes them; done at each connect, harmless when repeated.
pub fn register() {
    describe_histogram!(
        "relay_log_append_duration_seconds",
        Unit::Seconds,
        "From the first attempt at publishing to JetStream's acknowledgement"
    );
    describe_counter!("relay_log_append_retries_total", "Publishing attempts repeated with the same id");
    describe_counter!("relay_log_append_unknown_total", "Events given up on without an answer: the caller retries with the same id");
    describe_counter!("relay_log_append_refused_total", "Events that the log refused");
    describe_counter!("relay_nats_slow_consumer_total", "Subscriptions that lost messages and were read again");
    describe_counter!("relay_ephemeral_batches_missed_total", "Other gateways' batches that came faster than they were read, and are lost");
    describe_counter!("relay_receipt_notices_total", "Read marks of people that gateways were told of");
    describe_counter!("relay_receipt_batches_total", "Batches of these");
    describe_counter!("relay_receipt_batches_lost_total", "Batches that NATS did not take: devices read the state later");
    describe_counter!("relay_receipts_conflated_total", "Read marks that a newer one of the same person replaced before they were told");
    describe_counter!("relay_receipts_given_up_total", "Read marks that were not told because too many waited");
    describe_counter!("relay_activity_events_total", "Events of what people do that were told, by kind");
    for kind in relay_subjects::ActivityKind::ALL {
        counter!("relay_activity_events_total", "kind" => kind.as_str()).increment(0);
    }
    describe_counter!("relay_activity_conflated_total", "What people did that became one event with something earlier or later");
    describe_counter!(
        "relay_activity_dropped_total",
        "What people did that was not told because too much waited, or NATS was away at the end"
    );
    describe_counter!("relay_tail_reopened_total", "Tails that had to be opened again");
    describe_counter!("relay_cursor_checkpoints_total", "Users' durable consumers that were moved");
    describe_counter!("relay_user_consumers_created_total", "Users' durable consumers that were made");
    describe_counter!("relay_user_consumers_updated_total", "Users' durable consumers whose filters were changed");
    describe_counter!("relay_user_consumers_removed_total", "Durable consumers of retired users that were taken away");
    describe_counter!("relay_user_consumers_refused_total", "Durable consumers not made because the log has no place left for users'");
    describe_counter!("relay_user_consumers_stranded_total", "Users' durable consumers made again because their server stayed away");
    describe_counter!("relay_consumer_filters_capped_total", "Users in more conversations than a durable consumer has filters");
    describe_counter!("relay_persist_resets_total", "Times that the persist queue was set back to the watermark");
    describe_histogram!("relay_log_batch_messages", Unit::Count, "Messages in each batch that the log stored");
    describe_histogram!("relay_log_batch_wait_duration_seconds", Unit::Seconds, "From wanting to publish a message to its batch going out");
    describe_counter!("relay_log_batches_refused_total", "Batches that are not known to be stored");
    describe_counter!("relay_log_batch_fallbacks_total", "Messages of such batches, which went out one by one under the same ids");
    for why in Unstored::ALL {
        counter!("relay_log_batches_refused_total", "reason" => why.as_str()).increment(0);
    }
    for name in [
        "relay_log_batch_fallbacks_total",
        "relay_log_append_retries_total",
        "relay_log_append_unknown_total",
        "relay_log_append_refused_total",
        "relay_nats_slow_consumer_total",
        "relay_ephemeral_batches_missed_total",
        "relay_receipt_notices_total",
        "relay_receipt_batches_total",
        "relay_receipt_batches_lost_total",
        "relay_receipts_conflated_total",
        "relay_receipts_given_up_total",
        "relay_activity_conflated_total",
        "relay_activity_dropped_total",
        "relay_tail_reopened_total",
        "relay_cursor_checkpoints_total",
        "relay_user_consumers_created_total",
        "relay_user_consumers_updated_total",
        "relay_user_consumers_removed_total",
        "relay_user_consumers_refused_total",
        "relay_user_consumers_stranded_total",
        "relay_consumer_filters_capped_total",
        "relay_persist_resets_total",
    ] {
        counter!(name).increment(0);
    }
}
