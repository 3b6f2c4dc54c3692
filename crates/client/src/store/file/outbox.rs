//! The outbox as a file: a line for each message put in and each one settled.

use std::collections::HashSet;
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};

use relay_types::ClientId;

use super::{QueuedSend, StoreError, io_error, private, read_if_there, write_atomically};

/// Lines that no longer count before the outbox is rewritten.
pub(super) const COMPACT_AFTER: usize = 1_000;

#[derive(Debug)]
pub(super) struct OutboxFile {
    path: PathBuf,
    file: File,
    /// Up to here the file is whole. What lies behind was not written to its end, and is overwritten or cut.
    whole: u64,
    live: Vec<QueuedSend>,
    dead_lines: usize,
}

#[derive(serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
enum Line {
    Put(Box<QueuedSend>),
    Done(ClientId),
}

/// What a file holds.
#[derive(Default)]
struct Found {
    live: Vec<QueuedSend>,
    lines: usize,
    /// Bytes before a torn last line.
    whole: usize,
    damaged: Vec<String>,
}

impl OutboxFile {
    /// Opens or creates it; what was damaged, in words. Needs no room on the disk unless a line within is damaged.
    pub(super) fn open(path: PathBuf) -> Result<(Self, Option<String>), StoreError> {
        let text = read_if_there(&path)?.unwrap_or_default();
        let found = understand(&text);
        if found.damaged.is_empty() {
            let file = private().create(true).truncate(false).open(&path).map_err(io_error("open", &path))?;
            let whole = found.whole as u64;
            // A torn last line was never accepted from its writer.
            file.set_len(whole).map_err(io_error("cut", &path))?;
            let dead_lines = found.lines - found.live.len();
            return Ok((Self { path, file, whole, live: found.live, dead_lines }, None));
        }
        let aside = path.with_extension("damaged");
        write_atomically(&aside, found.damaged.join("\n").as_bytes())?;
        let (file, whole) = rewrite(&path, &found.live)?;
        let count = found.damaged.len();
        let damage =
            format!("{}: {count} unreadable line(s) were moved to {}; the messages in them are not sent", path.display(), aside.display());
        Ok((Self { path, file, whole, live: found.live, dead_lines: 0 }, Some(damage)))
    }

    /// What waits, in order.
    pub(super) fn live(&self) -> &[QueuedSend] {
        &self.live
    }

    /// Adds a message; it is on disk afterwards, or the file is as it was.
    pub(super) fn put(&mut self, send: QueuedSend) -> Result<(), StoreError> {
        let before = self.whole;
        self.append(&Line::Put(Box::new(send.clone())))?;
        if let Err(error) = self.file.sync_data() {
            self.whole = before;
            self.cut();
            return Err(io_error("write", &self.path)(error));
        }
        self.live.push(send);
        Ok(())
    }

    /// Takes a message out. Not synced: a lost removal means a second send with the same key, which is harmless.
    pub(super) fn forget(&mut self, client_id: ClientId) -> Result<(), StoreError> {
        self.live.retain(|send| send.client_id != client_id);
        self.append(&Line::Done(client_id))?;
        self.dead_lines += 2;
        if self.dead_lines > COMPACT_AFTER {
            (self.file, self.whole) = rewrite(&self.path, &self.live)?;
            self.dead_lines = 0;
        }
        Ok(())
    }

    fn append(&mut self, line: &Line) -> Result<(), StoreError> {
        let mut text = serde_json::to_vec(line).map_err(|error| io_error("write", &self.path)(io::Error::other(error)))?;
        text.push(b'\n');
        // At its place and not at the end: whatever a failed write left behind is overwritten.
        if let Err(error) = self.file.write_all_at(&text, self.whole) {
            self.cut();
            return Err(io_error("write", &self.path)(error));
        }
        self.whole += text.len() as u64;
        Ok(())
    }

    /// Takes back what a failed write left. If that fails as well, the next write or start does it.
    fn cut(&self) {
        if let Err(error) = self.file.set_len(self.whole) {
            tracing::warn!(error = &error as &dyn std::error::Error, "could not cut the outbox back");
        }
    }
}

fn understand(text: &str) -> Found {
    let mut found = Found::default();
    let mut done = HashSet::new();
    let mut keep = |line: Line, live: &mut Vec<QueuedSend>| match line {
        Line::Put(send) => live.push(*send),
        Line::Done(client_id) => drop(done.insert(client_id)),
    };
    for line in text.split_inclusive('\n') {
        found.lines += 1;
        match serde_json::from_str(line) {
            // Without its end it may be a longer one's beginning.
            Ok(parsed) if line.ends_with('\n') => keep(parsed, &mut found.live),
            Ok(_) | Err(_) if !line.ends_with('\n') => break,
            _ => {
                // A half line that a whole one was written behind. Inside a text the quotes would be escaped.
                let start = line.rfind("{\"put\":").max(line.rfind("{\"done\":")).filter(|start| *start > 0);
                let tail = start.and_then(|start| line.get(start..)).and_then(|tail| serde_json::from_str(tail).ok());
                if let Some(parsed) = tail {
                    keep(parsed, &mut found.live);
                }
                found.damaged.push(line.trim_end().to_owned());
            }
        }
        found.whole += line.len();
    }
    found.live.retain(|send| !done.contains(&send.client_id));
    found
}

fn rewrite(path: &Path, live: &[QueuedSend]) -> Result<(File, u64), StoreError> {
    let mut text = Vec::new();
    for send in live {
        serde_json::to_writer(&mut text, &Line::Put(Box::new(send.clone())))
            .map_err(|error| io_error("write", path)(io::Error::other(error)))?;
        text.push(b'\n');
    }
    let file = write_atomically(path, &text)?;
    Ok((file, text.len() as u64))
}
