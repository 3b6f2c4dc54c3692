//! A small shell process that outlives ours by a moment and ends what we leave behind.
//!
//! Destructors do not run when a process is killed or when a test binary exits with servers in statics. The guard reads our
//! pipe; when the pipe closes, whatever the reason, it ends every registered process that is still the same process
//! (pid and start time) and removes the registered directories.

use std::io::Write as _;
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{ChildStdin, Command, Stdio};

use parking_lot::Mutex;

use crate::process;

const SCRIPT: &str = r#"
trap '' HUP INT TERM
same() { # pid start: is it still the process that was registered?
  [ "$2" = 0 ] && { kill -0 "$1" 2>/dev/null; return; }
  stat=$(cat "/proc/$1/stat" 2>/dev/null) || return 1
  set -- "$2" ${stat##*) }
  [ "${21}" = "$1" ]
}
list='' dirs='' mounts=''
while read -r verb rest; do
  case $verb in
    add) list="$list $rest" ;;
    del) keep=''; for item in $list; do [ "$item" = "$rest" ] || keep="$keep $item"; done; list=$keep ;;
    dir) dirs="$dirs$rest
" ;;
    mount) mounts="$mounts$rest
" ;;
  esac
done
each() { for item in $list; do pid=${item%%:*} more=${item#*:}; same "$pid" "${more%%:*}" && "$@"; done; }
end() { kill -CONT "$pid"; kill -"${more##*:}" "$pid"; }
hard() { kill -KILL "$pid"; }
left() { alive=1; }
each end 2>/dev/null
rounds=0 alive=1
while [ $alive = 1 ] && [ $rounds -lt 50 ]; do alive=0; each left; rounds=$((rounds + 1)); [ $alive = 0 ] || sleep 0.1; done
each hard 2>/dev/null
printf '%s' "$mounts" | while IFS= read -r dir; do umount --lazy "$dir" 2>/dev/null; done
printf '%s' "$dirs" | while IFS= read -r dir; do rm -rf -- "$dir"; done
"#;

static PIPE: Mutex<Option<ChildStdin>> = Mutex::new(None);

/// A process to end when we are gone.
#[derive(Debug, Clone)]
pub(crate) struct Entry(String);

/// Registers `pid`, to be ended with `signal` (a name such as `TERM`).
pub(crate) fn watch(pid: u32, signal: &str) -> Entry {
    let entry = format!("{pid}:{}:{signal}", process::start_time(pid).unwrap_or(0));
    tell(&format!("add {entry}"));
    Entry(entry)
}

/// Forgets a process that has ended.
pub(crate) fn forget(entry: &Entry) {
    tell(&format!("del {}", entry.0));
}

/// Removes `directory` when we are gone.
pub fn remove_at_exit(directory: &Path) {
    if let Some(text) = directory.to_str().filter(|text| !text.contains('\n')) {
        tell(&format!("dir {text}"));
    }
}

/// Unmounts `directory` when we are gone.
pub(crate) fn unmount_at_exit(directory: &Path) {
    if let Some(text) = directory.to_str().filter(|text| !text.contains('\n')) {
        tell(&format!("mount {text}"));
    }
}

/// Best effort: without a guard everything works, it only may leave something behind when killed.
fn tell(line: &str) {
    let mut pipe = PIPE.lock();
    if pipe.is_none() {
        *pipe = start();
    }
    if let Some(writer) = pipe.as_mut()
        && writeln!(writer, "{line}").is_err()
    {
        tracing::debug!("the guard process is gone");
        *pipe = None;
    }
}

fn start() -> Option<ChildStdin> {
    // Its own process group: Ctrl-C must not reach it before it has done its work.
    let child = Command::new("sh")
        .args(["-c", SCRIPT])
        .current_dir("/")
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .process_group(0)
        .spawn();
    match child {
        Ok(child) => child.stdin,
        Err(error) => {
            tracing::debug!(%error, "no guard process");
            None
        }
    }
}
