//! The intended send time, carried in a message's text, found without parsing the frame.

use std::sync::OnceLock;
use std::time::Instant;

static START: OnceLock<Instant> = OnceLock::new();
const MARK: &str = "\"text\":\"t=";
const DIGITS: usize = 15;
/// With the envelope, an event of about 500 bytes in the log and a frame of about 450.
const TEXT_BYTES: usize = 200;

/// Microseconds since the run began.
pub fn now_us() -> u64 {
    since_start(Instant::now())
}

/// The same for a moment.
pub fn since_start(at: Instant) -> u64 {
    let start = *START.get_or_init(Instant::now);
    u64::try_from(at.saturating_duration_since(start).as_micros()).unwrap_or(u64::MAX)
}

/// A text that carries `intended_us`.
pub fn text(intended_us: u64) -> String {
    let mut text = format!("t={intended_us:0DIGITS$} ");
    text.extend(std::iter::repeat_n('x', TEXT_BYTES.saturating_sub(text.len())));
    text
}

/// The intended send time of a frame with such a text.
pub fn read(frame: &str) -> Option<u64> {
    let at = frame.find(MARK)? + MARK.len();
    frame.get(at..at + DIGITS)?.parse().ok()
}
