//! 200 connections that ask for much and never read: what the servers hold for them, and how long a stranger waits.

use std::time::{Duration, Instant};

use anyhow::Context as _;
use relay_harness::Harness;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpSocket, TcpStream};

use super::Options;
use crate::population::Person;
use crate::report::{Report, histogram, quantile_ms, versions};
use crate::{population, stack};

const CONNECTIONS: usize = 200;
/// Of the longest texts: more than a page.
const MESSAGES: u64 = 200;
/// Pages asked for on each connection.
const PIPELINED: usize = 130;

pub async fn run(options: &Options) -> anyhow::Result<Report> {
    let harness = stack::start(options.synced, |builder| builder.config("gateway", "ring_warmup_ms = 1\nroster_linger_ms = 0")).await?;
    let people = population::people(&harness, 20).await?;
    let rooms = population::groups(&harness, &people, 20).await?;
    let room = rooms.first().context("no group")?.conversation;
    let one = people.first().context("nobody")?;
    let js = async_nats::jetstream::new(harness.nats_client().await?);
    population::backlog_of(&js, &people, &rooms, MESSAGES, &format!("x{}", "\u{1}".repeat(16_000))).await?;
    population::settled(&harness, 0).await?;

    let processes = [harness.api(), harness.gateway(0)].map(|process| process.pid());
    let resident = || -> anyhow::Result<u64> {
        processes.iter().map(|pid| stack::resident_bytes(pid.context("a process is gone")?)).sum::<anyhow::Result<u64>>()
    };
    stranger(&harness, one).await?;
    let before = resident()?;
    let mut unread = Vec::new();
    for index in 0..CONNECTIONS {
        let person = people.get(1 + index % (people.len() - 1)).context("nobody")?;
        unread.push(ask_for_much(&harness, person, room, index).await?);
    }
    let (mut most, mut took, until) = (before, histogram(), Instant::now() + Duration::from_secs(options.seconds));
    while Instant::now() < until {
        took.record(u64::try_from(stranger(&harness, one).await?.as_micros())?)?;
        most = most.max(resident()?);
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    drop(unread);
    harness.finish().await?;
    Ok(Report {
        scenario: "unread",
        rate_per_s: took.len() as f64 / options.seconds as f64,
        unit: "requests",
        p50_ms: Some(quantile_ms(&took, 0.5)),
        p99_ms: Some(quantile_ms(&took, 0.99)),
        ack_level: stack::ack_level(options.synced),
        seconds: options.seconds as f64,
        details: [
            ("connections", CONNECTIONS as f64),
            ("rise_mib", most.saturating_sub(before) as f64 / f64::from(1 << 20)),
            ("stranger_max_ms", took.max() as f64 / 1000.0),
        ]
        .into(),
        versions: versions(),
        ..Report::default()
    })
}

/// Pipelined pages of history, of which nothing is ever read.
async fn ask_for_much(harness: &Harness, person: &Person, room: relay_types::ConversationId, index: usize) -> anyhow::Result<TcpStream> {
    let socket = TcpSocket::new_v4()?;
    socket.bind(format!("127.0.1.{}:0", 1 + index % 8).parse()?)?;
    let mut stream = socket.connect(harness.api().public()).await?;
    let request = page(person, room);
    let _ = tokio::time::timeout(Duration::from_millis(20), stream.write_all(request.repeat(PIPELINED).as_bytes())).await;
    Ok(stream)
}

fn page(person: &Person, room: relay_types::ConversationId) -> String {
    let token = &person.token;
    format!("GET /v1/messages?conversation_id={room}&limit=200 HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {token}\r\n\r\n")
}

/// Somebody else's short question.
async fn stranger(harness: &Harness, person: &Person) -> anyhow::Result<Duration> {
    let token = &person.token;
    let began = Instant::now();
    let mut stream = TcpStream::connect(harness.api().public()).await?;
    let request = format!("GET /v1/users/me HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {token}\r\nconnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await?;
    anyhow::ensure!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
    Ok(began.elapsed())
}
