//! The task that follows one shard and feeds the hub.

use std::sync::Arc;
use std::time::{Duration, Instant};

use futures::StreamExt as _;
use relay_domain::ports::{TailError, TailSource, TailStart};
use relay_runtime::Task;
use relay_types::{Clock, Seq, ShardId};

use crate::hub::Hub;

/// How often the log's ends are looked up: the oldest event decides whether a position is too old, the newest whether the
/// tail keeps up.
const HEAD_EVERY: Duration = Duration::from_secs(5);
/// The same while the tail is away: nobody may send here until it is known to be at the log's end.
const HEAD_AGAIN: Duration = Duration::from_secs(1);

/// Follows `shard` until told to stop. An epoch change ends the process: its memory is of another log, so everyone
/// reconnects, to a fresh gateway, and is told `reset`.
#[expect(clippy::too_many_arguments, reason = "a task's parts")]
pub(crate) async fn follow(
    task: Task,
    tails: Arc<dyn TailSource>,
    hub: Arc<Hub>,
    clock: Arc<dyn Clock>,
    shard: ShardId,
    epoch: String,
    warmup: Duration,
    revocations: Duration,
) -> anyhow::Result<()> {
    let head = tails.head(shard).await?;
    if head.epoch != epoch {
        return Err(TailError::EpochChanged { expected: epoch, found: head.epoch }.into());
    }
    hub.clock.answered(head.now_ms);
    hub.clock.observe_life(shard, &head);
    // A token outlives its session's end: whoever was logged out before this gateway started stays out. What somebody says
    // who left before it started is void still.
    hub.remember_ended(shard, tails.ended(shard, revocations).await?);
    let mut tail = tails.open(shard, &epoch, TailStart::Recent { age: warmup, most: hub.most_remembered(), end: head.last }).await?;
    let lag = metrics::gauge!("relay_tail_lag_events", "shard" => shard.to_string());
    let (mut begun, mut warm, mut known_head) = (false, false, head.clone());
    if head.last < head.first || head.last == Seq::ZERO {
        // An empty log: the tail has nothing to show before the first event.
        hub.begin_shard(shard, head.last, &head);
        hub.warmed_up(shard);
        (begun, warm) = (true, true);
        task.health.up();
    }
    let mut behind = false;
    // Beside the tail, not between its events: a log without a leader answers late.
    let looks = futures::stream::unfold((Arc::clone(&tails), Arc::clone(&hub)), |(tails, hub)| async move {
        tokio::time::sleep(if hub.in_sight(shard) { HEAD_EVERY } else { HEAD_AGAIN }).await;
        let asked = Instant::now();
        Some(((asked, tails.head(shard).await), (tails, hub)))
    });
    tokio::pin!(looks);
    // With nothing young enough in the log, the first event to come is the next one. The same holds when what was last in it
    // has been deleted.
    let quiet = tokio::time::sleep(WARMUP_LIMIT);
    tokio::pin!(quiet);
    loop {
        tokio::select! {
            () = task.stop.cancelled() => return Ok(()),
            () = &mut quiet, if !warm => {
                if !begun {
                    hub.begin_shard(shard, head.last, &head);
                }
                hub.warmed_up(shard);
                (begun, warm) = (true, true);
                task.health.up();
            }
            Some((asked, looked)) = looks.next() => {
                let Ok(now) = looked else { continue };
                if now.epoch != epoch {
                    hub.forget_all();
                    return Err(TailError::EpochChanged { expected: epoch, found: now.epoch }.into());
                }
                hub.set_first(shard, now.first);
                hub.looked(shard, now.last, asked);
                hub.clock.answered(now.now_ms);
                let passed = hub.heads().get(&shard).copied().unwrap_or_default();
                #[expect(clippy::cast_precision_loss, reason = "a gauge is a float")]
                lag.set(now.last.0.saturating_sub(passed.0) as f64);
                // What the look before saw has had all the time since to pass.
                let overdue = known_head.last.0.saturating_sub(passed.0);
                if begun && overdue > 0 {
                    tracing::warn!(shard = shard.0, overdue, "the tail has fallen behind the log");
                    task.health.degraded(format!("{overdue} events of the log are more than {} s late", HEAD_EVERY.as_secs()));
                    behind = true;
                } else if behind {
                    tracing::info!(shard = shard.0, "the tail has caught up with the log");
                    task.health.up();
                    behind = false;
                }
                known_head = now;
            }
            events = tail.next() => {
                let mut events = match events {
                    Ok(events) => events,
                    Err(error @ TailError::EpochChanged { .. }) => {
                        hub.forget_all();
                        return Err(error.into());
                    }
                    Err(TailError::Unavailable { reason }) => {
                        // Goes on where it was: the tail keeps its sequence.
                        task.health.down(reason);
                        tokio::select! {
                            () = task.stop.cancelled() => return Ok(()),
                            () = tokio::time::sleep(RETRY) => continue,
                        }
                    }
                };
                if !begun {
                    // Nothing between the log's end at start and this event can be missing: it was not there yet.
                    let first = events.first().map_or(head.last, |event| event.seq);
                    hub.begin_shard(shard, Seq(first.0.saturating_sub(1)).min(head.last), &head);
                    begun = true;
                }
                let covered = hub.heads().get(&shard).copied().unwrap_or_default();
                events.retain(|event| event.seq > covered);
                let last = events.last().map(|event| event.seq);
                hub.apply(shard, events, clock.now_ms()).await;
                if !warm {
                    quiet.as_mut().reset(tokio::time::Instant::now() + WARMUP_SILENCE);
                    warm = last.is_some_and(|last| last >= head.last);
                    if warm {
                        hub.warmed_up(shard);
                    }
                }
                if last.is_some_and(|last| last >= known_head.last) {
                    task.health.up();
                }
            }
        }
    }
}

/// Between attempts while NATS is away.
const RETRY: Duration = Duration::from_millis(200);
/// A log whose newest event is older than the warm-up sends nothing; then the tail starts at its end.
const WARMUP_LIMIT: Duration = Duration::from_millis(300);
/// A warm-up in which nothing more comes for so long has come to its end.
const WARMUP_SILENCE: Duration = Duration::from_secs(3);
