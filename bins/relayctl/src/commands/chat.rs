//! `relayctl chat`: a terminal client.
//!
//! Lines in, lines out, so that it works in any terminal, in a pipe and under a test. [`profile`] opens the device's files and
//! logs in, [`app`] is the loop, [`book`] knows who is called what, [`command`] reads what is typed, [`screen`] prints.

mod app;
mod book;
mod command;
mod password;
mod profile;
mod screen;
mod shown;

use std::path::PathBuf;
use std::sync::Arc;

use relay_client::{ApiClient, RealtimeClient, RealtimeConfig};
use relay_types::{ConversationTitle, DisplayName, Handle};

pub use password::ask as ask_password;
use screen::Screen;

/// Arguments of `relayctl chat`.
#[derive(clap::Args)]
pub struct ChatArguments {
    /// Your handle: 3 to 32 of a-z, 0-9 and _, beginning with a letter. A new one is registered.
    handle: Handle,
    /// The REST API.
    #[arg(long, default_value = "http://127.0.0.1:7090")]
    api: String,
    /// The gateway.
    #[arg(long, default_value = "ws://127.0.0.1:7080")]
    gateway: String,
    /// Begin in the conversation with this person.
    #[arg(long, conflicts_with = "group")]
    to: Option<Handle>,
    /// Begin in the group with this title; a new one is made if you are in none.
    #[arg(long)]
    group: Option<ConversationTitle>,
    /// Ask nothing: a new account gets a random password, kept in the profile.
    #[arg(long)]
    yes: bool,
    /// The name others see, for a new account.
    #[arg(long)]
    name: Option<DisplayName>,
    /// Where profiles lie, unless in `relayhub` under `$XDG_STATE_HOME` or `~/.local/state`.
    #[arg(long)]
    profiles: Option<PathBuf>,
    #[arg(long, env = "XDG_STATE_HOME", hide = true)]
    xdg_state_home: Option<PathBuf>,
}

/// Runs the client until the person leaves.
pub fn run(arguments: ChatArguments) -> anyhow::Result<()> {
    // Asked before any thread exists: afterwards the answer is not reliable.
    let screen = Screen::new(time::UtcOffset::current_local_offset().unwrap_or(time::UtcOffset::UTC));
    super::block_on(chat(arguments, screen))
}

async fn chat(arguments: ChatArguments, screen: Screen) -> anyhow::Result<()> {
    let api = ApiClient::new(&arguments.api)?;
    let opened = profile::open(&arguments, &api).await?;
    let api = api.with_tokens(opened.tokens.clone());
    let config = RealtimeConfig::new(&arguments.gateway);
    let (client, events) = RealtimeClient::start(config, opened.tokens.clone(), Arc::new(opened.store.clone())).await?;
    app::App::new(api, client, opened, screen, &arguments).await?.run(events).await
}
