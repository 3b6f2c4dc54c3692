//! A client that listens: it prints every event and goes on where it stopped.
//!
//! ```sh
//! RELAY_PASSWORD='correct horse' cargo run -p relay-client --example listen -- ann
//! ```
//!
//! Stop it, let somebody write to ann, and start it again: it prints what was missed, once. Its position lies in
//! `.relay/examples/`, and moves only when this program has come back for the next event. So an event that was being handled
//! when the program died comes again.
#![expect(clippy::print_stdout, reason = "an example talks to a terminal")]

mod common;

use std::sync::Arc;

use anyhow::bail;
use relay_client::{Event, FileStore};

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let (servers, rest) = common::arguments()?;
    let [handle] = rest.as_slice() else { bail!("usage: listen [--api URL] [--gateway URL] HANDLE") };
    let device = common::log_in(&servers, handle).await?;
    let (client, mut events) = device.connect(Arc::new(FileStore::open(&device.directory("listen"))?)).await?;
    loop {
        let event = tokio::select! {
            event = events.next() => event,
            _ = tokio::signal::ctrl_c() => break,
        };
        match event {
            Some(Event::Message(message)) => {
                // It was erased, or a newer server brings a body that this version does not know.
                let text = message.body.text().map_or("(nothing to show)", |text| text.as_str());
                println!("{} {}: {text}", message.conversation_id, message.sender_id);
            }
            // Not everything that was missed will arrive: a program that shows histories reloads them over REST here.
            Some(Event::Reset(reason)) => println!("reset ({reason:?}): what happened before is in the history only"),
            Some(Event::CaughtUp { events }) => println!("caught up: {events} missed events"),
            Some(other) => println!("{other:?}"),
            // The client stopped for good: logged out, or refused.
            None => bail!("the connection ended: {:?}", client.state()),
        }
    }
    // Reports the position, so that the server's count of undelivered events is right at once.
    client.close().await;
    Ok(())
}
