//! `relayctl user create|show|disable|enable`.

use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::Context as _;
use relay_bus::log::NatsMessageLog;
use relay_client::ApiClient;
use relay_domain::ports::{Accounts as _, DeviceSessions as _, Outbox as _};
use relay_types::{Clock as _, DisplayName, Handle, SystemClock};

use super::chat::{ask_password, unless_asked_to_leave};
use super::migrate::missing_postgres;
use crate::config::Config;
use crate::failure::CheckFailed;
use crate::output;

/// What to do about people.
#[derive(clap::Subcommand)]
pub enum UserCommand {
    /// Make an account. Asks for the password, or reads it from standard input.
    Create(CreateArguments),
    /// Show an account and its sessions.
    Show(ShowArguments),
    /// End all sessions of an account and let nobody log in to it. Its messages stay.
    Disable(ShowArguments),
    /// Let people log in to a disabled account again.
    Enable(ShowArguments),
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
    let password = ask_password(&format!("Password for {}: ", arguments.handle)).await?;
    let profile = unless_asked_to_leave(async { Ok(api.register(&arguments.handle, &name, &password).await?) }).await?;
    output::line(format_args!("created {} {}", profile.user_id, profile.handle));
    Ok(())
}

/// Decides in the database, and waits until the log has it, so that sockets are closing when this ends.
pub async fn set_disabled(arguments: ShowArguments, disabled: bool, config: &Config) -> anyhow::Result<()> {
    let postgres = config.postgres()?;
    let store = relay_bootstrap::open_store(postgres)?;
    let found = store.find_by_handle(&arguments.handle).await;
    let found = found.map_err(|error| missing_postgres(&postgres.url, error.into()))?;
    let unknown = || CheckFailed(format!("there is no user {}", arguments.handle));
    let profile = found.ok_or_else(unknown)?;
    let touched = store.set_disabled(profile.user_id, disabled, SystemClock.now_ms()).await?.ok_or_else(unknown)?;
    output::line(format_args!("{} {}", if disabled { "disabled" } else { "enabled" }, profile.handle));
    if disabled {
        let bus = relay_bootstrap::connect_nats(config.nats()?, "relayctl").await;
        let bus =
            bus.context("it is disabled, and its sockets close as soon as the worker reaches NATS; it cannot be reached from here")?;
        let log = NatsMessageLog::new(bus, &config.topology);
        for address in touched {
            store.flush(address, &log).await.context("it is disabled, and its sockets close as soon as the log answers")?;
        }
        output::line("its sessions have ended");
    }
    Ok(())
}

/// Reads the database.
pub async fn show(arguments: ShowArguments, config: &Config) -> anyhow::Result<()> {
    let postgres = config.postgres()?;
    let store = relay_bootstrap::open_store(postgres)?;
    let found = store.find_by_handle(&arguments.handle).await;
    let found = found.map_err(|error| missing_postgres(&postgres.url, error.into()))?;
    let Some(profile) = found else { return Err(CheckFailed(format!("there is no user {}", arguments.handle)).into()) };
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
