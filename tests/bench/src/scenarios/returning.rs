//! One person comes back to 500 groups and 250,000 missed events, again and again, while the others come back to little: how
//! long these wait, with and without that person, and what the gateway holds meanwhile.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anyhow::Context as _;
use futures::StreamExt as _;
use hdrhistogram::Histogram;
use relay_client::{Connection, SocketOptions};
use relay_harness::Harness;
use relay_protocol::{Position, ServerFrame};

use super::Options;
use crate::population::{Person, Room};
use crate::report::{Report, histogram, quantile_ms, versions};
use crate::{population, stack};

const USERS: usize = 1_000;
/// Missed in each group, of which there is one for every two people.
const MISSED: u64 = 500;
/// Missed by the others in each of their groups.
const LITTLE: u64 = 5;
const AT_ONCE: usize = 8;
const LIMIT: Duration = Duration::from_mins(2);

pub async fn run(options: &Options) -> anyhow::Result<Report> {
    // Nothing is remembered in memory, so that everybody is answered from Postgres; and nothing is too much to replay.
    let settings = "ring_warmup_ms = 1\nroster_linger_ms = 0\nmax_resume_events = 1000000\nmax_resumes_per_user = 4";
    let harness = stack::start(options.synced, |builder| builder.config("gateway", settings)).await?;
    let people = population::people(&harness, options.users.unwrap_or(USERS)).await?;
    let rooms = population::groups_of_one(&harness, &people, people.len() / 2).await?;
    let (one, others) = people.split_first().context("nobody")?;
    let others = others.get(..rooms.len().min(others.len())).context("nobody else")?;
    let long_ago = come_back(&harness, one, None).await?.position;
    missed(&harness, &people, &rooms, MISSED).await?;
    let lately = come_back(&harness, one, None).await?.position;
    missed(&harness, &people, &rooms, LITTLE).await?;
    harness.gateway(0).restart().await?;

    let seconds = Duration::from_secs(options.seconds);
    let usual = Usual { harness: &harness, others, position: &lately };
    let alone = usual.measure(|| false, seconds).await?;
    let pid = harness.gateway(0).pid().context("the gateway is gone")?;
    let before = stack::resident_bytes(pid)?;
    let (done, mut most, mut events, mut returns) = (AtomicBool::new(false), before, 0_u64, 0_u64);
    let returning = async {
        let until = Instant::now() + seconds;
        while returns == 0 || Instant::now() < until {
            events = come_back(&harness, one, Some(&long_ago)).await?.events;
            returns += 1;
        }
        done.store(true, Ordering::Relaxed);
        anyhow::Ok(())
    };
    let watching = async {
        while !done.load(Ordering::Relaxed) {
            most = most.max(stack::resident_bytes(pid)?);
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        anyhow::Ok(())
    };
    let (returned, watched, beside) = tokio::join!(returning, watching, usual.measure(|| !done.load(Ordering::Relaxed), seconds));
    returned.and(watched)?;
    let beside = beside?;
    harness.finish().await?;
    let (p99_alone, p99_beside) = (quantile_ms(&alone, 0.99), quantile_ms(&beside, 0.99));
    Ok(Report {
        scenario: "returning",
        rate_per_s: beside.len() as f64 / seconds.as_secs_f64(),
        unit: "others",
        p50_ms: Some(quantile_ms(&beside, 0.5)),
        p99_ms: Some(p99_beside),
        ack_level: stack::ack_level(options.synced),
        errors: (MISSED + LITTLE).saturating_mul(rooms.len() as u64).saturating_sub(events),
        seconds: seconds.as_secs_f64(),
        details: [
            ("events_missed", events as f64),
            ("returns", returns as f64),
            ("p99_alone_ms", p99_alone),
            ("p99_ratio", p99_beside / p99_alone.max(0.001)),
            ("gateway_rise_mib", most.saturating_sub(before) as f64 / f64::from(1 << 20)),
        ]
        .into(),
        versions: versions(),
        ..Report::default()
    })
}

async fn missed(harness: &Harness, people: &[Person], rooms: &[Room], each: u64) -> anyhow::Result<()> {
    let js = async_nats::jetstream::new(harness.nats_client().await?);
    population::backlog(&js, people, rooms, each * rooms.len() as u64).await?;
    population::settled(harness, 0).await
}

/// Those who come back to little, some at once, round and round.
struct Usual<'a> {
    harness: &'a Harness,
    others: &'a [Person],
    position: &'a Position,
}

impl Usual<'_> {
    async fn measure(&self, goes_on: impl Fn() -> bool, at_least: Duration) -> anyhow::Result<Histogram<u64>> {
        let until = Instant::now() + at_least;
        let rounds = self.others.iter().cycle().take_while(|_| goes_on() || Instant::now() < until);
        let coming = rounds.map(|person| async move {
            let began = Instant::now();
            come_back(self.harness, person, Some(self.position)).await?;
            anyhow::Ok(began.elapsed())
        });
        let mut took = histogram();
        let mut coming = futures::stream::iter(coming).buffer_unordered(AT_ONCE);
        while let Some(one) = coming.next().await {
            took.record(u64::try_from(one?.as_micros())?)?;
        }
        Ok(took)
    }
}

struct Back {
    position: Position,
    events: u64,
}

/// From hello to live.
async fn come_back(harness: &Harness, person: &Person, position: Option<&Position>) -> anyhow::Result<Back> {
    let url = harness.gateway_url(0);
    let (mut connection, _) = Connection::hello(&url, &person.token, position, &SocketOptions::default()).await?;
    let mut events = 0;
    loop {
        match connection.frame_within(LIMIT).await.map_err(|close| anyhow::anyhow!("not caught up: {close:?}"))? {
            ServerFrame::CaughtUp { position } => return Ok(Back { position: position.parse()?, events }),
            frame if frame.place().is_some() => events += 1,
            _ => {}
        }
    }
}
