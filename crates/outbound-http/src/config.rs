//! `[outbound]`

use serde::{Deserialize, Serialize};

/// Where requests to servers outside may go beyond the public Internet.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct OutboundConfig {
    /// Servers that may be asked although their address is not public, or their port not 80 or 443: each a `host:port` as links name it,
    /// such as `wiki.example.internal:443`. Everybody who writes a link can have these asked.
    pub allow: Vec<Allowed>,
}

/// A server that may be asked wherever it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Allowed {
    /// As URLs have it after parsing: in lower case, IPv6 in brackets.
    pub(crate) host: String,
    pub(crate) port: u16,
}

/// Why an entry is none.
#[derive(Debug, thiserror::Error)]
#[error("expected host:port, such as wiki.example.internal:443")]
pub struct NotAllowed;

impl TryFrom<String> for Allowed {
    type Error = NotAllowed;

    fn try_from(text: String) -> Result<Self, NotAllowed> {
        let (host, port) = text.rsplit_once(':').ok_or(NotAllowed)?;
        let port = port.parse().ok().filter(|port| *port > 0).ok_or(NotAllowed)?;
        // Read as links are, so that both name it in the same way.
        let url = url::Url::parse(&format!("http://{host}/")).map_err(|_| NotAllowed)?;
        let plain = url.port().is_none() && url.path() == "/" && url.query().is_none() && url.username().is_empty();
        match url.host_str() {
            Some(found) if plain => Ok(Self { host: found.trim_end_matches('.').to_owned(), port }),
            _ => Err(NotAllowed),
        }
    }
}

impl From<Allowed> for String {
    fn from(allowed: Allowed) -> Self {
        format!("{}:{}", allowed.host, allowed.port)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn servers_are_allowed_by_host_and_port() {
        for (text, host, port) in [
            ("Wiki.Example.internal:443", "wiki.example.internal", 443),
            ("127.0.0.1:8080", "127.0.0.1", 8080),
            ("[::1]:80", "[::1]", 80),
            ("bücher.example:443", "xn--bcher-kva.example", 443),
        ] {
            let allowed = Allowed::try_from(text.to_owned()).unwrap();
            assert_eq!((allowed.host.as_str(), allowed.port), (host, port));
        }
        for text in ["", "host", "host:", "host:0", "host:99999", ":80", "a/b:80", "a@b:80", "a:1:80", "*:80?"] {
            assert!(Allowed::try_from(text.to_owned()).is_err(), "{text}");
        }
    }
}
