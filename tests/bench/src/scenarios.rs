//! What is measured.

mod direct;
mod fanout;
mod history;
mod idle;
mod large;
mod persist;
mod raw;
mod resume;
mod returning;
mod search;
mod storm;
mod sync;
mod unread;
mod web;

use crate::report::Report;

/// A question to this machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Scenario {
    /// 1:1 messages with durable acks.
    Direct,
    /// Groups of 20.
    Fanout,
    /// Memory of idle sockets.
    Idle,
    /// Users per second that catch up after a gap.
    Resume,
    /// One person comes back to very much: what everybody else notices.
    Returning,
    /// Thousands come back at once to a full ring: what those who stayed notice.
    Storm,
    /// One conversation of 10,000: what everybody else notices.
    Large,
    /// Connections that never read: what they cost, and what a stranger notices.
    Unread,
    /// Pages of history per second over REST.
    History,
    /// What a client shows first, and what changed since.
    Sync,
    /// Searches of all kinds in a year of messages.
    Search,
    /// Messages per second that the persist worker projects.
    Persist,
    /// Messages straight to JetStream.
    Raw,
    /// The web client in a real browser.
    Web,
}

/// Settings of a run.
pub struct Options {
    pub seconds: u64,
    pub users: Option<usize>,
    pub streams: bool,
    pub synced: bool,
}

/// Runs one scenario.
pub async fn run(scenario: Scenario, options: &Options) -> anyhow::Result<Report> {
    match scenario {
        Scenario::Direct => direct::run(options).await,
        Scenario::Fanout => fanout::run(options).await,
        Scenario::Idle => idle::run(options).await,
        Scenario::Resume => resume::run(options).await,
        Scenario::Returning => returning::run(options).await,
        Scenario::Storm => storm::run(options).await,
        Scenario::Large => large::run(options).await,
        Scenario::Unread => unread::run(options).await,
        Scenario::History => history::run(options).await,
        Scenario::Sync => sync::run(options).await,
        Scenario::Search => search::run(options).await,
        Scenario::Persist => persist::run(options).await,
        Scenario::Raw => raw::run(options).await,
        Scenario::Web => web::run(options).await,
    }
}
