//! Asking for a password without showing it.

use std::io::{BufRead as _, IsTerminal as _, Write as _};

use anyhow::Context as _;
use relay_protocol::rest::Password;
use rustix::termios::{LocalModes, OptionalActions, tcgetattr, tcsetattr};
use tokio::sync::oneshot;

use super::terminal::{Restored, unless_asked_to_leave};

/// Letters and digits of a made-up password: 24 of 58 are 140 bits.
const GENERATED_CHARS: usize = 24;

/// Asks on standard error; reads one line of standard input, unseen if it is a terminal. Ctrl-C and the like end it, and
/// the terminal shows again what is typed.
pub async fn ask(question: &str) -> anyhow::Result<Password> {
    let _restored = Restored::begin();
    let _ = write!(std::io::stderr(), "{question}");
    let _ = std::io::stderr().flush();
    let hidden = std::io::stdin().is_terminal();
    if hidden {
        let mut settings = tcgetattr(std::io::stdin()).context("could not ask the terminal")?;
        settings.local_modes.remove(LocalModes::ECHO);
        tcsetattr(std::io::stdin(), OptionalActions::Flush, &settings).context("could not set the terminal")?;
    }
    // A blocking read cannot be cancelled, and ends with the process.
    let (answer, read) = oneshot::channel();
    std::thread::spawn(move || {
        let mut line = String::new();
        let _ = answer.send(std::io::stdin().lock().read_line(&mut line).map(|read| (read, line)));
    });
    let read =
        unless_asked_to_leave(async { read.await.context("could not read the password")?.context("could not read the password") }).await;
    if hidden {
        // The line break that was typed was not shown either.
        let _ = writeln!(std::io::stderr());
    }
    let (read, line) = read?;
    anyhow::ensure!(read > 0, "no password was given: type one, or pass --yes for a made-up one");
    Ok(Password(line.trim_end_matches(['\n', '\r']).to_owned()))
}

/// A password that nobody has to remember.
pub fn generate() -> Password {
    const ALPHABET: &[u8] = b"23456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz";
    let pick = |_| ALPHABET.get(rand::random_range(0..ALPHABET.len())).copied().map_or('x', char::from);
    Password((0..GENERATED_CHARS).map(pick).collect())
}
