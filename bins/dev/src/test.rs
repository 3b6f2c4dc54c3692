//! `./relay test`: format, lints, build, tests, and what took how long; the last line is `N passed, N failed`.

use std::path::Path;
use std::process::{ExitCode, Stdio};
use std::time::Instant;

use anyhow::Context as _;
use relay_dev_servers::Servers;
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::Command;

use crate::cargo::Profile;
use crate::layout::Layout;
use crate::times::Times;
use crate::web;

/// What to test.
#[derive(Debug, clap::Args)]
pub struct TestArguments {
    /// unit: everything but the end-to-end tests and chaos; e2e: only those; web: the web client, in a browser too
    #[arg(value_enum, default_value_t = Suite::All)]
    suite: Suite,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Suite {
    Unit,
    E2e,
    Web,
    All,
}

/// Results so far.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Tally {
    passed: u64,
    failed: u64,
}

impl Tally {
    /// A step that is not made of tests counts as one failed test if it fails.
    pub fn step(&mut self, name: &str, ok: bool) {
        if !ok {
            say!("FAILED: {name}");
            self.failed += 1;
        }
    }

    /// Adds the results of other tests.
    pub fn add(&mut self, other: &Self) {
        self.passed += other.passed;
        self.failed += other.failed;
    }

    /// Whether any test ran.
    pub const fn has_run(&self) -> bool {
        self.passed + self.failed > 0
    }

    /// Whether any test failed.
    pub const fn has_failed(&self) -> bool {
        self.failed > 0
    }

    /// What a line `12 passed, 0 failed` says.
    pub fn of_summary(line: &str) -> Option<Self> {
        let (passed, failed) = line.trim().strip_suffix(" failed")?.split_once(" passed, ")?;
        Some(Self { passed: passed.parse().ok()?, failed: failed.parse().ok()? })
    }

    /// Adds a line such as `test result: ok. 3 passed; 1 failed; 0 ignored; …`.
    fn add_result_line(&mut self, line: &str) {
        let Some(counts) = line.trim_start().strip_prefix("test result: ") else { return };
        // The first count follows the verdict: "ok. 3 passed".
        for part in counts.split(';') {
            let mut words = part.split_whitespace().rev();
            match (words.next(), words.next().and_then(|count| count.parse::<u64>().ok())) {
                (Some("passed"), Some(count)) => self.passed += count,
                (Some("failed"), Some(count)) => self.failed += count,
                _ => {}
            }
        }
    }
}

/// Runs the suite.
pub async fn test(arguments: &TestArguments) -> anyhow::Result<ExitCode> {
    let layout = Layout::open()?;
    let root = &layout.root;
    let (mut tally, mut times) = (Tally::default(), Times::default());
    if matches!(arguments.suite, Suite::Unit | Suite::All) {
        lint(root, (&mut tally, &mut times), "rustfmt", &["fmt", "--version"], &["fmt", "--all", "--check"]).await?;
        let clippy = ["clippy", "--workspace", "--all-targets", "--quiet", "--", "-D", "warnings"];
        lint(root, (&mut tally, &mut times), "clippy", &["clippy", "--version"], &clippy).await?;
    }
    heading("installing the servers");
    let began = Instant::now();
    let installed = Servers::ready().await;
    times.part("installing the servers", began.elapsed());
    if let Err(error) = &installed {
        say!("{error:#}");
    }
    tally.step("installing the servers", installed.is_ok());
    heading("cargo build --workspace --bins");
    let began = Instant::now();
    let built = cargo(root, &["build", "--quiet", "--workspace", "--bins"]).await?;
    times.part("build of the programs", began.elapsed());
    tally.step("build", built);
    if built && installed.is_ok() {
        let args: Option<&[&str]> = match arguments.suite {
            Suite::Unit => Some(&["test", "--workspace", "--no-fail-fast", "--exclude", "relay-e2e", "--exclude", "relay-chaos"]),
            Suite::E2e => Some(&["test", "--no-fail-fast", "--package", "relay-e2e", "--package", "relay-chaos"]),
            Suite::Web => None,
            Suite::All => Some(&["test", "--workspace", "--no-fail-fast"]),
        };
        if let Some(args) = args {
            run_tests(root, args, &mut tally, &mut times).await?;
        }
        if matches!(arguments.suite, Suite::Web | Suite::All) {
            web::test(&Profile::Dev.bin_dir()?, &mut tally, &mut times).await?;
        }
    }
    say!("\n{}", times.summary().trim_end());
    say!("\n{} passed, {} failed", tally.passed, tally.failed);
    Ok(if tally.failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

pub fn heading(text: &str) {
    say!("\n== {text}");
}

/// A cargo tool that may not be installed: then it is skipped, and said.
async fn lint(
    root: &Path,
    (tally, times): (&mut Tally, &mut Times),
    component: &str,
    version: &[&str],
    args: &[&str],
) -> anyhow::Result<()> {
    heading(&format!("cargo {}", args.join(" ")));
    let mut probe = Command::new("cargo");
    probe.args(version).current_dir(root).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    if !probe.status().await.context("could not run cargo")?.success() {
        say!("skipped: {component} is not installed (rustup component add {component})");
        return Ok(());
    }
    let began = Instant::now();
    let ok = cargo(root, args).await?;
    say!("{} ({:.0} s)", if ok { "ok" } else { "not ok" }, began.elapsed().as_secs_f64());
    times.part(component, began.elapsed());
    tally.step(component, ok);
    Ok(())
}

async fn cargo(root: &Path, args: &[&str]) -> anyhow::Result<bool> {
    let mut command = Command::new("cargo");
    command.args(args).current_dir(root).stdin(Stdio::null()).kill_on_drop(true);
    Ok(command.status().await.context("could not run cargo")?.success())
}

/// Shows what the tests print and counts their results. A failure without a failed test (a crash, a test that does not
/// compile) counts as one.
async fn run_tests(root: &Path, args: &[&str], tally: &mut Tally, times: &mut Times) -> anyhow::Result<()> {
    heading(&format!("cargo {}", args.join(" ")));
    let mut command = Command::new("cargo");
    command.args(args).current_dir(root).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
    let began = Instant::now();
    let mut child = command.spawn().context("could not run cargo")?;
    let stdout = child.stdout.take().context("cargo has no standard output")?;
    let stderr = child.stderr.take().context("cargo has no standard error")?;
    let before = tally.failed;
    let (mut tests, mut cargo) = (BufReader::new(stdout).split(b'\n'), BufReader::new(stderr).split(b'\n'));
    let (mut tests_go_on, mut cargo_goes_on) = (true, true);
    while tests_go_on || cargo_goes_on {
        tokio::select! {
            line = tests.next_segment(), if tests_go_on => match line.context("could not read what the tests print")? {
                Some(line) => {
                    // Tests may print anything.
                    let line = String::from_utf8_lossy(&line);
                    say!("{line}");
                    tally.add_result_line(&line);
                    let built = times.has_begun();
                    times.test_says(&line, Instant::now());
                    if times.has_begun() && !built {
                        times.part("build of the tests", began.elapsed());
                    }
                }
                None => tests_go_on = false,
            },
            line = cargo.next_segment(), if cargo_goes_on => match line.context("could not read what cargo prints")? {
                Some(line) => {
                    let line = String::from_utf8_lossy(&line);
                    complain!("{line}");
                    times.cargo_says(&line);
                }
                None => cargo_goes_on = false,
            },
        }
    }
    let status = child.wait().await?;
    tally.step("cargo test", status.success() || tally.failed > before);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn result_lines_are_counted() {
        let mut tally = Tally::default();
        tally.add_result_line("test result: ok. 12 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.20s");
        tally.add_result_line("test result: FAILED. 3 passed; 2 failed; 0 ignored; 0 measured; 0 filtered out; finished in 1.00s");
        tally.add_result_line("test this_is_a_test ... ok");
        tally.add_result_line("the test result: 99 passed; 99 failed");
        assert_eq!(tally, Tally { passed: 15, failed: 2 });
        assert_eq!(Tally::of_summary("31 passed, 2 failed"), Some(Tally { passed: 31, failed: 2 }));
        assert_eq!(Tally::of_summary("some passed, 2 failed"), None);
    }
}
