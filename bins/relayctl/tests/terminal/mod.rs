//! A terminal with `relayctl chat` in it.

#![expect(clippy::expect_used, clippy::panic, reason = "a helper of tests: failing is its way to answer")]

mod editor;
mod pty;

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use anyhow::Context as _;
use relay_harness::Harness;
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader, Lines};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};

/// Far longer than anything here takes.
const PATIENCE: Duration = Duration::from_secs(30);

pub struct Terminal {
    handle: String,
    child: Child,
    stdin: ChildStdin,
    stdout: Lines<BufReader<ChildStdout>>,
    seen: Vec<String>,
}

/// The tool under test.
pub fn relayctl() -> PathBuf {
    PathBuf::from(env!("CARGO_BIN_EXE_relayctl"))
}

impl Terminal {
    pub fn chat(harness: &Harness, profiles: &Path, handle: &str, more: &[&str]) -> anyhow::Result<Self> {
        let mut command = Command::new(relayctl());
        command.args(["chat", handle, "--yes", "--api", &harness.api_url(), "--gateway", &harness.gateway_url(0)]);
        command.arg("--profiles").arg(profiles).args(more);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).kill_on_drop(true);
        let mut child = command.spawn().context("could not start relayctl")?;
        let stdin = child.stdin.take().context("no input")?;
        let stdout = BufReader::new(child.stdout.take().context("no output")?).lines();
        Ok(Self { handle: handle.to_owned(), child, stdin, stdout, seen: Vec::new() })
    }

    /// Types a line.
    pub async fn say(&mut self, line: &str) {
        self.stdin.write_all(format!("{line}\n").as_bytes()).await.expect("the terminal is gone");
    }

    /// Reads on until a line holds `text`.
    pub async fn expect(&mut self, text: &str) -> String {
        let found = tokio::time::timeout(PATIENCE, async {
            while let Some(line) = self.stdout.next_line().await.expect("unreadable output") {
                self.seen.push(line.clone());
                if line.contains(text) {
                    return Some(line);
                }
            }
            None
        });
        let Ok(Some(line)) = found.await else {
            panic!("{}'s terminal ended, or did not show {text:?} in time:\n{}", self.handle, self.transcript())
        };
        line
    }

    /// Whether a line read so far holds `text`.
    pub fn saw(&self, text: &str) -> bool {
        self.count(text) > 0
    }

    /// How many lines read so far hold `text`.
    pub fn count(&self, text: &str) -> usize {
        self.seen.iter().filter(|line| line.contains(text)).count()
    }

    pub fn transcript(&self) -> String {
        self.seen.join("\n")
    }

    /// As `kill -9` does.
    pub async fn kill(mut self) {
        self.child.kill().await.expect("could not be killed");
    }

    /// Waits for the end; whether it was a success.
    pub async fn exited(mut self) -> bool {
        let status = tokio::time::timeout(PATIENCE, self.child.wait()).await.expect("did not end").expect("no status");
        status.success()
    }
}
