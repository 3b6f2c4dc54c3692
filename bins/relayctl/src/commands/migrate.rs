//! `relayctl migrate`.

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
}

/// Applies what is missing.
pub async fn run(arguments: MigrateArguments, config: &Config) -> anyhow::Result<()> {
    let postgres = config.postgres()?;
    let passwords = RolePasswords { gateway: arguments.gateway, api: arguments.api, worker: arguments.worker };
    match relay_store::migrate_with(&postgres.url, &passwords).await {
        Ok(()) => {
            output::line("the database is up to date");
            Ok(())
        }
        Err(MigrateError::Connect(source)) => Err(missing_postgres(&postgres.url, source.into()).into()),
        Err(error) => Err(error.into()),
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
