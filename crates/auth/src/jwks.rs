//! Public keys on the wire: a JSON Web Key Set of Ed25519 keys (RFC 8037).

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ed25519_dalek::VerifyingKey;
use serde::{Deserialize, Serialize};

/// Bounds what a published document can make a verifier hold.
const MAX_KEYS: usize = 64;
/// Bounds the document itself: [`MAX_KEYS`] of under 256 bytes.
const MAX_BYTES: usize = 16 * 1024;

/// The document is not a key set that this service publishes.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not a set of Ed25519 public keys: {reason}")]
pub struct JwksError {
    /// What is wrong with it.
    pub reason: &'static str,
}

/// Public keys by their `kid`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PublicKeys {
    keys: BTreeMap<String, [u8; 32]>,
}

#[derive(Serialize, Deserialize)]
struct Jwk {
    kty: String,
    crv: String,
    x: String,
    kid: String,
    #[serde(rename = "use")]
    usage: String,
    alg: String,
}

#[derive(Serialize, Deserialize)]
struct Jwks {
    keys: Vec<Jwk>,
}

impl PublicKeys {
    pub(crate) fn insert(&mut self, kid: String, key: &VerifyingKey) {
        self.keys.insert(kid, key.to_bytes());
    }

    /// Each `kid` with its 32 bytes.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &[u8; 32])> {
        self.keys.iter().map(|(kid, key)| (kid.as_str(), key))
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.keys.len()
    }

    /// Whether there is none, so that no token verifies.
    pub fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }

    /// The document to publish.
    pub fn to_jwks(&self) -> String {
        // Plain strings always serialise.
        serde_json::to_string(&Jwks { keys: self.iter().map(jwk).collect() }).unwrap_or_default()
    }

    /// The same keys one by one, as verifiers share them: `kid` to JWK.
    pub fn to_jwk_map(&self) -> BTreeMap<String, String> {
        self.iter().map(|(kid, key)| (kid.to_owned(), serde_json::to_string(&jwk((kid, key))).unwrap_or_default())).collect()
    }

    /// Reads what [`Self::to_jwk_map`] gave. A key that is not an Ed25519 signing key, or whose `kid` is not the name it
    /// goes by, spoils the whole.
    pub fn from_jwk_map(map: &BTreeMap<String, String>) -> Result<Self, JwksError> {
        let document = format!(r#"{{"keys":[{}]}}"#, map.values().map(String::as_str).collect::<Vec<_>>().join(","));
        let keys = Self::from_jwks(&document)?;
        if keys.keys.keys().eq(map.keys()) { Ok(keys) } else { Err(JwksError { reason: "a key goes by another name than its kid" }) }
    }

    /// Reads a published document. One key that is not an Ed25519 signing key spoils the whole.
    pub fn from_jwks(document: &str) -> Result<Self, JwksError> {
        let refuse = |reason| JwksError { reason };
        if document.len() > MAX_BYTES {
            return Err(refuse("too long"));
        }
        let set: Jwks = serde_json::from_str(document).map_err(|_| refuse("not a key set of the expected shape"))?;
        if set.keys.len() > MAX_KEYS {
            return Err(refuse("too many keys"));
        }
        let mut keys = BTreeMap::new();
        for jwk in set.keys {
            if jwk.kty != "OKP" || jwk.crv != "Ed25519" || jwk.alg != "EdDSA" || jwk.usage != "sig" {
                return Err(refuse("a key is not for EdDSA signatures over Ed25519"));
            }
            if !is_kid(&jwk.kid) {
                return Err(refuse("a kid is not 1 to 64 letters, digits, _ and -"));
            }
            let bytes = URL_SAFE_NO_PAD.decode(&jwk.x).map_err(|_| refuse("a key is not base64url"))?;
            let bytes: [u8; 32] = bytes.try_into().map_err(|_| refuse("a key has not 32 bytes"))?;
            // Low-order points verify signatures that nobody made.
            let valid = VerifyingKey::from_bytes(&bytes).is_ok_and(|key| !key.is_weak());
            if !valid || keys.insert(jwk.kid, bytes).is_some() {
                return Err(refuse("a key is not a point of the curve, or a kid appears twice"));
            }
        }
        Ok(Self { keys })
    }
}

fn jwk((kid, key): (&str, &[u8; 32])) -> Jwk {
    Jwk {
        kty: "OKP".to_owned(),
        crv: "Ed25519".to_owned(),
        x: URL_SAFE_NO_PAD.encode(key),
        kid: kid.to_owned(),
        usage: "sig".to_owned(),
        alg: "EdDSA".to_owned(),
    }
}

pub(crate) fn is_kid(text: &str) -> bool {
    (1..=64).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn round_trips() {
        let mut keys = PublicKeys::default();
        keys.insert("k-1".to_owned(), &ed25519_dalek::SigningKey::from_bytes(&[7; 32]).verifying_key());
        assert_eq!(PublicKeys::from_jwks(&keys.to_jwks()).as_ref(), Ok(&keys));
        let mut map = keys.to_jwk_map();
        assert_eq!(PublicKeys::from_jwk_map(&map).as_ref(), Ok(&keys));
        let jwk = map.remove("k-1").unwrap();
        map.insert("k-2".to_owned(), jwk);
        assert!(PublicKeys::from_jwk_map(&map).is_err());
    }

    #[test]
    fn what_is_not_an_ed25519_key_is_refused() {
        let mut keys = PublicKeys::default();
        keys.insert("k".to_owned(), &ed25519_dalek::SigningKey::from_bytes(&[7; 32]).verifying_key());
        let good = keys.to_jwks();
        let x = URL_SAFE_NO_PAD.encode(keys.keys["k"]);
        let spoiled = [
            String::new(),
            "{}".to_owned(),
            good.replace("OKP", "RSA"),
            good.replace("Ed25519", "X25519"),
            good.replace("EdDSA", "HS256"),
            good.replace("\"k\"", "\"../k\""),
            good.replace(&x, "AAAA"),
            good.replace(&x, &URL_SAFE_NO_PAD.encode([0; 32])),
            format!("{good}{}", " ".repeat(MAX_BYTES)),
        ];
        for document in spoiled {
            assert!(PublicKeys::from_jwks(&document).is_err(), "{}", &document[..document.len().min(200)]);
        }
    }
}
