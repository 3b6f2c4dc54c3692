//! The web client in a real browser, as `web/bench/run.mjs` drives it.

use std::collections::BTreeMap;
use std::process::Stdio;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use relay_harness::User;
use relay_types::ConversationId;
use relay_web_tests::WebStack;
use tokio::io::{AsyncBufReadExt as _, BufReader};

use super::Options;
use crate::population::{self, Person, Room};
use crate::report::{Report, versions};
use crate::stack;

/// Messages of the large conversation; `--users` is another number of them.
const LARGE: usize = 100_000;
/// Groups to switch between, and the messages of all.
const GROUPS: usize = 10;
const IN_GROUPS: u64 = 2_000;
/// The whole script; what hangs is ended.
const LONGEST: Duration = Duration::from_mins(12);

/// What the script measures, one line each.
#[derive(serde::Deserialize)]
struct Figure {
    #[serde(rename = "figure")]
    name: String,
    value: f64,
    /// Where it has a goal.
    #[serde(default)]
    met: Option<bool>,
}

pub async fn run(options: &Options) -> anyhow::Result<Report> {
    let stack = WebStack::start(|builder| stack::for_load(builder, options.synced)).await?;
    let (ann, bob) = (stack.harness.user("ann").await?, stack.harness.user("bob").await?);
    let large = seed(&stack, &ann, &bob, options.users.unwrap_or(LARGE)).await?;
    install_audit(&stack).await;
    let began = Instant::now();
    let figures = tokio::time::timeout(LONGEST, measure(&stack, large)).await.context("the browser took too long")??;
    let seconds = began.elapsed().as_secs_f64();
    stack.harness.finish().await?;
    let missed = figures.iter().filter(|figure| figure.met == Some(false)).count();
    let mut details: BTreeMap<&'static str, f64> = figures.into_iter().map(|one| (&*one.name.leak(), one.value)).collect();
    details.insert("goals_missed", missed as f64);
    let detail = |name: &str| details.get(name).copied();
    Ok(Report {
        scenario: "web",
        rate_per_s: detail("received_per_s").unwrap_or_default(),
        unit: "messages shown",
        p50_ms: detail("to_other_browser_p50_ms"),
        p99_ms: detail("to_other_browser_p99_ms"),
        ack_level: stack::ack_level(options.synced),
        seconds,
        details,
        versions: versions(),
        ..Report::default()
    })
}

/// Two people who have much to read. Returns the large conversation.
async fn seed(stack: &WebStack, ann: &User, bob: &User, messages: usize) -> anyhow::Result<ConversationId> {
    let harness = &stack.harness;
    let people: Vec<Person> =
        [ann, bob].map(|user| Person { user: user.id(), token: Arc::from(user.device.tokens.access_token.0.as_str()) }).into();
    let large = ann.api.create_direct(bob.id()).await?.conversation_id;
    bob.api.accept(large).await?;
    let mut rooms = Vec::new();
    for index in 0..GROUPS {
        let group = ann.api.create_group(&format!("Group {index}").parse()?, &[bob.id()]).await?;
        rooms.push(Room { conversation: group.conversation_id, members: vec![0, 1] });
    }
    let js = async_nats::jetstream::new(harness.nats_client().await?);
    population::backlog_with(&js, &people, &rooms, IN_GROUPS, words).await?;
    let room = Room { conversation: large, members: vec![0, 1] };
    population::backlog_with(&js, &people, &[room], u64::try_from(messages)?, words).await?;
    population::settled(harness, people.len()).await?;
    Ok(large)
}

/// A text as people write them: mostly short, some of several lines, with a little markup.
fn words(n: u64) -> String {
    const WORDS: [&str; 12] =
        ["harbour", "at", "noon", "we", "walk", "**together**", "and", "look", "for", "`ships`", "with", "blue sails"];
    let length = [3, 8, 5, 21, 2, 13, 60, 7].get(usize::try_from(n % 8).unwrap_or(0)).copied().unwrap_or(5);
    let text: Vec<&str> =
        (0..length).filter_map(|word| WORDS.get(usize::try_from(n * 7 + word * 5).unwrap_or(0) % WORDS.len()).copied()).collect();
    format!("{n} {}", text.join(" "))
}

/// The audit's program is no part of the client's tools. Without it the script says so.
async fn install_audit(stack: &WebStack) {
    let mut npm = tokio::process::Command::from(stack.tools().npm(&["ci", "--prefix", "bench", "--no-audit", "--no-fund", "--silent"]));
    match npm.stdout(Stdio::null()).status().await {
        Ok(status) if status.success() => {}
        Ok(_) | Err(_) => say("the audit's program could not be installed"),
    }
}

async fn measure(stack: &WebStack, large: ConversationId) -> anyhow::Result<Vec<Figure>> {
    let mut command = stack.script("bench/run.mjs");
    command.env("RELAYHUB_GATEWAY", format!("ws://{}", stack.link.address())).env("RELAYHUB_LARGE", large.to_string());
    let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn().context("could not run the script")?;
    let mut lines = BufReader::new(child.stdout.take().context("the script has no standard output")?).lines();
    let mut figures = Vec::new();
    while let Some(line) = lines.next_line().await.context("could not read what the script prints")? {
        say(&line);
        if line.starts_with('{') {
            figures.push(serde_json::from_str(&line).with_context(|| format!("not a figure: {line}"))?);
        }
    }
    anyhow::ensure!(child.wait().await?.success(), "the script failed");
    Ok(figures)
}

#[expect(clippy::print_stderr, reason = "progress; standard output is the figures'")]
fn say(line: &str) {
    eprintln!("{line}");
}
