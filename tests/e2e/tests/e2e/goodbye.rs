//! A client that says goodbye is answered, so that it knows the end from a broken link.

use anyhow::Context as _;
use relay_client::{Connection, SocketOptions};
use relay_harness::Harness;
use relay_protocol::command;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use super::support::{SOON, Socket, TestResult};

/// One masked client frame; the mask is zeros, which masks nothing.
fn masked(opcode: u8, payload: &[u8]) -> Vec<u8> {
    let length = u8::try_from(payload.len()).expect("a short payload");
    [&[0x80 | opcode, 0x80 | length, 0, 0, 0, 0], payload].concat()
}

/// What a raw socket is sent after it wrote `frames`, up to the end of the connection.
async fn raw(h: &Harness, frames: &[Vec<u8>]) -> anyhow::Result<Vec<u8>> {
    let host = h.gateway_url(0).trim_start_matches("ws://").to_owned();
    let mut tcp = TcpStream::connect(&host).await?;
    let request = format!(
        "GET /v1/ws HTTP/1.1\r\nHost: {host}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    );
    tcp.write_all(request.as_bytes()).await?;
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(tokio::time::timeout(SOON, tcp.read_u8()).await??);
    }
    anyhow::ensure!(head.starts_with(b"HTTP/1.1 101"), "{}", String::from_utf8_lossy(&head));
    for frame in frames {
        tcp.write_all(frame).await?;
    }
    let mut rest = Vec::new();
    tokio::time::timeout(SOON, tcp.read_to_end(&mut rest)).await.context("the connection stays open after the goodbye")??;
    Ok(rest)
}

#[tokio::test]
async fn a_close_frame_is_answered_with_its_own_number() -> TestResult {
    let h = Harness::shared().await?;
    let ann = h.user("ann").await?;
    // Before hello, with a number of the client's own, and without any.
    let mut silent = Connection::open(&h.gateway_url(0), &SocketOptions::default()).await?;
    silent.queue_close(1000);
    assert_eq!(silent.closed_within(SOON).await.map(|close| close.code), Some(1000), "before hello");
    assert_eq!(raw(&h, &[masked(8, &4123u16.to_be_bytes())]).await?, [0x88, 2, 0x10, 0x1B], "the number comes back");
    assert_eq!(raw(&h, &[masked(8, b"")]).await?, [0x88, 0], "no number, no number back");

    // Live, and with something unread in between.
    let token = ann.device.access_token().0.clone();
    let mut live = Socket::live(&h, 0, &ann.device, None).await?;
    live.connection.queue_text(command::encode::ping(None));
    live.connection.queue_close(1001);
    assert_eq!(live.connection.closed_within(SOON).await.map(|close| close.code), Some(1001), "after hello");

    // A hello and the goodbye in one breath: what hello brings comes first, then the answer.
    let (mut hasty, _welcome) = Connection::hello(&h.gateway_url(0), &token, None, &SocketOptions::default()).await?;
    hasty.queue_close(1000);
    assert_eq!(hasty.closed_within(SOON).await.map(|close| close.code), Some(1000), "while catching up");
    h.finish().await
}
