//! The command line.

use std::str::FromStr;
use std::time::Duration;

use clap::ValueEnum as _;
use tracing_subscriber::EnvFilter;

use crate::nemesis::Fault;
use crate::workload::Plan;

/// Kills parts of a RelayHub cluster of its own under load, and judges what everybody saw.
#[derive(Debug, clap::Parser)]
#[command(name = "relay-chaos")]
pub struct Options {
    /// Repeats the traffic and the faults of an earlier run; a new one by default. Timing is the machine's and differs.
    #[arg(long)]
    pub seed: Option<u64>,
    /// How long faults are injected; starting before and settling after come on top.
    #[arg(long, default_value_t = 60, value_parser = clap::value_parser!(u64).range(1..=86_400))]
    pub seconds: u64,
    /// One kind of fault, `mixed` for all of them, or `none`.
    #[arg(long, default_value = "mixed", long_help = fault_help())]
    pub fault: Choice,
    /// Leaves a fault out of the mix; may be given several times.
    #[arg(long, value_enum, hide_possible_values = true)]
    pub without: Vec<Fault>,
    /// Prints one JSON object and nothing else on standard output.
    #[arg(long)]
    pub json: bool,
    /// Messages offered per second; by default what two cores carry beside the servers: 700 optimised, 120 otherwise.
    #[arg(long)]
    pub rate: Option<f64>,
    /// Pairs of people who talk.
    #[arg(long, default_value_t = 30)]
    pub pairs: usize,
    /// Groups of 20.
    #[arg(long, default_value_t = 2)]
    pub groups: usize,
    /// Instead of faults: begins with this other commit's processes, and rolls them to this revision and back, one by one, under
    /// traffic.
    #[arg(long, value_name = "REV", conflicts_with_all = ["fault", "without"])]
    pub upgrade: Option<String>,
    /// Keeps the logs of all processes, as a run that fails always does.
    #[arg(long)]
    pub keep: bool,
}

/// What goes wrong.
#[derive(Debug, Clone, Copy)]
pub enum Choice {
    Nothing,
    One(Fault),
    Mixed,
}

impl FromStr for Choice {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "none" => Ok(Self::Nothing),
            "mixed" => Ok(Self::Mixed),
            name => Fault::from_str(name, false)
                .map(Self::One)
                .map_err(|_| format!("there is no such fault; there are: mixed, none, {}", names())),
        }
    }
}

fn names() -> String {
    Fault::value_variants().iter().map(|fault| fault.name()).collect::<Vec<_>>().join(", ")
}

fn fault_help() -> String {
    let lines = Fault::value_variants().iter().filter_map(|fault| {
        let value = fault.to_possible_value()?;
        Some(format!("  {:26} {}", value.get_name(), value.get_help().map(ToString::to_string).unwrap_or_default()))
    });
    format!("One kind of fault, `mixed` for all of them, or `none`:\n{}", lines.collect::<Vec<_>>().join("\n"))
}

impl Options {
    /// The traffic of a run.
    pub fn plan(&self, seed: u64) -> Plan {
        let usual = if cfg!(debug_assertions) { 120.0 } else { 700.0 };
        Plan {
            seed,
            rate_per_s: self.rate.unwrap_or(usual).clamp(1.0, 100_000.0),
            pairs: self.pairs.clamp(1, 500),
            groups: self.groups.min(20),
            // The other revision may know no streams.
            streams: self.upgrade.is_none(),
        }
    }

    /// Every fault that was not left out.
    pub fn mix(&self) -> Vec<Fault> {
        Fault::value_variants().iter().copied().filter(|fault| !self.without.contains(fault)).collect()
    }

    pub const fn time(&self) -> Duration {
        Duration::from_secs(self.seconds)
    }

    /// Progress goes to standard error: standard output is the report's.
    pub fn start_log() {
        let filter = EnvFilter::try_from_env("RELAY_CHAOS_LOG").unwrap_or_else(|_| EnvFilter::new("relay_chaos=info,warn"));
        tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).with_target(false).init();
    }
}
