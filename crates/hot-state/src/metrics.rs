//! Every series about Valkey, at zero from the start.

use metrics::{counter, describe_counter, describe_gauge, gauge};

/// Registers and describes them.
pub fn register() {
    describe_counter!("relay_rate_limit_local_total", "Checks of a rate limit made without Valkey");
    counter!("relay_rate_limit_local_total").absolute(0);
    describe_gauge!("relay_valkey_up", "1 while Valkey answers");
    gauge!("relay_valkey_up").set(0.0);
}
