//! `relayctl token rotate|list`.

use anyhow::Context as _;
use relay_auth::SigningKeys;

use crate::config::Config;
use crate::output;

/// What to do about signing keys.
#[derive(clap::Subcommand, Clone, Copy)]
pub enum TokenCommand {
    /// Create a new signing key. Running API processes find it by themselves; older keys verify until their files are removed.
    Rotate,
    /// List the keys, oldest first.
    List,
}

pub fn run(command: TokenCommand, config: &Config) -> anyhow::Result<()> {
    let dir = &config.tokens.keys_dir;
    match command {
        TokenCommand::Rotate => {
            let kid = SigningKeys::generate(dir).context("could not create a signing key")?;
            output::line(format_args!("created {kid} in {}", dir.display()));
            output::line(format_args!(
                "it signs after {} s if there were keys before; remove an old key's file {} s after that",
                config.tokens.publish_delay_s,
                config.tokens.access_ttl_s + config.tokens.leeway_s
            ));
        }
        TokenCommand::List => {
            for kid in SigningKeys::load(dir)?.kids() {
                output::line(kid);
            }
        }
    }
    Ok(())
}
