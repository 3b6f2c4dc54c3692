//! The keys that sign access tokens.

use relay_auth::SigningKeys;

use super::Finding;
use crate::config::Config;

pub fn check(config: &Config) -> Finding {
    match SigningKeys::load(&config.tokens.keys_dir) {
        Ok(keys) => Finding::Fine(format!("{} signing key(s) in {}", keys.kids().len(), config.tokens.keys_dir.display())),
        Err(error) => Finding::Broken(format!("tokens.keys_dir: {error}")),
    }
}
