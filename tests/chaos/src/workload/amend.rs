//! Edits and deletions of what one sent a moment ago, and reactions to what one saw.

use std::sync::Arc;
use std::time::Duration;

use rand::rngs::StdRng;
use rand::seq::IndexedRandom as _;
use rand::{RngExt as _, SeedableRng as _};

use super::{Device, Gate, Population, RoomKind};

/// Has devices of pairs edit and delete their newest messages, and react to any, until the gate says that the run is over. A message that is deleted was
/// never edited: its edits leave the log as it does, and would have to be known from elsewhere.
pub async fn offer(seed: u64, population: Arc<Population>, devices: Arc<[Device]>, gate: Gate) {
    let mut rng = StdRng::seed_from_u64(seed ^ 6);
    let pairs = population.rooms.iter().filter(|room| room.kind == RoomKind::Pair);
    let senders: Vec<usize> = pairs.flat_map(|room| room.senders.iter().copied()).collect();
    loop {
        tokio::time::sleep(Duration::from_millis(rng.random_range(25..125))).await;
        let Some(_pass) = gate.pass().await else { return };
        let Some(device) = senders.choose(&mut rng).and_then(|sender| devices.get(*sender)) else { return };
        if rng.random_bool(0.5) {
            device.order_reaction().await;
        } else {
            device.order_amendment().await;
        }
    }
}
