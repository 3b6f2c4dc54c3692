//! `relayctl user create|show`.

use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::Context as _;
use relay_client::ApiClient;
use relay_domain::ports::{Accounts as _, DeviceSessions as _};
use relay_types::{DisplayName, Handle};

use super::chat::ask_password;
use super::migrate::missing_postgres;
use crate::config::Config;
use crate::failure::AnswerIsNo;
use crate::output;

/// What to do about people.
#[derive(clap::Subcommand)]
pub enum UserCommand {
    /// Make an account. Asks for the password, or reads it from standard input.
    Create(CreateArguments),
    /// Show an account and its sessions.
    Show(ShowArguments),
}

#[derive(clap::Args)]
pub struct CreateArguments {
    /// The unique handle.
    handle: Handle,
    /// The name others see [default: the handle]
    #[arg(long)]
    name: Option<DisplayName>,
    /// The REST API, which applies its own rules and limits.
    #[arg(long, default_value = "http://127.0.0.1:7090")]
    api: String,
}

#[derive(clap::Args)]
pub struct ShowArguments {
    /// The handle.
    handle: Handle,
}

/// Registers through the API, so that there is one way to become a user.
pub async fn create(arguments: CreateArguments) -> anyhow::Result<()> {
    let api = ApiClient::new(&arguments.api)?;
    let name = match arguments.name {
        Some(name) => name,
        None => arguments.handle.as_str().parse().context("the handle cannot be shown as a name")?,
    };
    let password = ask_password(&format!("Password for {}: ", arguments.handle))?;
    let profile = api.register(&arguments.handle, &name, &password).await?;
    output::line(format_args!("created {} {}", profile.user_id, profile.handle));
    Ok(())
}

/// Reads the database.
pub async fn show(arguments: ShowArguments, config: &Config) -> anyhow::Result<()> {
    let postgres = config.postgres()?;
    let store = relay_wiring::open_store(postgres)?;
    let found = store.find_by_handle(&arguments.handle).await;
    let found = found.map_err(|error| missing_postgres(&postgres.url, error.into()))?;
    let Some(profile) = found else { return Err(AnswerIsNo(format!("there is no user {}", arguments.handle)).into()) };
    output::line(format_args!("user      {}", profile.user_id));
    output::line(format_args!("handle    {}", profile.handle));
    output::line(format_args!("name      {}", profile.display_name));
    let now = SystemTime::now().duration_since(UNIX_EPOCH).context("the clock stands before 1970")?;
    let sessions = store.list(profile.user_id, i64::try_from(now.as_millis())?).await?;
    output::line(format_args!("sessions  {}", sessions.len()));
    for session in sessions {
        output::line(format_args!("  {}  {}", session.session, session.device_name));
    }
    Ok(())
}
