//! `relay-dev`: what `./relay` does. Starts, watches, stops and tests a whole RelayHub on one machine.
//!
//! Owns the order of things and what the terminal shows. Servers and processes come from `relay-dev-servers`; nothing here
//! knows what a message is. One file per command; `up` is the entry, `supervise` is what keeps running.

#[macro_use]
mod print;

mod arguments;
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
mod times;
mod up;
mod web;

use std::process::ExitCode;

use clap::Parser as _;

use arguments::{Arguments, Command};

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
        Command::Chaos(rest) => runtime.block_on(forward::chaos(&rest)),
    };
    // Blocking readers of pipes may still sit in the pool.
    runtime.shutdown_background();
    result.unwrap_or_else(|error| fail(&error))
}

fn fail(error: &anyhow::Error) -> ExitCode {
    complain!("relay: {error:#}");
    ExitCode::FAILURE
}
