//! The browser tests' stack: a whole RelayHub that serves the built web client, with a link to its gateway that can misbehave.
//!
//! The tests themselves are `web/tests`, run by Node.js. They ask for faults in lines on their standard output
//! ([`Control`]); everything else that they print is shown, and its last line is `N passed, N failed`.

use std::process::{ExitCode, Stdio};
use std::time::Duration;

use anyhow::Context as _;
use relay_web_tests::{Control, WebStack};
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};

/// The whole suite; what hangs is ended.
const LONGEST: Duration = Duration::from_mins(12);

fn main() -> ExitCode {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    let outcome = runtime.context("no runtime").and_then(|runtime| runtime.block_on(run()));
    match outcome {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            complain(&format!("{error:#}"));
            ExitCode::FAILURE
        }
    }
}

#[expect(clippy::print_stderr, reason = "a program that people look at")]
fn complain(text: &str) {
    eprintln!("{text}");
}

#[expect(clippy::print_stdout, reason = "a program that people look at")]
fn show(text: &str) {
    println!("{text}");
}

async fn run() -> anyhow::Result<bool> {
    // What the tests break, processes say.
    let stack = WebStack::start(relay_harness::HarnessBuilder::expect_errors).await?;
    let mut command = stack.script("tests/run.mjs");
    command.args(std::env::args_os().skip(1)).stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = command.spawn().context("could not run the tests")?;
    let mut answers = child.stdin.take().context("the tests have no standard input")?;
    let mut lines = BufReader::new(child.stdout.take().context("the tests have no standard output")?).lines();
    let control = Control { harness: &stack.harness, link: &stack.link, site: &stack.site };
    let tests = async {
        while let Some(line) = lines.next_line().await.context("could not read what the tests print")? {
            match line.strip_prefix("@relay ") {
                Some(request) => answers.write_all(control.obey(request).await.as_bytes()).await.context("the tests do not listen")?,
                None => show(&line),
            }
        }
        child.wait().await.context("could not wait for the tests")
    };
    let status = tokio::time::timeout(LONGEST, tests).await.with_context(|| format!("the tests did not end within {LONGEST:?}"))??;
    stack.harness.finish().await?;
    Ok(status.success())
}
