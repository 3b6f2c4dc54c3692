//! A directory per profile: `position`, `outbox.jsonl`, `tokens.json`, `lock`. Readable by its owner only.
//!
//! A full disk or a kill may leave a file half-written. What is whole stays in use, what is not is put beside it under
//! `.damaged`, and [`FileStore::repairs`] says so.

mod outbox;

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
use outbox::OutboxFile;

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
    repairs: Mutex<Vec<String>>,
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
        let (outbox, damage) = OutboxFile::open(dir.join("outbox.jsonl"))?;
        let repairs = Mutex::new(damage.into_iter().collect());
        Ok(Self { inner: Arc::new(Inner { dir: dir.to_owned(), _lock: lock, outbox: Mutex::new(outbox), repairs }) })
    }

    /// Where the profile lies.
    pub fn dir(&self) -> &Path {
        &self.inner.dir
    }

    /// What was found damaged since the last call, and what became of it, a sentence each.
    pub fn repairs(&self) -> Vec<String> {
        std::mem::take(&mut *self.inner.repairs.lock())
    }

    /// The tokens of an earlier run. Unreadable ones are moved away: logging in again replaces them.
    pub fn load_tokens(&self) -> Result<Option<TokenResponse>, StoreError> {
        let path = self.inner.dir.join("tokens.json");
        let Some(text) = read_if_there(&path)? else { return Ok(None) };
        if let Ok(tokens) = serde_json::from_str(&text) {
            return Ok(Some(tokens));
        }
        self.inner.move_away(&path, "log in again")?;
        Ok(None)
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
    /// Moves a file that cannot be read out of the way, and says what that means.
    fn move_away(&self, path: &Path, meaning: &str) -> Result<(), StoreError> {
        let aside = path.with_extension("damaged");
        std::fs::rename(path, &aside).map_err(io_error("move", path))?;
        self.repairs.lock().push(format!("{} could not be read and lies in {} now: {meaning}", path.display(), aside.display()));
        Ok(())
    }
}

#[async_trait]
impl ClientStore for FileStore {
    async fn load(&self) -> Result<Saved, StoreError> {
        let inner = Arc::clone(&self.inner);
        blocking(move || {
            let path = inner.dir.join("position");
            let position = match read_if_there(&path)?.map(|text| text.trim().parse::<Position>()) {
                Some(Ok(position)) => Some(position),
                Some(Err(_)) => {
                    inner.move_away(&path, "where this device was is not known, as on a new one")?;
                    None
                }
                None => None,
            };
            Ok(Saved { position, outbox: inner.outbox.lock().live().to_vec() })
        })
        .await
    }

    async fn put_send(&self, send: &QueuedSend) -> Result<(), StoreError> {
        let (inner, send) = (Arc::clone(&self.inner), send.clone());
        blocking(move || inner.outbox.lock().put(send)).await
    }

    async fn forget_send(&self, client_id: &ClientId) -> Result<(), StoreError> {
        let (inner, client_id) = (Arc::clone(&self.inner), client_id.clone());
        blocking(move || inner.outbox.lock().forget(client_id)).await
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

/// Writes beside the file, then takes its place: a reader sees the old content or the new one. The returned handle
/// appends to the new file.
fn write_atomically(path: &Path, content: &[u8]) -> Result<File, StoreError> {
    let fresh = path.with_extension("new");
    let mut file = private().create(true).truncate(true).open(&fresh).map_err(io_error("write", &fresh))?;
    if let Err(error) = file.write_all(content).and_then(|()| file.sync_all()) {
        // On a full disk what was written of it is in the way.
        let _ = std::fs::remove_file(&fresh);
        return Err(io_error("write", &fresh)(error));
    }
    std::fs::rename(&fresh, path).map_err(io_error("replace", path))?;
    if let Some(parent) = path.parent() {
        // The new name itself has to survive a power cut.
        File::open(parent).and_then(|dir| dir.sync_all()).map_err(io_error("write", parent))?;
    }
    Ok(file)
}

fn read_if_there(path: &Path) -> Result<Option<String>, StoreError> {
    match std::fs::read(path) {
        // What is not UTF-8 is damage, and found as such where the text is understood.
        Ok(bytes) => Ok(Some(String::from_utf8_lossy(&bytes).into_owned())),
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
