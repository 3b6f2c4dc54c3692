//! `./relay logs [name] [-f]`.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{Read as _, Seek as _, SeekFrom, Write as _};
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context as _, bail};
use relay_dev_servers::process::tail;

use crate::layout::Layout;

const POLL: Duration = Duration::from_millis(200);
/// Read per file and look, so that one loud process does not hide the others.
const MAX_BYTES: u64 = 256 * 1024;

/// Which logs, and how.
#[derive(Debug, clap::Args)]
pub struct LogsArguments {
    /// One process: nats, postgres, valkey, worker, api, gateway or supervisor
    name: Option<String>,
    /// Go on showing what is added
    #[arg(short, long)]
    follow: bool,
    /// Lines of each to begin with
    #[arg(short = 'n', long, default_value_t = 50)]
    lines: usize,
}

/// Prints the logs.
pub async fn logs(arguments: &LogsArguments) -> anyhow::Result<ExitCode> {
    let layout = Layout::open()?;
    let all = files(&layout)?;
    let chosen: BTreeMap<String, PathBuf> = match &arguments.name {
        None => all,
        Some(name) => match all.get(name) {
            Some(path) => BTreeMap::from([(name.clone(), path.clone())]),
            None if all.is_empty() => bail!("there are no logs yet; start with ./relay up"),
            None => bail!("no log is called {name}; there are: {}", all.into_keys().collect::<Vec<_>>().join(", ")),
        },
    };
    let prefixed = chosen.len() > 1;
    // A reader that went away ends the command.
    let print = |name: &str, line: &str| {
        let mut out = std::io::stdout();
        if prefixed { writeln!(out, "{name:<10} | {line}") } else { writeln!(out, "{line}") }
    };
    let mut positions = BTreeMap::new();
    for (name, path) in &chosen {
        positions.insert(name.clone(), std::fs::metadata(path).map_or(0, |meta| meta.len()));
        for line in tail(path, arguments.lines).lines() {
            print(name, line)?;
        }
    }
    if !arguments.follow {
        return Ok(ExitCode::SUCCESS);
    }
    loop {
        tokio::time::sleep(POLL).await;
        for (name, path) in &chosen {
            let position = positions.entry(name.clone()).or_default();
            for line in added(path, position)?.lines() {
                print(name, line)?;
            }
        }
    }
}

/// Whole lines after `position`, which moves behind them. A file that has shrunk was begun anew.
fn added(path: &PathBuf, position: &mut u64) -> anyhow::Result<String> {
    let Ok(mut file) = File::open(path) else { return Ok(String::new()) };
    if file.metadata()?.len() < *position {
        *position = 0;
    }
    file.seek(SeekFrom::Start(*position))?;
    let mut bytes = Vec::new();
    file.take(MAX_BYTES).read_to_end(&mut bytes)?;
    let whole = bytes.iter().rposition(|byte| *byte == b'\n').map_or(0, |end| end + 1);
    // A line longer than a look's share is shown in pieces.
    let whole = if whole == 0 && u64::try_from(bytes.len()).is_ok_and(|length| length == MAX_BYTES) { bytes.len() } else { whole };
    bytes.truncate(whole);
    *position += u64::try_from(whole)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

fn files(layout: &Layout) -> anyhow::Result<BTreeMap<String, PathBuf>> {
    let entries = std::fs::read_dir(layout.logs()).context("could not read the logs' directory")?;
    let paths = entries.flatten().map(|entry| entry.path()).filter(|path| path.extension().is_some_and(|extension| extension == "log"));
    Ok(paths.filter_map(|path| Some((path.file_stem()?.to_str()?.to_owned(), path))).collect())
}
