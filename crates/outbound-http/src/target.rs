//! One hop: a URL that may be asked, and the addresses at which.

use std::net::{IpAddr, SocketAddr};

use url::{Host, Url};

use crate::address::is_public;
use crate::config::OutboundConfig;
use crate::error::OutboundError;
use crate::names::Names;

/// Addresses of one name that are tried.
const MOST_ADDRESSES: usize = 4;
/// Bytes of the longest URL.
const MOST_URL: usize = 2_048;

/// Where one request goes.
#[derive(Debug)]
pub(crate) struct Target {
    pub(crate) url: Url,
    /// All checked; the connection goes to one of these.
    pub(crate) addresses: Vec<SocketAddr>,
}

impl Target {
    /// Whether it is asked by TLS.
    pub(crate) fn is_secure(&self) -> bool {
        self.url.scheme() == "https"
    }
}

fn bad(reason: &'static str) -> OutboundError {
    OutboundError::BadUrl { reason }
}

/// A URL that may be asked, as it is asked: without a fragment, and without the dot behind a name.
pub(crate) fn parse(text: &str) -> Result<Url, OutboundError> {
    if text.len() > MOST_URL {
        return Err(bad("it is longer than 2,048 bytes"));
    }
    let mut url = Url::parse(text).map_err(|_| bad("it is none"))?;
    check(&mut url)?;
    Ok(url)
}

/// Checks what does not depend on names.
pub(crate) fn check(url: &mut Url) -> Result<(), OutboundError> {
    if !matches!(url.scheme(), "http" | "https") {
        return Err(bad("neither http nor https"));
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(bad("it has a user's name"));
    }
    if url.as_str().len() > MOST_URL {
        return Err(bad("it is longer than 2,048 bytes"));
    }
    url.set_fragment(None);
    if let Some(Host::Domain(name)) = url.host()
        && let Some(plain) = name.strip_suffix('.')
    {
        let plain = plain.to_owned();
        url.set_host(Some(&plain)).map_err(|_| bad("its host is none"))?;
    }
    match url.host() {
        Some(Host::Domain("")) | None => Err(bad("it has no host")),
        Some(_) => Ok(()),
    }
}

/// Resolves the host, once, and keeps the addresses that may be asked.
pub(crate) async fn resolve(url: Url, config: &OutboundConfig, names: &dyn Names) -> Result<Target, OutboundError> {
    let port = url.port_or_known_default().ok_or_else(|| bad("it has no port"))?;
    let host = url.host().ok_or_else(|| bad("it has no host"))?;
    let allowed = config.allow.iter().any(|allowed| allowed.port == port && url.host_str() == Some(allowed.host.as_str()));
    if !allowed && !matches!(port, 80 | 443) {
        return Err(bad("its port is neither 80 nor 443"));
    }
    let found = match host {
        Host::Ipv4(address) => vec![IpAddr::V4(address)],
        Host::Ipv6(address) => vec![IpAddr::V6(address)],
        Host::Domain(name) => {
            if !allowed && (!name.contains('.') || name.ends_with(".localhost")) {
                return Err(bad("its host is a name of this machine or network"));
            }
            names.addresses(name).await.map_err(|_| OutboundError::Unresolved)?
        }
    };
    let mut refused = None;
    let mut addresses = Vec::new();
    for address in found {
        if !allowed && !is_public(address) {
            refused = refused.or(Some(address));
        } else if addresses.len() < MOST_ADDRESSES {
            addresses.push(SocketAddr::new(address, port));
        }
    }
    match (addresses.is_empty(), refused) {
        (false, _) => Ok(Target { url, addresses }),
        (true, Some(address)) => Err(OutboundError::NotPublic { address }),
        (true, None) => Err(OutboundError::Unresolved),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use async_trait::async_trait;

    struct Fixed(&'static [&'static str]);

    #[async_trait]
    impl Names for Fixed {
        async fn addresses(&self, _name: &str) -> std::io::Result<Vec<IpAddr>> {
            Ok(self.0.iter().map(|address| address.parse().unwrap()).collect())
        }
    }

    async fn outcome(text: &str, names: &'static [&'static str], allow: &[&str]) -> Result<Target, OutboundError> {
        let allow = allow.iter().map(|entry| (*entry).to_owned().try_into().unwrap()).collect();
        resolve(parse(text)?, &OutboundConfig { allow }, &Fixed(names)).await
    }

    #[tokio::test]
    async fn hosts_that_are_other_spellings_of_private_ones_are_refused() {
        for host in [
            "127.0.0.1",
            "127.1",
            "2130706433",
            "0x7f000001",
            "0177.0.0.1",
            "0x7f.1",
            "127.0.0.1.",
            "127。0。0。1",
            "１２７.0.0.1",
            "0",
            "0.0.0.0",
            "169.254.169.254",
            "0xa9fea9fe",
            "2852039166",
            "[::1]",
            "[::]",
            "[::ffff:127.0.0.1]",
            "[::ffff:7f00:1]",
            "[64:ff9b::7f00:1]",
            "[2002:7f00:1::]",
            "[fe80::1]",
            "[fd00:ec2::254]",
            "%31%32%37.0.0.1",
        ] {
            let refused = outcome(&format!("http://{host}/"), &[], &[]).await;
            assert!(matches!(refused, Err(OutboundError::NotPublic { .. })), "{host}: {refused:?}");
        }
    }

    #[tokio::test]
    async fn urls_that_are_not_asked_say_why() {
        for url in [
            "",
            "example.org",
            "gopher://example.org/",
            "file:///etc/passwd",
            "ftp://example.org/",
            "data:text/html,hi",
            "javascript:alert(1)",
            "http://",
            "http://user@example.org/",
            "http://user:password@example.org/",
            "http://:password@example.org/",
            "http://example.org:22/",
            "https://example.org:8443/",
            "http://localhost/",
            "http://LOCALHOST./",
            "http://app.localhost/",
            "http://router/",
            "http://[fe80::1%25eth0]/",
            "http://exa mple.org/",
            "http://256.256.256.256/",
            "http://1.2.3.4.5/",
            "http://./",
        ] {
            let refused = outcome(url, &["8.8.8.8"], &[]).await;
            assert!(matches!(refused, Err(OutboundError::BadUrl { .. })), "{url}: {refused:?}");
        }
        assert!(matches!(
            outcome(&format!("http://example.org/{}", "a".repeat(2_048)), &["8.8.8.8"], &[]).await,
            Err(OutboundError::BadUrl { .. })
        ));
    }

    #[tokio::test]
    async fn names_lead_to_public_addresses_alone() {
        let target = outcome("https://BÜCHER.example./a?b#c", &["10.0.0.1", "8.8.8.8", "::1", "8.8.4.4"], &[]).await.unwrap();
        assert_eq!(target.url.as_str(), "https://xn--bcher-kva.example/a?b");
        let addresses: Vec<_> = target.addresses.iter().map(ToString::to_string).collect();
        assert_eq!(addresses, ["8.8.8.8:443", "8.8.4.4:443"]);
        assert!(matches!(outcome("http://rebind.example/", &["127.0.0.1"], &[]).await, Err(OutboundError::NotPublic { .. })));
        assert!(matches!(outcome("http://nothing.example/", &[], &[]).await, Err(OutboundError::Unresolved)));
    }

    #[tokio::test]
    async fn what_is_allowed_is_so_at_its_port_alone() {
        let allow = ["wiki.internal:8080", "127.0.0.1:9000"];
        assert!(outcome("http://wiki.internal:8080/", &["10.0.0.7"], &allow).await.is_ok());
        assert!(outcome("http://Wiki.Internal.:8080/", &["10.0.0.7"], &allow).await.is_ok());
        assert!(outcome("http://127.0.0.1:9000/", &[], &allow).await.is_ok());
        for url in ["http://wiki.internal/", "http://other.wiki.internal:8080/", "http://127.0.0.1/", "http://127.0.0.1:9001/"] {
            assert!(outcome(url, &["10.0.0.7"], &allow).await.is_err(), "{url}");
        }
    }
}
