//! A client that sends: one message to one person, and the ack.
//!
//! ```sh
//! RELAY_PASSWORD='correct horse' cargo run -p relay-client --example send -- bob ann 'It is on its way.'
//! ```
//!
//! The message is in a file before it is sent. If the program dies before the ack, its next run sends it again with the same
//! key, and ann sees it once.
#![expect(clippy::print_stdout, reason = "an example talks to a terminal")]

mod common;

use std::sync::Arc;

use anyhow::{Context as _, bail};
use relay_client::FileStore;
use relay_protocol::MessageBody;

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let (servers, rest) = common::arguments()?;
    let [from, to, text] = rest.as_slice() else { bail!("usage: send [--api URL] [--gateway URL] FROM TO TEXT") };
    let text = text.parse().context("a text is 1 byte to 16 KiB")?;
    let device = common::log_in(&servers, from).await?;
    let conversation = device.direct(to).await?;
    let (client, mut events) = device.connect(Arc::new(FileStore::open(&device.directory("send"))?)).await?;
    let sending = client.send(conversation, MessageBody::Text { text }).await?;
    let key = sending.client_id().clone();
    let ack = common::acknowledged(sending, &mut events).await?;
    println!("{key} is message {} at sequence {}", ack.message_id, ack.seq);
    client.close().await;
    Ok(())
}
