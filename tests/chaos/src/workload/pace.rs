//! Messages at a steady rate, from random devices to random conversations.

use std::sync::Arc;
use std::time::Duration;

use rand::rngs::StdRng;
use rand::seq::IndexedRandom as _;
use rand::{RngExt as _, SeedableRng as _};

use super::{Device, Gate, Plan, Population, RoomKind};

/// A device with this many unanswered sends is passed over: people stop typing when nothing goes out.
const OPEN: usize = 48;
/// Of all messages, this share goes to groups.
const TO_GROUPS: f64 = 0.1;
/// Of all messages, this share is sent again with the same key from another device of the sender, if there is one.
const DOUBLED: f64 = 0.02;
/// What a second brings in messages is offered in this many portions.
const PORTIONS: f64 = 50.0;

/// Offers messages until the gate says that the run is over.
pub async fn offer(plan: Plan, population: Arc<Population>, devices: Arc<[Device]>, gate: Gate) {
    let mut rng = StdRng::seed_from_u64(plan.seed);
    let of = |kind| -> Vec<usize> {
        (0..population.rooms.len()).filter(|index| population.rooms.get(*index).is_some_and(|r| r.kind == kind)).collect()
    };
    let (pairs, groups) = (of(RoomKind::Pair), of(RoomKind::Group));
    let mut tick = tokio::time::interval(Duration::from_secs_f64(1.0 / PORTIONS));
    // After a stop, what was missed is not made up for in one burst.
    tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Skip);
    let mut due = 0.0;
    while let Some(_pass) = gate.pass().await {
        tick.tick().await;
        due += plan.rate_per_s / PORTIONS;
        while due >= 1.0 {
            due -= 1.0;
            let rooms = if groups.is_empty() || !rng.random_bool(TO_GROUPS) { &pairs } else { &groups };
            let Some(room) = rooms.choose(&mut rng) else { continue };
            let Some(sender) = population.rooms.get(*room).and_then(|room| room.senders.choose(&mut rng)) else { continue };
            let again = rng.random_bool(DOUBLED);
            let Some(device) = devices.get(*sender).filter(|device| device.open_sends() < OPEN) else { continue };
            let key = device.order(*room, "hello").await;
            if again && let Some(key) = key {
                let other = population.logins.iter().enumerate().find(|(index, login)| {
                    index != sender && population.logins.get(*sender).is_some_and(|mine| mine.person == login.person)
                });
                if let Some(device) = other.and_then(|(index, _)| devices.get(index)) {
                    device.order_again(*room, key).await;
                }
            }
        }
    }
}
