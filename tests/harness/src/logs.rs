//! What the processes of a test wrote.

use std::fs;
use std::path::Path;

use relay_embedded::Service;

/// Lines of each process shown when a test fails.
const TAIL: usize = 40;
/// A log is searched for errors at most this far.
const MAX_SEARCHED_BYTES: usize = 64 << 20;

/// Prints the end of every log, for a test that has failed.
pub(crate) fn print_tails<'a>(services: impl Iterator<Item = &'a Service>) {
    for service in services {
        let state = match service.pid() {
            Some(pid) => format!("running, pid {pid}"),
            None => service.last_exit().map_or_else(|| "not running".to_owned(), |exit| exit.to_string()),
        };
        // Of all its lives: what a killed process said may matter most.
        let tail = relay_embedded::process::tail(service.log_path(), TAIL);
        #[expect(clippy::print_stderr, reason = "the test runner shows it with the failed test")]
        {
            eprintln!("---- {} ({state}) {}\n{tail}", service.name(), service.log_path().display());
        }
    }
}

/// The lines of our processes' logs that say ERROR, and panics.
pub(crate) fn errors(name: &str, path: &Path, expected: &Expected) -> Vec<String> {
    let Ok(bytes) = fs::read(path) else { return Vec::new() };
    let text = String::from_utf8_lossy(bytes.get(..bytes.len().min(MAX_SEARCHED_BYTES)).unwrap_or_default());
    text.lines().filter(|line| is_unexpected(line, expected)).map(|line| format!("{name}: {line}")).collect()
}

/// Which errors a test provokes.
#[derive(Debug, Clone, Default)]
pub(crate) enum Expected {
    #[default]
    None,
    /// Those that contain one of these.
    Containing(Vec<String>),
    /// Any, but no panic.
    Any,
}

fn is_unexpected(line: &str, expected: &Expected) -> bool {
    // A panic is printed outside the log's format.
    if line.starts_with("thread '") && line.contains("panicked at") {
        return true;
    }
    if !line.contains("\"level\":\"ERROR\"") {
        return false;
    }
    match expected {
        Expected::None => true,
        Expected::Containing(texts) => !texts.iter().any(|text| line.contains(text)),
        Expected::Any => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_and_panics_are_seen_and_expected_ones_are_not() {
        let error = r#"{"timestamp":"…","level":"ERROR","message":"no database"}"#;
        assert!(is_unexpected(error, &Expected::None));
        assert!(!is_unexpected(error, &Expected::Containing(vec!["no database".to_owned()])));
        assert!(!is_unexpected(r#"{"level":"WARN","message":"ERROR"}"#, &Expected::None));
        assert!(is_unexpected("thread 'main' (12) panicked at src/main.rs:1:1:", &Expected::Any));
    }
}
