//! The terminal's own settings, put back however the client ends.

use std::io::{IsTerminal as _, Write as _};
use std::sync::OnceLock;

use anyhow::Context as _;
use rustix::termios::{OptionalActions, Termios, tcgetattr, tcsetattr};
use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::failure::Interrupted;

/// As the terminal was found.
static BEFORE: OnceLock<Termios> = OnceLock::new();

/// While it exists the terminal may be changed; dropped, the terminal is as before. A panic puts it back too.
pub struct Restored(());

impl Restored {
    /// Remembers the terminal's settings. Without a terminal there is nothing to do.
    pub fn begin() -> Self {
        if std::io::stdin().is_terminal()
            && let Ok(before) = tcgetattr(std::io::stdin())
            && BEFORE.set(before).is_ok()
        {
            let report = std::panic::take_hook();
            std::panic::set_hook(Box::new(move |panic| {
                restore();
                report(panic);
            }));
        }
        Self(())
    }
}

impl Drop for Restored {
    fn drop(&mut self) {
        restore();
    }
}

fn restore() {
    let Some(before) = BEFORE.get() else { return };
    let _ = tcsetattr(std::io::stdin(), OptionalActions::Now, before);
    if std::io::stdout().is_terminal() {
        // No brackets around pastes, rows wrap, and what follows begins on a row of its own.
        let _ = write!(std::io::stdout(), "\x1b[?2004l\x1b[?7h\r\x1b[K");
        let _ = std::io::stdout().flush();
    }
}

/// Signals that ask the client to leave.
pub struct Leave {
    interrupt: Signal,
    terminate: Signal,
    hangup: Signal,
}

impl Leave {
    /// From now on these signals no longer kill.
    pub fn listen() -> std::io::Result<Self> {
        Ok(Self {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
            hangup: signal(SignalKind::hangup())?,
        })
    }

    /// Waits for one.
    ///
    /// # Cancel safety
    /// Cancel safe.
    pub async fn asked(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
            _ = self.hangup.recv() => {}
        }
    }
}

/// Does the work, unless the person asks to leave first.
pub async fn unless_asked_to_leave<T>(work: impl Future<Output = anyhow::Result<T>>) -> anyhow::Result<T> {
    let mut leave = Leave::listen().context("could not listen for signals")?;
    tokio::select! {
        done = work => done,
        () = leave.asked() => Err(Interrupted.into()),
    }
}
