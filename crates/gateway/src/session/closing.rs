//! How a socket ends: the close frame, and what a failed read means.

use axum::extract::ws::{CloseFrame, Message};
use relay_protocol::CloseCode;

use crate::outbound::Closing;

/// The end of a socket with this code. `None` as a closing: the peer is gone, there is nobody to say goodbye to.
#[expect(clippy::unnecessary_wraps, reason = "spares every caller the wrapping")]
pub(super) const fn ended(code: CloseCode) -> Option<Closing> {
    Some(Closing { code, retry_after_ms: None })
}

/// The close frame: the number says whether to come back, the reason names the code and when.
pub(super) fn close_frame(closing: Closing) -> Message {
    let reason = match closing.retry_after_ms {
        Some(ms) => format!("{{\"code\":\"{}\",\"retry_after_ms\":{ms}}}", closing.code.as_str()),
        None => format!("{{\"code\":\"{}\"}}", closing.code.as_str()),
    };
    Message::Close(Some(CloseFrame { code: closing.code.code(), reason: reason.into() }))
}

/// What a failed read means for the close.
pub(super) fn read_error(error: &axum::Error) -> Option<Closing> {
    let text = error.to_string();
    // tungstenite's kinds are not reachable through axum's error; its texts are stable and tested for.
    let code = if text.contains("too long") || text.contains("too big") || text.contains("capacity") || text.contains("Space limit") {
        CloseCode::FrameTooLarge
    } else if text.contains("protocol") || text.contains("UTF-8") || text.contains("utf-8") {
        CloseCode::ProtocolViolation
    } else {
        return None;
    };
    Some(Closing { code, retry_after_ms: None })
}
