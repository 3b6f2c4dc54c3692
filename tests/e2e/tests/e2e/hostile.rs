//! One person cannot keep others out: by connections that they do not read, by sockets, or by sending without end.

#![expect(clippy::print_stdout, reason = "measured figures are shown with the test's output")]

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use relay_client::{Connection, HelloError, SocketOptions};
use relay_harness::{Harness, wait_for};
use relay_protocol::{CloseCode, ErrorCode};
use relay_types::ConversationId;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpSocket, TcpStream};

use super::support::{LATE, SOON, Socket, TestResult, people, ulid_key};
use super::witness::Requests;

/// Of one address, before others of its connections are refused.
const PLACES: usize = 12;
/// Answers to so many requests are more than the kernels' buffers take.
const PIPELINED: usize = 200;

const API: &str = "max_connections = 20\nmax_connections_per_address = 12\nwrite_stall_ms = 1500\nheader_timeout_ms = 60000";
const GATEWAY: &str = "max_sockets_per_session = 2\nmax_sockets_per_user = 3\nmax_sockets_per_address = 6\nwrite_stall_ms = 1500";

/// A connection from an address of this machine's own choice.
async fn connect(from: &str, to: SocketAddr) -> anyhow::Result<TcpStream> {
    let socket = TcpSocket::new_v4()?;
    socket.bind(format!("{from}:0").parse()?)?;
    Ok(tokio::time::timeout(SOON, socket.connect(to)).await??)
}

/// Everything that the other side says until it closes.
async fn rest(stream: &mut TcpStream) -> anyhow::Result<String> {
    let mut bytes = Vec::new();
    // A reset counts as an end.
    let _ = tokio::time::timeout(SOON, stream.read_to_end(&mut bytes)).await.context("the connection stays open")?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

fn request(path: &str, last: bool) -> String {
    let connection = if last { "connection: close\r\n" } else { "" };
    format!("GET {path} HTTP/1.1\r\nhost: x\r\n{connection}\r\n")
}

/// The value of a series, once it is at least `least`.
async fn counted(metrics: impl AsyncFn() -> anyhow::Result<String>, series: &str, least: u64) -> u64 {
    wait_for(series, LATE, || async {
        let metrics = metrics().await.map_err(|error| format!("{error:#}"))?;
        let value = metrics.lines().find_map(|line| line.strip_prefix(series)?.trim().parse().ok()).unwrap_or(0);
        if value >= least { Ok(value) } else { Err(format!("{value}")) }
    })
    .await
}

#[tokio::test]
async fn connections_that_are_not_read_end_and_meanwhile_a_stranger_is_answered() -> TestResult {
    let h = Harness::builder().config("api", API).config("gateway", GATEWAY).start().await?;
    let api = h.api().public();
    let requests = request("/openapi.json", false).repeat(PIPELINED);
    let mut unread = Vec::new();
    for _ in 0..PLACES {
        let mut stream = connect("127.0.0.3", api).await?;
        // What the server does not read any more stays here.
        let _ = tokio::time::timeout(Duration::from_millis(200), stream.write_all(requests.as_bytes())).await;
        unread.push(stream);
    }
    let mut refused = connect("127.0.0.3", api).await?;
    let answer = rest(&mut refused).await?;
    assert!(answer.starts_with("HTTP/1.1 429 ") && answer.contains(ErrorCode::TooManyConnections.as_str()), "{answer}");

    let began = Instant::now();
    let mut stranger = connect("127.0.0.4", api).await?;
    stranger.write_all(request("/.well-known/jwks.json", true).as_bytes()).await?;
    let answer = rest(&mut stranger).await?;
    println!("a stranger was answered after {:?}", began.elapsed());
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");

    let ended = counted(async || h.api().metrics().await, r#"relay_connections_ended_total{reason="stalled"}"#, PLACES as u64).await;
    println!("{ended} connections ended after {:?}", began.elapsed());
    let mut again = connect("127.0.0.3", api).await?;
    again.write_all(request("/.well-known/jwks.json", true).as_bytes()).await?;
    assert!(rest(&mut again).await?.starts_with("HTTP/1.1 200 "), "its places are free again");
    drop(unread);

    sockets_are_capped(&h).await?;
    floods_end(&h).await?;
    h.finish().await
}

/// What a socket that should not be is told.
async fn refusal(h: &Harness, token: &str) -> anyhow::Result<ErrorCode> {
    match Connection::hello(&h.gateway_url(0), token, None, &SocketOptions::default()).await {
        Err(HelloError::Refused { error, close }) => {
            assert_eq!(close.code, CloseCode::Busy.code());
            error.context("closed without a reason")?.code.known().context("an unregistered code")
        }
        Err(HelloError::Open(relay_client::ClientError::Refused(problem))) => problem.code.known().context("an unregistered code"),
        Err(other) => Err(other.into()),
        Ok(_) => anyhow::bail!("it was let in"),
    }
}

async fn sockets_are_capped(h: &Harness) -> TestResult {
    let (ann, bob) = (h.user("ann").await?, h.user("bob").await?);
    let tablet = ann.log_in("tablet").await?;
    let mut sockets = vec![Socket::live(h, 0, &ann.device, None).await?, Socket::live(h, 0, &ann.device, None).await?];
    assert_eq!(refusal(h, &ann.device.access_token().0).await?, ErrorCode::TooManyConnections, "a device's third");
    sockets.push(Socket::live(h, 0, &tablet, None).await?);
    assert_eq!(refusal(h, &tablet.access_token().0).await?, ErrorCode::TooManyConnections, "a person's fourth");
    sockets.push(Socket::live(h, 0, &bob.device, None).await?);
    sockets.push(Socket::live(h, 0, &bob.device, None).await?);
    let silent = Connection::open(&h.gateway_url(0), &SocketOptions::default()).await?;
    assert_eq!(refusal(h, &bob.device.access_token().0).await?, ErrorCode::TooManyConnections, "an address's seventh");
    drop(silent);
    drop(sockets);
    wait_for("a place for ann again", LATE, || async {
        Socket::live(h, 0, &ann.device, None).await.map(drop).map_err(|error| format!("{error:#}"))
    })
    .await;
    Ok(())
}

/// Opens a WebSocket and then sends `first` and `more` again and again until the other side has enough.
async fn flood(to: SocketAddr, first: &[u8], more: &[u8]) -> anyhow::Result<Duration> {
    let mut stream = connect("127.0.0.5", to).await?;
    let upgrade = "GET /v1/ws HTTP/1.1\r\nhost: x\r\nconnection: upgrade\r\nupgrade: websocket\r\n\
                   sec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
    stream.write_all(upgrade.as_bytes()).await?;
    let mut answer = [0; 12];
    stream.read_exact(&mut answer).await?;
    assert_eq!(&answer, b"HTTP/1.1 101");
    stream.write_all(first).await?;
    let (mut reader, mut writer) = stream.split();
    let began = Instant::now();
    let sending = async {
        let many = more.repeat(1_000);
        while writer.write_all(&many).await.is_ok() {}
    };
    let reading = async {
        let mut taken = [0; 4096];
        while matches!(reader.read(&mut taken).await, Ok(1..)) {}
    };
    tokio::time::timeout(SOON, async { tokio::join!(sending, reading) }).await.context("the flood goes on")?;
    Ok(began.elapsed())
}

async fn floods_end(h: &Harness) -> TestResult {
    let gateway = h.gateway(0).public();
    let cases: [(&str, &[u8], &[u8]); 3] = [
        ("pings before hello", &[], &[0x89, 0x80, 0, 0, 0, 0]),
        ("pongs before hello", &[], &[0x8a, 0x80, 0, 0, 0, 0]),
        ("fragments without an end", &[0x01, 0x80, 0, 0, 0, 0], &[0x00, 0x80, 0, 0, 0, 0]),
    ];
    for (what, first, more) in cases {
        let series = r#"relay_socket_closes_total{code="flooding"}"#;
        let before = counted(async || h.gateway(0).metrics().await, series, 0).await;
        let took = flood(gateway, first, more).await?;
        println!("{what} ended after {took:?}");
        counted(async || h.gateway(0).metrics().await, series, before + 1).await;
    }
    let cat = h.user("cat").await?;
    let mut socket = Socket::live(h, 0, &cat.device, None).await?;
    for _ in 0..6_000 {
        socket.connection.queue_text(r#"{"type":"ping"}"#);
    }
    assert_eq!(socket.close_code().await?, CloseCode::Flooding.code(), "after {} frames", socket.frames.len());
    Ok(())
}

/// Failed before: one question of the log for each of these sends.
#[tokio::test]
async fn sends_to_conversations_of_others_cost_the_log_few_questions() -> TestResult {
    const STRANGERS: usize = 6;
    const SENDS: usize = 40;
    let h = Harness::shared_alone().await?;
    let strangers = people(&h, "stranger", STRANGERS).await?;
    let mut sockets = Vec::new();
    for stranger in &strangers {
        sockets.push(Socket::live(&h, 0, &stranger.device, None).await?);
    }
    let mut asked = Requests::on(&h, "STREAM.INFO.CHAT-0").await?;
    let began = Instant::now();
    let sending = sockets.iter_mut().map(|socket| async move {
        let keys: Vec<_> = (0..SENDS).map(|_| ulid_key(0)).collect();
        for key in &keys {
            socket.send(ConversationId::new(ulid::Ulid::from_parts(1_700_000_000_000, rand::random())), key, "anybody?").await?;
        }
        for key in &keys {
            let refusal = socket.answer(key).await?.expect_err("somebody took it");
            assert_eq!(refusal.code, ErrorCode::NotMember);
        }
        anyhow::Ok(())
    });
    futures::future::try_join_all(sending).await?;
    let (took, asked) = (began.elapsed(), asked.seen().await?.len());
    println!("{} refusals in {took:?} cost {asked} questions", STRANGERS * SENDS);
    // Forty a second, and what else asks.
    let most = usize::try_from(took.as_millis() / 25)? + 20;
    assert!(asked > 0 && asked <= most && asked < STRANGERS * SENDS / 2, "{asked} questions, {most} at most");
    h.finish().await
}
