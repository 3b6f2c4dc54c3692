//! `relayctl activity tail|people`: what people do, as the stream of activity has it.

use std::collections::HashSet;
use std::time::Duration;

use anyhow::Context as _;
use relay_bus::activity::{ActivityKind, ActivityReader, ReadFrom};
use relay_protocol::activity::{ActivityEvent, Deed};

use super::chat::unless_asked_to_leave;
use crate::config::Config;
use crate::output;

/// What people do: who came and went, what devices have, what was read. No contents.
#[derive(clap::Subcommand)]
pub enum ActivityCommand {
    /// Print events, one JSON object a line, as they come.
    Tail(TailArguments),
    /// Count the people of whom something was told lately.
    People(PeopleArguments),
}

#[derive(clap::Args)]
pub struct TailArguments {
    /// Only events of this kind.
    #[arg(long)]
    kind: Option<Kind>,
    /// Begin with what came within so many seconds.
    #[arg(long, default_value_t = 0, value_parser = clap::value_parser!(u64).range(..=WEEK_S))]
    since_s: u64,
    /// End with what is there already.
    #[arg(long)]
    once: bool,
}

#[derive(clap::Args)]
pub struct PeopleArguments {
    /// Within so many minutes.
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u64).range(1..=WEEK_S / 60))]
    minutes: u64,
}

/// So long the stream keeps what it has.
const WEEK_S: u64 = 7 * 86_400;

#[derive(Debug, Clone, Copy, clap::ValueEnum)]
enum Kind {
    Connected,
    Disconnected,
    Delivered,
    Read,
}

impl From<Kind> for ActivityKind {
    fn from(kind: Kind) -> Self {
        match kind {
            Kind::Connected => Self::Connected,
            Kind::Disconnected => Self::Disconnected,
            Kind::Delivered => Self::Delivered,
            Kind::Read => Self::Read,
        }
    }
}

pub async fn run(command: ActivityCommand, config: &Config) -> anyhow::Result<()> {
    let bus = relay_bootstrap::connect_nats(config.nats()?, "relayctl").await?;
    match command {
        ActivityCommand::Tail(arguments) => {
            let since = if arguments.since_s == 0 { ReadFrom::Now } else { ReadFrom::Since(Duration::from_secs(arguments.since_s)) };
            let mut events = ActivityReader::open(&bus, arguments.kind.map(Into::into), since).await?;
            unless_asked_to_leave(async {
                loop {
                    let event = if arguments.once { events.next_stored().await? } else { Some(events.next().await?) };
                    let Some(event) = event else { return Ok(()) };
                    output::line(String::from_utf8_lossy(&event));
                }
            })
            .await
        }
        ActivityCommand::People(arguments) => {
            let since = Duration::from_secs(arguments.minutes * 60);
            let mut events = ActivityReader::open(&bus, None, ReadFrom::Since(since)).await?;
            let mut people = HashSet::new();
            while let Some(event) = events.next_stored().await.context("not everything was read")? {
                // What a younger version tells is not understood here. Who only went was there before.
                if let Ok(ActivityEvent { user_id, what, .. }) = serde_json::from_slice(&event)
                    && what != Deed::UserDisconnected
                {
                    people.insert(user_id);
                }
            }
            output::line(people.len());
            Ok(())
        }
    }
}
