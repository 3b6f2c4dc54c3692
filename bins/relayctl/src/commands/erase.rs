//! `relayctl erase message`: a message's content goes, its place stays.

use anyhow::Context as _;
use relay_bus::log::NatsMessageLog;
use relay_domain::ports::Outbox as _;
use relay_store::ErasureRequest;
use relay_types::{Clock as _, ConversationId, MessageId, SystemClock};

use super::migrate::missing_postgres;
use crate::config::Config;
use crate::failure::CheckFailed;
use crate::output;

/// What to erase.
#[derive(clap::Subcommand)]
pub enum EraseCommand {
    /// Erase a message's content for everybody, for good. A tombstone keeps its place.
    Message(EraseMessage),
}

#[derive(clap::Args)]
pub struct EraseMessage {
    /// The message's conversation.
    conversation: ConversationId,
    /// The message.
    message: MessageId,
}

/// Decides in the database, and waits until the log has it: then gateways have hidden it, and nothing shows it again.
pub async fn message(arguments: EraseMessage, config: &Config) -> anyhow::Result<()> {
    let postgres = config.postgres()?;
    let store = relay_bootstrap::open_store(postgres)?;
    let requested = store.request_erasure(arguments.conversation, arguments.message, SystemClock.now_ms()).await;
    match requested.map_err(|error| missing_postgres(&postgres.url, error.into()))? {
        ErasureRequest::Unknown => {
            Err(CheckFailed("there is no such message in this conversation, or it has not reached Postgres yet".to_owned()).into())
        }
        ErasureRequest::Hidden => {
            output::line("its content is hidden already");
            Ok(())
        }
        ErasureRequest::Decided(address) => {
            let bus = relay_bootstrap::connect_nats(config.nats()?, "relayctl").await;
            let bus = bus.context("it is decided, and happens as soon as a worker reaches NATS; it cannot be reached from here")?;
            let log = NatsMessageLog::new(bus, &config.topology);
            store.flush(address, &log).await.context("it is decided, and happens as soon as the log answers")?;
            output::line("its content is hidden; a worker overwrites it in the log behind that (relay_erasures_waiting)");
            Ok(())
        }
    }
}
