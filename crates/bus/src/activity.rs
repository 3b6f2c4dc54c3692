//! What people do, for the operator's own programs: one event for each person, kind and place, and minute.
//!
//! At most once: an event is published without waiting for JetStream's word. What is given never waits and nothing waits for it. Events
//! keep their place while NATS is away, and are one with what comes later; what there is no room for is dropped and counted.

mod reader;
mod waiting;

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures::FutureExt as _;
use parking_lot::Mutex;
use relay_domain::ports::ActivityNews;
use relay_protocol::activity::{ACTIVITY_VERSION, ActivityEvent, Deed};
use relay_types::{Clock, UserId};
use tokio::sync::Notify;
use tokio::time::Instant;

use crate::connect::Bus;
use waiting::{Due, Waiting};

pub use reader::{ActivityReader, ReadFrom};
pub use relay_subjects::ActivityKind;

/// Between two tellings.
const EVERY: Duration = Duration::from_millis(250);
/// Events published at once. Core NATS has room for 2,048 commands, which others share.
const TOGETHER: usize = 500;
/// For the last ones, when the process ends.
const FINISH_WITHIN: Duration = Duration::from_secs(3);

/// See the module.
pub struct ActivityTeller {
    bus: Bus,
    clock: Arc<dyn Clock>,
    /// This process's name among the others.
    process: String,
    is_on: bool,
    waiting: Mutex<Waiting>,
    wake: Notify,
}

impl ActivityTeller {
    /// Tells over `bus`, as soon as [`Self::run`] does. `kind` of process, such as `gateway`, is part of its name.
    pub fn new(bus: Bus, kind: &str, clock: Arc<dyn Clock>) -> Self {
        let process = format!("{kind}-{:016x}", rand::random::<u64>());
        let is_on = bus.config.activity;
        Self { bus, clock, process, is_on, waiting: Mutex::default(), wake: Notify::new() }
    }

    /// Tells, until it is dropped.
    ///
    /// # Cancel safety
    /// Cancel safe: what waits goes on waiting.
    pub async fn run(&self) {
        loop {
            if self.waiting.lock().is_empty() {
                self.wake.notified().await;
            }
            if self.bus.is_connected() {
                self.tell_due();
            }
            tokio::time::sleep(EVERY).await;
        }
    }

    /// Tells what waits, whenever it was due, because this process ends. Takes up to 3 s.
    ///
    /// # Cancel safety
    /// Cancel safe; the rest is not told.
    pub async fn finish(&self) {
        let last = std::mem::take(&mut *self.waiting.lock()).into_rest();
        let mut left = last.len();
        let telling = async {
            for due in last {
                let (kind, subject, payload) = self.encode(&due);
                if self.bus.client.publish(subject, payload).await.is_ok() {
                    count(kind);
                    left -= 1;
                }
            }
            self.bus.flush().await;
        };
        if tokio::time::timeout(FINISH_WITHIN, telling).await.is_err() || left > 0 {
            metrics::counter!("relay_activity_dropped_total").increment(left as u64);
        }
    }

    fn tell_due(&self) {
        let due = self.waiting.lock().take_due(Instant::now(), TOGETHER);
        let mut due = due.into_iter();
        while let Some(next) = due.next() {
            let (kind, subject, payload) = self.encode(&next);
            if !matches!(self.bus.client.publish(subject, payload).now_or_never(), Some(Ok(()))) {
                self.waiting.lock().give_back(std::iter::once(next).chain(due));
                return;
            }
            count(kind);
        }
    }

    fn encode(&self, due: &Due) -> (ActivityKind, String, Bytes) {
        let kind = kind(due.what);
        let event =
            ActivityEvent { v: ACTIVITY_VERSION, what: due.what, user_id: due.user, at_ms: due.at_ms, process: self.process.clone() };
        // Such a shape has an encoding.
        let payload = serde_json::to_vec(&event).unwrap_or_default();
        (kind, relay_subjects::activity(kind, due.user), Bytes::from(payload))
    }
}

impl ActivityNews for ActivityTeller {
    fn tell(&self, user: UserId, what: Deed) {
        if self.is_on {
            self.waiting.lock().add(user, what, self.clock.now_ms());
            self.wake.notify_one();
        }
    }
}

fn count(kind: ActivityKind) {
    metrics::counter!("relay_activity_events_total", "kind" => kind.as_str()).increment(1);
}

const fn kind(what: Deed) -> ActivityKind {
    match what {
        Deed::UserConnected => ActivityKind::Connected,
        Deed::UserDisconnected => ActivityKind::Disconnected,
        Deed::MessageDelivered { .. } => ActivityKind::Delivered,
        Deed::MessageRead { .. } => ActivityKind::Read,
    }
}
