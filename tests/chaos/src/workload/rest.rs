//! Messages sent over REST, each until it is answered or given up; every try has the same key.

use std::sync::Arc;
use std::time::Duration;

use rand::rngs::StdRng;
use rand::seq::IndexedRandom as _;
use rand::{RngExt as _, SeedableRng as _};
use relay_protocol::MessageBody;
use relay_types::{ClientId, IdGen as _, SystemIds};

use super::directory::{key_number, text_of};
use super::{Directory, Gate, Population, RoomKind};
use crate::record::{Answer, NO_LINE, Record, Sent};
use crate::timeline::now_us;

/// How long one message is tried.
const GIVE_UP: Duration = Duration::from_secs(20);

/// Sends a few messages per second, one after the other.
pub async fn post(seed: u64, population: Arc<Population>, directory: Arc<Directory>, record: Arc<Record>, gate: Gate) {
    let (mut rng, ids) = (StdRng::seed_from_u64(seed ^ 3), SystemIds::default());
    let rooms: Vec<_> = population.rooms.iter().filter(|room| matches!(room.kind, RoomKind::Pair | RoomKind::Group)).collect();
    loop {
        tokio::time::sleep(Duration::from_millis(rng.random_range(50..300))).await;
        let Some(_pass) = gate.pass().await else { return };
        let Some(room) = rooms.choose(&mut rng) else { return };
        let Some(person) = room.core.choose(&mut rng).and_then(|person| population.people.get(*person)) else { continue };
        let Ok(key) = ids.next_ulid().to_string().parse::<ClientId>() else { continue };
        let number = key_number(&key);
        let Ok(text) = text_of(number, "over REST").parse() else { continue };
        let body = MessageBody::Text { text };
        let _open = record.open_call();
        let send = record.called(Sent {
            sender: directory.user(person.user),
            device: u32::MAX,
            room: directory.room(room.id),
            key: number,
            line: NO_LINE,
            called_us: now_us(),
            answer: Answer::None,
        });
        let tries = async {
            loop {
                match person.api.post_message(room.id, &key, &body).await {
                    Ok(ack) => return Some(ack),
                    Err(error) if error.retryable() => tokio::time::sleep(Duration::from_millis(200)).await,
                    Err(error) => {
                        tracing::debug!(%error, "refused over REST");
                        return None;
                    }
                }
            }
        };
        if let Ok(Some(ack)) = tokio::time::timeout(GIVE_UP, tries).await {
            record.answered(send, Answer::Acked { seq: ack.seq.0, at_us: now_us() });
        }
    }
}
