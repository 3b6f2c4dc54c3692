//! W3C trace context: taken from a request or begun, and carried in NATS headers.

use std::fmt;

/// Which trace a piece of work belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TraceContext {
    trace_id: u128,
    span_id: u64,
}

impl TraceContext {
    /// A new trace.
    pub fn begin() -> Self {
        // Zero is not a valid id in either place.
        Self { trace_id: rand::random::<u128>().max(1), span_id: rand::random::<u64>().max(1) }
    }

    /// The same trace, another span.
    #[must_use]
    pub fn child(self) -> Self {
        Self { trace_id: self.trace_id, span_id: rand::random::<u64>().max(1) }
    }

    /// Parses a `traceparent` of version 00; anything else is `None`, and the caller begins a trace.
    pub fn parse(header: &str) -> Option<Self> {
        let mut parts = header.split('-');
        let (version, trace, span, flags) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
        let plain = |text: &str, len: usize| text.len() == len && text.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b));
        if version != "00" || parts.next().is_some() || !plain(trace, 32) || !plain(span, 16) || !plain(flags, 2) {
            return None;
        }
        let trace_id = u128::from_str_radix(trace, 16).ok().filter(|id| *id != 0)?;
        let span_id = u64::from_str_radix(span, 16).ok().filter(|id| *id != 0)?;
        Some(Self { trace_id, span_id })
    }

    /// The trace's id, for log lines.
    pub fn trace_id(&self) -> String {
        format!("{:032x}", self.trace_id)
    }
}

impl fmt::Display for TraceContext {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "00-{:032x}-{:016x}-01", self.trace_id, self.span_id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn round_trips_and_refuses() {
        let context = TraceContext::begin();
        assert_eq!(TraceContext::parse(&context.to_string()), Some(context));
        for bad in ["", "00", "01-00-00-00", "00-00000000000000000000000000000000-0000000000000001-01", "00-é-x-01"] {
            assert_eq!(TraceContext::parse(bad), None);
        }
    }
}
