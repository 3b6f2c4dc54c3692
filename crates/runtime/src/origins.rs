//! `[web]`: which web pages may talk to us.
//!
//! A browser says in `Origin` which page asks, and nothing else can be believed about a page: a name that an attacker owns may
//! resolve to our address, and then `Host` is that name too. So only configured names are ours, and addresses, which nobody
//! can make resolve to another.

use std::net::IpAddr;

use axum::http::{HeaderMap, HeaderName, header};
use serde::{Deserialize, Serialize};

/// `[web]`
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct WebConfig {
    /// Origins under which people reach RelayHub or its web client, such as `https://chat.example.org`: pages of these may
    /// connect and ask. Exact, in lower case. Pages of another origin are refused, and so are pages of a host name that is
    /// not among them. Pages served from an IP address or `localhost` may always ask that same address.
    pub public_origins: Vec<String>,
}

/// More names than anybody has.
const MAX_ORIGINS: usize = 100;

impl WebConfig {
    /// The first value outside its limits: its dotted key, and what it has to be.
    pub fn check(&self) -> Result<(), (&'static str, String)> {
        let is_origin = |text: &String| authority(text).is_some_and(|rest| !rest.contains(['/', '?', '#', '@', ' ', '*']));
        if self.public_origins.len() <= MAX_ORIGINS && self.public_origins.iter().all(is_origin) {
            return Ok(());
        }
        let wanted = "has to be at most 100 origins such as https://chat.example.org: scheme, host, port unless usual, in lower case";
        Err(("web.public_origins", wanted.to_owned()))
    }
}

/// Why a page was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum OriginError {
    /// Two `Origin` or two `Host` headers: whichever is looked at, the other may be meant.
    #[error("one Origin and one Host header are expected")]
    Ambiguous,
    /// A page that is not ours.
    #[error("this page's origin is not on the allow-list")]
    Foreign,
}

/// Judges requests by who sent them, as far as browsers tell.
#[derive(Debug, Clone, Default)]
pub struct Origins {
    ours: Vec<String>,
}

impl Origins {
    /// Those of the configuration.
    pub fn new(config: &WebConfig) -> Self {
        Self { ours: config.public_origins.clone() }
    }

    /// Lets pages of ours in, and whatever is not a page: programs send no `Origin`.
    pub fn judge(&self, headers: &HeaderMap) -> Result<(), OriginError> {
        let host = one(headers, &header::HOST)?;
        let Some(origin) = one(headers, &header::ORIGIN)? else { return Ok(()) };
        if self.ours.iter().any(|ours| ours == origin) {
            return Ok(());
        }
        // A page that came from where it asks, under a name that can only be ours.
        let own = authority(origin).is_some_and(|page| Some(page) == host && self.is_own_host(page));
        if own { Ok(()) } else { Err(OriginError::Foreign) }
    }

    fn is_own_host(&self, host: &str) -> bool {
        let name = without_port(host);
        let is_address = name == "localhost" || name.trim_matches(['[', ']']).parse::<IpAddr>().is_ok();
        is_address || self.ours.iter().any(|ours| authority(ours) == Some(host))
    }
}

/// The value of a header that may stand there once; one that is no text is nobody's.
fn one<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Result<Option<&'a str>, OriginError> {
    let mut values = headers.get_all(name).iter();
    match (values.next(), values.next()) {
        (None, _) => Ok(None),
        (Some(value), None) => value.to_str().map(Some).map_err(|_| OriginError::Foreign),
        (Some(_), Some(_)) => Err(OriginError::Ambiguous),
    }
}

/// Host and port of an origin, which is never empty and always in lower case.
fn authority(origin: &str) -> Option<&str> {
    let rest = origin.strip_prefix("https://").or_else(|| origin.strip_prefix("http://"))?;
    (!rest.is_empty() && !rest.bytes().any(|byte| byte.is_ascii_uppercase())).then_some(rest)
}

fn without_port(host: &str) -> &str {
    match host.rsplit_once(':') {
        Some((name, port)) if !port.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => host,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judged(origins: &[&str], host: &str) -> Result<(), OriginError> {
        let mut headers = HeaderMap::new();
        headers.insert(header::HOST, host.parse().unwrap());
        for origin in origins {
            headers.append(header::ORIGIN, origin.parse().unwrap());
        }
        let config = WebConfig { public_origins: vec!["https://app.example.org".to_owned(), "https://chat.example.org".to_owned()] };
        config.check().unwrap();
        Origins::new(&config).judge(&headers)
    }

    #[test]
    fn pages_of_ours_and_programs_are_let_in() {
        for (origins, host) in [
            (&[][..], "chat.example.org"),
            (&[], "whatever.example.com"),
            (&["https://chat.example.org"], "chat.example.org"),
            (&["https://app.example.org"], "chat.example.org"),
            // Behind a proxy that speaks plain HTTP to us, or under the configured name without TLS.
            (&["http://chat.example.org"], "chat.example.org"),
            (&["http://127.0.0.1:7080"], "127.0.0.1:7080"),
            (&["http://[::1]:7080"], "[::1]:7080"),
            (&["http://localhost:7080"], "localhost:7080"),
        ] {
            assert_eq!(judged(origins, host), Ok(()), "{origins:?} at {host}");
        }
    }

    #[test]
    fn other_pages_are_not() {
        for (origin, host) in [
            ("null", "chat.example.org"),
            ("", "chat.example.org"),
            ("https://evil.org", "chat.example.org"),
            ("https://chat.example.org.evil.org", "chat.example.org"),
            ("https://chat.example.org:8443", "chat.example.org"),
            ("http://app.example.org", "chat.example.org"),
            ("https://Chat.example.org", "chat.example.org"),
            ("file://chat.example.org", "chat.example.org"),
            // A name that somebody else made resolve to our address.
            ("http://evil.org:7080", "evil.org:7080"),
            ("http://127.0.0.1:1", "127.0.0.1:7080"),
            ("http://127.0.0.1.evil.org", "127.0.0.1.evil.org"),
        ] {
            assert_eq!(judged(&[origin], host), Err(OriginError::Foreign), "{origin:?} at {host}");
        }
    }

    #[test]
    fn two_headers_are_none() {
        let ours = "https://app.example.org";
        assert_eq!(judged(&[ours, ours], "chat.example.org"), Err(OriginError::Ambiguous));
        let mut headers = HeaderMap::new();
        headers.append(header::HOST, "chat.example.org".parse().unwrap());
        headers.append(header::HOST, "evil.org".parse().unwrap());
        assert_eq!(Origins::default().judge(&headers), Err(OriginError::Ambiguous));
    }

    #[test]
    fn what_is_no_origin_is_no_setting() {
        for bad in ["*", "chat.example.org", "https://", "https://a/", "https://*.example.org", "https://A.org", "ftp://a", "https://u@a"] {
            assert!(WebConfig { public_origins: vec![bad.to_owned()] }.check().is_err(), "{bad}");
        }
        assert!(WebConfig { public_origins: vec!["https://a".to_owned(); 101] }.check().is_err());
    }
}
