//! The command line.

use clap::{Parser, Subcommand};

use crate::{forward, logs, test, up};

/// What was asked for.
#[derive(Parser)]
#[command(name = "relay", version, about = "RelayHub on this machine: servers, processes, tests")]
pub struct Arguments {
    #[command(subcommand)]
    pub command: Command,
}

/// One command.
#[derive(Subcommand)]
pub enum Command {
    /// Install, build, migrate and start everything; stays in the foreground unless detached
    Up(up::UpArguments),
    /// Keep everything running (what `up` starts)
    #[command(hide = true)]
    Supervise(up::UpArguments),
    /// Stop everything, in reverse order
    Down,
    /// Show every process; exit status 0 only if all are healthy
    Status,
    /// Show what the processes wrote
    Logs(logs::LogsArguments),
    /// Run the tests; the last line is `N passed, N failed`
    Test(test::TestArguments),
    /// Talk in the terminal: ./relay chat ann
    Chat(forward::Rest),
    /// relayctl with the local configuration: ./relay ctl doctor
    Ctl(forward::Rest),
    /// Measure: ./relay bench direct --json
    Bench(forward::Rest),
    /// Break things at random while people talk
    Chaos(forward::Rest),
}
