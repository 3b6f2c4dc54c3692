//! The operator's tool, and a terminal client.
//!
//! One file per subcommand in [`commands`]; [`failure`] turns errors into exit statuses. Nothing is decided here.

mod commands;
mod config;
mod failure;
mod output;

use std::process::ExitCode;

use clap::Parser as _;

fn main() -> ExitCode {
    let arguments = commands::Arguments::parse();
    match commands::run(arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => failure::report(&error),
    }
}
