//! What the program was told, in the order in which it came.

#![expect(clippy::disallowed_methods, reason = "a test has no supervisor; its tasks end with its runtime")]

use std::collections::VecDeque;
use std::sync::Arc;

use parking_lot::Mutex;
use relay_protocol::frame::ResetReason;
use relay_types::ClientId;
use tokio::sync::Notify;

use super::super::gateway::soon;
use super::super::{Event, EventStream};

/// Takes events as they come, so that each counts as dealt with, and keeps them for the script.
#[derive(Default, Clone)]
pub struct Told {
    inner: Arc<Inner>,
}

#[derive(Default)]
struct Inner {
    /// Name, place, and whether it was understood.
    events: Mutex<VecDeque<(String, u64, bool)>>,
    others: Mutex<Vec<Event>>,
    news: Notify,
}

impl Told {
    /// Follows a stream until it ends.
    pub fn follow(&self, mut events: EventStream) {
        let inner = Arc::clone(&self.inner);
        tokio::spawn(async move {
            while let Some(event) = events.next().await {
                match place(&event) {
                    Some(place) => inner.events.lock().push_back(place),
                    None => inner.others.lock().push(event),
                }
                events.mark_handled();
                inner.news.notify_waiters();
            }
        });
    }

    pub async fn event(&self) -> (String, u64, bool) {
        self.wait("an event", |inner| inner.events.lock().pop_front()).await
    }

    pub fn no_event(&self) {
        let events = self.inner.events.lock();
        assert!(events.is_empty(), "{events:?}");
    }

    pub async fn gap(&self) {
        self.other("a gap", |event| matches!(event, Event::Gap { .. })).await;
    }

    pub async fn reset(&self, reason: &str) {
        // A reason that this version does not know reads as `Other`.
        let wanted: ResetReason = serde_json::from_value(reason.into()).unwrap();
        self.other("a reset", |event| matches!(event, Event::Reset(said) if *said == wanted)).await;
    }

    pub async fn sent(&self, key: &ClientId) {
        self.other("the ack", |event| matches!(event, Event::Sent(ack) if ack.client_id == *key)).await;
    }

    async fn other(&self, what: &str, wanted: impl Fn(&Event) -> bool) {
        self.wait(what, |inner| inner.others.lock().iter().any(&wanted).then_some(())).await;
    }

    async fn wait<T>(&self, what: &str, find: impl Fn(&Inner) -> Option<T>) -> T {
        soon(what, async {
            loop {
                let news = self.inner.news.notified();
                if let Some(found) = find(&self.inner) {
                    return found;
                }
                news.await;
            }
        })
        .await
    }
}

/// An event's name and place, and whether it was understood; `None` for what is no event.
fn place(event: &Event) -> Option<(String, u64, bool)> {
    match event {
        Event::Message(message) => Some(("MESSAGE_SENT".to_owned(), message.seq.0, true)),
        Event::Happened(frame) => Some((frame.event.name().to_owned(), frame.seq.0, true)),
        Event::Unknown(frame) => Some((frame.name.to_string(), frame.place.as_ref()?.seq.0, false)),
        _ => None,
    }
}
