//! Who is there. Devices [say](Presence::say) so every 25 s, and name [whom they watch](Presence::watch).
//!
//! [`here`] holds what devices of this gateway say. One task ([`exchange`]) makes one state of each person's devices, once a second at
//! most, and tells it to the other gateways and to Valkey, where it lives for a minute. [`watching`] holds what gateways say of the
//! people whom devices here watch, and which of those may know; nothing is kept of anybody else.
//!
//! What belongs to a socket ends with it. A device on a stream of events says it to any gateway, in [words](Presence::word): these go to
//! all gateways, and the one that has the stream takes them as a socket's.

mod exchange;
mod here;
mod watching;

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use relay_domain::ports::{EphemeralLink, PresenceBoard, PresenceRules};
use relay_protocol::presence::{PresenceWord, SayPresence};
use relay_runtime::{Restart, Supervisor, Task};
use relay_types::{Clock, SessionId, UserId};
use tokio::sync::Notify;

use crate::hub::{Hub, Socket};
use crate::metrics::Dropped;
use here::Here;
use watching::Watching;

/// The task heals by itself; this is for what does not.
const RESTART_CAP: Duration = Duration::from_secs(5);
/// Words that wait to go to the other gateways at most.
const MOST_WORDS: usize = 1_024;

/// What sessions say and the exchange takes.
#[derive(Default)]
pub(crate) struct Presence {
    inner: Mutex<Inner>,
    /// There are words for the other gateways.
    spoken: Notify,
}

#[derive(Default)]
struct Inner {
    seats: u64,
    here: Here,
    watching: Watching,
    /// The places of streams here.
    streams: HashMap<SessionId, Vec<(u64, Arc<Socket>)>>,
    /// What devices said here without a socket, for the other gateways.
    words: VecDeque<PresenceWord>,
}

impl Inner {
    /// To the streams here of the device.
    fn take_word(&mut self, word: &PresenceWord, now: Instant) {
        let Self { here, watching, streams, .. } = self;
        let of_device = streams.get(&word.session_id).into_iter().flatten();
        for (seat, socket) in of_device.filter(|(_, socket)| socket.user == word.user_id) {
            if let Some(say) = &word.say {
                here.say(socket.user, *seat, say, now);
            }
            if let Some(people) = &word.watch {
                watching.watch(*seat, socket, people);
            }
        }
    }
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
        if let Some(seats) = inner.streams.get_mut(&self.socket.session) {
            seats.retain(|(seat, _)| *seat != self.id);
            if seats.is_empty() {
                inner.streams.remove(&self.socket.session);
            }
        }
    }
}

impl Presence {
    /// The socket says something of presence from now on.
    pub(crate) fn enter(self: &Arc<Self>, socket: &Arc<Socket>) -> Seat {
        let mut inner = self.inner.lock();
        inner.seats += 1;
        Seat { presence: Arc::clone(self), id: inner.seats, socket: Arc::clone(socket) }
    }

    /// As [`Self::enter`], of a socket that is a stream: its device speaks without it.
    pub(crate) fn enter_stream(self: &Arc<Self>, socket: &Arc<Socket>) -> Seat {
        let seat = self.enter(socket);
        self.inner.lock().streams.entry(socket.session).or_default().push((seat.id, Arc::clone(socket)));
        seat
    }

    /// A device says something without a socket: to its streams, here and on the other gateways. It may be lost.
    pub(crate) fn word(&self, word: PresenceWord) {
        let mut inner = self.inner.lock();
        inner.take_word(&word, Instant::now());
        if inner.words.len() >= MOST_WORDS {
            return Dropped::Full.count(1);
        }
        inner.words.push_back(word);
        drop(inner);
        self.spoken.notify_one();
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
