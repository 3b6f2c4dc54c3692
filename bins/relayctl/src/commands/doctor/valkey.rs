//! Valkey: there or not.

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use super::{Finding, PATIENCE};
use crate::config::Config;

/// A `PING`, spoken by hand: the tool needs no more of Valkey. An answer of any kind is one: it may want a password.
pub async fn check(config: &Config) -> Finding {
    let url = config.valkey_url();
    let Some(address) = address_of(url) else {
        return Finding::Warning("valkey.url names a Sentinel or Cluster, which is not checked".to_owned());
    };
    let ping = async {
        let mut stream = tokio::net::TcpStream::connect(&address).await?;
        stream.write_all(b"PING\r\n").await?;
        let mut first = [0u8; 1];
        stream.read_exact(&mut first).await?;
        Ok::<_, std::io::Error>(first)
    };
    match tokio::time::timeout(PATIENCE, ping).await {
        Ok(Ok([b'+' | b'-'])) => Finding::Fine("Valkey answers".to_owned()),
        Ok(Ok(_)) => Finding::Broken(format!("what answers at {address} is not Valkey")),
        Ok(Err(error)) => {
            Finding::Warning(format!("Valkey does not answer at {address} ({error}): limits are counted per process until it does"))
        }
        Err(_) => Finding::Warning(format!("Valkey does not answer at {address} in time: limits are counted per process until it does")),
    }
}

/// `host:port` of a plain address.
fn address_of(url: &str) -> Option<String> {
    let rest = url.strip_prefix("redis://").or_else(|| url.strip_prefix("valkey://"))?;
    let authority = rest.split(['/', '?']).next()?;
    let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
    if host.is_empty() || host.contains(',') {
        return None;
    }
    Some(if host.contains(':') { host.to_owned() } else { format!("{host}:6379") })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_lose_their_password() {
        assert_eq!(address_of("redis://127.0.0.1:7000/1").as_deref(), Some("127.0.0.1:7000"));
        assert_eq!(address_of("redis://user:s3cret@host").as_deref(), Some("host:6379"));
        assert_eq!(address_of("redis-cluster://a:1"), None);
    }
}
