//! Going away: each socket is told to move, at its own moment, after its sends were answered.

use std::time::Duration;

use relay_protocol::frame::ErrorFrame;
use relay_protocol::{ErrorCode, ServerFrame};

/// How long a socket's sends may take to be answered once it was told to move.
pub(crate) const ANSWER_LIMIT: Duration = Duration::from_secs(5);

/// A random delay within the spread, so that the other gateways are not stormed.
pub(crate) fn random_delay(spread: Duration) -> Duration {
    spread.mul_f64(rand::random::<f64>())
}

/// The announcement before the close. Another gateway takes the client at once, so it need not wait long.
pub(crate) fn announcement(retry_after_ms: u64) -> ServerFrame {
    ServerFrame::Error(ErrorFrame {
        retry_after_ms: Some(retry_after_ms),
        ..ErrorFrame::new(ErrorCode::Draining, "this server is going away: reconnect")
    })
}
