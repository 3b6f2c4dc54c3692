//! `relayctl verify unread`: what lists count as unread, against the messages themselves.

use std::collections::BTreeSet;

use relay_store::Store;
use relay_types::ConversationId;
use serde_json::json;

use crate::config::Config;
use crate::failure::CheckFailed;
use crate::output;

/// Members of a page.
const PAGE: u16 = 500;
/// Conversations that are repaired together.
const TOGETHER: usize = 50;
/// Counts that are named.
const SAMPLES: usize = 10;

#[derive(clap::Args)]
pub struct UnreadArguments {
    /// Find anew, from the messages, what wrong counts went by.
    #[arg(long)]
    repair: bool,
    /// One JSON object instead of sentences.
    #[arg(long)]
    json: bool,
}

#[derive(Default)]
struct Verified {
    counts: u64,
    wrong: u64,
    conversations: BTreeSet<ConversationId>,
    samples: Vec<String>,
}

pub async fn run(arguments: UnreadArguments, config: &Config) -> anyhow::Result<()> {
    let store = relay_bootstrap::open_store(config.postgres()?)?;
    let mut verified = verify(&store).await?;
    let repaired = if arguments.repair { verified.wrong } else { 0 };
    if repaired > 0 {
        let conversations: Vec<ConversationId> = verified.conversations.into_iter().collect();
        for together in conversations.chunks(TOGETHER) {
            store.repair_unread(together).await?;
        }
        verified = verify(&store).await?;
    }
    show(&arguments, &verified, repaired.saturating_sub(verified.wrong));
    if verified.wrong == 0 { Ok(()) } else { Err(CheckFailed(format!("{} unread counts are wrong", verified.wrong)).into()) }
}

async fn verify(store: &Store) -> anyhow::Result<Verified> {
    let (mut verified, mut after) = (Verified::default(), None);
    loop {
        let page = store.verify_unread(after, PAGE).await?;
        verified.counts += page.counts;
        verified.wrong += page.wrong.len() as u64;
        for wrong in page.wrong {
            verified.conversations.insert(wrong.conversation);
            if verified.samples.len() < SAMPLES {
                let sample = format!("{} in {}: {} instead of {}", wrong.user, wrong.conversation, wrong.shown, wrong.found);
                verified.samples.push(sample);
            }
        }
        after = page.next;
        if after.is_none() {
            return Ok(verified);
        }
    }
}

fn show(arguments: &UnreadArguments, verified: &Verified, repaired: u64) {
    let Verified { counts, wrong, samples, .. } = verified;
    if arguments.json {
        return output::line(json!({ "counts": counts, "wrong": wrong, "repaired": repaired, "samples": samples }));
    }
    if repaired > 0 {
        output::line(format_args!("{repaired} unread counts were repaired"));
    }
    if *wrong == 0 {
        return output::line(format_args!("{counts} unread counts agree with the messages"));
    }
    output::line(format_args!("{wrong} of {counts} unread counts are wrong: --repair finds anew what they go by. Such as:"));
    for sample in samples {
        output::line(format_args!("  {sample}"));
    }
}
