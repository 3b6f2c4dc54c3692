//! What hostile bytes may reach first: one entry function for each parser.
//!
//! An entry takes any bytes, parses them, and panics if a promise of the parser is broken. `fuzz/` runs the entries with
//! libFuzzer, which needs a nightly compiler; `tests/corpus.rs` runs the same ones over a corpus and over random bytes with
//! every `cargo test`.
#![expect(clippy::expect_used, clippy::panic, clippy::missing_panics_doc, reason = "a broken promise has to crash the fuzzer")]

use relay_domain::ports::ListCursor;
use relay_protocol::command::{self, Command, encode};
use relay_protocol::ephemeral::{MAX_BATCH_BYTES, MAX_BATCH_NOTICES, TypingBatch};
use relay_protocol::{Position, ServerFrame};
use relay_subjects::LogSubject;
use relay_types::Seq;
use relay_types::text::MAX_MESSAGE_BYTES;

/// An entry function.
pub type Entry = fn(&[u8]);

/// Every entry with its name, which is that of the fuzz target and of the directory of seeds.
pub const ENTRIES: &[(&str, Entry)] = &[
    ("command", command),
    ("server_frame", server_frame),
    ("position", position),
    ("subject", subject),
    ("cursor", cursor),
    ("batch", batch),
];

/// Longest reason for a refusal: it goes to the client, so it must not grow with the input.
const MAX_REASON_BYTES: usize = 256;

/// A client's frame. What is taken can be encoded and taken again; a refusal is short, and quotes nothing.
pub fn command(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    match command::decode(text) {
        Ok(Command::SendMessage(send)) => {
            let text = send.body.text().expect("a body that no client sends was taken");
            assert!((1..=MAX_MESSAGE_BYTES).contains(&text.as_str().len()), "a text outside its limits was taken");
            match command::decode(&encode::send_message(&send)) {
                Ok(Command::SendMessage(again)) => {
                    assert_eq!((&again.client_id, again.conversation_id), (&send.client_id, send.conversation_id));
                    assert_eq!((again.body, again.reply_to), (send.body, send.reply_to));
                }
                other => panic!("what was taken is not taken again: {other:?}"),
            }
        }
        Ok(Command::React(react)) => match command::decode(&encode::react(&react)) {
            Ok(Command::React(again)) => {
                assert_eq!((&again.client_id, again.conversation_id), (&react.client_id, react.conversation_id));
                assert_eq!((again.message_id, again.emoji, again.on), (react.message_id, react.emoji, react.on));
            }
            other => panic!("what was taken is not taken again: {other:?}"),
        },
        Ok(Command::PinMessage(pin)) => match command::decode(&encode::pin_message(&pin)) {
            Ok(Command::PinMessage(again)) => {
                assert_eq!((&again.client_id, again.conversation_id), (&pin.client_id, pin.conversation_id));
                assert_eq!((again.message_id, again.on), (pin.message_id, pin.on));
            }
            other => panic!("what was taken is not taken again: {other:?}"),
        },
        Ok(Command::DeleteMessage(delete)) => match command::decode(&encode::delete_message(&delete)) {
            Ok(Command::DeleteMessage(again)) => {
                assert_eq!((&again.client_id, again.conversation_id), (&delete.client_id, delete.conversation_id));
                assert_eq!(again.message_id, delete.message_id);
            }
            other => panic!("what was taken is not taken again: {other:?}"),
        },
        Ok(Command::EditMessage(edit)) => {
            assert!(edit.body.text().is_some(), "a body that no client sends was taken");
            match command::decode(&encode::edit_message(&edit)) {
                Ok(Command::EditMessage(again)) => {
                    assert_eq!((&again.client_id, again.conversation_id), (&edit.client_id, edit.conversation_id));
                    assert_eq!((again.message_id, again.body), (edit.message_id, edit.body));
                }
                other => panic!("what was taken is not taken again: {other:?}"),
            }
        }
        Ok(Command::Hello(hello)) => match command::decode(&encode::hello(&hello.token, hello.position.as_ref())) {
            Ok(Command::Hello(again)) => assert!((again.token, again.position) == (hello.token, hello.position)),
            other => panic!("what was taken is not taken again: {other:?}"),
        },
        Ok(Command::Ping(ping)) => match command::decode(&encode::ping(ping.position.as_ref())) {
            Ok(Command::Ping(again)) => assert_eq!(again.position, ping.position),
            other => panic!("what was taken is not taken again: {other:?}"),
        },
        Ok(Command::Received(upto)) => {
            assert!(matches!(command::decode(&encode::received(&upto)), Ok(Command::Received(again)) if again == upto));
        }
        Ok(Command::Presence(say)) => {
            assert!(matches!(command::decode(&encode::presence(&say)), Ok(Command::Presence(again)) if again == say));
        }
        Ok(Command::WatchPresence(users)) => {
            assert!(matches!(command::decode(&encode::watch_presence(&users)), Ok(Command::WatchPresence(again)) if again == users));
        }
        Ok(Command::TypingStart(room)) => {
            assert!(matches!(command::decode(&encode::typing_start(room)), Ok(Command::TypingStart(again)) if again == room));
        }
        Ok(Command::TypingStop(room)) => {
            assert!(matches!(command::decode(&encode::typing_stop(room)), Ok(Command::TypingStop(again)) if again == room));
        }
        Err(error) => assert!(error.reason.len() <= MAX_REASON_BYTES, "a refusal of {} bytes", error.reason.len()),
    }
}

/// A server's frame, as the SDK reads it. What is taken can be encoded and taken again.
pub fn server_frame(bytes: &[u8]) {
    let Ok(frame) = serde_json::from_slice::<ServerFrame>(bytes) else { return };
    let again: ServerFrame = serde_json::from_str(&frame.encode()).expect("what was encoded can be read");
    assert_eq!(again.encode(), frame.encode());
}

/// A position token. What is taken names the same places when it is handed out again.
pub fn position(bytes: &[u8]) {
    let Ok(token) = std::str::from_utf8(bytes) else { return };
    let Ok(position) = token.parse::<Position>() else { return };
    let again: Position = position.to_string().parse().expect("what was handed out is taken");
    assert_eq!(again, position);
    for (shard, seq) in &position.shards {
        assert_eq!(position.seq(*shard), Some(*seq));
        assert!(*seq >= Seq::ZERO);
    }
}

/// A subject of the log. Only the canonical spelling is taken: no wildcard, no white space, no second way to write one.
pub fn subject(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    if let Ok(subject) = text.parse::<LogSubject>() {
        assert_eq!(subject.to_string(), text, "a subject has one spelling");
    }
    if let Some(user) = relay_subjects::parse_user_durable(text) {
        assert_eq!(relay_subjects::user_durable(user), text, "a durable consumer's name has one spelling");
    }
    let prefix = relay_subjects::inbox_prefix(text);
    assert!(prefix.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-'), "{prefix}");
}

/// Another gateway's batch of notices. What is taken is within its limits, and is taken again.
pub fn batch(bytes: &[u8]) {
    let Ok(batch) = TypingBatch::decode(bytes) else { return };
    assert!(bytes.len() <= MAX_BATCH_BYTES && batch.notices.len() <= MAX_BATCH_NOTICES);
    assert_eq!(serde_json::from_slice::<TypingBatch>(&batch.encode()).expect("what was taken is taken again"), batch);
    for notice in &batch.notices {
        let frame = ServerFrame::UserTyping(notice.frame());
        assert!(matches!(ServerFrame::decode(&frame.encode()), Ok(again) if again == frame));
        assert!(relay_subjects::live_bucket(notice.conversation_id) < relay_subjects::LIVE_BUCKETS);
    }
}

/// A place in a user's list. What is taken is within the database's times, and is taken again.
pub fn cursor(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let Ok(cursor) = text.parse::<ListCursor>() else { return };
    assert!((0..=ListCursor::MAX_TIME_US).contains(&cursor.active_at_us));
    assert_eq!(cursor.to_string().parse::<ListCursor>().expect("what was handed out is taken"), cursor);
}
