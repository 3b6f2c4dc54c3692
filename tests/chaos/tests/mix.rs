//! Three minutes of every fault in a mix that is always the same, and a minute of one that nobody has seen before.

use std::io::Write as _;
use std::process::Stdio;
use std::time::Duration;

use anyhow::Context as _;
use serde_json::Value;
use tokio::process::Command;

/// The mix that every change meets.
const SEED: u64 = 20_261_124;
/// On top of the time of the faults: starting, healing, settling, judging.
const AROUND: Duration = Duration::from_mins(6);

/// Runs the tool; returns what it printed once it found nothing broken. Its progress, with the seed, goes to standard error
/// for everybody to see, as does the report of a run that failed.
async fn run(seed: u64, seconds: u64) -> anyhow::Result<Value> {
    writeln!(std::io::stderr(), "chaos: seed {seed}, {seconds} s")?;
    let mut command = Command::new(env!("CARGO_BIN_EXE_relay-chaos"));
    command.args(["--seed", &seed.to_string(), "--seconds", &seconds.to_string(), "--fault", "mixed", "--json"]);
    command.stdout(Stdio::piped()).kill_on_drop(true);
    let limit = Duration::from_secs(seconds) + AROUND;
    let output = command.spawn()?.wait_with_output();
    let output = tokio::time::timeout(limit, output).await.with_context(|| format!("no report within {limit:?}"))??;
    let report = String::from_utf8_lossy(&output.stdout).into_owned();
    anyhow::ensure!(output.status.success(), "seed {seed}: {}\n{report}", output.status);
    serde_json::from_str(&report).with_context(|| format!("not a report: {report}"))
}

fn number(report: &Value, name: &str) -> anyhow::Result<u64> {
    report.get(name).and_then(Value::as_u64).with_context(|| format!("the report has no number `{name}`: {report}"))
}

#[tokio::test]
async fn whatever_is_killed_nothing_acknowledged_is_lost() -> anyhow::Result<()> {
    for (seed, seconds) in [(SEED, 180), (rand::random::<u32>().into(), 60)] {
        let report = run(seed, seconds).await?;
        for promise in ["lost", "duplicated", "reordered", "phantom", "unaccounted"] {
            assert_eq!(number(&report, promise)?, 0, "seed {seed}, {promise}: {report}");
        }
        // A zero is one only beside what was at stake.
        assert!(number(&report, "acked")? > 1_000, "seed {seed}: hardly anything was sent: {report}");
        for amended in ["edits", "deletions", "reactions"] {
            assert!(number(&report, amended)? > 0, "seed {seed}, {amended}: nothing was judged: {report}");
        }
        assert!(number(&report, "kills_total")? > 2, "seed {seed}: hardly anything was killed: {report}");
    }
    Ok(())
}
