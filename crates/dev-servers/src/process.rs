//! Facts about processes, and signals.

use std::fs;
use std::io::{Read as _, Seek as _, SeekFrom};
use std::path::{Path, PathBuf};

use rustix::process::{Pid, Signal, kill_process};

/// When `pid` started, in clock ticks after boot; with the pid it names a process for good. `None` if there is no such
/// process or no `/proc`.
pub fn start_time(pid: u32) -> Option<u64> {
    stat_fields(pid)?.get(19)?.parse().ok()
}

/// Whether `pid` runs and is the process that had started at `start`. A zombie counts as gone.
pub fn is_same(pid: u32, start: u64) -> bool {
    let Some(fields) = stat_fields(pid) else { return false };
    let zombie = fields.first().is_some_and(|state| state == "Z" || state == "X");
    !zombie && fields.get(19).and_then(|text| text.parse().ok()) == Some(start)
}

/// The executable that `pid` runs, if it may be known.
pub fn executable(pid: u32) -> Option<PathBuf> {
    fs::read_link(format!("/proc/{pid}/exe")).ok()
}

/// The fields of `/proc/<pid>/stat` after the command's name, which may itself contain anything.
fn stat_fields(pid: u32) -> Option<Vec<String>> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let (_, rest) = stat.rsplit_once(") ")?;
    Some(rest.split_whitespace().map(str::to_owned).collect())
}

/// The direct children of `pid`. Postgres' backends are in sessions of their own, so a process group does not reach them.
pub(crate) fn children(pid: u32) -> Vec<u32> {
    let Ok(entries) = fs::read_dir("/proc") else { return Vec::new() };
    let parent = pid.to_string();
    entries
        .flatten()
        .filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok())
        .filter(|candidate| stat_fields(*candidate).is_some_and(|fields| fields.get(1) == Some(&parent)))
        .collect()
}

/// Sends `signal`; a process that is already gone is not an error.
pub fn send(pid: u32, signal: Signal) {
    if let Some(pid) = i32::try_from(pid).ok().and_then(Pid::from_raw)
        && let Err(error) = kill_process(pid, signal)
    {
        tracing::debug!(?pid, ?signal, %error, "signal not delivered");
    }
}

/// The last `lines` lines of a log file, reading at most its last 64 KiB.
pub fn tail(path: &Path, lines: usize) -> String {
    tail_after(path, 0, lines)
}

/// As [`tail`], of what was written after the first `offset` bytes.
pub(crate) fn tail_after(path: &Path, offset: u64, lines: usize) -> String {
    const MAX_BYTES: u64 = 64 * 1024;
    let read = || -> std::io::Result<String> {
        let mut file = fs::File::open(path)?;
        let length = file.metadata()?.len();
        file.seek(SeekFrom::Start(length.saturating_sub(MAX_BYTES).max(offset)))?;
        let mut bytes = Vec::new();
        file.take(MAX_BYTES).read_to_end(&mut bytes)?;
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    };
    match read() {
        Ok(text) => {
            let all: Vec<&str> = text.lines().collect();
            all.get(all.len().saturating_sub(lines)..).unwrap_or_default().join("\n")
        }
        Err(error) => format!("({} cannot be read: {error})", path.display()),
    }
}
