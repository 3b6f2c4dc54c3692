//! Everything a socket may not say: a registered code, and no trace.

use std::time::Duration;

use relay_client::{Connection, SocketOptions};
use relay_harness::Harness;
use relay_protocol::{CloseCode, ErrorCode, MAX_CLIENT_FRAME_BYTES, ServerFrame, command};
use relay_types::text::MAX_MESSAGE_BYTES;

use super::support::{SOON, Socket, TestResult, direct, group, key, ulid_key};
use super::witness::{log_end, persisted, row_counts};

/// The code of a first frame's refusal, and the close's number.
async fn first(h: &Harness, frame: Frame) -> anyhow::Result<(Option<ErrorCode>, u16)> {
    let mut connection = Connection::open(&h.gateway_url(0), &SocketOptions::default()).await?;
    match frame {
        Frame::Text(text) => connection.queue_text(text),
        Frame::Binary(bytes) => connection.queue_binary(bytes),
    }
    let mut code = None;
    loop {
        match connection.frame_within(SOON).await {
            Ok(ServerFrame::Error(error)) => code = error.code.known(),
            Ok(_) => {}
            Err(close) => return Ok((code, close.code)),
        }
    }
}

enum Frame {
    Text(String),
    Binary(Vec<u8>),
}

#[tokio::test]
async fn a_bad_first_frame_is_answered_with_its_code_and_the_socket_closes() -> TestResult {
    let h = Harness::builder().config("gateway", "hello_timeout_ms = 2000").start().await?;
    let text = |text: &str| Frame::Text(text.to_owned());
    let violation = CloseCode::ProtocolViolation.code();
    let cases = [
        ("not JSON", text("{"), Some(ErrorCode::MalformedFrame), violation),
        ("not an object", text("[]"), Some(ErrorCode::MalformedFrame), violation),
        ("no type", text("{}"), Some(ErrorCode::MalformedFrame), violation),
        ("no token", text(r#"{"type":"hello"}"#), Some(ErrorCode::MalformedFrame), violation),
        ("a token of another type", text(r#"{"type":"hello","token":7}"#), Some(ErrorCode::MalformedFrame), violation),
        ("an unknown command", text(r#"{"type":"shout"}"#), Some(ErrorCode::UnknownCommand), violation),
        ("a ping before hello", text(r#"{"type":"ping"}"#), Some(ErrorCode::HelloRequired), CloseCode::Unauthenticated.code()),
        (
            "a send before hello",
            text(
                r#"{"type":"send_message","client_id":"k","conversation_id":"01ARZ3NDEKTSV4RRFFQ69G5FAV","body":{"type":"text","text":"x"}}"#,
            ),
            Some(ErrorCode::HelloRequired),
            CloseCode::Unauthenticated.code(),
        ),
        ("a binary frame", Frame::Binary(vec![0, 1, 2]), Some(ErrorCode::MalformedFrame), violation),
        ("a frame over the limit", Frame::Text("x".repeat(MAX_CLIENT_FRAME_BYTES + 1)), None, CloseCode::FrameTooLarge.code()),
        ("deep nesting", Frame::Text("[".repeat(50_000)), Some(ErrorCode::MalformedFrame), violation),
    ];
    for (name, frame, code, close) in cases {
        assert_eq!(first(&h, frame).await?, (code, close), "{name}");
    }
    let mut silent = Connection::open(&h.gateway_url(0), &SocketOptions::default()).await?;
    let close = silent.closed_within(SOON).await.expect("a silent socket closes");
    assert_eq!(close.code, CloseCode::HelloTimeout.code());
    h.finish().await
}

#[tokio::test]
async fn a_bad_command_is_refused_by_its_code_and_leaves_no_trace() -> TestResult {
    let h = Harness::shared_alone().await?;
    let (ann, bob, eve) = (h.user("ann").await?, h.user("bob").await?, h.user("eve").await?);
    let chat = direct(&ann, &bob).await?;
    let left = group(&ann, &[&eve]).await?;
    ann.api.remove_member(left, eve.id()).await?;
    let mut eves = Socket::live(&h, 0, &eve.device, None).await?;
    let mut anns = Socket::live(&h, 0, &ann.device, None).await?;
    persisted(&h).await?;
    let (end, before) = (log_end(&h).await?, row_counts(&h).await?);

    let send = |client_id: &str, conversation: &str, body: serde_json::Value| {
        serde_json::json!({ "type": "send_message", "client_id": client_id, "conversation_id": conversation, "body": body }).to_string()
    };
    let text = |text: &str| serde_json::json!({ "type": "text", "text": text });
    let good = chat.to_string();
    let token = ann.device.access_token().0.clone();
    let long_id = "A".repeat(10_240);
    let mut cases = vec![
        ("not JSON".to_owned(), "{\"type\":".to_owned(), ErrorCode::MalformedFrame),
        (
            "no client_id".to_owned(),
            format!(r#"{{"type":"send_message","conversation_id":"{good}","body":{{"type":"text","text":"x"}}}}"#),
            ErrorCode::MalformedFrame,
        ),
        (
            "no body".to_owned(),
            format!(r#"{{"type":"send_message","client_id":"k","conversation_id":"{good}"}}"#),
            ErrorCode::MalformedFrame,
        ),
        ("unknown command".to_owned(), r#"{"type":"delete_everything"}"#.to_owned(), ErrorCode::UnknownCommand),
        ("hello twice".to_owned(), command::encode::hello(&token, None), ErrorCode::HelloTwice),
        ("unknown conversation".to_owned(), send("k", "01ARZ3NDEKTSV4RRFFQ69G5FAV", text("x")), ErrorCode::NotMember),
        ("empty".to_owned(), send("k", &good, text("")), ErrorCode::EmptyMessage),
        ("only white space".to_owned(), send("k", &good, text(" \n\t ")), ErrorCode::EmptyMessage),
        ("too long".to_owned(), send("k", &good, text(&"x".repeat(MAX_MESSAGE_BYTES + 1))), ErrorCode::MessageTooLong),
        ("NUL".to_owned(), send("k", &good, text("a\0b")), ErrorCode::InvalidField),
        ("unknown body".to_owned(), send("k", &good, serde_json::json!({ "type": "hologram" })), ErrorCode::UnsupportedBody),
        ("text that is none".to_owned(), send("k", &good, serde_json::json!({ "type": "text", "text": 7 })), ErrorCode::MalformedFrame),
    ];
    let lower = good.to_lowercase();
    let crlf = format!("{}\r\nPUB chat.0.c.x 0\r\n", &good[..10]);
    let bad_ids = [
        "*",
        ">",
        ".",
        "",
        " ",
        "a.b",
        "chat.0.c.>",
        crlf.as_str(),
        "\0",
        "ÄÖÜ",
        "用户",
        lower.as_str(),
        "../../etc/passwd",
        long_id.as_str(),
    ];
    for id in bad_ids {
        let shown: String = id.chars().take(20).collect();
        cases.push((format!("conversation_id {shown:?}"), send("k", id, text("x")), ErrorCode::BadId));
        if id != lower {
            cases.push((format!("client_id {shown:?}"), send(id, &good, text("x")), ErrorCode::BadClientId));
        }
    }
    for (name, frame, code) in cases {
        assert_eq!(anns.error_to(&frame).await?.code, code, "{name}");
    }
    for conversation in [chat, left] {
        assert_eq!(eves.refused(conversation, &key("k"), "let me in").await?.code, ErrorCode::NotMember);
    }
    assert_eq!(log_end(&h).await?, end, "the log is as before");
    assert_eq!(row_counts(&h).await?, before, "the database is as before");
    // The socket is none the worse for it.
    anns.post(chat, &ulid_key(0), "a good one").await?;
    // A good frame of the longest text in its longest spelling is taken.
    let longest = "\u{1}".repeat(MAX_MESSAGE_BYTES);
    anns.post(chat, &ulid_key(0), &longest).await?;
    h.finish().await
}

#[tokio::test]
async fn a_frame_that_is_binary_or_too_large_ends_a_live_socket() -> TestResult {
    let h = Harness::shared().await?;
    let ann = h.user("ann").await?;
    let mut binary = Socket::live(&h, 0, &ann.device, None).await?;
    binary.connection.queue_binary(vec![1, 2, 3]);
    assert_eq!(binary.close_code().await?, CloseCode::ProtocolViolation.code());
    let mut large = Socket::live(&h, 0, &ann.device, None).await?;
    large.connection.queue_text("x".repeat(MAX_CLIENT_FRAME_BYTES + 1));
    assert_eq!(large.close_code().await?, CloseCode::FrameTooLarge.code());
    h.finish().await
}

#[tokio::test]
async fn sending_too_fast_is_refused_with_the_time_to_wait_and_leaves_no_trace() -> TestResult {
    let h = Harness::builder().config("gateway", "messages_per_s = 1\nmessage_burst = 5").start().await?;
    let (ann, bob) = (h.user("ann").await?, h.user("bob").await?);
    let chat = direct(&ann, &bob).await?;
    let mut anns = Socket::live(&h, 0, &ann.device, None).await?;
    let begin = log_end(&h).await?;
    let keys: Vec<_> = (0..20).map(|_| ulid_key(0)).collect();
    for key in &keys {
        anns.send(chat, key, "fast").await?;
    }
    let (mut accepted, mut limited) = (0, 0);
    for key in &keys {
        match answer_or_seen(&mut anns, key).await? {
            Ok(()) => accepted += 1,
            Err(error) => {
                assert_eq!((error.code.known(), error.retryable), (Some(ErrorCode::RateLimited), true));
                assert!(error.retry_after_ms.is_some_and(|ms| (1..=20_000).contains(&ms)), "{error:?}");
                limited += 1;
            }
        }
    }
    assert!((5..=8).contains(&accepted) && limited >= 12, "{accepted} accepted, {limited} limited");
    assert_eq!(log_end(&h).await?.0 - begin.0, accepted, "what was refused is not in the log");
    // Another user is not concerned.
    Socket::live(&h, 0, &bob.device, None).await?.post(chat, &ulid_key(0), "slow").await?;
    h.finish().await
}

/// Answers may come in any order.
async fn answer_or_seen(socket: &mut Socket, key: &relay_types::ClientId) -> anyhow::Result<Result<(), relay_protocol::frame::ErrorFrame>> {
    let find = |frame: &ServerFrame| match frame {
        ServerFrame::MessageAck(ack) if ack.client_id == *key => Some(Ok(())),
        ServerFrame::Error(error) if error.client_id.as_ref() == Some(key) => Some(Err(error.clone())),
        _ => None,
    };
    if let Some(found) = socket.frames.iter().find_map(find) {
        return Ok(found);
    }
    socket.until("an answer", find).await
}

#[tokio::test]
async fn more_frames_than_allowed_are_refused_and_each_refused_send_is_named() -> TestResult {
    let h = Harness::builder().config("gateway", "frames_per_s = 10").start().await?;
    let (ann, bob) = (h.user("ann").await?, h.user("bob").await?);
    let chat = direct(&ann, &bob).await?;
    let mut anns = Socket::live(&h, 0, &ann.device, None).await?;
    let keys: Vec<_> = (0..30).map(|_| ulid_key(0)).collect();
    for key in &keys {
        anns.send(chat, key, "fast").await?;
    }
    let mut limited = 0;
    for key in &keys {
        if let Err(error) = answer_or_seen(&mut anns, key).await? {
            assert!(error.code == ErrorCode::RateLimited && error.retry_after_ms.is_some(), "{error:?}");
            limited += 1;
        }
    }
    assert!(limited >= 10, "{limited} of 30 were limited");
    h.finish().await
}

#[tokio::test]
async fn more_sends_without_an_ack_than_allowed_are_refused() -> TestResult {
    let h = Harness::builder().config("gateway", "max_in_flight = 4").expect_errors().start().await?;
    let (ann, bob) = (h.user("ann").await?, h.user("bob").await?);
    let chat = direct(&ann, &bob).await?;
    let mut anns = Socket::live(&h, 0, &ann.device, None).await?;
    // Nothing is acknowledged while NATS does not answer.
    h.nats().pause();
    let keys: Vec<_> = (0..10).map(|_| ulid_key(0)).collect();
    for key in &keys {
        anns.send(chat, key, "waiting").await?;
    }
    for key in &keys[4..] {
        let error = answer_or_seen(&mut anns, key).await?.expect_err("refused");
        assert_eq!((error.code.known(), error.retryable), (Some(ErrorCode::TooManyInFlight), true));
    }
    h.nats().resume();
    for key in &keys[..4] {
        tokio::time::timeout(Duration::from_mins(1), answer_or_seen(&mut anns, key)).await??.expect("acknowledged");
    }
    h.finish().await
}
