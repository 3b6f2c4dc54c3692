//! Devices that talk in pairs all the time, a little: by them the run sees when sending and receiving work again.

use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;

use super::population::LoginRole;
use super::{Device, Gate, Population, RoomKind};
use crate::timeline::now_us;

/// Between two messages of a prober.
const EVERY: Duration = Duration::from_millis(100);
/// A prober with this many unanswered sends waits.
const OPEN: usize = 200;

/// How far each prober is.
#[derive(Clone)]
pub struct Probers(Arc<[Mutex<Progress>]>);

#[derive(Debug, Clone, Copy, Default)]
struct Progress {
    /// When the newest of its acknowledged messages was sent, and where that lies.
    sent_us: u64,
    acked: u64,
    /// The newest of its messages that its partner has received.
    heard: u64,
}

impl Probers {
    pub fn new(count: usize) -> Self {
        Self((0..count).map(|_| Mutex::default()).collect())
    }

    /// A message that `prober` sent then was acknowledged.
    pub fn acknowledged(&self, prober: usize, sent_us: u64, seq: u64) {
        if let Some(progress) = self.0.get(prober) {
            let mut progress = progress.lock();
            progress.sent_us = progress.sent_us.max(sent_us);
            progress.acked = progress.acked.max(seq);
        }
    }

    /// `prober` received a message of its partner's, which is its neighbour.
    pub fn heard(&self, prober: usize, seq: u64) {
        if let Some(partner) = self.0.get(prober ^ 1) {
            let mut partner = partner.lock();
            partner.heard = partner.heard.max(seq);
        }
    }

    /// Waits until each has had a message acknowledged that it sent after `since_us`, and its partner has it; when that was, if
    /// in time.
    pub async fn recovered(&self, since_us: u64, limit: Duration) -> Option<u64> {
        let deadline = tokio::time::Instant::now() + limit;
        let recovered = |progress: &Mutex<Progress>| {
            let progress = *progress.lock();
            progress.sent_us >= since_us && progress.heard >= progress.acked
        };
        while tokio::time::Instant::now() < deadline {
            if self.0.iter().all(recovered) {
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
