//! The web client's part of `./relay test`: its own checks, its unit tests, and the tests in a real browser.

use std::path::Path;
use std::process::Stdio;
use std::time::Instant;

use anyhow::Context as _;
use relay_dev_servers::WebTools;
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::Command;

use crate::test::{Tally, heading};
use crate::times::Times;

/// Steps that pass or fail as a whole.
const CHECKS: [&str; 3] = ["lint", "typecheck", "check:generated"];

/// Runs everything. The browser's program lies in `bin_dir`.
pub async fn test(bin_dir: &Path, tally: &mut Tally, times: &mut Times) -> anyhow::Result<()> {
    heading("installing the web client's tools");
    let began = Instant::now();
    let tools = WebTools::ready().await;
    times.part("installing the web client's tools", began.elapsed());
    let tools = match tools {
        Ok(tools) => tools,
        Err(error) => {
            say!("{error:#}");
            tally.step("installing the web client's tools", false);
            return Ok(());
        }
    };
    let began = Instant::now();
    for check in CHECKS {
        heading(&format!("npm run {check}"));
        let ok = Command::from(tools.npm(&["run", "--silent", check])).kill_on_drop(true).status().await.context("could not run npm")?;
        tally.step(check, ok.success());
    }
    times.part("web: checks", began.elapsed());
    let began = Instant::now();
    heading("npm run test:report");
    count(Command::from(tools.npm(&["run", "--silent", "test:report"])), "web: unit tests", tally).await?;
    times.part("web: unit tests", began.elapsed());
    let began = Instant::now();
    heading("the web client in a browser");
    count(Command::new(bin_dir.join("relay-web-tests")), "web: in a browser", tally).await?;
    times.part("web: in a browser", began.elapsed());
    Ok(())
}

/// Shows what the tests print; their last `N passed, N failed` counts. A failure without a failed test counts as one.
async fn count(mut command: Command, what: &str, tally: &mut Tally) -> anyhow::Result<()> {
    let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).kill_on_drop(true).spawn().context("could not run the tests")?;
    let mut lines = BufReader::new(child.stdout.take().context("the tests have no standard output")?).lines();
    let mut counted = None;
    while let Some(line) = lines.next_line().await.context("could not read what the tests print")? {
        counted = Tally::of_summary(&line).or(counted);
        say!("{line}");
    }
    let ok = child.wait().await?.success();
    let counted = counted.unwrap_or_default();
    tally.add(&counted);
    tally.step(what, counted.has_run() && (ok || counted.has_failed()));
    Ok(())
}
