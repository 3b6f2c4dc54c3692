//! Private signing keys: one file each, the newest signs, the others verify until their file is removed.

use std::fmt;
use std::fs;
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use ed25519_dalek::SigningKey;
use ed25519_dalek::pkcs8::{DecodePrivateKey as _, EncodePrivateKey as _};
use jsonwebtoken::EncodingKey;
use rand::TryRng as _;
use rand::rngs::SysRng;
use relay_types::{IdGen as _, SystemIds, TimestampMs};
use ulid::Ulid;

use crate::jwks::PublicKeys;

/// A key file is a few hundred bytes; anything larger is not one.
const MAX_FILE_BYTES: u64 = 16 * 1024;

/// The signing keys cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// No key yet.
    #[error("there is no signing key in {dir}: create one with relayctl token rotate")]
    NoKeys {
        /// Where it was looked for.
        dir: PathBuf,
    },
    /// Others than its owner may read a key.
    #[error("{file} has mode {mode:o}: a private key must be readable by its owner alone (chmod 600)")]
    Permissions {
        /// Which.
        file: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// A file is not a key.
    #[error("{file} is not a signing key: {reason}")]
    Malformed {
        /// Which.
        file: PathBuf,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// The directory or a file cannot be read or written.
    #[error("could not {action} {path}")]
    Io {
        /// What was attempted.
        action: &'static str,
        /// On what.
        path: PathBuf,
        /// The system's words.
        #[source]
        source: io::Error,
    },
    /// The operating system gave no random bytes.
    #[error("the operating system gave no random bytes")]
    NoRandomness,
}

struct PrivateKey {
    kid: Ulid,
    key: SigningKey,
    encoding: EncodingKey,
}

/// The private keys of this installation, by age.
pub struct SigningKeys {
    /// Oldest first; never empty.
    keys: Vec<PrivateKey>,
}

impl fmt::Debug for SigningKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SigningKeys").field("kids", &self.kids()).finish_non_exhaustive()
    }
}

impl SigningKeys {
    /// Reads every `<kid>.pem` in `dir`. A `kid` is the ULID that [`Self::generate`] minted, which tells the key's age
    /// even after the file was copied.
    pub fn load(dir: &Path) -> Result<Self, KeyError> {
        let entries = match fs::read_dir(dir) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Err(KeyError::NoKeys { dir: dir.to_owned() }),
            Err(source) => return Err(KeyError::Io { action: "read the directory", path: dir.to_owned(), source }),
        };
        let mut keys = Vec::new();
        for entry in entries {
            let path = entry.map_err(|source| KeyError::Io { action: "read the directory", path: dir.to_owned(), source })?.path();
            if path.extension().is_some_and(|extension| extension == "pem") {
                keys.push(load_key(&path)?);
            }
        }
        if keys.is_empty() {
            return Err(KeyError::NoKeys { dir: dir.to_owned() });
        }
        keys.sort_by_key(|key| key.kid);
        Ok(Self { keys })
    }

    /// Creates a key in `dir` (and `dir`, if need be) and answers with its `kid`. The file appears complete or not at all.
    pub fn generate(dir: &Path) -> Result<String, KeyError> {
        fs::DirBuilder::new().recursive(true).mode(0o700).create(dir).map_err(|source| KeyError::Io {
            action: "create the directory",
            path: dir.to_owned(),
            source,
        })?;
        let mut seed = [0u8; 32];
        SysRng.try_fill_bytes(&mut seed).map_err(|_| KeyError::NoRandomness)?;
        let kid = SystemIds::default().next_ulid().to_string();
        let path = dir.join(format!("{kid}.pem"));
        let pem = SigningKey::from_bytes(&seed)
            .to_pkcs8_pem(ed25519_dalek::pkcs8::spki::der::pem::LineEnding::LF)
            .map_err(|_| KeyError::Malformed { file: path.clone(), reason: "it could not be encoded" })?;
        write_private(&path, pem.as_bytes()).map_err(|source| KeyError::Io { action: "write", path, source })?;
        Ok(kid)
    }

    /// The ids of the keys, oldest first.
    pub fn kids(&self) -> Vec<String> {
        self.keys.iter().map(|key| key.kid.to_string()).collect()
    }

    /// The public halves.
    pub fn public(&self) -> PublicKeys {
        let mut public = PublicKeys::default();
        for key in &self.keys {
            public.insert(key.kid.to_string(), &key.key.verifying_key());
        }
        public
    }

    /// The key that signs at `now_ms`: the newest that has been published for `publish_delay_ms`; while there is none,
    /// the oldest, which verifiers are the most likely to know.
    pub(crate) fn signer(&self, now_ms: TimestampMs, publish_delay_ms: u64) -> Option<(String, &EncodingKey)> {
        let now = u64::try_from(now_ms).unwrap_or(0);
        let published = |key: &&PrivateKey| key.kid.timestamp_ms().saturating_add(publish_delay_ms) <= now;
        let key = self.keys.iter().rev().find(published).or_else(|| self.keys.first())?;
        Some((key.kid.to_string(), &key.encoding))
    }
}

fn load_key(path: &Path) -> Result<PrivateKey, KeyError> {
    let malformed = |reason| KeyError::Malformed { file: path.to_owned(), reason };
    let io = |source| KeyError::Io { action: "read", path: path.to_owned(), source };
    let metadata = fs::metadata(path).map_err(io)?;
    let mode = metadata.permissions().mode() & 0o777;
    if mode & 0o077 != 0 {
        return Err(KeyError::Permissions { file: path.to_owned(), mode });
    }
    if metadata.len() > MAX_FILE_BYTES {
        return Err(malformed("it is too large"));
    }
    let stem = path.file_stem().and_then(|stem| stem.to_str()).unwrap_or_default();
    let kid = Ulid::from_string(stem).ok().filter(|kid| kid.to_string() == stem).ok_or_else(|| malformed("its name is not <ULID>.pem"))?;
    let pem = fs::read_to_string(path).map_err(io)?;
    let key = SigningKey::from_pkcs8_pem(&pem).map_err(|_| malformed("an Ed25519 private key in PKCS#8 PEM is expected"))?;
    let der = key.to_pkcs8_der().map_err(|_| malformed("it could not be encoded"))?;
    Ok(PrivateKey { kid, encoding: EncodingKey::from_ed_der(der.as_bytes()), key })
}

/// Writes beside, syncs, then renames: nobody ever reads half a key, and no moment exists in which others may read it.
fn write_private(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let temporary = path.with_extension("tmp");
    let mut file = fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(&temporary)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    fs::rename(&temporary, path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_generated_key_loads_and_signs_at_once() {
        let dir = tempfile::tempdir().unwrap();
        let keys_dir = dir.path().join("keys");
        assert!(matches!(SigningKeys::load(&keys_dir), Err(KeyError::NoKeys { .. })));
        let kid = SigningKeys::generate(&keys_dir).unwrap();
        let keys = SigningKeys::load(&keys_dir).unwrap();
        assert_eq!(keys.kids(), vec![kid.clone()]);
        assert_eq!(keys.signer(0, 60_000).unwrap().0, kid);
        assert_eq!(fs::metadata(keys_dir.join(format!("{kid}.pem"))).unwrap().permissions().mode() & 0o777, 0o600);
        assert!(!format!("{keys:?}").contains("PRIVATE"));
    }

    #[test]
    fn a_new_key_signs_only_after_the_publish_delay() {
        let dir = tempfile::tempdir().unwrap();
        let first = SigningKeys::generate(dir.path()).unwrap();
        let second = loop {
            // Two keys of one millisecond have no order.
            let kid = SigningKeys::generate(dir.path()).unwrap();
            if kid > first {
                break kid;
            }
            fs::remove_file(dir.path().join(format!("{kid}.pem"))).unwrap();
        };
        let keys = SigningKeys::load(dir.path()).unwrap();
        let minted = i64::try_from(Ulid::from_string(&second).unwrap().timestamp_ms()).unwrap();
        assert_eq!(keys.signer(minted + 59_000, 60_000).unwrap().0, first);
        assert_eq!(keys.signer(minted + 60_000, 60_000).unwrap().0, second);
        assert_eq!(keys.public().len(), 2);
    }

    #[test]
    fn loose_permissions_and_other_files_are_refused_by_name() {
        let dir = tempfile::tempdir().unwrap();
        let kid = SigningKeys::generate(dir.path()).unwrap();
        let file = dir.path().join(format!("{kid}.pem"));
        fs::set_permissions(&file, fs::Permissions::from_mode(0o640)).unwrap();
        let error = SigningKeys::load(dir.path()).unwrap_err();
        assert!(matches!(error, KeyError::Permissions { mode: 0o640, .. }));
        assert!(error.to_string().contains(&kid));
        fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).unwrap();
        for (name, text) in [("evil.pem", "x"), ("01ARZ3NDEKTSV4RRFFQ69G5FAV.pem", "not a key")] {
            let path = dir.path().join(name);
            write_private(&path, text.as_bytes()).unwrap();
            assert!(SigningKeys::load(dir.path()).unwrap_err().to_string().contains(name));
            fs::remove_file(path).unwrap();
        }
    }
}
