//! What a reset takes from a device: it reloads over REST, which shows the intervals that go on and no others.

use crate::history::{Device, What};
use crate::index::{Index, Interval};

/// Stretches of the log that a device passed over: after the last event that it was told before a reset, and before the first
/// that it was told behind it.
pub(crate) struct PassedOver(Vec<(u64, u64)>);

impl PassedOver {
    pub(crate) fn by(device: &Device) -> Self {
        let (mut stretches, mut told, mut open) = (Vec::new(), 0, None);
        for event in &device.events {
            match event.what {
                What::Reset => open = open.or(Some(told)),
                What::Restarted => {}
                _ if event.reloaded => {}
                _ => {
                    stretches.extend(open.take().map(|after| (after, event.seq)));
                    told = told.max(event.seq);
                }
            }
        }
        stretches.extend(open.map(|after| (after, u64::MAX)));
        Self(stretches)
    }

    /// Whether the device passed over this place.
    pub(crate) fn covers(&self, seq: u64) -> bool {
        self.0.iter().any(|(after, before)| *after < seq && seq < *before)
    }

    /// Whether the message there cannot be asked of the device: its user's interval ended, and it was passed over.
    pub(crate) fn excuses(&self, index: &Index, room: u32, user: u32, seq: u64) -> bool {
        let in_stay = |interval: &Interval| (interval.from..=interval.upto).contains(&seq);
        self.covers(seq)
            && index
                .intervals
                .get(&(room, user))
                .is_some_and(|intervals| intervals.iter().any(|interval| in_stay(interval) && interval.upto < u64::MAX))
    }
}
