//! What the tool prints, as opposed to logs.

use std::io::Write as _;

/// One line to standard output. A reader that has gone away (`| head`) is no error.
pub fn line(text: impl std::fmt::Display) {
    let _ = writeln!(std::io::stdout(), "{text}");
}

/// One line to standard error.
pub fn error(text: impl std::fmt::Display) {
    let _ = writeln!(std::io::stderr(), "{text}");
}
