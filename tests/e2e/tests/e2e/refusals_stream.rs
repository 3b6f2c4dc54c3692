//! Everything a stream's request and a posted command may not be: a registered code, and no trace.

use relay_harness::Harness;
use relay_protocol::{CloseCode, ErrorCode, MAX_CLIENT_FRAME_BYTES, command};
use relay_types::text::MAX_MESSAGE_BYTES;
use reqwest::Method;

use super::raw_http::refusal;
use super::stream::{Stream, ask, gateway, post, sending};
use super::support::{Socket, TestResult, direct, key, ulid_key};
use super::witness::{log_end, persisted, row_counts};

const EVENTS: &str = "/v1/events";
const COMMANDS: &str = "/v1/commands";

#[tokio::test]
async fn a_bad_hello_is_answered_with_its_code_and_no_stream_begins() -> TestResult {
    let h = Harness::shared().await?;
    let ann = h.user("ann").await?;
    let token = ann.device.access_token().0.clone();
    let violation = CloseCode::ProtocolViolation.code();
    let unauthenticated = CloseCode::Unauthenticated.code();
    let position = serde_json::json!({ "type": "hello", "token": token, "position": "%%%" }).to_string();
    let cases = [
        ("nothing", String::new(), ErrorCode::MalformedFrame, Some(violation)),
        ("not JSON", "{".to_owned(), ErrorCode::MalformedFrame, Some(violation)),
        ("not an object", "[]".to_owned(), ErrorCode::MalformedFrame, Some(violation)),
        ("no token", r#"{"type":"hello"}"#.to_owned(), ErrorCode::MalformedFrame, Some(violation)),
        ("an unknown command", r#"{"type":"shout"}"#.to_owned(), ErrorCode::UnknownCommand, Some(violation)),
        ("a ping", r#"{"type":"ping"}"#.to_owned(), ErrorCode::HelloRequired, Some(unauthenticated)),
        ("a token that is none", command::encode::hello("x", None), ErrorCode::Unauthenticated, Some(unauthenticated)),
        ("a position that is none", position, ErrorCode::BadPosition, Some(violation)),
        ("too long", "x".repeat(MAX_CLIENT_FRAME_BYTES), ErrorCode::FrameTooLarge, None),
    ];
    for (name, hello, code, close) in cases {
        let problem = refusal(ask(&h, 0, hello).await?, name).await?;
        assert_eq!((problem.code.known(), problem.close_code), (Some(code), close), "{name}");
    }
    let hello = command::encode::hello(&token, None);
    let json = |request: reqwest::RequestBuilder| request.header("content-type", "application/json").body(hello.clone());
    let in_url = format!("{EVENTS}?access_token={token}");
    let requests = [
        ("another method", gateway(&h, 0, Method::GET, EVENTS), ErrorCode::MethodNotAllowed),
        ("another path", json(gateway(&h, 0, Method::POST, "/v1/event")), ErrorCode::NotFound),
        ("a token in the URL", json(gateway(&h, 0, Method::POST, &in_url)), ErrorCode::TokenInUrl),
        ("a page of others", json(gateway(&h, 0, Method::POST, EVENTS)).header("origin", "https://evil.example"), ErrorCode::OriginRefused),
        (
            "as a page may send unasked",
            gateway(&h, 0, Method::POST, EVENTS).header("content-type", "text/plain").body(hello.clone()),
            ErrorCode::MalformedFrame,
        ),
        ("an id of others", json(gateway(&h, 0, Method::POST, EVENTS)).header("last-event-id", "7"), ErrorCode::BadPosition),
    ];
    for (name, request, code) in requests {
        assert_eq!(refusal(request.send().await?, name).await?.code, code, "{name}");
    }
    let bytes = gateway(&h, 0, Method::POST, EVENTS).header("content-type", "application/json").body(vec![0xff, 0xfe]);
    assert_eq!(refusal(bytes.send().await?, "no UTF-8").await?.code, ErrorCode::MalformedFrame);

    // A page of the gateway's own address may ask, and reads the answer.
    let origin = h.gateway_url(0).replace("ws://", "http://");
    let preflight = gateway(&h, 0, Method::OPTIONS, EVENTS).header("origin", &origin).header("access-control-request-method", "POST");
    let answer = preflight.header("access-control-request-headers", "content-type,authorization").send().await?;
    let header = |name: &str| answer.headers().get(name).and_then(|value| value.to_str().ok()).unwrap_or_default().to_owned();
    assert_eq!(header("access-control-allow-origin"), origin);
    assert!(header("access-control-allow-headers").contains("authorization"), "{answer:?}");
    h.finish().await
}

#[tokio::test]
async fn a_bad_command_by_post_is_refused_by_its_code_and_leaves_no_trace() -> TestResult {
    let h = Harness::shared_alone().await?;
    let (ann, bob, eve) = (h.user("ann").await?, h.user("bob").await?, h.user("eve").await?);
    let chat = direct(&ann, &bob).await?;
    let token = ann.device.access_token().0.clone();
    // Known at one gateway, and unknown at the other.
    let _anns = Socket::live(&h, 0, &ann.device, None).await?;
    persisted(&h).await?;
    let (end, before) = (log_end(&h).await?, row_counts(&h).await?);
    let say = |body: serde_json::Value| {
        serde_json::json!({ "type": "send_message", "client_id": "k", "conversation_id": chat, "body": body }).to_string()
    };
    let text = |text: &str| say(serde_json::json!({ "type": "text", "text": text }));
    let nowhere = sending("01ARZ3NDEKTSV4RRFFQ69G5FAV".parse()?, &key("k"), "x");
    let cases = [
        ("not JSON", "{".to_owned(), ErrorCode::MalformedFrame),
        ("an unknown command", r#"{"type":"shout"}"#.to_owned(), ErrorCode::UnknownCommand),
        ("a hello", command::encode::hello(&token, None), ErrorCode::UnknownCommand),
        ("nowhere", nowhere, ErrorCode::NotMember),
        ("empty", text(""), ErrorCode::EmptyMessage),
        ("too long", text(&"x".repeat(MAX_MESSAGE_BYTES + 1)), ErrorCode::MessageTooLong),
        ("an unknown body", say(serde_json::json!({ "type": "hologram" })), ErrorCode::UnsupportedBody),
        ("a bad position", r#"{"type":"ping","position":"%%%"}"#.to_owned(), ErrorCode::BadPosition),
        ("far too long", "x".repeat(MAX_CLIENT_FRAME_BYTES + 1), ErrorCode::FrameTooLarge),
        ("a key of the future", sending(chat, &ulid_key(60_000), "x"), ErrorCode::ClientIdAhead),
    ];
    for (name, frame, code) in cases {
        for index in [0, 1] {
            let refused = post(&h, index, &ann.device, &frame).await?.expect_err(name);
            assert_eq!(refused.code, code, "{name}");
        }
    }
    for index in [0, 1] {
        let refused = post(&h, index, &eve.device, &text("let me in")).await?.expect_err("a stranger");
        assert_eq!(refused.code, ErrorCode::NotMember);
    }
    let request = || gateway(&h, 0, Method::POST, COMMANDS).header("content-type", "application/json").body(text("x"));
    let requests = [
        ("no token", request(), ErrorCode::Unauthenticated),
        ("a token that is none", request().bearer_auth("x"), ErrorCode::Unauthenticated),
        ("a page of others", request().bearer_auth(&token).header("origin", "https://evil.example"), ErrorCode::OriginRefused),
        ("another method", gateway(&h, 0, Method::GET, COMMANDS).bearer_auth(&token), ErrorCode::MethodNotAllowed),
    ];
    for (name, request, code) in requests {
        assert_eq!(refusal(request.send().await?, name).await?.code, code, "{name}");
    }
    persisted(&h).await?;
    assert_eq!((log_end(&h).await?, row_counts(&h).await?), (end, before));
    h.finish().await
}

#[tokio::test]
async fn streams_count_as_sockets_and_commands_have_their_limits() -> TestResult {
    let settings = "max_sockets_per_session = 2\nmax_sockets_per_user = 3\nmax_sockets_per_address = 4\nframes_per_s = 20\nmessage_burst = 3\nmessages_per_s = 1";
    let h = Harness::builder().config("gateway", settings).start().await?;
    let (ann, bob) = (h.user("ann").await?, h.user("bob").await?);
    let chat = direct(&ann, &bob).await?;
    let other = ann.log_in("other").await?;
    let hello = |device: &relay_harness::Device| command::encode::hello(&device.access_token().0, None);
    let socket = Socket::live(&h, 0, &ann.device, None).await?;
    // A stream whose client is gone looks as a quiet one: the oldest makes room for what its device opens, and sockets do not.
    let mut oldest = Stream::live(&h, 0, &ann.device, None).await?;
    let mut newer = Stream::live(&h, 0, &ann.device, None).await?;
    assert_eq!(oldest.end().await?.close_code, CloseCode::Busy.code());
    let second_socket = Socket::live(&h, 0, &ann.device, None).await?;
    assert_eq!(newer.end().await?.close_code, CloseCode::Busy.code());
    let crowded = refusal(ask(&h, 0, hello(&ann.device)).await?, "a third of one device").await?;
    assert_eq!((crowded.code.known(), crowded.close_code), (Some(ErrorCode::TooManyConnections), Some(CloseCode::Busy.code())));
    let mut others = Stream::live(&h, 0, &other, None).await?;
    let again = Stream::live(&h, 0, &other, None).await?;
    assert_eq!(others.end().await?.close_code, CloseCode::Busy.code());
    let tablet = ann.log_in("tablet").await?;
    assert_eq!(refusal(ask(&h, 0, hello(&tablet)).await?, "a fourth of one person").await?.code, ErrorCode::TooManyConnections);
    let third = Stream::live(&h, 0, &bob.device, None).await?;
    assert_eq!(refusal(ask(&h, 0, hello(&bob.device)).await?, "a fifth of one address").await?.code, ErrorCode::TooManyConnections);
    drop((socket, second_socket, again));

    let mut codes = Vec::new();
    for n in 0..8 {
        match post(&h, 0, &bob.device, &sending(chat, &ulid_key(0), &n.to_string())).await? {
            Ok(_) => codes.push(None),
            Err(refused) => {
                assert!(refused.retry_after_ms.is_some());
                codes.push(refused.code.known());
            }
        }
    }
    assert!(codes.starts_with(&[None, None, None]) && codes.contains(&Some(ErrorCode::RateLimited)), "{codes:?}");
    let pings = futures::future::join_all((0..100).map(|_| post(&h, 0, &ann.device, r#"{"type":"ping"}"#))).await;
    let mut refused = 0;
    for ping in pings {
        if let Err(problem) = ping? {
            assert_eq!(problem.code, ErrorCode::RateLimited);
            refused += 1;
        }
    }
    assert!(refused > 0, "100 at once, of 20 a second");
    drop(third);
    h.finish().await
}
