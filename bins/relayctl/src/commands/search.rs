//! `relayctl search rebuild`: the index by which messages are found, from the beginning.

use super::migrate::missing_postgres;
use crate::config::Config;
use crate::output;

/// The index by which messages are found.
#[derive(clap::Subcommand)]
pub enum SearchCommand {
    /// Empty it. The worker's job `index` fills it again, the oldest messages first; until then searches find less, and say so.
    Rebuild,
}

pub async fn run(command: SearchCommand, config: &Config) -> anyhow::Result<()> {
    let postgres = config.postgres()?;
    let store = relay_bootstrap::open_store(postgres)?;
    match command {
        SearchCommand::Rebuild => {
            store.empty_search_index().await.map_err(|error| missing_postgres(&postgres.url, error.into()))?;
            output::line("the index is empty; the worker fills it again");
            Ok(())
        }
    }
}
