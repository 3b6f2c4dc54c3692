//! Asking for a password without showing it.

use std::io::{BufRead as _, IsTerminal as _, Write as _};

use anyhow::Context as _;
use relay_protocol::rest::Password;
use rustix::termios::{LocalModes, OptionalActions, tcgetattr, tcsetattr};

/// Letters and digits of a made-up password: 24 of 58 are 140 bits.
const GENERATED_CHARS: usize = 24;

/// Asks on standard error; reads one line of standard input, unseen if it is a terminal.
pub fn ask(question: &str) -> anyhow::Result<Password> {
    let _ = write!(std::io::stderr(), "{question}");
    let _ = std::io::stderr().flush();
    let _hidden = if std::io::stdin().is_terminal() { Some(HiddenInput::begin()?) } else { None };
    let mut line = String::new();
    let read = std::io::stdin().lock().read_line(&mut line).context("could not read the password")?;
    anyhow::ensure!(read > 0, "no password was given: type one, or pass --yes for a made-up one");
    Ok(Password(line.trim_end_matches(['\n', '\r']).to_owned()))
}

/// A password that nobody has to remember.
pub fn generate() -> Password {
    const ALPHABET: &[u8] = b"23456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz";
    let pick = |_| ALPHABET.get(rand::random_range(0..ALPHABET.len())).copied().map_or('x', char::from);
    Password((0..GENERATED_CHARS).map(pick).collect())
}

/// Switches the terminal's echo off, and on again when dropped.
struct HiddenInput {
    before: rustix::termios::Termios,
}

impl HiddenInput {
    fn begin() -> anyhow::Result<Self> {
        let before = tcgetattr(std::io::stdin()).context("could not ask the terminal")?;
        let mut hidden = before.clone();
        hidden.local_modes.remove(LocalModes::ECHO);
        tcsetattr(std::io::stdin(), OptionalActions::Flush, &hidden).context("could not set the terminal")?;
        Ok(Self { before })
    }
}

impl Drop for HiddenInput {
    fn drop(&mut self) {
        let _ = tcsetattr(std::io::stdin(), OptionalActions::Flush, &self.before);
        // The line break that was typed was not shown either.
        let _ = writeln!(std::io::stderr());
    }
}
