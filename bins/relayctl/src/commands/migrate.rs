//! `relayctl migrate`.

use relay_runtime::MissingServer;
use relay_store::MigrateError;

use crate::config::Config;
use crate::output;

/// Applies what is missing.
pub async fn run(config: &Config) -> anyhow::Result<()> {
    let postgres = config.postgres()?;
    match relay_store::migrate(&postgres.url).await {
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
