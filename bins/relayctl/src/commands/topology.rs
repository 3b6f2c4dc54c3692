//! `relayctl topology plan|apply|check`.

use relay_bus::Bus;
use relay_bus::topology::{Difference, Topology, TopologyError};
use relay_types::{IdGen as _, SystemIds};

use crate::commands::migrate::missing_postgres;
use crate::config::Config;
use crate::failure::CheckFailed;
use crate::output;

/// What to do about the difference between what is declared and what the servers have.
#[derive(clap::Subcommand, Clone, Copy)]
pub enum TopologyCommand {
    /// Print what `apply` would do.
    Plan,
    /// Create what is missing and update what differs.
    Apply,
    /// Exit with status 1 unless the servers are as declared.
    Check,
}

pub async fn run(command: TopologyCommand, config: &Config) -> anyhow::Result<()> {
    let declared = Topology::declared(&config.topology)?;
    let bus = relay_bootstrap::connect_nats(config.nats()?, "relayctl").await?;
    match command {
        TopologyCommand::Plan => {
            print(&declared.plan(&bus).await?);
            Ok(())
        }
        TopologyCommand::Apply => {
            refuse_lost_logs(&declared, &bus, config).await?;
            // Only a stream that is created takes it; the others keep theirs.
            let epoch = SystemIds::default().next_ulid().to_string();
            print(&declared.apply(&bus, &epoch).await?);
            Ok(())
        }
        TopologyCommand::Check => match declared.verify(&bus).await {
            Ok(()) => {
                output::line("the topology is as declared");
                Ok(())
            }
            Err(TopologyError::Drift { differences }) => {
                print(&differences);
                Err(CheckFailed("the topology differs; `relayctl topology apply` fixes it".to_owned()).into())
            }
            Err(error) => Err(error.into()),
        },
    }
}

/// A log that Postgres knows and NATS does not was lost. An empty one in its place would begin at 1 again, below everything
/// that clients and Postgres have.
async fn refuse_lost_logs(declared: &Topology, bus: &Bus, config: &Config) -> anyhow::Result<()> {
    for shard in declared.missing_logs(bus).await? {
        let postgres = config.postgres()?;
        let store = relay_bootstrap::open_store(postgres)?;
        let projected = store.projected(shard).await.map_err(|error| missing_postgres(&postgres.url, error.into()))?;
        if let Some((seq, _)) = projected {
            let number = shard.0;
            return Err(CheckFailed(format!(
                "the log of shard {number} is gone, and Postgres has taken it in up to {seq}: `relayctl log reseed --shard {number}` goes on from there"
            ))
            .into());
        }
    }
    Ok(())
}

fn print(differences: &[Difference]) {
    if differences.is_empty() {
        output::line("nothing to do: the topology is as declared");
    }
    for difference in differences {
        output::line(difference);
    }
}
