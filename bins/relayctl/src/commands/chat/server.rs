//! Which server a profile belongs to: the host it is reached at, and the keys it signs with. Its port may change.
//!
//! Keys are public, so publishing them proves nothing by itself. It tells another installation from this one, which then
//! gets none of this one's tokens. That a server at this host holds the private halves is proven by TLS alone; and on one
//! machine, whoever may listen there can copy a key set.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, ensure};
use relay_auth::PublicKeys;
use relay_client::ApiClient;

use super::profile::unreachable_hint;

/// A line for each key that the server was last seen with.
const KEYS: &str = "keys";

/// The directory of the server that answers at the API's address: the one it had before, or a new one.
pub async fn directory(base: &Path, api: &ApiClient) -> anyhow::Result<PathBuf> {
    let document = api.public_keys().await.map_err(unreachable_hint)?;
    let keys = PublicKeys::from_jwks(&document).context("the API's key set cannot be used: is --api right?")?;
    let served: BTreeSet<String> = keys.iter().map(|(kid, key)| format!("{kid} {}", hex(key))).collect();
    let oldest = keys.iter().map(|(kid, _)| kid.to_owned()).min();
    ensure!(oldest.is_some(), "the API publishes no keys: it cannot be told from another server");
    let prefix = format!("{}_", host(api.base()));
    let known = known(base, &prefix, &served).with_context(|| format!("could not read {}", base.display()))?;
    let dir = known.unwrap_or_else(|| base.join(prefix + &oldest.unwrap_or_default()));
    remember(&dir, &served).with_context(|| format!("could not write {}", dir.display()))?;
    Ok(dir)
}

/// The directory of a server at this host that had one of these keys when it was last seen.
fn known(base: &Path, prefix: &str, served: &BTreeSet<String>) -> std::io::Result<Option<PathBuf>> {
    let entries = match std::fs::read_dir(base) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    for entry in entries {
        let entry = entry?;
        let here = entry.file_name().to_str().is_some_and(|name| name.starts_with(prefix));
        let Ok(keys) = std::fs::read_to_string(entry.path().join(KEYS)) else { continue };
        if here && keys.lines().any(|key| served.contains(key)) {
            return Ok(Some(entry.path()));
        }
    }
    Ok(None)
}

/// Notes the keys of today, so that the server is known again after the oldest is gone.
fn remember(dir: &Path, served: &BTreeSet<String>) -> std::io::Result<()> {
    let text = served.iter().fold(String::new(), |text, key| text + key + "\n");
    let path = dir.join(KEYS);
    if std::fs::read_to_string(&path).is_ok_and(|old| old == text) {
        return Ok(());
    }
    std::fs::create_dir_all(dir)?;
    // Beside it first: two clients may start at once, and one may be killed.
    let fresh = dir.join(format!("{KEYS}.{}", std::process::id()));
    std::fs::write(&fresh, text)?;
    std::fs::rename(&fresh, &path)
}

fn host(url: &str) -> String {
    let url = reqwest::Url::parse(url).ok();
    let host = url.as_ref().and_then(reqwest::Url::host_str).unwrap_or_default().trim_matches(['[', ']']);
    if host == "localhost" || host.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback()) {
        return "this-machine".to_owned();
    }
    host.chars().map(|c| if c.is_ascii_alphanumeric() || c == '.' || c == '-' { c } else { '-' }).collect()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |text, byte| text + &format!("{byte:02x}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_is_known_by_its_host_and_any_of_its_keys() {
        let dir = tempfile::tempdir().unwrap();
        let keys = |names: &[&str]| names.iter().map(|name| format!("{name} 00")).collect::<BTreeSet<_>>();
        let find = |prefix: &str, names: &[&str]| known(dir.path(), prefix, &keys(names)).unwrap();
        assert_eq!(known(&dir.path().join("none"), "h_", &keys(&["a"])).unwrap(), None);
        let ours = dir.path().join("h_a");
        remember(&ours, &keys(&["a"])).unwrap();
        assert_eq!(find("h_", &["a", "b"]).as_ref(), Some(&ours));
        remember(&ours, &keys(&["a", "b"])).unwrap();
        assert_eq!(find("h_", &["b"]).as_ref(), Some(&ours), "the first key was rotated away");
        assert_eq!(find("h_", &["c"]), None);
        assert_eq!(find("other_", &["a"]), None, "the same keys at another host");
    }

    #[test]
    fn the_port_does_not_matter_and_the_host_does() {
        assert_eq!(host("http://127.0.0.1:7090"), host("http://localhost:1"));
        assert_eq!(host("http://[::1]:7090"), "this-machine");
        assert_eq!(host("https://chat.example.org:8443/x"), "chat.example.org");
        assert_ne!(host("https://a.example.org"), host("https://b.example.org"));
    }
}
