//! Devices that send all the time, a little: by them the run sees when sending works again.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use super::population::LoginRole;
use super::{Device, Gate, Population, RoomKind};
use crate::timeline::now_us;

/// Between two messages of a prober.
const EVERY: Duration = Duration::from_millis(100);
/// A prober with this many unanswered sends waits.
const OPEN: usize = 200;

/// For each prober, when the newest of its acknowledged messages was sent.
#[derive(Clone)]
pub struct Probers(Arc<[AtomicU64]>);

impl Probers {
    pub fn new(count: usize) -> Self {
        Self((0..count).map(|_| AtomicU64::new(0)).collect())
    }

    /// A message that `prober` sent then was acknowledged.
    pub fn acknowledged(&self, prober: usize, sent_us: u64) {
        if let Some(newest) = self.0.get(prober) {
            newest.fetch_max(sent_us, Ordering::Relaxed);
        }
    }

    /// Waits until each has had a message acknowledged that it sent after `since_us`; when that was, if in time.
    pub async fn recovered(&self, since_us: u64, limit: Duration) -> Option<u64> {
        let deadline = tokio::time::Instant::now() + limit;
        while tokio::time::Instant::now() < deadline {
            if self.0.iter().all(|newest| newest.load(Ordering::Relaxed) >= since_us) {
                return Some(now_us());
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        None
    }
}

/// Sends steadily from every prober and every pinned device.
pub async fn send(population: Arc<Population>, devices: Arc<[Device]>, gate: Gate) {
    let senders: Vec<(usize, usize)> = population
        .rooms
        .iter()
        .enumerate()
        .filter(|(_, room)| room.kind == RoomKind::Probe)
        .flat_map(|(index, room)| room.senders.iter().map(move |sender| (index, *sender)))
        .filter(|(_, sender)| {
            population.logins.get(*sender).is_some_and(|login| matches!(login.role, LoginRole::Prober { .. } | LoginRole::Pinned { .. }))
        })
        .collect();
    let mut tick = tokio::time::interval(EVERY);
    tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Skip);
    while let Some(_pass) = gate.pass().await {
        tick.tick().await;
        for (room, sender) in &senders {
            if let Some(device) = devices.get(*sender)
                && device.open_sends() < OPEN
            {
                device.order(*room, "probe").await;
            }
        }
    }
}
