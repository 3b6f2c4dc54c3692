//! What people have read, as other processes tell it, and what their devices have, as these say. Both are gathered, and told to the
//! sockets here at most every 250 ms, in one frame for each conversation, however many people read it. Who gets a frame is the hub's
//! decision at that moment.
//!
//! What a device says it has goes to [`deliveries`] first, which asks whether it is told in that conversation, and tells the other
//! gateways. [`keeping`] writes it down.

mod deliveries;
mod gathered;
mod keeping;

use std::sync::Arc;
use std::time::Duration;

use futures::future::BoxFuture;
use relay_domain::ports::{ActivityNews, DeliveryMarks, EphemeralAudience, EphemeralLink};
use relay_runtime::{Restart, Supervisor, Task};
use tokio::time::Instant;

use crate::ephemeral::audience::Answer;
use crate::hub::Hub;

pub(crate) use deliveries::Deliveries;
use deliveries::Outgoing;
use gathered::Gathered;

/// Between two frames of one conversation.
const EVERY: Duration = Duration::from_millis(250);
/// Between two batches to the other gateways.
const BATCH_EVERY: Duration = Duration::from_millis(100);
/// Between two looks whether what waits can be told by now: a request may have been answered.
const AGAIN: Duration = Duration::from_millis(500);
/// The task heals by itself; this is for what does not.
const RESTART_CAP: Duration = Duration::from_secs(5);

/// What telling needs.
#[derive(Clone)]
pub(crate) struct ReceiptParts {
    pub(crate) hub: Arc<Hub>,
    pub(crate) link: Arc<dyn EphemeralLink>,
    pub(crate) audience: Arc<dyn EphemeralAudience>,
    pub(crate) marks: Arc<dyn DeliveryMarks>,
    pub(crate) deliveries: Arc<Deliveries>,
    pub(crate) activity: Arc<dyn ActivityNews>,
}

/// Tells and keeps until the supervisor is told to stop.
pub(crate) fn serve(supervisor: &Supervisor, parts: &ReceiptParts) {
    let telling = parts.clone();
    supervisor.spawn("receipts", Restart::Backoff { cap: RESTART_CAP }, move |task: Task| run(task, telling.clone()));
    let keeping = parts.clone();
    supervisor.spawn("delivery-marks", Restart::Backoff { cap: RESTART_CAP }, move |task: Task| keeping::run(task, keeping.clone()));
}

async fn run(task: Task, parts: ReceiptParts) -> anyhow::Result<()> {
    let mut feed = parts.link.listen().await?;
    task.health.up();
    let (mut gathered, mut outgoing) = (Gathered::default(), Outgoing::default());
    let mut question: Option<BoxFuture<'static, Answer>> = None;
    // When frames were told last; when batches went out last, and are to go out next.
    let (mut told, mut sent, mut send_at) = (None, None, None);
    loop {
        if question.is_none() {
            question = outgoing.question(&parts.audience, Instant::now().into_std());
        }
        if send_at.is_none() && !outgoing.is_empty() {
            send_at = Some(Instant::now() + AGAIN);
        }
        let tell_at = (!gathered.is_empty()).then(|| after(told, EVERY));
        tokio::select! {
            () = task.stop.cancelled() => return Ok(()),
            () = until(tell_at) => {
                told = Some(Instant::now());
                gathered.tell(&parts.hub).await;
            }
            () = parts.deliveries.given() => {
                let soon = after(sent, BATCH_EVERY);
                send_at = Some(send_at.map_or(soon, |at: Instant| at.min(soon)));
            }
            () = until(send_at) => {
                (sent, send_at) = (Some(Instant::now()), None);
                let now = Instant::now().into_std();
                outgoing.take_in(parts.deliveries.take(), now);
                // To the other gateways, and to the sockets here.
                let (told, steps) = outgoing.tell(parts.link.as_ref(), now);
                parts.deliveries.note(steps);
                for notice in told {
                    gathered.add_delivered(Instant::now(), notice);
                }
            }
            answer = answered(&mut question) => {
                question = None;
                outgoing.learn(&answer, Instant::now().into_std());
                send_at = Some(after(sent, BATCH_EVERY));
            }
            batch = feed.next() => match batch {
                Some(batch) => gathered.take_in(&batch, Instant::now()),
                None => anyhow::bail!("what people have read is not heard any more"),
            },
        }
    }
}

/// So long after that, or now.
fn after(at: Option<Instant>, pause: Duration) -> Instant {
    at.map_or_else(Instant::now, |at| at + pause)
}

async fn until(at: Option<Instant>) {
    match at {
        Some(at) => tokio::time::sleep_until(at).await,
        None => std::future::pending().await,
    }
}

async fn answered(question: &mut Option<BoxFuture<'static, Answer>>) -> Answer {
    match question {
        Some(question) => question.await,
        None => std::future::pending().await,
    }
}
