//! `./relay chaos`: kill anything, lose nothing, and prove it.
//!
//! Starts a cluster of its own on this machine, drives seeded traffic through it, injects seeded faults, heals, waits until
//! everything has come to rest, reads what is left from everywhere, and judges the whole history. The exit status is 0 only
//! if nothing was lost, duplicated, reordered, invented or left unaccounted for.

mod balancer;
mod cluster;
mod finals;
mod judge;
mod nemesis;
mod options;
mod record;
mod report;
mod revision;
mod run;
mod settle;
mod skew;
mod timeline;
mod workload;

use std::process::ExitCode;

use clap::Parser as _;

use options::Options;

#[expect(clippy::print_stdout, reason = "the report is the output")]
fn main() -> anyhow::Result<ExitCode> {
    let options = Options::parse();
    Options::start_log();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let report = runtime.block_on(Box::pin(run::run(&options)))?;
    if options.json {
        println!("{}", serde_json::to_string(&report)?);
    } else {
        println!("{}", report.for_people());
    }
    Ok(if report.passed() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
