//! From a NATS message to an event.

use async_nats::jetstream::message::StreamMessage;
use bytes::Bytes;
use relay_domain::ports::Poison;
use relay_protocol::log::{LogEvent, StoredEvent};
use relay_subjects::LogSubject;
use relay_types::{Seq, ShardId};

/// Milliseconds of a server timestamp.
pub(crate) fn millis(at: time::OffsetDateTime) -> i64 {
    i64::try_from(at.unix_timestamp_nanos() / 1_000_000).unwrap_or(0)
}

/// Decodes an event and checks that it is on the subject it claims: a writer that may publish to one conversation
/// cannot speak in another.
pub(crate) fn decode(subject: &str, seq: u64, at: time::OffsetDateTime, payload: &Bytes) -> Result<StoredEvent, Poison> {
    let poison = |reason: String| Poison { subject: subject.to_owned(), payload: payload.clone(), reason };
    let parsed: LogSubject = subject.parse().map_err(|_| poison("not a subject of the log".to_owned()))?;
    let event: LogEvent =
        serde_json::from_slice(payload).map_err(|e| poison(format!("not an event: {:?} at column {}", e.classify(), e.column())))?;
    let shard = match (parsed, event.conversation()) {
        (LogSubject::Conversation(shard, id), Some(conversation)) if id == conversation => shard,
        (LogSubject::User(shard, _), None) => shard,
        (LogSubject::Conversation(shard, _), None) if event == LogEvent::Unknown => shard,
        _ => return Err(poison("the event does not belong on this subject".to_owned())),
    };
    Ok(StoredEvent { shard, seq: Seq(seq), prev: None, stored_at_ms: millis(at), event })
}

/// For readers that only follow: what cannot be read is passed over here, and dead-lettered by the persist worker.
pub(crate) fn decode_or_unknown(shard: ShardId, subject: &str, seq: u64, at: time::OffsetDateTime, payload: &Bytes) -> StoredEvent {
    decode(subject, seq, at, payload).unwrap_or_else(|poison| {
        tracing::debug!(stream.seq = seq, reason = poison.reason, "passed over an unreadable event");
        StoredEvent { shard, seq: Seq(seq), prev: None, stored_at_ms: millis(at), event: LogEvent::Unknown }
    })
}

pub(crate) fn decode_stream_message(shard: ShardId, message: &StreamMessage) -> StoredEvent {
    decode_or_unknown(shard, &message.subject, message.sequence, message.time, &message.payload)
}
