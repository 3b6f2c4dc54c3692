//! People who join and leave, and devices that crash.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use rand::rngs::StdRng;
use rand::seq::IndexedRandom as _;
use rand::{RngExt as _, SeedableRng as _};
use relay_types::{ConversationId, UserId};

use super::population::LoginRole;
use super::{Device, Directory, Gate, Population, RoomKind};
use crate::record::{MembershipCall, Record};
use crate::timeline::now_us;

/// Removes members of groups and adds them again, one change after another.
pub async fn members(seed: u64, population: Arc<Population>, directory: Arc<Directory>, record: Arc<Record>, gate: Gate) {
    let mut rng = StdRng::seed_from_u64(seed ^ 1);
    let groups: Vec<usize> =
        (0..population.rooms.len()).filter(|index| population.rooms.get(*index).is_some_and(|r| r.kind == RoomKind::Group)).collect();
    // Who is in, as far as the answers tell; unknown after a call without one.
    let mut inside: HashMap<(ConversationId, UserId), Option<bool>> = HashMap::new();
    loop {
        tokio::time::sleep(Duration::from_millis(rng.random_range(100..800))).await;
        let Some(_pass) = gate.pass().await else { return };
        let Some(room) = groups.choose(&mut rng).and_then(|room| population.rooms.get(*room)) else { return };
        let Some(person) = room.churning.choose(&mut rng).and_then(|person| population.people.get(*person)) else { continue };
        let Some(owner) = room.core.first().and_then(|owner| population.people.get(*owner)) else { continue };
        let (called_us, _open) = (now_us(), record.open_call());
        let known = inside.entry((room.id, person.user)).or_insert(Some(true));
        let add = !known.unwrap_or(true);
        // Whoever shares nothing with the owner any more is asked, and says yes.
        let answer = if add {
            match owner.api.add_member(room.id, person.user).await {
                Ok(outcome) if outcome.invited.contains(&person.user) => person.api.accept(room.id).await,
                Ok(_) => Ok(()),
                Err(error) => Err(error),
            }
        } else {
            owner.api.remove_member(room.id, person.user).await
        };
        // Who is in already may be added again, which changes nothing: only what was known to be otherwise is a change.
        if answer.is_ok() && known.is_some() {
            record.changed_membership(MembershipCall {
                room: directory.room(room.id),
                user: directory.user(person.user),
                added: add,
                called_us,
                answered_us: now_us(),
            });
        }
        *known = answer.is_ok().then_some(add);
    }
}

/// Ordinary devices die without a word and come back, some of them much later.
pub async fn devices(seed: u64, devices: Arc<[Device]>, gate: Gate) {
    let mut rng = StdRng::seed_from_u64(seed ^ 2);
    let ordinary: Vec<usize> =
        (0..devices.len()).filter(|index| devices.get(*index).is_some_and(|device| device.role == LoginRole::Ordinary)).collect();
    loop {
        tokio::time::sleep(Duration::from_millis(rng.random_range(200..1_500))).await;
        if gate.pass().await.is_none() {
            return;
        }
        let away = if rng.random_bool(0.1) {
            Duration::from_secs(rng.random_range(5..20))
        } else {
            Duration::from_millis(rng.random_range(0..500))
        };
        if let Some(device) = ordinary.choose(&mut rng).and_then(|index| devices.get(*index)) {
            device.crash(away).await;
        }
    }
}
