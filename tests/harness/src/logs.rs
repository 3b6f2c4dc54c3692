//! What the processes of a test wrote.

use std::fs::File;
use std::io::{Read as _, Seek as _, SeekFrom};
use std::path::Path;

use relay_dev_servers::Service;

/// Lines of each process shown when a test fails.
const TAIL: usize = 40;
/// A log is searched for errors at most this far.
const MAX_SEARCHED_BYTES: u64 = 64 << 20;

/// Prints the end of every log, for a test that has failed.
pub(crate) fn print_tails<'a>(services: impl Iterator<Item = &'a Service>) {
    for service in services {
        let state = match service.pid() {
            Some(pid) => format!("running, pid {pid}"),
            None => service.last_exit().map_or_else(|| "not running".to_owned(), |exit| exit.to_string()),
        };
        // Of all its lives: what a killed process said may matter most.
        let tail = relay_dev_servers::process::tail(service.log_path(), TAIL);
        #[expect(clippy::print_stderr, reason = "the test runner shows it with the failed test")]
        {
            eprintln!("---- {} ({state}) {}\n{tail}", service.name(), service.log_path().display());
        }
    }
}

/// The lines of our processes' logs that say ERROR, and panics.
pub(crate) fn errors(name: &str, path: &Path, expected: &Expected) -> Vec<String> {
    errors_from(name, path, 0, expected).0
}

/// As [`errors`], from this byte on; also where the last whole line ended.
pub(crate) fn errors_from(name: &str, path: &Path, from: u64, expected: &Expected) -> (Vec<String>, u64) {
    let mut bytes = Vec::new();
    let read = File::open(path).and_then(|mut file| {
        file.seek(SeekFrom::Start(from))?;
        file.take(MAX_SEARCHED_BYTES).read_to_end(&mut bytes)
    });
    if read.is_err() {
        return (Vec::new(), from);
    }
    let whole = bytes.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
    let text = String::from_utf8_lossy(bytes.get(..whole).unwrap_or_default());
    let errors = text.lines().filter(|line| is_unexpected(line, expected)).map(|line| format!("{name}: {line}")).collect();
    (errors, from + whole as u64)
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
    fn a_log_is_judged_from_a_place_on_and_only_in_whole_lines() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let line = r#"{"level":"ERROR","message":"one"}"#;
        std::fs::write(file.path(), format!("{line}\n{line}")).unwrap();
        let (errors, end) = errors_from("api", file.path(), 0, &Expected::None);
        assert_eq!((errors.len(), end), (1, line.len() as u64 + 1));
        std::fs::write(file.path(), format!("{line}\n{line}\n{{}}\n")).unwrap();
        let (errors, end) = errors_from("api", file.path(), end, &Expected::None);
        assert_eq!(errors.len(), 1);
        assert_eq!(errors_from("api", file.path(), end, &Expected::None), (vec![], end));
    }

    #[test]
    fn errors_and_panics_are_seen_and_expected_ones_are_not() {
        let error = r#"{"timestamp":"…","level":"ERROR","message":"no database"}"#;
        assert!(is_unexpected(error, &Expected::None));
        assert!(!is_unexpected(error, &Expected::Containing(vec!["no database".to_owned()])));
        assert!(!is_unexpected(r#"{"level":"WARN","message":"ERROR"}"#, &Expected::None));
        assert!(is_unexpected("thread 'main' (12) panicked at src/main.rs:1:1:", &Expected::Any));
    }
}
