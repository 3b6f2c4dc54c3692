//! `relay-dev`: what `./relay` does. Starts, watches, stops and tests a whole RelayHub on one machine.
//!
//! Owns the order of things and what the terminal shows. Servers and processes come from `relay-embedded`; nothing here
//! knows what a message is. One file per command; `up` is the entry, `supervise` is what keeps running.

/// Prints a line. Nobody listening any more (`| head`, a closed terminal) is no reason to stop what is being supervised.
macro_rules! say {
    ($($text:tt)*) => {{
        use std::io::Write as _;
        let _ = writeln!(std::io::stdout(), $($text)*);
    }};
}

/// Prints a line to standard error.
macro_rules! complain {
    ($($text:tt)*) => {{
        use std::io::Write as _;
        let _ = writeln!(std::io::stderr(), $($text)*);
    }};
}

mod cargo;
mod down;
mod forward;
mod layout;
mod logs;
mod settings;
mod stack;
mod state;
mod status;
mod supervise;
mod test;
mod up;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

#[derive(Parser)]
#[command(name = "relay", version, about = "RelayHub on this machine: servers, processes, tests")]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
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

fn main() -> ExitCode {
    let command = Arguments::parse().command;
    let runtime = match tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return fail(&error.into()),
    };
    let result = match command {
        Command::Up(arguments) => runtime.block_on(up::up(arguments)),
        Command::Supervise(arguments) => runtime.block_on(up::supervise_detached(arguments)),
        Command::Down => runtime.block_on(down::down()),
        Command::Status => runtime.block_on(status::status()),
        Command::Logs(arguments) => runtime.block_on(logs::logs(&arguments)),
        Command::Test(arguments) => runtime.block_on(test::test(&arguments)),
        Command::Chat(rest) => forward::chat(&rest),
        Command::Ctl(rest) => forward::ctl(&rest),
        Command::Bench(rest) => runtime.block_on(forward::bench(&rest)),
        Command::Chaos(_) => Ok(forward::chaos()),
    };
    // Blocking readers of pipes may still sit in the pool.
    runtime.shutdown_background();
    result.unwrap_or_else(|error| fail(&error))
}

fn fail(error: &anyhow::Error) -> ExitCode {
    complain!("relay: {error:#}");
    ExitCode::FAILURE
}
