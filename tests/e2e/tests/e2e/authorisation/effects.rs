//! Commands that have no answer: what others come to know of them tells whether they did anything.

use std::collections::BTreeSet;

use anyhow::ensure;
use relay_harness::Harness;
use relay_protocol::command::{ReceivedUpto, encode};
use relay_protocol::presence::{Activity, PresenceState, SayPresence};
use relay_protocol::{ServerFrame, TypingState};
use relay_types::UserId;
use tokio::time::{Duration, Instant, sleep};

use super::super::support::{LATE, text, ulid_key};
use super::scene::Scene;
use super::socket::{Ear, before_hello};

pub const HAVE_NO_ANSWER: [&str; 5] = ["received", "presence", "watch_presence", "typing_start", "typing_stop"];

/// Those outside say it first: when what the others said afterwards is known, theirs would be, too.
const OUTSIDE_FIRST: [usize; 6] = [5, 4, 3, 2, 1, 0];
/// Between two looks.
const PAUSE: Duration = Duration::from_millis(20);
/// The member, who hears of the others, and the owner, who hears of the member.
const WITNESSES: [usize; 2] = [2, 0];

type Ears = [Option<Ear>];

fn ear(ears: &mut Ears, column: usize) -> &mut Ear {
    ears[column].as_mut().expect("the anonymous caller is not asked here")
}

/// Everybody says it.
async fn say(ears: &mut Ears, frame: impl Fn(usize) -> String) -> anyhow::Result<()> {
    for column in OUTSIDE_FIRST {
        let refused = ear(ears, column).ask(&frame(column)).await?;
        ensure!(refused.is_none(), "{} was answered with {refused:?}", frame(column));
    }
    Ok(())
}

/// Looks until those who are in it are all seen; then who was.
async fn seen<'a>(
    ears: &mut Ears,
    what: &str,
    again: impl Fn(usize) -> Option<String>,
    look: impl Fn(&Ears) -> [bool; 6] + 'a,
) -> anyhow::Result<[bool; 6]> {
    let deadline = Instant::now() + LATE;
    loop {
        for column in 0..6 {
            match again(column).filter(|_| column < 3) {
                Some(frame) => ear(ears, column).ask(&frame).await?,
                None => ear(ears, column).ping().await?,
            };
        }
        let seen = look(ears);
        if seen[..3].iter().all(|seen| *seen) {
            return Ok(seen);
        }
        ensure!(Instant::now() < deadline, "{what}: only {seen:?}");
        sleep(PAUSE).await;
    }
}

/// What the witnesses heard of each.
fn witnessed(ears: &Ears, people: &[UserId], heard: impl Fn(&ServerFrame, UserId) -> bool) -> [bool; 6] {
    let frames = |column: usize| ears[column].iter().flat_map(|ear| &ear.frames);
    let by = |column: usize, who: UserId| frames(column).any(|frame| heard(frame, who));
    std::array::from_fn(|column| WITNESSES.iter().any(|witness| *witness != column && by(*witness, people[column])))
}

/// Each command with what came of it, for each caller.
pub async fn observe(h: &Harness, scene: &Scene, ears: &mut Ears) -> anyhow::Result<Vec<(&'static str, Vec<String>)>> {
    let people: Vec<UserId> = scene.people[..6].iter().map(|person| person.user().id()).collect();
    let group = scene.group;
    let typing = |wanted: TypingState| move |frame: &ServerFrame, who: UserId| matches!(frame, ServerFrame::UserTyping(typing) if typing.user_id == who && typing.conversation_id == group && typing.state == wanted);
    let mut outcomes = Vec::new();

    let start = encode::typing_start(group);
    say(ears, |_| start.clone()).await?;
    let started = seen(ears, "typing", |_| Some(start.clone()), |ears| witnessed(ears, &people, typing(TypingState::Typing))).await?;
    outcomes.push(("typing_start", start.clone(), started));
    let stop = encode::typing_stop(group);
    say(ears, |_| stop.clone()).await?;
    let stopped = seen(ears, "an end of typing", |_| None, |ears| witnessed(ears, &people, typing(TypingState::Stopped))).await?;
    outcomes.push(("typing_stop", stop, stopped));

    let beat = encode::presence(&SayPresence { state: Activity::Active, conversation_id: Some(group) });
    for witness in WITNESSES {
        ear(ears, witness).ask(&encode::watch_presence(&people)).await?;
    }
    say(ears, |_| beat.clone()).await?;
    let there = |frame: &ServerFrame, who: UserId| match frame {
        ServerFrame::UserPresence(told) => told.people.iter().any(|one| one.user_id == who && one.conversation_id == Some(group)),
        _ => false,
    };
    outcomes.push((
        "presence",
        beat.clone(),
        seen(ears, "presence", |_| Some(beat.clone()), |ears| witnessed(ears, &people, there)).await?,
    ));

    // The owner watches the member, the others the owner: both are there now.
    let watched = |column: usize| if column == 0 { people[2] } else { people[0] };
    let known_before: Vec<usize> = ears.iter().flatten().map(|ear| ear.frames.len()).collect();
    say(ears, |column| encode::watch_presence(&[watched(column)])).await?;
    let online = |ears: &Ears| {
        std::array::from_fn(|column| {
            let frames = ears[column].iter().flat_map(|ear| ear.frames.iter().skip(known_before[column]));
            let told = frames.filter_map(|frame| if let ServerFrame::UserPresence(told) = frame { Some(told) } else { None });
            told.flat_map(|told| &told.people).any(|one| one.user_id == watched(column) && one.state == PresenceState::Online)
        })
    };
    outcomes.push(("watch_presence", encode::watch_presence(&people[..1]), seen(ears, "a watch", |_| Some(beat.clone()), online).await?));

    // A device without a position begins here: what was said before is none of its news.
    let sent = scene.writer.api.post_message(group, &ulid_key(0), &text(&scene.secrets.word)).await?;
    for ear in ears.iter_mut().flatten() {
        ear.passed(sent.seq).await?;
    }
    let received = encode::received(&[ReceivedUpto { conversation_id: group, seq: sent.seq }]);
    say(ears, |_| received.clone()).await?;
    let deadline = Instant::now() + LATE;
    let delivered = loop {
        let receipts = scene.writer.api.message_receipts(group, sent.message_id).await?;
        let to: BTreeSet<UserId> = receipts.people.iter().filter(|one| one.delivered.is_some()).map(|one| one.user.user_id).collect();
        if people[..3].iter().all(|who| to.contains(who)) {
            break std::array::from_fn(|column| to.contains(&people[column]));
        }
        ensure!(Instant::now() < deadline, "delivered only to {to:?}");
        sleep(PAUSE).await;
    };
    outcomes.push(("received", received, delivered));

    let mut all = Vec::new();
    for (name, frame, seen) in outcomes {
        let mut cells: Vec<String> = seen.iter().map(|seen| if *seen { "yes" } else { "no effect" }.to_owned()).collect();
        cells.push(before_hello(h, &frame).await?);
        all.push((name, cells));
    }
    Ok(all)
}
