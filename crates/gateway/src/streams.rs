//! The streams of events here, by device, the oldest first.
//!
//! A stream whose client is gone without a word looks as one that is quiet: nothing is heard over it. So a device that has as many
//! sockets as it may, and comes again, ends its oldest stream.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use parking_lot::Mutex;
use relay_protocol::CloseCode;
use relay_types::SessionId;
use tokio::sync::Notify;
use tokio::sync::futures::Notified;

use crate::hub::Socket;
use crate::outbound::Closing;

/// See the module.
#[derive(Default)]
pub(crate) struct Streams {
    by_session: Mutex<HashMap<SessionId, VecDeque<Arc<Socket>>>>,
    left: Notify,
}

/// A stream's entry, until it is dropped.
pub(crate) struct Entry {
    streams: Arc<Streams>,
    socket: Arc<Socket>,
}

impl Drop for Entry {
    fn drop(&mut self) {
        self.streams.forget(&self.socket);
        self.streams.left.notify_waiters();
    }
}

impl Streams {
    pub(crate) fn enter(self: &Arc<Self>, socket: &Arc<Socket>) -> Entry {
        self.by_session.lock().entry(socket.session).or_default().push_back(Arc::clone(socket));
        Entry { streams: Arc::clone(self), socket: Arc::clone(socket) }
    }

    /// Woken when one is gone.
    pub(crate) fn left(&self) -> Notified<'_> {
        self.left.notified()
    }

    /// Ends the oldest of the device, and says whether there was one. None is ended twice.
    pub(crate) fn put_out_oldest(&self, session: SessionId) -> bool {
        let oldest = self.by_session.lock().get_mut(&session).and_then(VecDeque::pop_front);
        let Some(socket) = oldest else { return false };
        socket.outbound.close(Closing { code: CloseCode::Busy, retry_after_ms: None });
        true
    }

    fn forget(&self, socket: &Arc<Socket>) {
        let mut by_session = self.by_session.lock();
        if let Some(streams) = by_session.get_mut(&socket.session) {
            streams.retain(|other| !Arc::ptr_eq(other, socket));
            if streams.is_empty() {
                by_session.remove(&socket.session);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::outbound::Outbound;

    fn socket(session: usize) -> Arc<Socket> {
        let id = |n: usize| format!("{n:026}");
        Arc::new(Socket { user: id(9).parse().unwrap(), session: id(session).parse().unwrap(), outbound: Outbound::new(1 << 10) })
    }

    #[test]
    fn the_oldest_of_a_device_is_put_out_once_and_others_stay() {
        let streams = Arc::new(Streams::default());
        let (first, second, others) = (socket(1), socket(1), socket(2));
        let entries = [&first, &second, &others].map(|socket| streams.enter(socket));
        assert!(streams.put_out_oldest(first.session));
        let is_closing = |socket: &Arc<Socket>| socket.outbound.closing().is_some();
        assert_eq!([&first, &second, &others].map(is_closing), [true, false, false]);
        assert!(streams.put_out_oldest(first.session) && is_closing(&second));
        assert!(!streams.put_out_oldest(first.session), "each of them goes already");
        drop(entries);
        assert!(streams.by_session.lock().is_empty());
    }
}
