//! Who is there. Devices [say](Presence::say) so every 25 s, and name [whom they watch](Presence::watch).
//!
//! [`here`] holds what devices of this gateway say. One task ([`exchange`]) makes one state of each person's devices, once a second at
//! most, and tells it to the other gateways and to Valkey, where it lives for a minute. [`watching`] holds what gateways say of the
//! people whom devices here watch, and which of those may know; nothing is kept of anybody else.

mod exchange;
mod here;
mod watching;

use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use relay_domain::ports::{EphemeralLink, PresenceBoard, PresenceRules};
use relay_protocol::presence::SayPresence;
use relay_runtime::{Restart, Supervisor, Task};
use relay_types::{Clock, UserId};

use crate::hub::{Hub, Socket};
use here::Here;
use watching::Watching;

/// The task heals by itself; this is for what does not.
const RESTART_CAP: Duration = Duration::from_secs(5);

/// What sessions say and the exchange takes.
#[derive(Default)]
pub(crate) struct Presence {
    inner: Mutex<Inner>,
}

#[derive(Default)]
struct Inner {
    seats: u64,
    here: Here,
    watching: Watching,
}

/// What telling needs from the world.
#[derive(Clone)]
pub(crate) struct PresenceParts {
    pub(crate) hub: Arc<Hub>,
    pub(crate) link: Arc<dyn EphemeralLink>,
    pub(crate) board: Arc<dyn PresenceBoard>,
    pub(crate) rules: Arc<dyn PresenceRules>,
    pub(crate) clock: Arc<dyn Clock>,
}

/// One socket's place; what it said and whom it watches goes with it.
pub(crate) struct Seat {
    presence: Arc<Presence>,
    id: u64,
    socket: Arc<Socket>,
}

impl Drop for Seat {
    fn drop(&mut self) {
        let mut inner = self.presence.inner.lock();
        inner.here.leave(self.socket.user, self.id);
        inner.watching.leave(self.id);
    }
}

impl Presence {
    /// The socket says something of presence from now on.
    pub(crate) fn enter(self: &Arc<Self>, socket: &Arc<Socket>) -> Seat {
        let mut inner = self.inner.lock();
        inner.seats += 1;
        Seat { presence: Arc::clone(self), id: inner.seats, socket: Arc::clone(socket) }
    }

    /// Tells until the supervisor is told to stop.
    pub(crate) fn serve(self: &Arc<Self>, supervisor: &Supervisor, parts: PresenceParts) {
        let presence = Arc::clone(self);
        supervisor.spawn("presence", Restart::Backoff { cap: RESTART_CAP }, move |task: Task| {
            exchange::run(task, Arc::clone(&presence), parts.clone())
        });
    }
}

impl Seat {
    /// The person uses the device, or does not.
    pub(crate) fn say(&self, say: &SayPresence) {
        self.presence.inner.lock().here.say(self.socket.user, self.id, say, Instant::now());
    }

    /// The device shows these people and no others. They are told anew.
    pub(crate) fn watch(&self, people: &[UserId]) {
        self.presence.inner.lock().watching.watch(self.id, &self.socket, people);
    }
}
