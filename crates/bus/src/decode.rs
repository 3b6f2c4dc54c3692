//! From a NATS message to an event.

use async_nats::jetstream::message::StreamMessage;
use bytes::Bytes;
use relay_domain::ports::Poison;
use relay_protocol::log::{EventOwner, LogEvent, StoredEvent};
use relay_subjects::LogSubject;
use relay_types::{Seq, ShardId};

/// Milliseconds of a server timestamp.
pub(crate) fn millis(at: time::OffsetDateTime) -> i64 {
    i64::try_from(at.unix_timestamp_nanos() / 1_000_000).unwrap_or(0)
}

/// Decodes an event and checks that it is on the subject it claims: a writer that may publish to one conversation, or to one
/// user, cannot speak in another's name. An event of a newer version's type is as good as any other: its subject says whose it is.
pub(crate) fn decode(subject: &str, seq: u64, at: time::OffsetDateTime, payload: &Bytes) -> Result<StoredEvent, Poison> {
    let poison = |reason: String| Poison { subject: subject.to_owned(), payload: payload.clone(), reason };
    let parsed: LogSubject = subject.parse().map_err(|_| poison("not a subject of the log".to_owned()))?;
    let text = std::str::from_utf8(payload).map_err(|_| poison("not an event: not UTF-8".to_owned()))?;
    let (event, text) =
        LogEvent::decode_with_text(text).map_err(|e| poison(format!("not an event: {:?} at column {}", e.classify(), e.column())))?;
    let (shard, owner) = match parsed {
        LogSubject::Conversation(shard, id) => (shard, EventOwner::Conversation(id)),
        LogSubject::User(shard, id) => (shard, EventOwner::User(id)),
    };
    if !event.belongs_to(owner) {
        return Err(poison("the event does not belong on this subject".to_owned()));
    }
    Ok(StoredEvent { shard, seq: Seq(seq), owner: Some(owner), prev: None, stored_at_ms: millis(at), event, text })
}

/// For readers that only follow: what cannot be read is passed over here, and dead-lettered by the persist worker.
pub(crate) fn decode_or_unreadable(shard: ShardId, subject: &str, seq: u64, at: time::OffsetDateTime, payload: &Bytes) -> StoredEvent {
    decode(subject, seq, at, payload).unwrap_or_else(|poison| {
        tracing::debug!(stream.seq = seq, reason = poison.reason, "passed over an unreadable event");
        StoredEvent::unreadable(shard, Seq(seq), millis(at))
    })
}

pub(crate) fn decode_stream_message(shard: ShardId, message: &StreamMessage) -> StoredEvent {
    decode_or_unreadable(shard, &message.subject, message.sequence, message.time, &message.payload)
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "01ARZ3NDEKTSV4RRFFQ69G5FAV";
    const OTHER: &str = "01BX5ZZKBKACTAV9WEVGEMMVRZ";

    fn owner(subject: &str, json: &str) -> Result<Option<EventOwner>, String> {
        let payload = Bytes::copy_from_slice(json.as_bytes());
        decode(subject, 7, time::OffsetDateTime::UNIX_EPOCH, &payload).map(|event| event.owner).map_err(|poison| poison.reason)
    }

    #[test]
    fn event_of_a_newer_version_belongs_to_its_subject() {
        let (room, user) = (EventOwner::Conversation(ID.parse().unwrap()), EventOwner::User(ID.parse().unwrap()));
        let event = r#"{"type":"FROM_THE_FUTURE"}"#;
        assert_eq!(owner(&format!("chat.0.c.{ID}"), event), Ok(Some(room)));
        assert_eq!(owner(&format!("chat.0.u.{ID}"), event), Ok(Some(user)));
    }

    #[test]
    fn event_on_the_subject_of_another_is_refused() {
        let joined =
            format!(r#"{{"type":"CONVERSATION_JOINED","event_id":"{ID}","user_id":"{ID}","conversation_id":"{OTHER}","at_ms":1}}"#);
        assert!(owner(&format!("chat.0.u.{ID}"), &joined).is_ok());
        for subject in [format!("chat.0.u.{OTHER}"), format!("chat.0.c.{OTHER}"), "chat.0.c.*".to_owned()] {
            assert!(owner(&subject, &joined).is_err(), "{subject}");
        }
        let elsewhere = format!(r#"{{"type":"FROM_THE_FUTURE","conversation_id":"{OTHER}"}}"#);
        assert!(owner(&format!("chat.0.c.{ID}"), &elsewhere).is_err());
        assert!(owner(&format!("chat.0.c.{ID}"), "{}").is_err());
    }
}
