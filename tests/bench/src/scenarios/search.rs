//! Searches over REST, 50 a second of all kinds, in a year of messages whose words are as common as in a language, beside 1,000 new
//! rows of the index a second.

mod load;
mod words;

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use relay_client::{ApiClient, StaticToken};
use relay_protocol::rest::Secret;
use relay_protocol::search::SearchQuery;

use self::words::Words;
use super::Options;
use crate::population::Person;
use crate::report::{Report, histogram, quantile_ms, versions};
use crate::{population, stack};

/// A million messages: 200 for each user, as with 50,000 users and ten million.
const USERS: usize = 5_000;
/// People in very many conversations.
const HEAVY: usize = 20;
const CLIENTS: usize = 8;
const PER_S: u64 = 50;

/// A kind of question.
#[derive(Clone, Copy)]
enum Kind {
    Common,
    Middle,
    Rare,
    Two,
    Prefix,
    Sender,
    Phrase,
    Nothing,
}

const KINDS: [(Kind, &str); 8] = [
    (Kind::Common, "common_p95_ms"),
    (Kind::Middle, "middle_p95_ms"),
    (Kind::Rare, "rare_p95_ms"),
    (Kind::Two, "two_words_p95_ms"),
    (Kind::Prefix, "prefix_p95_ms"),
    (Kind::Sender, "sender_p95_ms"),
    (Kind::Phrase, "phrase_p95_ms"),
    (Kind::Nothing, "nothing_p95_ms"),
];

pub async fn run(options: &Options) -> anyhow::Result<Report> {
    let harness = stack::start(options.synced, |builder| builder).await?;
    let people = population::people(&harness, options.users.unwrap_or(USERS).max(HEAVY * 2)).await?;
    let words = Arc::new(Words::new());
    let began = Instant::now();
    let loaded = load::load(&harness, &people, HEAVY, &words).await?;
    let load_seconds = began.elapsed().as_secs_f64();
    let deadline = Instant::now() + Duration::from_secs(options.seconds);
    let writing = load::write_on(harness.database().await?, &loaded, &words, deadline);
    let clients = (0..CLIENTS).map(|client| ask(harness.api_client(), &people, &words, client, deadline));
    let (written, asked) = futures::future::try_join(writing, futures::future::try_join_all(clients)).await?;
    let (mut all, mut cut, mut hits) = (histogram(), 0, 0);
    let mut by_kind: Vec<_> = KINDS.iter().map(|_| histogram()).collect();
    for client in asked {
        cut += client.cut;
        hits += client.hits;
        for (mine, theirs) in by_kind.iter_mut().zip(client.by_kind) {
            all.add(&theirs)?;
            mine.add(theirs)?;
        }
    }
    harness.finish().await?;
    let mut details: std::collections::BTreeMap<&'static str, f64> = [
        ("messages", loaded.messages as f64),
        ("conversations", loaded.conversations.len() as f64),
        ("users", people.len() as f64),
        ("load_seconds", load_seconds),
        ("rows_written_per_s", written as f64 / options.seconds as f64),
        ("p95_ms", quantile_ms(&all, 0.95)),
        ("max_ms", all.max() as f64 / 1000.0),
        ("cut", f64::from(cut)),
        ("hits_per_search", f64::from(hits) / all.len().max(1) as f64),
    ]
    .into();
    details.extend(KINDS.iter().zip(&by_kind).map(|((_, name), kind)| (*name, quantile_ms(kind, 0.95))));
    Ok(Report {
        scenario: "search",
        rate_per_s: all.len() as f64 / options.seconds as f64,
        unit: "searches",
        p50_ms: Some(quantile_ms(&all, 0.5)),
        p99_ms: Some(quantile_ms(&all, 0.99)),
        ack_level: stack::ack_level(options.synced),
        seconds: options.seconds as f64,
        details,
        versions: versions(),
        ..Report::default()
    })
}

struct Asked {
    by_kind: Vec<hdrhistogram::Histogram<u64>>,
    cut: u32,
    hits: u32,
}

/// One client's share of the questions, each measured from when it was to be asked.
async fn ask(api: anyhow::Result<ApiClient>, people: &[Person], words: &Words, client: usize, deadline: Instant) -> anyhow::Result<Asked> {
    let api = api?;
    let every = Duration::from_millis(1_000 * CLIENTS as u64 / PER_S);
    let mut due = Instant::now() + every * u32::try_from(client)? / u32::try_from(CLIENTS)?;
    let mut asked = Asked { by_kind: KINDS.iter().map(|_| histogram()).collect(), cut: 0, hits: 0 };
    let mut turn = client;
    while due < deadline {
        tokio::time::sleep_until(due.into()).await;
        let kind = turn % KINDS.len();
        // Every fourth by somebody who is in very many conversations.
        let who = if (turn / KINDS.len()).is_multiple_of(4) { turn % HEAVY } else { HEAVY + turn * 7_919 % (people.len() - HEAVY) };
        let person = people.get(who).context("nobody")?;
        let (kind_of, _) = KINDS.get(kind).context("no kind")?;
        let api = api.with_tokens(Arc::new(StaticToken(Secret(person.token.to_string()))));
        let page = api.search(&SearchQuery { q: question(*kind_of, words, turn), ..SearchQuery::default() }).await?;
        if let Some(latencies) = asked.by_kind.get_mut(kind) {
            latencies.record(u64::try_from(due.elapsed().as_micros())?)?;
        }
        asked.cut += u32::from(page.searched_back_to_ms.is_some());
        asked.hits += u32::try_from(page.hits.len())?;
        turn += CLIENTS + 1;
        due += every;
    }
    Ok(asked)
}

fn question(kind: Kind, words: &Words, turn: usize) -> String {
    let word = |from: usize, count: usize| words.word(from + turn * 31 % count);
    match kind {
        Kind::Common => format!("{} ", word(0, 20)),
        Kind::Middle => format!("{} ", word(200, 2_000)),
        Kind::Rare => format!("{} ", word(10_000, 30_000)),
        Kind::Two => format!("{} {} ", word(0, 20), word(200, 500)),
        Kind::Prefix => word(100, 1_000).chars().take(4).collect(),
        Kind::Sender => format!("from:load_{} {} ", turn % 40, word(0, 50)),
        Kind::Phrase => format!("\"{} {}\"", word(0, 10), word(3, 17)),
        Kind::Nothing => format!("{}zzqx ", word(0, 1_000)),
    }
}
