//! `relayctl doctor`: is everything there, and would anything acknowledged be lost in a power cut?

mod checks;

use std::fmt;

use crate::config::Config;
use crate::failure::AnswerIsNo;
use crate::output;

/// Arguments of `relayctl doctor`.
#[derive(clap::Args)]
pub struct DoctorArguments {
    /// A NATS server's monitoring address, such as `http://127.0.0.1:8222`, for what NATS tells only there: how it writes to disk.
    #[arg(long)]
    nats_monitor: Option<String>,
}

/// How one check went.
enum Finding {
    Fine(String),
    /// It works, but something acknowledged may be lost, or soon will not work.
    Warning(String),
    /// It does not work.
    Broken(String),
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Fine(text) => write!(f, "ok       {text}"),
            Self::Warning(text) => write!(f, "warning  {text}"),
            Self::Broken(text) => write!(f, "broken   {text}"),
        }
    }
}

/// Runs every check, whatever the others say. Status 1 if anything is broken.
pub async fn run(arguments: DoctorArguments, config: &Config) -> anyhow::Result<()> {
    output::line(Finding::Fine("the configuration is valid".to_owned()));
    let mut findings = vec![checks::signing_keys(config)];
    findings.extend(checks::postgres(config).await);
    findings.extend(checks::nats(config).await);
    findings.push(checks::durability(arguments.nats_monitor.as_deref(), config).await);
    findings.push(checks::valkey(config).await);
    let broken = findings.iter().filter(|finding| matches!(finding, Finding::Broken(_))).count();
    for finding in findings {
        output::line(finding);
    }
    if broken > 0 {
        return Err(AnswerIsNo(format!("{broken} of the checks failed")).into());
    }
    Ok(())
}
