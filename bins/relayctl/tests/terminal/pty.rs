//! A real terminal: a pty with `relayctl chat` in it, and an emulator that says what a person would see.

use std::ffi::OsStr;
use std::fs::File;
use std::io::{Read as _, Write};
use std::num::NonZeroU16;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use anyhow::Context as _;
use portable_pty::{Child, CommandBuilder, MasterPty, PtySize, native_pty_system};
use relay_harness::wait_for;
use rustix::process::{Pid, Signal, kill_process};
use rustix::termios::{LocalModes, tcgetattr};

use super::{PATIENCE, relayctl};

const ROWS: u16 = 40;
const COLUMNS: u16 = 60;

pub struct Pty {
    child: Box<dyn Child + Send + Sync>,
    keys: Box<dyn Write + Send>,
    screen: Arc<Mutex<vt100::Parser>>,
    master: Box<dyn MasterPty + Send>,
    tty: PathBuf,
}

impl Pty {
    pub fn chat<S: AsRef<OsStr>>(args: &[S]) -> anyhow::Result<Self> {
        let pair = native_pty_system().openpty(PtySize { rows: ROWS, cols: COLUMNS, ..PtySize::default() })?;
        let mut command = CommandBuilder::new(relayctl());
        command.arg("chat");
        command.args(args);
        command.env("TERM", "xterm-256color");
        let child = pair.slave.spawn_command(command)?;
        let size = |n| NonZeroU16::new(n).context("no size");
        let screen = Arc::new(Mutex::new(vt100::Parser::new(size(ROWS)?, size(COLUMNS)?, 1_000)));
        let (mut output, shown) = (pair.master.try_clone_reader()?, Arc::clone(&screen));
        std::thread::spawn(move || {
            let mut buffer = [0; 4096];
            while let Ok(read @ 1..) = output.read(&mut buffer) {
                shown.lock().expect("a whole screen").process(buffer.get(..read).unwrap_or_default());
            }
        });
        let tty = pair.master.tty_name().context("a pty without a name")?;
        Ok(Self { child, keys: pair.master.take_writer()?, screen, master: pair.master, tty })
    }

    /// Presses keys, or pastes.
    pub fn keys(&mut self, keys: impl AsRef<[u8]>) {
        self.keys.write_all(keys.as_ref()).and_then(|()| self.keys.flush()).expect("the terminal is gone");
    }

    /// What a person sees, without empty rows at the end.
    pub fn seen(&self) -> String {
        self.screen.lock().expect("a whole screen").screen().contents().trim_end().to_owned()
    }

    /// The row with the cursor's line: the last one.
    pub fn last_row(&self) -> String {
        self.seen().lines().last().unwrap_or_default().to_owned()
    }

    /// Waits until the screen is as wished.
    pub async fn until(&self, what: &str, is: impl Fn(&Self) -> bool) {
        wait_for(what, PATIENCE, || async { if is(self) { Ok(()) } else { Err(format!("\n{}", self.seen())) } }).await;
    }

    pub async fn shows(&self, text: &str) {
        self.until(text, |pty| pty.seen().contains(text)).await;
    }

    /// Whether what is typed is shown, whole lines are read, and pastes come as they are: the way a shell expects it.
    pub fn is_as_shells_expect(&self) -> anyhow::Result<bool> {
        let tty = File::options().read(true).write(true).open(&self.tty)?;
        let modes = tcgetattr(&tty)?.local_modes;
        let pastes = self.screen.lock().expect("a whole screen").screen().bracketed_paste();
        Ok(modes.contains(LocalModes::ECHO | LocalModes::ICANON | LocalModes::ISIG) && !pastes)
    }

    pub fn signal(&self, signal: Signal) -> anyhow::Result<()> {
        let pid = self.child.process_id().and_then(|pid| Pid::from_raw(pid.try_into().ok()?)).context("no pid")?;
        Ok(kill_process(pid, signal)?)
    }

    /// Waits for the end: the exit status.
    pub async fn ended(&mut self) -> anyhow::Result<u32> {
        let deadline = tokio::time::Instant::now() + PATIENCE;
        loop {
            if let Some(status) = self.child.try_wait()? {
                return Ok(status.exit_code());
            }
            anyhow::ensure!(tokio::time::Instant::now() < deadline, "it does not end:\n{}", self.seen());
            tokio::task::yield_now().await;
        }
    }
}

impl Drop for Pty {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        let _ = self.master.get_size();
    }
}
