//! A bridge: it copies what is said in one conversation into another, both ways, each message once.
//!
//! ```sh
//! RELAY_PASSWORD='correct horse' cargo run -p relay-client --example bridge -- postman ann bob
//! ```
//!
//! ann and bob each have a direct conversation with postman. What one of them writes there, the other one reads.
//!
//! **Why each message arrives once.** A copy's key is made from the original's id. And the position moves behind the original
//! only after its copy was acknowledged. If the bridge dies in between, the original comes again, and the same key gives the
//! copy that exists.
//!
//! **Why it has two sockets.** It takes no event while it waits for an ack, so that no position passes an original that was not
//! copied. The ack must not wait behind those events.
#![expect(clippy::print_stdout, reason = "an example talks to a terminal")]

mod common;

use std::sync::Arc;

use anyhow::bail;
use relay_client::{Event, FileStore, MemoryStore, SendError};

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let (servers, rest) = common::arguments()?;
    let [handle, left, right] = rest.as_slice() else { bail!("usage: bridge [--api URL] [--gateway URL] HANDLE LEFT RIGHT") };
    let device = common::log_in(&servers, handle).await?;
    let (left, right) = (device.direct(left).await?, device.direct(right).await?);
    let (client, mut events) = device.connect(Arc::new(FileStore::open(&device.directory("bridge"))?)).await?;
    let (sender, mut echoes) = device.connect(Arc::new(MemoryStore::default())).await?;
    println!("bridging {left} and {right}");
    loop {
        let event = tokio::select! {
            event = events.next() => event,
            // Nothing is done with these, but a socket whose events are not taken is not read.
            echo = echoes.next() => match echo {
                Some(_) => continue,
                None => bail!("the connection ended: {:?}", sender.state()),
            },
            _ = tokio::signal::ctrl_c() => break,
        };
        let message = match event {
            Some(Event::Message(message)) => message,
            Some(Event::Reset(reason)) => {
                // A bridge that must not lose anything reads the histories over REST here.
                println!("reset ({reason:?}): messages of before are not copied");
                continue;
            }
            Some(_) => continue,
            None => bail!("the connection ended: {:?}", client.state()),
        };
        // Its own copies come back as events, too.
        if message.sender_id == device.me.user_id {
            continue;
        }
        let to = match message.conversation_id {
            from if from == left => right,
            from if from == right => left,
            _ => continue,
        };
        let key = message.message_id.to_string().parse()?;
        let sending = sender.send_with_key(to, key, message.body.clone()).await?;
        match common::acknowledged(sending, &mut echoes).await {
            Ok(ack) => println!("{} -> {}", message.message_id, ack.message_id),
            // Refused for good: the bridge goes on. Everything else ends it before the position moves.
            Err(SendError::Refused(error)) => println!("{} was not copied: {}", message.message_id, error.code),
            Err(error) => return Err(error.into()),
        }
    }
    sender.close().await;
    client.close().await;
    Ok(())
}
