//! Making tokens.

use std::path::Path;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::{Algorithm, Header};
use parking_lot::RwLock;
use rand::TryRng as _;
use rand::rngs::SysRng;
use relay_domain::ports::{AccessToken, MintError, RefreshHash, RefreshNonce, RefreshToken, SessionEnds, TokenMint};
use relay_types::{SessionId, TimestampMs, UserId};
use sha2::{Digest as _, Sha256};

use crate::claims::{AUDIENCE, Claims, TYP};
use crate::config::TokenConfig;
use crate::jwks::PublicKeys;
use crate::keys::{KeyError, SigningKeys};

/// Bytes of a refresh token: 256 bits cannot be guessed, so a plain hash of it is enough.
const REFRESH_BYTES: usize = 32;

/// Makes access and refresh tokens with the keys it was last given.
pub struct Mint {
    config: TokenConfig,
    keys: RwLock<Arc<SigningKeys>>,
}

impl Mint {
    /// A mint with the keys of `config.keys_dir`.
    pub fn open(config: TokenConfig) -> Result<Self, KeyError> {
        let keys = SigningKeys::load(&config.keys_dir)?;
        Ok(Self { config, keys: RwLock::new(Arc::new(keys)) })
    }

    /// Reads the directory again. On failure the keys stay as they were. Blocks on the file system.
    pub fn reload(&self) -> Result<PublicKeys, KeyError> {
        let keys = SigningKeys::load(self.keys_dir())?;
        let public = keys.public();
        *self.keys.write() = Arc::new(keys);
        Ok(public)
    }

    /// Where the keys come from.
    pub fn keys_dir(&self) -> &Path {
        &self.config.keys_dir
    }

    /// The public halves of the present keys.
    pub fn public(&self) -> PublicKeys {
        self.keys.read().public()
    }
}

impl TokenMint for Mint {
    fn access(&self, user: UserId, session: SessionId, now_ms: TimestampMs) -> Result<AccessToken, MintError> {
        let keys = Arc::clone(&self.keys.read());
        let (kid, key) = keys.signer(now_ms, self.config.publish_delay_s * 1000).ok_or(MintError)?;
        let mut header = Header::new(Algorithm::EdDSA);
        header.typ = Some(TYP.to_owned());
        header.kid = Some(kid);
        let now = u64::try_from(now_ms / 1000).map_err(|_| MintError)?;
        let mut jti = [0u8; 16];
        SysRng.try_fill_bytes(&mut jti).map_err(|_| MintError)?;
        let claims = Claims {
            iss: self.config.issuer.clone(),
            aud: AUDIENCE.to_owned(),
            sub: user,
            sid: session,
            iat: now,
            exp: now + self.config.access_ttl_s,
            jti: URL_SAFE_NO_PAD.encode(jti),
        };
        let token = jsonwebtoken::encode(&header, &claims, key).map_err(|_| MintError)?;
        Ok(AccessToken { token, expires_in_s: self.config.access_ttl_s })
    }

    fn refresh(&self) -> Result<RefreshToken, MintError> {
        let mut bytes = [0u8; REFRESH_BYTES];
        SysRng.try_fill_bytes(&mut bytes).map_err(|_| MintError)?;
        Ok(RefreshToken { token: URL_SAFE_NO_PAD.encode(bytes), hash: hash(&bytes) })
    }

    fn nonce(&self) -> Result<RefreshNonce, MintError> {
        let mut bytes = [0u8; REFRESH_BYTES];
        SysRng.try_fill_bytes(&mut bytes).map_err(|_| MintError)?;
        Ok(RefreshNonce(bytes))
    }

    fn next_refresh(&self, presented: &str, nonce: &RefreshNonce) -> Option<RefreshToken> {
        let presented = decode(presented)?;
        // All three parts have a fixed length. The label keeps this hash apart from the stored one.
        let digest = Sha256::new().chain_update(b"relayhub refresh successor v1").chain_update(presented).chain_update(nonce.0);
        let bytes: [u8; REFRESH_BYTES] = digest.finalize().into();
        Some(RefreshToken { token: URL_SAFE_NO_PAD.encode(bytes), hash: hash(&bytes) })
    }

    fn refresh_hash(&self, presented: &str) -> Option<RefreshHash> {
        decode(presented).map(|bytes| hash(&bytes))
    }

    fn session_ends(&self, now_ms: TimestampMs) -> SessionEnds {
        let after = |seconds: u64| now_ms.saturating_add(i64::try_from(seconds.saturating_mul(1000)).unwrap_or(i64::MAX));
        SessionEnds { refresh_ms: after(self.config.refresh_ttl_s), session_ms: after(self.config.session_ttl_s) }
    }

    fn jwks(&self) -> String {
        self.public().to_jwks()
    }
}

/// The bytes of a refresh token.
fn decode(presented: &str) -> Option<[u8; REFRESH_BYTES]> {
    // 43 characters encode 32 bytes; the length is checked first so that a large body is not decoded.
    if presented.len() != 43 {
        return None;
    }
    URL_SAFE_NO_PAD.decode(presented).ok()?.try_into().ok()
}

fn hash(bytes: &[u8]) -> RefreshHash {
    RefreshHash(Sha256::digest(bytes).into())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mint(dir: &Path) -> Mint {
        SigningKeys::generate(dir).unwrap();
        Mint::open(TokenConfig { keys_dir: dir.to_owned(), ..TokenConfig::default() }).unwrap()
    }

    #[test]
    fn refresh_tokens_are_unique_and_only_their_hash_is_known() {
        let dir = tempfile::tempdir().unwrap();
        let mint = mint(dir.path());
        let (one, two) = (mint.refresh().unwrap(), mint.refresh().unwrap());
        assert_ne!(one.token, two.token);
        assert_eq!(mint.refresh_hash(&one.token), Some(one.hash));
        for foreign in ["", "x", &"A".repeat(42), &"A".repeat(44), &"*".repeat(43), &"A".repeat(10_240)] {
            assert_eq!(mint.refresh_hash(foreign), None);
        }
        assert!(!format!("{one:?}").contains(&one.token));
    }

    #[test]
    fn a_successor_is_the_same_for_the_same_token_and_nonce_alone() {
        let dir = tempfile::tempdir().unwrap();
        let mint = mint(dir.path());
        let (one, two) = (mint.refresh().unwrap(), mint.refresh().unwrap());
        let (nonce, other) = (mint.nonce().unwrap(), mint.nonce().unwrap());
        let next = mint.next_refresh(&one.token, &nonce).unwrap();
        assert_eq!(mint.next_refresh(&one.token, &nonce), Some(next.clone()));
        assert_eq!(mint.refresh_hash(&next.token), Some(next.hash));
        let all = [
            one.token.clone(),
            next.token,
            mint.next_refresh(&one.token, &other).unwrap().token,
            mint.next_refresh(&two.token, &nonce).unwrap().token,
        ];
        assert_eq!(all.iter().collect::<std::collections::BTreeSet<_>>().len(), all.len());
        assert_eq!(mint.next_refresh("no token", &nonce), None);
        assert!(!format!("{nonce:?}").contains(|c: char| c.is_ascii_digit()));
    }

    #[test]
    fn a_reload_that_fails_keeps_the_keys() {
        let dir = tempfile::tempdir().unwrap();
        let mint = mint(dir.path());
        let before = mint.public();
        std::fs::write(dir.path().join("broken.pem"), "x").unwrap();
        assert!(mint.reload().is_err());
        assert_eq!(mint.public(), before);
        std::fs::remove_file(dir.path().join("broken.pem")).unwrap();
        SigningKeys::generate(dir.path()).unwrap();
        assert_eq!(mint.reload().unwrap().len(), 2);
    }
}
