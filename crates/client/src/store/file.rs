//! A directory per profile: `position`, `outbox.jsonl`, `tokens.json`, `lock`. Readable by its owner only.

use std::collections::HashSet;
use std::fs::{DirBuilder, File, OpenOptions, TryLockError};
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use async_trait::async_trait;
use parking_lot::Mutex;
use relay_protocol::Position;
use relay_protocol::rest::TokenResponse;
use relay_types::ClientId;

use super::{ClientStore, QueuedSend, Saved};
use crate::error::StoreError;
use crate::tokens::TokenKeeper;

/// Lines that no longer count before the outbox is rewritten.
const COMPACT_AFTER: usize = 1_000;

/// A profile on disk. While it exists no other process can open the same directory: two would use up each other's
/// refresh tokens.
#[derive(Debug, Clone)]
pub struct FileStore {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    dir: PathBuf,
    _lock: File,
    outbox: Mutex<OutboxFile>,
}

#[derive(Debug)]
struct OutboxFile {
    file: File,
    live: Vec<QueuedSend>,
    dead_lines: usize,
}

#[derive(serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
enum Line {
    Put(QueuedSend),
    Done(ClientId),
}

impl FileStore {
    /// Opens or creates the profile in `dir`. Blocks for a few file operations.
    pub fn open(dir: &Path) -> Result<Self, StoreError> {
        DirBuilder::new().recursive(true).mode(0o700).create(dir).map_err(io_error("create", dir))?;
        let lock_path = dir.join("lock");
        let lock = private().create(true).truncate(false).open(&lock_path).map_err(io_error("open", &lock_path))?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(StoreError::InUse { path: dir.display().to_string() }),
            Err(TryLockError::Error(source)) => return Err(io_error("lock", &lock_path)(source)),
        }
        let path = dir.join("outbox.jsonl");
        let live = read_outbox(&path)?;
        // Rewriting leaves no torn last line to append to.
        let file = rewrite_outbox(&path, &live)?;
        let outbox = Mutex::new(OutboxFile { file, live, dead_lines: 0 });
        Ok(Self { inner: Arc::new(Inner { dir: dir.to_owned(), _lock: lock, outbox }) })
    }

    /// Where the profile lies.
    pub fn dir(&self) -> &Path {
        &self.inner.dir
    }

    /// The tokens of an earlier run.
    pub fn load_tokens(&self) -> Result<Option<TokenResponse>, StoreError> {
        let path = self.inner.dir.join("tokens.json");
        let Some(text) = read_if_there(&path)? else { return Ok(None) };
        serde_json::from_str(&text).map(Some).map_err(|_| StoreError::Corrupt { path: path.display().to_string(), line: 1 })
    }

    /// Replaces the stored tokens. Blocks until they are on disk.
    pub fn save_tokens(&self, tokens: &TokenResponse) -> Result<(), StoreError> {
        let path = self.inner.dir.join("tokens.json");
        let text = serde_json::to_string(tokens).map_err(|error| io_error("write", &path)(io::Error::other(error)))?;
        write_atomically(&path, text.as_bytes()).map(|_| ())
    }

    /// Forgets the tokens, when the session they belong to is over.
    pub fn clear_tokens(&self) -> Result<(), StoreError> {
        let path = self.inner.dir.join("tokens.json");
        match std::fs::remove_file(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(io_error("remove", &path)(error)),
            Ok(()) | Err(_) => Ok(()),
        }
    }
}

impl Inner {
    fn append(&self, line: &Line) -> Result<(), StoreError> {
        let path = self.dir.join("outbox.jsonl");
        let mut outbox = self.outbox.lock();
        let mut text = serde_json::to_vec(line).map_err(|error| io_error("write", &path)(io::Error::other(error)))?;
        text.push(b'\n');
        outbox.file.write_all(&text).map_err(io_error("write", &path))?;
        match line {
            Line::Put(send) => {
                outbox.file.sync_data().map_err(io_error("write", &path))?;
                outbox.live.push(send.clone());
            }
            // Not synced: a lost removal means a second send with the same key, which is harmless.
            Line::Done(client_id) => {
                outbox.live.retain(|send| send.client_id != *client_id);
                outbox.dead_lines += 2;
                if outbox.dead_lines > COMPACT_AFTER {
                    outbox.file = rewrite_outbox(&path, &outbox.live)?;
                    outbox.dead_lines = 0;
                }
            }
        }
        Ok(())
    }
}

#[async_trait]
impl ClientStore for FileStore {
    async fn load(&self) -> Result<Saved, StoreError> {
        let inner = Arc::clone(&self.inner);
        blocking(move || {
            let path = inner.dir.join("position");
            let position = match read_if_there(&path)? {
                Some(text) => {
                    let corrupt = |_| StoreError::Corrupt { path: path.display().to_string(), line: 1 };
                    Some(text.trim().parse::<Position>().map_err(corrupt)?)
                }
                None => None,
            };
            Ok(Saved { position, outbox: inner.outbox.lock().live.clone() })
        })
        .await
    }

    async fn put_send(&self, send: &QueuedSend) -> Result<(), StoreError> {
        let (inner, line) = (Arc::clone(&self.inner), Line::Put(send.clone()));
        blocking(move || inner.append(&line)).await
    }

    async fn forget_send(&self, client_id: &ClientId) -> Result<(), StoreError> {
        let (inner, line) = (Arc::clone(&self.inner), Line::Done(client_id.clone()));
        blocking(move || inner.append(&line)).await
    }

    async fn save_position(&self, position: &Position) -> Result<(), StoreError> {
        let (path, text) = (self.inner.dir.join("position"), position.to_string());
        blocking(move || write_atomically(&path, text.as_bytes()).map(|_| ())).await
    }
}

#[async_trait]
impl TokenKeeper for FileStore {
    async fn keep_tokens(&self, tokens: &TokenResponse) -> Result<(), StoreError> {
        let (store, tokens) = (self.clone(), tokens.clone());
        blocking(move || store.save_tokens(&tokens)).await
    }
}

/// Runs file operations where they may block.
async fn blocking<T: Send + 'static>(work: impl FnOnce() -> Result<T, StoreError> + Send + 'static) -> Result<T, StoreError> {
    tokio::task::spawn_blocking(work)
        .await
        .unwrap_or_else(|error| Err(StoreError::Io { action: "use", path: "the profile".to_owned(), source: io::Error::other(error) }))
}

fn read_outbox(path: &Path) -> Result<Vec<QueuedSend>, StoreError> {
    let Some(text) = read_if_there(path)? else { return Ok(Vec::new()) };
    let mut live: Vec<QueuedSend> = Vec::new();
    let mut done = HashSet::new();
    for (line, number) in text.split_inclusive('\n').zip(1usize..) {
        match serde_json::from_str::<Line>(line) {
            Ok(Line::Put(send)) => live.push(send),
            Ok(Line::Done(client_id)) => {
                done.insert(client_id);
            }
            // Killed while writing: that message was never accepted from its writer.
            Err(_) if !line.ends_with('\n') => break,
            Err(_) => return Err(StoreError::Corrupt { path: path.display().to_string(), line: number }),
        }
    }
    live.retain(|send| !done.contains(&send.client_id));
    Ok(live)
}

fn rewrite_outbox(path: &Path, live: &[QueuedSend]) -> Result<File, StoreError> {
    let mut text = Vec::new();
    for send in live {
        serde_json::to_writer(&mut text, &Line::Put(send.clone())).map_err(|error| io_error("write", path)(io::Error::other(error)))?;
        text.push(b'\n');
    }
    write_atomically(path, &text)
}

/// Writes beside the file, then takes its place: a reader sees the old content or the new one. The returned handle
/// appends to the new file.
fn write_atomically(path: &Path, content: &[u8]) -> Result<File, StoreError> {
    let fresh = path.with_extension("new");
    let mut file = private().create(true).truncate(true).open(&fresh).map_err(io_error("write", &fresh))?;
    file.write_all(content).and_then(|()| file.sync_all()).map_err(io_error("write", &fresh))?;
    std::fs::rename(&fresh, path).map_err(io_error("replace", path))?;
    if let Some(parent) = path.parent() {
        // The new name itself has to survive a power cut.
        File::open(parent).and_then(|dir| dir.sync_all()).map_err(io_error("write", parent))?;
    }
    Ok(file)
}

fn read_if_there(path: &Path) -> Result<Option<String>, StoreError> {
    match std::fs::read_to_string(path) {
        Ok(text) => Ok(Some(text)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(io_error("read", path)(error)),
    }
}

fn private() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.read(true).write(true).mode(0o600);
    options
}

fn io_error(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> StoreError {
    let path = path.display().to_string();
    move |source| StoreError::Io { action, path, source }
}

#[cfg(test)]
mod tests;
