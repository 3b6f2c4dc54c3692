//! The browser tests' stack: a whole RelayHub that serves the built web client, with a link to its gateway that can misbehave.
//!
//! The tests themselves are `web/tests`, run by Node.js. They ask for faults in lines on their standard output
//! ([`control`]); everything else that they print is shown, and its last line is `N passed, N failed`.

mod control;

use std::io::Write as _;
use std::process::{ExitCode, Stdio};
use std::time::Duration;

use anyhow::Context as _;
use control::Control;
use relay_dev_servers::WebTools;
use relay_fault_proxy::FaultProxy;
use relay_harness::Harness;
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::process::Command;

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
    let tools = WebTools::ready().await?;
    let building = tools.clone();
    let client = tokio::task::spawn_blocking(move || building.build_client()).await.context("the build was aborted")??;
    let client = client.to_str().context("the checkout's path is not UTF-8")?;
    // Before the gateway, whose address the page is told: it leads there once the gateway is up.
    let link = FaultProxy::start("gateway", ([127, 0, 0, 1], 9).into()).await?;
    let harness = Harness::builder()
        .config("api", &format!("web_root = {client:?}\ngateway_urls = [\"ws://{}/v1/ws\"]", link.address()))
        // What the tests break, processes say.
        .expect_errors()
        .start()
        .await?;
    link.set_upstream(harness.gateway(0).public());
    // The page's origin is known only now. Its gateway has another port, so it has to be told whose pages are ours.
    let mut settings = std::fs::OpenOptions::new().append(true).open(harness.config_path())?;
    writeln!(settings, "\n[web]\npublic_origins = [{:?}]", harness.api_url())?;
    harness.gateway(0).restart().await?;

    let mut command = Command::new(tools.node());
    command.arg("tests/run.mjs").args(std::env::args_os().skip(1)).current_dir(tools.directory());
    command.env("RELAYHUB_URL", harness.api_url()).stdin(Stdio::piped()).stdout(Stdio::piped()).kill_on_drop(true);
    let mut child = command.spawn().context("could not run the tests")?;
    let mut answers = child.stdin.take().context("the tests have no standard input")?;
    let mut lines = BufReader::new(child.stdout.take().context("the tests have no standard output")?).lines();
    let control = Control { harness: &harness, link: &link };
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
    harness.finish().await?;
    Ok(status.success())
}
