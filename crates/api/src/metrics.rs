//! Every series of the API, at zero from the start: a first error is a rise and not a birth.

use metrics::{Unit, counter, describe_counter, describe_histogram};
use relay_protocol::ErrorCode;

/// Registers and describes them.
pub fn register() {
    describe_counter!("relay_http_requests_total", "Requests by route, method and class of status");
    describe_histogram!(
        "relay_http_request_duration_seconds",
        Unit::Seconds,
        "From a request's arrival to its answer, by route and method"
    );
    describe_counter!("relay_stale_reads_total", "Reads for which a shard's projection was still behind the log after the wait for it");
    counter!("relay_stale_reads_total").absolute(0);
    describe_counter!("relay_outbox_parked_total", "Outbox rows that the log refused when this process tried them");
    counter!("relay_outbox_parked_total").absolute(0);
    describe_histogram!("relay_search_duration_seconds", Unit::Seconds, "Of a search in the database");
    describe_counter!("relay_searches_cut_total", "Searches whose time ran out before everything was searched");
    counter!("relay_searches_cut_total").absolute(0);
    describe_counter!("relay_scheduled_total", "Messages whose time had come, by what became of them");
    for outcome in ["sent", "refused", "again", "overdue"] {
        counter!("relay_scheduled_total", "outcome" => outcome).absolute(0);
    }
    describe_counter!("relay_syncs_total", "Answers to clients that ask for everything at once, by whether it was all or what changed");
    for answer in ["full", "changes"] {
        counter!("relay_syncs_total", "answer" => answer).absolute(0);
    }
    describe_counter!("relay_errors_total", "Refusals by registered code");
    for code in ErrorCode::ALL {
        counter!("relay_errors_total", "surface" => "rest", "code" => code.as_str()).absolute(0);
    }
}
