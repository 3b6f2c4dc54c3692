//! `./relay bench`: figures of one machine, each beside the raw limit measured in the same run.

#![expect(clippy::cast_precision_loss, reason = "rates and latencies are shown, not computed with")]

mod fleet;
mod listeners;
mod population;
mod report;
mod scenarios;
mod stack;
mod stamp;

use clap::Parser as _;

use scenarios::Scenario;

/// Measures RelayHub on this machine.
#[derive(clap::Parser)]
#[command(name = "relay-bench")]
struct Arguments {
    /// What to measure.
    #[arg(value_enum)]
    scenario: Scenario,
    /// Prints one JSON object and nothing else on standard output.
    #[arg(long)]
    json: bool,
    /// How long each measured phase lasts.
    #[arg(long, default_value_t = 10)]
    seconds: u64,
    /// Users; each scenario has its own default.
    #[arg(long)]
    users: Option<usize>,
    /// In `fanout`, everybody listens to a stream of events, and one of each group sends over a socket.
    #[arg(long)]
    streams: bool,
    /// Lets the NATS server acknowledge before the disk has the bytes (A1 instead of A2).
    #[arg(long)]
    unsynced: bool,
}

#[expect(clippy::print_stdout, reason = "the figures are the output")]
fn main() -> anyhow::Result<()> {
    let arguments = Arguments::parse();
    let options = scenarios::Options {
        seconds: arguments.seconds.clamp(1, 600),
        users: arguments.users,
        streams: arguments.streams,
        synced: !arguments.unsynced,
    };
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let report = runtime.block_on(Box::pin(scenarios::run(arguments.scenario, &options)))?;
    if arguments.json {
        println!("{}", serde_json::to_string(&report)?);
    } else {
        println!("{}", report.for_people());
    }
    Ok(())
}
