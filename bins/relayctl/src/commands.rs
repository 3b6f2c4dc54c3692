//! The subcommands.

mod activity;
mod chat;
mod config;
mod doctor;
mod erase;
mod log;
mod migrate;
mod outbox;
mod search;
mod token;
mod topology;
mod user;
mod verify;

use std::path::PathBuf;

use anyhow::Context as _;

use crate::config::Config;

/// RelayHub's command line.
#[derive(clap::Parser)]
#[command(name = "relayctl", version, about = "Runs and inspects RelayHub, and chats over it")]
pub struct Arguments {
    /// The configuration file of the RelayHub processes. Not needed by `chat`.
    #[arg(long, global = true)]
    config: Option<PathBuf>,
    #[command(subcommand)]
    command: Command,
}

#[derive(clap::Subcommand)]
enum Command {
    /// Chat in the terminal.
    Chat(chat::ChatArguments),
    /// Bring the database to this version's schema, and give each kind of process its role. Safe to repeat.
    Migrate(migrate::MigrateArguments),
    /// Compare JetStream's streams and consumers with nats/topology.toml.
    #[command(subcommand)]
    Topology(topology::TopologyCommand),
    /// The log of record.
    #[command(subcommand)]
    Log(log::LogCommand),
    /// What people do, for programs and eyes of the operator's.
    #[command(subcommand)]
    Activity(activity::ActivityCommand),
    /// Decisions on their way into the log.
    #[command(subcommand)]
    Outbox(outbox::OutboxCommand),
    /// Erase what people said.
    #[command(subcommand)]
    Erase(erase::EraseCommand),
    /// The index by which messages are found.
    #[command(subcommand)]
    Search(search::SearchCommand),
    /// The configuration file.
    #[command(subcommand)]
    Config(config::ConfigCommand),
    /// The keys that sign access tokens.
    #[command(subcommand)]
    Token(token::TokenCommand),
    /// People.
    #[command(subcommand)]
    User(user::UserCommand),
    /// Compare everything in the log with everything in Postgres; exit with status 1 if they differ.
    Verify(verify::VerifyArguments),
    /// Check the configuration, the servers, and what would lose messages in a power cut.
    Doctor(doctor::DoctorArguments),
}

/// Runs the chosen command to its end.
pub fn run(arguments: Arguments) -> anyhow::Result<()> {
    let config = || Config::load(arguments.config.as_deref());
    match arguments.command {
        Command::Chat(chat) => chat::run(chat),
        Command::Migrate(migrate) => block_on(migrate::run(migrate, &config()?)),
        Command::Topology(command) => block_on(topology::run(command, &config()?)),
        Command::Log(log::LogCommand::Reseed(reseed)) => block_on(log::reseed(reseed, &config()?)),
        Command::Activity(command) => block_on(activity::run(command, &config()?)),
        Command::Outbox(command) => block_on(outbox::run(command, &config()?)),
        Command::Erase(erase::EraseCommand::Message(message)) => block_on(erase::message(message, &config()?)),
        Command::Search(command) => block_on(search::run(command, &config()?)),
        Command::Config(command) => config::run(command, arguments.config.as_deref()),
        Command::Token(command) => token::run(command, &config()?),
        Command::User(user::UserCommand::Create(create)) => block_on(user::create(create)),
        Command::User(user::UserCommand::Show(show)) => block_on(user::show(show, &config()?)),
        Command::User(user::UserCommand::Disable(which)) => block_on(user::set_disabled(which, true, &config()?)),
        Command::User(user::UserCommand::Enable(which)) => block_on(user::set_disabled(which, false, &config()?)),
        Command::Verify(verify) => block_on(verify::run(verify, &config()?)),
        Command::Doctor(doctor) => block_on(doctor::run(doctor, &config()?)),
    }
}

/// A runtime for commands that talk to servers.
fn block_on<T>(work: impl Future<Output = anyhow::Result<T>>) -> anyhow::Result<T> {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    runtime.context("could not start the runtime")?.block_on(work)
}
