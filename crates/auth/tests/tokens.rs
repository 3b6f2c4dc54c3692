//! Every way in which an access token can be wrong.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "helpers of tests, which the exemption for test functions leaves out")]

use std::path::Path;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use relay_auth::{KeyRing, Mint, PublicKeys, SigningKeys, TokenConfig};
use relay_domain::ports::{TokenError, TokenMint as _, TokenVerifier as _};
use relay_types::{Clock, TimestampMs};
use serde_json::{Value, json};

const NOW_MS: TimestampMs = 1_900_000_000_000;
const USER: &str = "01ARZ3NDEKTSV4RRFFQ69G5FAV";
const SESSION: &str = "01ARZ3NDEKTSV4RRFFQ69G5FAW";

struct At(TimestampMs);

impl Clock for At {
    fn now_ms(&self) -> TimestampMs {
        self.0
    }
}

struct Fixture {
    dir: tempfile::TempDir,
    config: TokenConfig,
    mint: Mint,
    kid: String,
    /// The private key itself, to sign what the mint never would.
    private: EncodingKey,
}

impl Fixture {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let kid = SigningKeys::generate(dir.path()).unwrap();
        let config = TokenConfig { keys_dir: dir.path().to_owned(), ..TokenConfig::default() };
        let mint = Mint::open(config.clone()).unwrap();
        let private = private_key(dir.path(), &kid);
        Self { dir, config, mint, kid, private }
    }

    fn ring_at(&self, now_ms: TimestampMs) -> KeyRing {
        let ring = KeyRing::with_clock(&self.config, Arc::new(At(now_ms)));
        ring.replace(&self.mint.public());
        ring
    }

    fn good(&self) -> String {
        self.mint.access(USER.parse().unwrap(), SESSION.parse().unwrap(), NOW_MS).unwrap().token
    }

    fn header(&self) -> Header {
        let mut header = Header::new(Algorithm::EdDSA);
        header.typ = Some("at+jwt".to_owned());
        header.kid = Some(self.kid.clone());
        header
    }

    fn sign(&self, header: &Header, claims: &Value) -> String {
        jsonwebtoken::encode(header, claims, &self.private).unwrap()
    }

    fn verdict(&self, token: &str) -> Result<(), TokenError> {
        self.ring_at(NOW_MS).verify(token).map(|_| ())
    }
}

fn claims() -> Value {
    let now = NOW_MS / 1000;
    json!({ "iss": "relayhub", "aud": "relayhub", "sub": USER, "sid": SESSION, "iat": now, "exp": now + 900, "jti": "x" })
}

fn private_key(dir: &Path, kid: &str) -> EncodingKey {
    EncodingKey::from_ed_pem(&std::fs::read(dir.join(format!("{kid}.pem"))).unwrap()).unwrap()
}

fn with(mut claims: Value, key: &str, value: Value) -> Value {
    claims[key] = value;
    claims
}

#[test]
fn a_minted_token_speaks_for_its_session() {
    let f = Fixture::new();
    let claims = f.ring_at(NOW_MS).verify(&f.good()).unwrap();
    assert_eq!((claims.user, claims.session), (USER.parse().unwrap(), SESSION.parse().unwrap()));
    assert_eq!(claims.expires_at_ms, NOW_MS + 900_000);
    assert_eq!(f.verdict(&f.sign(&f.header(), &self::claims())), Ok(()), "the fixture's own claims are good");
}

#[test]
fn unsigned_and_symmetric_tokens_are_refused() {
    let f = Fixture::new();
    let claims = URL_SAFE_NO_PAD.encode(claims().to_string());
    for alg in ["none", "None", "NONE", "nOnE", ""] {
        let header = URL_SAFE_NO_PAD.encode(json!({ "alg": alg, "typ": "at+jwt", "kid": f.kid }).to_string());
        for signature in ["", "AAAA"] {
            assert_eq!(f.verdict(&format!("{header}.{claims}.{signature}")), Err(TokenError::Invalid), "{alg:?}");
        }
    }
    // The public key is public: a verifier that lets the token choose the algorithm would take it as an HMAC secret.
    let public: Vec<u8> = f.mint.public().iter().next().unwrap().1.to_vec();
    let jwks = f.mint.jwks().into_bytes();
    for (algorithm, secret) in [(Algorithm::HS256, &public), (Algorithm::HS512, &public), (Algorithm::HS256, &jwks)] {
        let mut header = f.header();
        header.alg = algorithm;
        let token = jsonwebtoken::encode(&header, &self::claims(), &EncodingKey::from_secret(secret)).unwrap();
        assert_eq!(f.verdict(&token), Err(TokenError::Invalid));
    }
}

#[test]
fn only_a_known_kid_verifies() {
    let f = Fixture::new();
    for kid in [None, Some(""), Some("../../etc/passwd"), Some("' OR 1=1 --"), Some("*")] {
        let mut header = f.header();
        header.kid = kid.map(str::to_owned);
        assert_eq!(f.verdict(&f.sign(&header, &self::claims())), Err(TokenError::Invalid), "{kid:?}");
    }
    // A key that has not come yet or has gone is no reason to log anybody out: a fresh token is signed with another.
    let mut header = f.header();
    header.kid = Some("01ARZ3NDEKTSV4RRFFQ69G5FAV".to_owned());
    assert_eq!(f.verdict(&f.sign(&header, &self::claims())), Err(TokenError::Expired));
    // Somebody else's key under our kid.
    let foreign_dir = tempfile::tempdir().unwrap();
    let foreign_kid = SigningKeys::generate(foreign_dir.path()).unwrap();
    let token = jsonwebtoken::encode(&f.header(), &self::claims(), &private_key(foreign_dir.path(), &foreign_kid)).unwrap();
    assert_eq!(f.verdict(&token), Err(TokenError::Invalid));
}

#[test]
fn keys_named_by_the_token_itself_are_ignored() {
    let f = Fixture::new();
    let foreign_dir = tempfile::tempdir().unwrap();
    let foreign_kid = SigningKeys::generate(foreign_dir.path()).unwrap();
    let foreign = private_key(foreign_dir.path(), &foreign_kid);
    let foreign_jwks: Value = serde_json::from_str(&SigningKeys::load(foreign_dir.path()).unwrap().public().to_jwks()).unwrap();
    for kid in [f.kid.clone(), foreign_kid] {
        let mut header = f.header();
        header.kid = Some(kid);
        header.jku = Some("http://127.0.0.1:1/jwks.json".to_owned());
        header.x5u = Some("http://127.0.0.1:1/cert".to_owned());
        header.jwk = Some(serde_json::from_value(foreign_jwks["keys"][0].clone()).unwrap());
        let token = jsonwebtoken::encode(&header, &self::claims(), &foreign).unwrap();
        let why = if header.kid.as_ref() == Some(&f.kid) { TokenError::Invalid } else { TokenError::Expired };
        assert_eq!(f.verdict(&token), Err(why));
    }
    let mut header = f.header();
    header.crit = Some(vec!["b64".to_owned()]);
    assert_eq!(f.verdict(&f.sign(&header, &self::claims())), Err(TokenError::Invalid));
}

#[test]
fn every_claim_counts() {
    let f = Fixture::new();
    let now = NOW_MS / 1000;
    let wrong = [
        with(claims(), "aud", json!("other")),
        with(claims(), "aud", json!(["relayhub", "other"])),
        with(claims(), "iss", json!("evil")),
        with(claims(), "iss", json!(["relayhub"])),
        with(claims(), "sub", json!("*")),
        with(claims(), "sub", json!("01ARZ3NDEKTSV4RRFFQ69G5FAV.>")),
        with(claims(), "sid", json!("")),
        with(claims(), "jti", json!("")),
        with(claims(), "exp", json!("tomorrow")),
        with(claims(), "exp", json!(-1)),
        with(claims(), "exp", json!(u64::MAX)),
    ];
    for claims in wrong {
        assert_eq!(f.verdict(&f.sign(&f.header(), &claims)), Err(TokenError::Invalid), "{claims}");
    }
    let early = f.sign(&f.header(), &with(claims(), "iat", json!(now + 31)));
    assert_eq!(f.verdict(&early), Err(TokenError::Expired), "one of two clocks is wrong");
    for missing in ["iss", "aud", "sub", "sid", "iat", "exp", "jti"] {
        let mut claims = self::claims();
        claims.as_object_mut().unwrap().remove(missing);
        assert_eq!(f.verdict(&f.sign(&f.header(), &claims)), Err(TokenError::Invalid), "without {missing}");
    }
    for typ in [None, Some("JWT"), Some("rt+jwt"), Some("AT+JWT"), Some("application/at+jwt")] {
        let mut header = f.header();
        header.typ = typ.map(str::to_owned);
        assert_eq!(f.verdict(&f.sign(&header, &self::claims())), Err(TokenError::Invalid), "{typ:?}");
    }
}

#[test]
fn the_end_is_judged_with_leeway() {
    let f = Fixture::new();
    let token = f.good();
    let end = NOW_MS + 900_000;
    assert!(f.ring_at(end + 29_999).verify(&token).is_ok());
    assert_eq!(f.ring_at(end + 30_000).verify(&token), Err(TokenError::Expired));
    // Expired and forged is forged.
    let forged = format!("{}A", &token[..token.len() - 1]);
    let forged = if forged == token { format!("{}B", &token[..token.len() - 1]) } else { forged };
    assert_eq!(f.ring_at(end + 30_000).verify(&forged), Err(TokenError::Invalid));
}

#[test]
fn what_is_not_a_token_is_refused() {
    let f = Fixture::new();
    let good = f.good();
    let refresh = f.mint.refresh().unwrap().token;
    let huge_header = format!("{}.e30.AA", "A".repeat(1 << 20));
    let nested = URL_SAFE_NO_PAD.encode(format!("{}{}", "[".repeat(2000), "]".repeat(2000)));
    let hostile = [
        String::new(),
        ".".to_owned(),
        "..".to_owned(),
        "...".to_owned(),
        refresh,
        huge_header,
        format!("{nested}.e30.AA"),
        format!("{good}.{good}"),
        format!("{good}{}", "A".repeat(4096)),
        format!(" {good}"),
        format!("{good}\n"),
        good.replacen('.', "..", 1),
        good.replace('.', "\0"),
        "é.é.é".to_owned(),
    ];
    for token in hostile {
        assert_eq!(f.verdict(&token), Err(TokenError::Invalid), "{}", token.chars().take(80).collect::<String>());
    }
}

#[test]
fn rotation_keeps_old_tokens_until_their_key_is_removed() {
    let f = Fixture::new();
    let token = f.good();
    SigningKeys::generate(f.dir.path()).unwrap();
    let ring = f.ring_at(NOW_MS);
    ring.replace(&PublicKeys::from_jwks(&f.mint.reload().unwrap().to_jwks()).unwrap());
    assert!(ring.verify(&token).is_ok());
    std::fs::remove_file(f.dir.path().join(format!("{}.pem", f.kid))).unwrap();
    ring.replace(&f.mint.reload().unwrap());
    assert_eq!(ring.verify(&token), Err(TokenError::Expired));
    assert_eq!(KeyRing::new(&f.config).verify(&token), Err(TokenError::Expired), "an empty ring verifies nothing");
}
