//! `relayctl chat`: a terminal client.
//!
//! [`server`] knows whose profile it is, [`profile`] opens the device's files and logs in, [`app`] is the loop, [`directory`] knows who is called what. Lines come from
//! [`editor`] at a terminal, from [`lines`] in a pipe; [`aim`] settles where one goes, [`command`] what it means. [`screen`]
//! prints, [`text`] makes what others wrote fit to stand there, [`terminal`] puts the terminal back.

mod aim;
mod app;
mod command;
mod directory;
mod editor;
mod lines;
mod password;
mod profile;
mod screen;
mod seen;
mod server;
mod shown;
mod terminal;
mod text;

use std::path::PathBuf;
use std::sync::Arc;

use relay_client::{ApiClient, RealtimeClient, RealtimeConfig};
use relay_types::{ConversationTitle, DisplayName, Handle};

pub use password::ask as ask_password;
use screen::Screen;
pub use terminal::unless_asked_to_leave;

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
    /// Begin in the group with this title or id; a new one is made if you are in none.
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
    let opening = async {
        let api = ApiClient::new(&arguments.api)?;
        let config = RealtimeConfig::new(&arguments.gateway);
        config.check()?;
        let opened = profile::open(&arguments, &api, &screen).await?;
        let api = api.with_tokens(opened.tokens.clone());
        let (client, events) = RealtimeClient::start(config, opened.tokens.clone(), Arc::new(opened.store.clone())).await?;
        Ok((app::App::new(api, client, opened, screen, &arguments).await?, events))
    };
    let (app, events) = unless_asked_to_leave(opening).await?;
    app.run(events).await
}
