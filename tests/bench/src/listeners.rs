//! People who listen to streams of events. Read by hand, as little of HTTP as that takes, so that the figures are the server's: it
//! ends each part of an answer with a message, so no frame is cut, and whatever is no `data` line is passed over.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use anyhow::{Context as _, ensure};
use futures::{StreamExt as _, TryStreamExt as _};
use relay_protocol::command::encode;
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::TcpStream;
use tokio::task::JoinHandle;

use crate::fleet::{Seen, is_message, record};
use crate::population::Person;
use crate::stamp;

/// Streams opened at once.
const OPENING: usize = 256;
const HELLO_LIMIT: Duration = Duration::from_mins(1);
/// As a socket of the fleet reads at once.
const READ_BYTES: usize = 1_024;

/// Open streams; they end when this is dropped.
pub struct Listeners(Vec<JoinHandle<()>>);

impl Drop for Listeners {
    fn drop(&mut self) {
        self.0.iter().for_each(JoinHandle::abort);
    }
}

impl Listeners {
    /// Opens a stream for each and waits until all are live.
    pub async fn connect(gateway: &str, people: &[Person], seen: &Arc<Seen>) -> anyhow::Result<Self> {
        let opening = people.iter().map(|person| async move {
            let stream = tokio::time::timeout(HELLO_LIMIT, open(gateway, &person.token)).await.context("no caught_up in time")??;
            #[expect(clippy::disallowed_methods, reason = "a load generator has no supervisor")]
            let task = tokio::spawn(listen(stream, Arc::clone(seen)));
            anyhow::Ok(task)
        });
        Ok(Self(futures::stream::iter(opening).buffer_unordered(OPENING).try_collect().await?))
    }
}

async fn open(gateway: &str, token: &str) -> anyhow::Result<BufReader<TcpStream>> {
    let host = gateway.trim_start_matches("ws://");
    let mut stream = TcpStream::connect(host).await.context("could not connect")?;
    let hello = encode::hello(token, None);
    let head =
        format!("POST /v1/events HTTP/1.1\r\nhost: {host}\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n", hello.len());
    stream.write_all((head + &hello).as_bytes()).await?;
    let mut stream = BufReader::with_capacity(READ_BYTES, stream);
    let mut line = String::new();
    stream.read_line(&mut line).await?;
    ensure!(line.starts_with("HTTP/1.1 200"), "no stream: {line}");
    loop {
        line.clear();
        ensure!(stream.read_line(&mut line).await? > 0, "the stream ended before caught_up");
        if line.starts_with(r#"data: {"type":"caught_up""#) {
            return Ok(stream);
        }
    }
}

async fn listen(mut stream: BufReader<TcpStream>, seen: Arc<Seen>) {
    let mut line = String::new();
    loop {
        line.clear();
        match stream.read_line(&mut line).await {
            Ok(0) | Err(_) => return,
            Ok(_) => {}
        }
        let Some(frame) = line.strip_prefix("data: ") else { continue };
        if is_message(frame) {
            seen.deliveries.fetch_add(1, Ordering::Relaxed);
            if let Some(intended) = stamp::read(frame) {
                record(&seen.delivery_us, intended);
            }
        }
    }
}
