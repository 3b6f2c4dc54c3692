//! Making tokens that should not work, with everything an attacker and a careless operator could have.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ed25519_dalek::pkcs8::DecodePrivateKey as _;
use ed25519_dalek::{Signer as _, SigningKey};
use relay_harness::Harness;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

/// The installation's signing key and its id.
pub fn signing_key(harness: &Harness) -> anyhow::Result<(String, SigningKey)> {
    let mut files: Vec<_> =
        std::fs::read_dir(harness.directory().join("keys"))?.map(|entry| entry.map(|entry| entry.path())).collect::<Result<_, _>>()?;
    files.sort();
    let file = files.first().expect("a key file");
    let kid = file.file_stem().and_then(|stem| stem.to_str()).expect("a name").to_owned();
    let key = SigningKey::from_pkcs8_pem(&std::fs::read_to_string(file)?).map_err(|error| anyhow::anyhow!("{error}"))?;
    Ok((kid, key))
}

/// Header and claims of a real token.
pub fn parts(token: &str) -> (Value, Value) {
    let part = |n: usize| {
        let bytes = URL_SAFE_NO_PAD.decode(token.split('.').nth(n).expect("three parts")).expect("base64");
        serde_json::from_slice(&bytes).expect("JSON")
    };
    (part(0), part(1))
}

/// The text that is signed.
pub fn unsigned(header: &Value, claims: &Value) -> String {
    format!("{}.{}", URL_SAFE_NO_PAD.encode(header.to_string()), URL_SAFE_NO_PAD.encode(claims.to_string()))
}

/// A token signed with an Ed25519 key.
pub fn ed25519(key: &SigningKey, header: &Value, claims: &Value) -> String {
    let text = unsigned(header, claims);
    let signature = URL_SAFE_NO_PAD.encode(key.sign(text.as_bytes()).to_bytes());
    format!("{text}.{signature}")
}

/// A token "signed" with HMAC, whose secret is something public.
pub fn hs256(secret: &[u8], header: &Value, claims: &Value) -> String {
    let text = unsigned(header, claims);
    format!("{text}.{}", URL_SAFE_NO_PAD.encode(hmac_sha256(secret, text.as_bytes())))
}

fn hmac_sha256(secret: &[u8], message: &[u8]) -> Vec<u8> {
    let mut block = [0u8; 64];
    if secret.len() > 64 {
        block[..32].copy_from_slice(&Sha256::digest(secret));
    } else {
        block[..secret.len()].copy_from_slice(secret);
    }
    let pad = |byte: u8| block.map(|b| b ^ byte);
    let inner = Sha256::new().chain_update(pad(0x36)).chain_update(message).finalize();
    Sha256::new().chain_update(pad(0x5c)).chain_update(inner).finalize().to_vec()
}

/// Every forgery of a good token, by name. None may be accepted anywhere.
pub fn forgeries(harness: &Harness, good: &str, refresh: &str) -> anyhow::Result<Vec<(&'static str, String)>> {
    let (header, claims) = parts(good);
    let (_, key) = signing_key(harness)?;
    let public = key.verifying_key().to_bytes();
    let with = |value: &Value, field: &str, new: Value| {
        let mut changed = value.clone();
        changed[field] = new;
        changed
    };
    let mut without_exp = claims.clone();
    without_exp.as_object_mut().expect("claims").remove("exp");
    let stranger = SigningKey::from_bytes(&[7; 32]);
    let signature = good.rsplit('.').next().expect("three parts");
    let none = |alg: &str| format!("{}.", unsigned(&with(&header, "alg", json!(alg)), &claims));
    let jwk = json!({ "kty": "OKP", "crv": "Ed25519", "x": URL_SAFE_NO_PAD.encode(stranger.verifying_key().to_bytes()) });
    Ok(vec![
        ("alg none", none("none")),
        ("alg None", none("None")),
        ("alg none with the signature", format!("{}.{signature}", unsigned(&with(&header, "alg", json!("none")), &claims))),
        ("HS256 with the public key", hs256(&public, &with(&header, "alg", json!("HS256")), &claims)),
        (
            "HS256 with the public key in base64",
            hs256(URL_SAFE_NO_PAD.encode(public).as_bytes(), &with(&header, "alg", json!("HS256")), &claims),
        ),
        ("another key under our kid", ed25519(&stranger, &header, &claims)),
        ("a kid that is a path", ed25519(&stranger, &with(&header, "kid", json!("../../../../dev/null")), &claims)),
        ("a kid that is SQL", ed25519(&stranger, &with(&header, "kid", json!("x' OR '1'='1")), &claims)),
        ("a key of its own in the header", ed25519(&stranger, &with(&header, "jwk", jwk), &claims)),
        ("no kid", ed25519(&key, &json!({ "alg": "EdDSA", "typ": "at+jwt" }), &claims)),
        (
            "other claims under the same signature",
            format!("{}.{signature}", unsigned(&header, &with(&claims, "sub", json!("01ARZ3NDEKTSV4RRFFQ69G5FAV")))),
        ),
        ("another issuer", ed25519(&key, &header, &with(&claims, "iss", json!("someone-else")))),
        ("another audience", ed25519(&key, &header, &with(&claims, "aud", json!("another-service")))),
        ("another type", ed25519(&key, &with(&header, "typ", json!("rt+jwt")), &claims)),
        ("no end", ed25519(&key, &header, &without_exp)),
        ("a subject that is no id", ed25519(&key, &header, &with(&claims, "sub", json!("*")))),
        ("the refresh token", refresh.to_owned()),
        ("nothing", String::new()),
        ("garbage", "garbage".to_owned()),
        ("three dots", "...".to_owned()),
        ("a token with a tail", format!("{good}x")),
        ("90 KB", "A".repeat(90 * 1024)),
    ])
}

/// A token signed with a key that nobody here knows: one that has not come yet, or has gone.
pub fn of_an_unknown_key(good: &str) -> String {
    let (mut header, claims) = parts(good);
    header["kid"] = json!("01ARZ3NDEKTSV4RRFFQ69G5FAV");
    ed25519(&SigningKey::from_bytes(&[7; 32]), &header, &claims)
}

/// A token that ended a minute and a half ago, beyond any leeway.
pub fn expired(harness: &Harness, good: &str) -> anyhow::Result<String> {
    let (header, mut claims) = parts(good);
    let (_, key) = signing_key(harness)?;
    let now = claims["iat"].as_u64().expect("iat");
    claims["iat"] = json!(now - 1_000);
    claims["exp"] = json!(now - 90);
    Ok(ed25519(&key, &header, &claims))
}

/// A token that was issued an hour from now: what a server whose clock is an hour behind takes every token for.
pub fn from_the_future(harness: &Harness, good: &str) -> anyhow::Result<String> {
    let (header, mut claims) = parts(good);
    let (_, key) = signing_key(harness)?;
    let now = claims["iat"].as_u64().expect("iat");
    claims["iat"] = json!(now + 3_600);
    claims["exp"] = json!(now + 4_500);
    Ok(ed25519(&key, &header, &claims))
}
