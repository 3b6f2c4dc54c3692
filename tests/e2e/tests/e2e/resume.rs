//! Coming back: everything after the position, once, in order.

use rand::{RngExt as _, SeedableRng as _};
use relay_harness::{Harness, wait_for};
use relay_protocol::{MessageBody, Position, ServerFrame};
use relay_types::{ConversationId, Seq, ShardId};

use super::checks::{Seen, contiguous, holds};
use super::support::{LATE, Socket, TestResult, direct, group, let_in, ulid_key};
use super::witness::{conversation_log, log_end, persisted};

/// Has `n` messages sent by a socket of their own.
async fn send_many(socket: &mut Socket, chat: ConversationId, from: usize, n: usize) -> TestResult {
    for at in from..from + n {
        socket.post(chat, &ulid_key(0), &format!("message {at}")).await?;
    }
    Ok(())
}

fn seqs(seen: &[Seen], chat: ConversationId) -> Vec<Seq> {
    seen.iter().filter(|seen| seen.conversation == chat).map(|seen| seen.seq).collect()
}

/// What one connection brought has to be the conversation's log right after the position it came with, and a position
/// that it was given may not claim more than came.
struct Visit {
    from: Position,
    brought: Vec<Seq>,
    caught_up: Option<(Position, usize)>,
}

const ROUNDS: usize = 200;

#[tokio::test]
async fn a_send_at_any_step_of_a_resume_arrives_exactly_once_on_whichever_gateway() -> TestResult {
    let seed: u64 = rand::random();
    println!("seed {seed}");
    let mut rng = rand::rngs::StdRng::seed_from_u64(seed);
    // A ring of about a hundred events, so that some resumes come from Postgres and some from the ring.
    let settings = "ring_bytes = 65536\nmessages_per_s = 10000\nmessage_burst = 10000\nframes_per_s = 10000\nroster_linger_ms = 50";
    let h = Harness::builder().gateways(2).config("gateway", settings).start().await?;
    let (ann, bob) = (h.user("ann").await?, h.user("bob").await?);
    let chat = direct(&ann, &bob).await?;
    let mut position = Socket::live(&h, 0, &bob.device, None).await?.at();
    let begin = position.clone();
    let mut anns = Socket::live(&h, 0, &ann.device, None).await?;
    let stop = std::sync::atomic::AtomicBool::new(false);
    let sender = async {
        let mut sent = 0;
        while !stop.load(std::sync::atomic::Ordering::Relaxed) {
            send_many(&mut anns, chat, sent, 1).await?;
            sent += 1;
        }
        anyhow::Ok(sent)
    };
    let visitor = async {
        let mut visits = Vec::new();
        for _ in 0..ROUNDS {
            let gateway = rng.random_range(0..2);
            let mut socket = Socket::hello(&h, gateway, &bob.device, Some(&position)).await?;
            let mut visit = Visit { from: position.clone(), brought: Vec::new(), caught_up: None };
            // Leaves right after the welcome, in the middle of catching up, or some events into the live stream.
            for _ in 0..rng.random_range(0..40) {
                let frame = socket.next().await?;
                if let Some(seen) = Seen::of(&frame) {
                    visit.brought.push(seen.seq);
                } else if matches!(frame, ServerFrame::CaughtUp { .. }) {
                    visit.caught_up = Some((socket.at(), visit.brought.len()));
                    position = socket.at();
                } else if !matches!(frame, ServerFrame::Progress { .. }) {
                    // Progress is a place to go on from, not an event.
                    panic!("unexpected while resuming: {frame:?}");
                }
            }
            visits.push(visit);
        }
        stop.store(true, std::sync::atomic::Ordering::Relaxed);
        anyhow::Ok((visits, position))
    };
    let (sent, visited) = tokio::join!(sender, visitor);
    let (sent, (visits, position)) = (sent?, visited?);
    let mut last = Socket::live(&h, 0, &bob.device, Some(&position)).await?;
    last.passed(log_end(&h).await?).await?;
    holds(contiguous(last.me, &last.seen()));

    let log = conversation_log(&h, chat).await?;
    let after = |position: &Position| log.iter().copied().filter(|seq| *seq > position.seq(ShardId(0)).unwrap()).collect::<Vec<_>>();
    let mut covered: std::collections::BTreeSet<Seq> = seqs(&last.seen(), chat).into_iter().collect();
    assert!(log.len() > sent, "the creation and {sent} messages");
    for (round, visit) in visits.iter().enumerate() {
        let expected = after(&visit.from);
        assert_eq!(visit.brought, expected[..visit.brought.len().min(expected.len())], "round {round} with seed {seed}");
        if let Some((position, brought)) = &visit.caught_up {
            let claimed = expected.iter().filter(|seq| **seq <= position.seq(ShardId(0)).unwrap()).count();
            assert_eq!(claimed, *brought, "caught_up in round {round} with seed {seed} claims what did not come, or less");
        }
        covered.extend(&visit.brought);
    }
    assert_eq!(covered.into_iter().collect::<Vec<_>>(), after(&begin), "some events reached no visit");
    h.finish().await
}

#[tokio::test]
async fn a_resume_within_the_ring_needs_no_database() -> TestResult {
    let h = Harness::builder().private_postgres().expect_errors().start().await?;
    let (ann, bob) = (h.user("ann").await?, h.user("bob").await?);
    let chat = direct(&ann, &bob).await?;
    let mut anns = Socket::live(&h, 0, &ann.device, None).await?;
    let position = Socket::live(&h, 0, &bob.device, None).await?.at();
    h.postgres().stop().await;
    send_many(&mut anns, chat, 0, 50).await?;
    let mut bobs = Socket::live(&h, 0, &bob.device, Some(&position)).await?;
    assert_eq!(seqs(&bobs.seen(), chat).len(), 50);
    send_many(&mut anns, chat, 50, 1).await?;
    bobs.message("message 50").await?;
    holds(contiguous(bobs.me, &bobs.seen()));
    let metrics = h.gateway(0).metrics().await?;
    let without = metrics.lines().find(|line| line.starts_with("relay_resumes_without_postgres_total ")).unwrap_or(" 0");
    assert!(without.ends_with(" 0"), "the ring sufficed, so nothing else was asked: {without}");
    h.postgres().restart().await?;
    h.finish().await
}

#[tokio::test]
async fn what_ended_for_one_device_is_still_told_to_another_that_was_away_longer() -> TestResult {
    let h = Harness::shared().await?;
    let (ann, bob) = (h.user("ann").await?, h.user("bob").await?);
    let visited = group(&ann, &[]).await?;
    let mut anns = Socket::live(&h, 0, &ann.device, None).await?;
    let position = Socket::live(&h, 0, &bob.device, None).await?.at();
    let_in(&ann, visited, &bob).await?;
    send_many(&mut anns, visited, 0, 3).await?;
    ann.api.remove_member(visited, bob.id()).await?;
    send_many(&mut anns, visited, 3, 1).await?;
    persisted(&h).await?;
    let stay: Vec<Seq> = conversation_log(&h, visited).await?.into_iter().filter(|seq| *seq > position.seq(ShardId(0)).unwrap()).collect();
    // The first one to come to this gateway is one for whom the visit is over.
    let recent = Socket::live(&h, 1, &bob.device, None).await?;
    assert_eq!(seqs(&recent.seen(), visited), []);
    let away = Socket::live(&h, 1, &bob.device, Some(&position)).await?;
    assert_eq!(seqs(&away.seen(), visited), stay[..5], "added, three messages, removed");
    h.finish().await
}

#[tokio::test]
async fn a_gap_beyond_the_ring_comes_from_postgres_in_full() -> TestResult {
    let settings = "ring_bytes = 65536\nmessages_per_s = 10000\nmessage_burst = 10000\nframes_per_s = 10000\nroster_linger_ms = 0";
    let h = Harness::builder().gateways(2).config("gateway", settings).start().await?;
    let (ann, bob) = (h.user("ann").await?, h.user("bob").await?);
    let chat = direct(&ann, &bob).await?;
    let mut anns = Socket::live(&h, 0, &ann.device, None).await?;
    let position = Socket::live(&h, 0, &bob.device, None).await?.at();
    send_many(&mut anns, chat, 0, 700).await?;
    for gateway in 0..2 {
        let bobs = Socket::live(&h, gateway, &bob.device, Some(&position)).await?;
        let log = conversation_log(&h, chat).await?;
        let missed: Vec<Seq> = log.into_iter().filter(|seq| *seq > position.seq(ShardId(0)).unwrap()).collect();
        assert_eq!(missed.len(), 700);
        assert_eq!(seqs(&bobs.seen(), chat), missed, "gateway {gateway}");
        holds(contiguous(bobs.me, &bobs.seen()));
    }
    h.finish().await
}

#[tokio::test]
async fn a_resume_on_another_gateway_after_the_first_was_killed_misses_nothing() -> TestResult {
    let h = Harness::builder().gateways(2).start().await?;
    let (ann, bob) = (h.user("ann").await?, h.user("bob").await?);
    let chat = direct(&ann, &bob).await?;
    let mut anns = Socket::live(&h, 1, &ann.device, None).await?;
    let mut bobs = Socket::live(&h, 0, &bob.device, None).await?;
    send_many(&mut anns, chat, 0, 10).await?;
    bobs.message("message 9").await?;
    bobs.passed(log_end(&h).await?).await?;
    let mut seen = bobs.seen();
    h.gateway(0).kill();
    send_many(&mut anns, chat, 10, 10).await?;
    let again = Socket::live(&h, 1, &bob.device, Some(&bobs.at())).await?;
    seen.extend(again.seen());
    holds(contiguous(again.me, &seen));
    assert_eq!(seen.iter().filter(|seen| seen.message.is_some()).count(), 20);
    h.gateway(0).restart().await?;
    h.finish().await
}

#[tokio::test]
async fn a_device_that_was_away_for_too_much_is_told_to_reload_and_is_live_afterwards() -> TestResult {
    let settings = "ring_bytes = 65536\nmax_resume_events = 100\nmessages_per_s = 10000\nmessage_burst = 10000\nframes_per_s = 10000\nroster_linger_ms = 0";
    let h = Harness::builder().config("gateway", settings).start().await?;
    let (ann, bob) = (h.user("ann").await?, h.user("bob").await?);
    let chat = direct(&ann, &bob).await?;
    let mut anns = Socket::live(&h, 0, &ann.device, None).await?;
    let position = Socket::live(&h, 0, &bob.device, None).await?.at();
    send_many(&mut anns, chat, 0, 800).await?;
    persisted(&h).await?;
    // Bob is forgotten once he has been away for the (short) linger; until then the gateway knows him.
    let bobs = wait_for("a reset", LATE, || async {
        let bobs = Socket::live(&h, 0, &bob.device, Some(&position)).await.map_err(|error| format!("{error:#}"))?;
        let reset = bobs.frames.iter().any(|frame| matches!(frame, ServerFrame::Reset { .. }));
        if reset { Ok(bobs) } else { Err(format!("{} frames and no reset", bobs.frames.len())) }
    });
    let mut bobs = bobs.await;
    let reset = bobs.frames.iter().rev().nth(1);
    assert!(
        matches!(reset, Some(ServerFrame::Reset { reason: relay_protocol::frame::ResetReason::TooMuch, .. })),
        "reset comes right before caught_up: {reset:?}"
    );
    send_many(&mut anns, chat, 800, 1).await?;
    bobs.message("message 800").await?;
    h.finish().await
}

#[tokio::test]
async fn a_gateway_that_starts_in_the_middle_of_traffic_has_no_hole() -> TestResult {
    // Nothing of the past is loaded, so that what it tails begins exactly where Postgres is left.
    let settings = "ring_warmup_ms = 0\nmessages_per_s = 10000\nmessage_burst = 10000\nframes_per_s = 10000";
    let h = Harness::builder().gateways(2).config("gateway", settings).start().await?;
    let (ann, bob) = (h.user("ann").await?, h.user("bob").await?);
    let chat = direct(&ann, &bob).await?;
    let mut anns = Socket::live(&h, 0, &ann.device, None).await?;
    let mut position = Socket::live(&h, 1, &bob.device, None).await?.at();
    let begin = position.seq(ShardId(0)).unwrap();
    let stop = std::sync::atomic::AtomicBool::new(false);
    let sender = async {
        while !stop.load(std::sync::atomic::Ordering::Relaxed) {
            send_many(&mut anns, chat, 0, 1).await?;
        }
        anyhow::Ok(())
    };
    let visitor = async {
        let mut seen = Vec::new();
        for _ in 0..10 {
            h.gateway(1).kill();
            h.gateway(1).spawn()?;
            // Not when it says that it is ready, but as soon as it lets somebody in.
            let mut socket = wait_for("the gateway to let bob in", LATE, || async {
                Socket::hello(&h, 1, &bob.device, Some(&position)).await.map_err(|error| format!("{error:#}"))
            })
            .await;
            socket.caught_up().await?;
            socket.passed(log_end(&h).await?).await?;
            let reset = socket.frames.iter().find(|frame| matches!(frame, ServerFrame::Reset { .. }));
            assert!(reset.is_none(), "{reset:?}");
            position = socket.at();
            seen.extend(socket.seen());
        }
        stop.store(true, std::sync::atomic::Ordering::Relaxed);
        anyhow::Ok(seen)
    };
    let (sent, seen) = tokio::join!(sender, visitor);
    sent?;
    let seen = seen?;
    holds(contiguous(bob.id(), &seen));
    let upto = seen.last().map_or(begin, |seen| seen.seq);
    let log: Vec<Seq> = conversation_log(&h, chat).await?.into_iter().filter(|seq| *seq > begin && *seq <= upto).collect();
    assert_eq!(seqs(&seen, chat), log);
    h.finish().await
}

#[tokio::test]
async fn those_who_come_back_together_share_what_was_read_but_nothing_erased() -> TestResult {
    // A gateway that has just started and has nothing of the past: everybody's gap is in the database alone.
    let h = Harness::builder().gateways(2).config("gateway", "ring_warmup_ms = 0").start().await?;
    let (ann, bob, cyd, dan) = (h.user("ann").await?, h.user("bob").await?, h.user("cyd").await?, h.user("dan").await?);
    let chat = group(&ann, &[&bob, &cyd, &dan]).await?;
    let mut anns = Socket::live(&h, 0, &ann.device, None).await?;
    let mut positions = Vec::new();
    for user in [&bob, &cyd, &dan] {
        positions.push(Socket::live(&h, 1, &user.device, None).await?.at());
    }
    send_many(&mut anns, chat, 0, 99).await?;
    let secret = anns.post(chat, &ulid_key(0), "secret").await?;
    persisted(&h).await?;
    h.gateway(1).kill();
    h.gateway(1).restart().await?;

    let log = conversation_log(&h, chat).await?;
    for (user, position) in [&bob, &cyd].into_iter().zip(&positions) {
        let seen = Socket::live(&h, 1, &user.device, Some(position)).await?.seen();
        holds(contiguous(user.id(), &seen));
        let missed: Vec<Seq> = log.iter().copied().filter(|seq| Some(*seq) > position.seq(ShardId(0))).collect();
        assert_eq!(seqs(&seen, chat), missed, "{}", user.id());
    }
    let metrics = h.gateway(1).metrics().await?;
    let shared = metrics.lines().find(|line| line.starts_with("relay_replay_cache_frames_total ")).unwrap_or("nothing");
    assert_eq!(shared, "relay_replay_cache_frames_total 100", "the second one's gap was read for the first one");

    h.relayctl(&["erase", "message", &chat.to_string(), &secret.message_id.to_string()]).await?;
    persisted(&h).await?;
    let seen = Socket::live(&h, 1, &dan.device, positions.last()).await?.seen();
    holds(contiguous(dan.id(), &seen));
    let tombstone = seen.iter().find(|seen| seen.seq == secret.seq).and_then(|seen| seen.message.as_ref());
    assert_eq!(tombstone.map(|message| &message.body), Some(&MessageBody::Erased));
    h.finish().await
}
