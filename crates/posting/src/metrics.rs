//! Every series of posting, at zero from the start.

use metrics::{counter, describe_counter, describe_gauge};

/// See `Publication::kind`.
const KINDS: [&str; 7] = ["message", "reply", "thread_reply", "edit", "delete", "reaction", "pin"];

/// Registers and describes them.
pub fn register() {
    describe_counter!(
        "relay_posts_deduplicated_total",
        "Retries recognised by the log or the projection; those found in memory are not counted"
    );
    for by in ["log", "projection"] {
        counter!("relay_posts_deduplicated_total", "by" => by).increment(0);
    }
    describe_counter!("relay_publications_total", "What people published and the log took, by kind; retries are not counted");
    for kind in KINDS {
        counter!("relay_publications_total", "kind" => kind).increment(0);
    }
    describe_gauge!("relay_log_bytes_used_ratio", "How full a shard's log is, 0 to 1");
}
