//! A server process under our control: start, stop, kill, pause, resume, restart.

use std::fs::{OpenOptions, Permissions};
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::os::unix::process::{CommandExt as _, ExitStatusExt as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use parking_lot::Mutex;
use rustix::process::Signal;

use crate::account::Account;
use crate::probe::Probe;
use crate::{guard, process};

const POLL: Duration = Duration::from_millis(20);
/// Lines of the log shown when a start fails.
const LOG_LINES: usize = 30;

/// What to run and how to end it.
#[derive(Debug, Clone)]
pub struct Spec {
    /// For messages and the log's name.
    pub name: String,
    /// The executable.
    pub program: PathBuf,
    /// Its arguments; never secrets, since anybody can read them.
    pub args: Vec<String>,
    /// Added to the environment.
    pub env: Vec<(String, String)>,
    /// The directory it runs in.
    pub directory: PathBuf,
    /// Receives standard output and error, appended.
    pub log: PathBuf,
    /// Run as this account instead of ours.
    pub account: Option<Account>,
    /// How it is asked to stop.
    pub stop_signal: Signal,
    /// How it is ended when we are dropped or gone: quickly, but leaving nothing behind.
    pub abort_signal: Signal,
    /// How to see that it is healthy.
    pub probe: Probe,
    /// The longest a start may take.
    pub start_within: Duration,
    /// The longest a stop may take before it is killed.
    pub stop_within: Duration,
}

#[derive(Debug, Default)]
struct State {
    child: Option<(Child, guard::Entry)>,
    last_exit: Option<ExitStatus>,
    /// Where the last start's part of the log begins, in bytes.
    log_start: u64,
}

/// A server process. Dropping it ends the process. All methods take `&self`: a test may kill what another task waits for.
#[derive(Debug)]
pub struct Service {
    spec: Spec,
    state: Mutex<State>,
}

impl Service {
    /// Not yet started.
    pub fn new(spec: Spec) -> Self {
        Self { spec, state: Mutex::default() }
    }

    /// Its name in messages.
    pub fn name(&self) -> &str {
        &self.spec.name
    }

    /// How its health is asked for.
    pub fn probe(&self) -> &Probe {
        &self.spec.probe
    }

    /// Where its output goes.
    pub fn log_path(&self) -> &Path {
        &self.spec.log
    }

    /// The process id while it runs.
    pub fn pid(&self) -> Option<u32> {
        let mut state = self.state.lock();
        state.reap(&self.spec.name);
        state.child.as_ref().map(|(child, _)| child.id())
    }

    /// Whether the process exists (paused counts, healthy or not).
    pub fn is_running(&self) -> bool {
        self.pid().is_some()
    }

    /// How it ended the last time.
    pub fn last_exit(&self) -> Option<ExitStatus> {
        self.state.lock().last_exit
    }

    /// Starts the process without waiting for health; does nothing if it runs.
    pub fn spawn(&self) -> anyhow::Result<()> {
        let mut state = self.state.lock();
        state.reap(&self.spec.name);
        if state.child.is_some() {
            return Ok(());
        }
        let spec = &self.spec;
        rotate(&spec.log);
        let log = OpenOptions::new().create(true).append(true).mode(0o600).open(&spec.log);
        let log = log.with_context(|| format!("could not open {}", spec.log.display()))?;
        // Logs name people and conversations. One that an earlier version made may be open to all.
        log.set_permissions(Permissions::from_mode(0o600))?;
        let log_start = log.metadata()?.len();
        let mut command = Command::new(&spec.program);
        command.args(&spec.args).envs(spec.env.iter().map(|(key, value)| (key, value))).current_dir(&spec.directory);
        // A process group of its own: Ctrl-C in the terminal is for us, who then stop it in order.
        command.stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log).process_group(0);
        if let Some(account) = spec.account {
            account.apply(&mut command);
        }
        let child = command.spawn().with_context(|| format!("could not run {}", spec.program.display()))?;
        let entry = guard::watch(child.id(), signal_name(spec.abort_signal));
        state.child = Some((child, entry));
        state.last_exit = None;
        state.log_start = log_start;
        Ok(())
    }

    /// Starts the process and waits until it is healthy. A process that ends meanwhile is an error, with its last log lines.
    ///
    /// # Cancel safety
    /// The process may be left running; [`Self::stop`] or drop ends it.
    pub async fn start(&self) -> anyhow::Result<()> {
        self.spawn()?;
        self.healthy().await
    }

    /// Waits until it is healthy, bounded by the start time-out.
    ///
    /// # Cancel safety
    /// Cancel safe.
    pub async fn healthy(&self) -> anyhow::Result<()> {
        let deadline = Instant::now() + self.spec.start_within;
        loop {
            let state = self.spec.probe.check().await;
            // Asked after the probe, which another process on the same port might have answered.
            if !self.is_running() {
                let exit = self.last_exit().map_or_else(|| "it does not run".to_owned(), |exit| exit.to_string());
                bail!("{} ended while starting ({exit}); the end of its log:\n{}", self.name(), self.log_tail(LOG_LINES));
            }
            match state {
                Ok(()) => return Ok(()),
                Err(last) if Instant::now() >= deadline => {
                    let waited = self.spec.start_within;
                    bail!("{} is not healthy after {waited:?} ({last}); the end of its log:\n{}", self.name(), self.log_tail(LOG_LINES));
                }
                Err(_) => tokio::time::sleep(POLL).await,
            }
        }
    }

    /// Asks the process to stop and waits; kills it when it takes too long. Does nothing if it does not run.
    /// Returns how it ended.
    ///
    /// # Cancel safety
    /// The process has been asked; call it again to wait further.
    pub async fn stop(&self) -> Option<ExitStatus> {
        self.signal(Signal::CONT);
        self.signal(self.spec.stop_signal);
        let deadline = Instant::now() + self.spec.stop_within;
        while self.is_running() {
            if Instant::now() >= deadline {
                tracing::warn!(process = self.name(), "does not stop: killed");
                self.kill();
                break;
            }
            tokio::time::sleep(POLL).await;
        }
        self.last_exit()
    }

    /// Ends the process at once, as a crash would (SIGKILL, its children included), and waits for the kernel to say so.
    pub fn kill(&self) {
        let mut state = self.state.lock();
        if let Some((child, entry)) = state.child.as_mut() {
            let children = process::children(child.id());
            process::send(child.id(), Signal::KILL);
            for pid in children {
                process::send(pid, Signal::KILL);
            }
            let exit = child.wait().ok();
            guard::forget(entry);
            state.child = None;
            state.last_exit = exit;
        }
    }

    /// Freezes the process and its children (SIGSTOP): connections stay open and nothing answers.
    pub fn pause(&self) {
        self.signal_tree(Signal::STOP);
    }

    /// Ends a [`Self::pause`].
    pub fn resume(&self) {
        self.signal_tree(Signal::CONT);
    }

    /// Stops it if it runs, starts it on the same port with the same data, and waits until it is healthy. After a kill,
    /// an operating system resource of the old process may be held for a moment: a start that fails is repeated for as
    /// long as one start may take.
    ///
    /// # Cancel safety
    /// Not cancel safe: it may be left stopped.
    pub async fn restart(&self) -> anyhow::Result<()> {
        self.stop().await;
        let deadline = Instant::now() + self.spec.start_within;
        loop {
            match self.start().await {
                Err(_) if !self.is_running() && Instant::now() < deadline => tokio::time::sleep(Duration::from_millis(100)).await,
                result => return result,
            }
        }
    }

    /// The end of its log, as far as it was written since the last start.
    pub fn log_tail(&self, lines: usize) -> String {
        process::tail_after(&self.spec.log, self.state.lock().log_start, lines)
    }

    /// Sends `signal` to the process, not to its children.
    pub fn signal(&self, signal: Signal) {
        if let Some(pid) = self.pid() {
            process::send(pid, signal);
        }
    }

    fn signal_tree(&self, signal: Signal) {
        if let Some(pid) = self.pid() {
            // The parent first: a paused parent starts no more children.
            process::send(pid, signal);
            for child in process::children(pid) {
                process::send(child, signal);
            }
        }
    }
}

impl State {
    /// Notices an ended process.
    fn reap(&mut self, name: &str) {
        let ended = match self.child.as_mut() {
            Some((child, _)) => child.try_wait().ok().flatten(),
            None => None,
        };
        if let Some(exit) = ended {
            tracing::debug!(process = name, code = exit.code(), signal = exit.signal(), "ended");
            if let Some((_, entry)) = self.child.take() {
                guard::forget(&entry);
            }
            self.last_exit = Some(exit);
        }
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        if self.spec.abort_signal != Signal::KILL {
            self.signal_tree(Signal::CONT);
            self.signal(self.spec.abort_signal);
            let deadline = Instant::now() + Duration::from_secs(3);
            while self.is_running() && Instant::now() < deadline {
                std::thread::sleep(Duration::from_millis(5));
            }
        }
        self.kill();
    }
}

/// A log that has grown large gives way to a new one at a start; one old one is kept.
fn rotate(log: &Path) {
    const MAX_LOG_BYTES: u64 = 32 << 20;
    if std::fs::metadata(log).is_ok_and(|meta| meta.len() > MAX_LOG_BYTES)
        && let Err(error) = std::fs::rename(log, log.with_extension("log.old"))
    {
        tracing::debug!(%error, log = %log.display(), "not rotated");
    }
}

fn signal_name(signal: Signal) -> &'static str {
    match signal {
        Signal::TERM => "TERM",
        Signal::INT => "INT",
        Signal::QUIT => "QUIT",
        _ => "KILL",
    }
}
