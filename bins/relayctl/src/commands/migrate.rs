//! `relayctl migrate`.

use std::time::Duration;

use relay_runtime::MissingServer;
use relay_store::{MigrateError, RolePasswords};

use crate::config::Config;
use crate::output;

/// Passwords of the processes' roles, from the environment: a command line is everybody's to read.
#[derive(clap::Args)]
pub struct MigrateArguments {
    /// Of the gateways' role; without one it keeps what it has
    #[arg(long = "gateway-password", hide = true, env = "RELAY_POSTGRES_GATEWAY_PASSWORD", hide_env_values = true)]
    gateway: Option<String>,
    /// Of the api's role
    #[arg(long = "api-password", hide = true, env = "RELAY_POSTGRES_API_PASSWORD", hide_env_values = true)]
    api: Option<String>,
    /// Of the workers' role
    #[arg(long = "worker-password", hide = true, env = "RELAY_POSTGRES_WORKER_PASSWORD", hide_env_values = true)]
    worker: Option<String>,
    /// Also fill `messages` from the events of before it, now and at full speed; otherwise workers do it, at half speed
    #[arg(long)]
    backfill: bool,
}

/// Between two lines about how far the filling came.
const TOLD_EVERY: Duration = Duration::from_secs(10);

/// Applies what is missing.
pub async fn run(arguments: MigrateArguments, config: &Config) -> anyhow::Result<()> {
    let postgres = config.postgres()?;
    let passwords = RolePasswords { gateway: arguments.gateway, api: arguments.api, worker: arguments.worker };
    match relay_store::migrate_with(&postgres.url, &passwords).await {
        Ok(()) => {
            output::line("the database is up to date");
            if arguments.backfill { backfill(config).await } else { Ok(()) }
        }
        Err(MigrateError::Connect(source)) => Err(missing_postgres(&postgres.url, source.into()).into()),
        Err(error) => Err(error.into()),
    }
}

/// An interrupted run is gone on with by the next one, or by a worker.
async fn backfill(config: &Config) -> anyhow::Result<()> {
    let store = relay_bootstrap::open_store(config.postgres()?)?;
    loop {
        let backfilled = store.backfill_messages(TOLD_EVERY, false).await?;
        if backfilled.done {
            output::line(format_args!("messages is filled: {} rows were copied", backfilled.rows));
            return Ok(());
        }
        output::line(format_args!("{} rows copied so far", backfilled.rows));
    }
}

/// Names the server without the password in its address.
pub fn missing_postgres(url: &str, source: Box<dyn std::error::Error + Send + Sync>) -> MissingServer {
    let address = url.rsplit_once('@').map_or(url, |(_, address)| address).to_owned();
    MissingServer {
        server: "Postgres",
        address,
        hint: "start it with `./relay up`, or your own server, and check [postgres] in the configuration",
        source,
    }
}
