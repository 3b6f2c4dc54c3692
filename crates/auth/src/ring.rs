//! Checking access tokens.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::{Algorithm, DecodingKey, Validation};
use parking_lot::RwLock;
use relay_domain::ports::{AccessClaims, TokenError, TokenVerifier};
use relay_types::{Clock, SystemClock, TimestampMs};
use serde::Deserialize;

use crate::claims::{AUDIENCE, Claims, TYP};
use crate::config::TokenConfig;
use crate::jwks::{PublicKeys, is_kid};

/// Longest token that is looked at. Ours have under 500 bytes.
pub const MAX_TOKEN_BYTES: usize = 4096;

/// The public keys that verify at present. Cheap to share; replaced as a whole.
pub struct KeyRing {
    issuer: String,
    leeway_ms: i64,
    validation: Validation,
    keys: RwLock<Arc<HashMap<String, DecodingKey>>>,
    clock: Arc<dyn Clock>,
}

impl fmt::Debug for KeyRing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeyRing").field("issuer", &self.issuer).field("keys", &self.keys.read().len()).finish_non_exhaustive()
    }
}

/// The parts of the header that decide. Others, such as `jku` and `jwk`, are not even parsed: keys come from the ring
/// alone. `crit` names extensions that a verifier has to understand; we understand none.
#[derive(Deserialize)]
struct HeaderParts {
    alg: String,
    typ: String,
    kid: String,
    #[serde(default)]
    crit: Option<serde_json::Value>,
}

impl KeyRing {
    /// An empty ring: until [`Self::replace`], no token verifies.
    pub fn new(config: &TokenConfig) -> Self {
        Self::with_clock(config, Arc::new(SystemClock))
    }

    /// As [`Self::new`], with another clock.
    pub fn with_clock(config: &TokenConfig, clock: Arc<dyn Clock>) -> Self {
        // The library checks the signature and the algorithm; the claims are checked here, against the given clock.
        let mut validation = Validation::new(Algorithm::EdDSA);
        validation.validate_exp = false;
        validation.validate_aud = false;
        validation.required_spec_claims.clear();
        let leeway_ms = i64::try_from(config.leeway_s.saturating_mul(1000)).unwrap_or(i64::MAX);
        Self { issuer: config.issuer.clone(), leeway_ms, validation, keys: RwLock::default(), clock }
    }

    /// From now on exactly these keys verify.
    pub fn replace(&self, keys: &PublicKeys) {
        let keys = keys.iter().map(|(kid, key)| (kid.to_owned(), DecodingKey::from_ed_der(key))).collect();
        *self.keys.write() = Arc::new(keys);
    }

    /// Whether no token can verify, because no keys have arrived.
    pub fn is_empty(&self) -> bool {
        self.keys.read().is_empty()
    }

    fn check_claims(&self, claims: &Claims) -> Result<AccessClaims, TokenError> {
        if claims.iss != self.issuer || claims.aud != AUDIENCE || claims.jti.is_empty() {
            return Err(TokenError::Invalid);
        }
        let expires_at_ms = millis(claims.exp)?;
        let now = self.clock.now_ms();
        // From the future: one of two clocks is wrong, and not to be trusted about the token's end either. That is a reason to
        // ask for another token, and none to log anybody out.
        if millis(claims.iat)? > now.saturating_add(self.leeway_ms) {
            return Err(TokenError::Expired);
        }
        if now >= expires_at_ms.saturating_add(self.leeway_ms) {
            return Err(TokenError::Expired);
        }
        Ok(AccessClaims { user: claims.sub, session: claims.sid, expires_at_ms })
    }
}

impl TokenVerifier for KeyRing {
    fn verify(&self, token: &str) -> Result<AccessClaims, TokenError> {
        if token.len() > MAX_TOKEN_BYTES {
            return Err(TokenError::Invalid);
        }
        let header = parse_header(token).ok_or(TokenError::Invalid)?;
        if header.alg != "EdDSA" || header.typ != TYP || header.crit.is_some() {
            return Err(TokenError::Invalid);
        }
        let keys = Arc::clone(&self.keys.read());
        // A key of ours that is not here yet, or not any more: a fresh token has one that is. Nothing of the token is believed.
        let unknown = || if is_kid(&header.kid) { TokenError::Expired } else { TokenError::Invalid };
        let key = keys.get(&header.kid).ok_or_else(unknown)?;
        let decoded = jsonwebtoken::decode::<Claims>(token, key, &self.validation).map_err(|_| TokenError::Invalid)?;
        self.check_claims(&decoded.claims)
    }
}

fn parse_header(token: &str) -> Option<HeaderParts> {
    let mut parts = token.split('.');
    let header = parts.next()?;
    // Exactly three parts: header, claims, signature.
    if parts.count() != 2 {
        return None;
    }
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(header).ok()?).ok()
}

fn millis(seconds: u64) -> Result<TimestampMs, TokenError> {
    i64::try_from(seconds).ok().and_then(|s| s.checked_mul(1000)).ok_or(TokenError::Invalid)
}
