//! Ephemeral notices, which have no place in the log: who is typing.
//!
//! A session [gives](Ephemeral::typing) a notice. It waits in [`outgoing`], where a newer one of the same person takes its
//! place. [`exchange`] is the one task that tells: it asks [`audience`] whether the conversation is one in which such
//! things are told, hands the notices to the sockets of this gateway, and publishes one batch per bucket, at most every
//! 100 ms. Batches of others go to the sockets here in the same way. Who gets a frame is the hub's decision at that moment.

pub(crate) mod audience;
mod exchange;
mod later;
mod outgoing;

use std::sync::Arc;

use parking_lot::Mutex;
use relay_domain::ports::{EphemeralAudience, EphemeralLink};
use relay_protocol::TypingState;
use relay_protocol::ephemeral::{TYPING_LASTS_MS, TypingNotice};
use relay_runtime::{Supervisor, Task};
use relay_types::{ConversationId, TimestampMs, UserId};
use tokio::sync::Notify;

use crate::hub::Hub;
use crate::metrics::Dropped;
use outgoing::{Added, Outgoing};

/// What sessions give and the exchange takes.
pub(crate) struct Ephemeral {
    outgoing: Mutex<Outgoing>,
    wake: Notify,
}

/// What telling needs from the world.
#[derive(Clone)]
pub(crate) struct EphemeralParts {
    pub(crate) hub: Arc<Hub>,
    pub(crate) link: Arc<dyn EphemeralLink>,
    pub(crate) audience: Arc<dyn EphemeralAudience>,
}

impl Ephemeral {
    /// Each person may give so many notices per second; with 0 nothing is told.
    pub(crate) fn new(per_s: u32) -> Self {
        Self { outgoing: Mutex::new(Outgoing::new(per_s)), wake: Notify::new() }
    }

    /// The user types in the conversation, or has stopped. Told to the others soon, or not at all; nobody is told which.
    pub(crate) fn typing(&self, hub: &Hub, now_ms: TimestampMs, user: UserId, conversation: ConversationId, state: TypingState) {
        if !self.outgoing.lock().may_give(user, std::time::Instant::now()) {
            return Dropped::RateLimited.count(1);
        }
        let (shard, as_of) = match hub.place_of(user, conversation) {
            Ok(place) => place,
            Err(why) => return why.count(1),
        };
        let until_ms = (state == TypingState::Typing).then(|| now_ms.saturating_add_unsigned(TYPING_LASTS_MS));
        let notice = TypingNotice { conversation_id: conversation, user_id: user, state, until_ms, shard, as_of };
        let added = self.outgoing.lock().add(notice);
        match added {
            Added::Waits => self.wake.notify_one(),
            Added::Conflated => metrics::counter!("relay_ephemeral_conflated_total").increment(1),
            Added::Full => Dropped::Full.count(1),
        }
    }

    fn take(&self) -> Vec<TypingNotice> {
        self.outgoing.lock().take()
    }

    /// Tells until the task is stopped.
    pub(crate) fn serve(self: &Arc<Self>, supervisor: &Supervisor, parts: EphemeralParts) {
        let ephemeral = Arc::clone(self);
        supervisor.spawn("ephemeral", relay_runtime::Restart::Backoff { cap: RESTART_CAP }, move |task: Task| {
            exchange::run(task, Arc::clone(&ephemeral), parts.clone())
        });
    }
}

/// The link's own trouble heals by itself; this is for what does not.
const RESTART_CAP: std::time::Duration = std::time::Duration::from_secs(5);
