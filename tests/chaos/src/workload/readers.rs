//! Reading one's own writes over REST: whoever has an acknowledgement finds the message in the history.

use std::sync::Arc;
use std::time::Duration;

use rand::rngs::StdRng;
use rand::seq::IndexedRandom as _;
use rand::{RngExt as _, SeedableRng as _};
use relay_protocol::MessageBody;
use relay_protocol::rest::HistoryQuery;
use relay_types::{ClientId, IdGen as _, Seq, SystemIds};

use super::directory::{key_number, text_of};
use super::{Device, Directory, Gate, Population, RoomKind};
use crate::record::{Answer, NO_LINE, ReadBack, Record, Sent};
use crate::timeline::now_us;

/// Devices say what their person has read, as fast as somebody who scrolls: the person's other devices are told.
pub async fn move_marks(seed: u64, population: Arc<Population>, devices: Arc<[Device]>, record: Arc<Record>, gate: Gate) {
    let mut rng = StdRng::seed_from_u64(seed ^ 5);
    let senders = population.rooms.iter().enumerate();
    let places: Vec<(usize, usize)> = senders.flat_map(|(room, of)| of.senders.iter().map(move |device| (*device, room))).collect();
    loop {
        tokio::time::sleep(Duration::from_millis(rng.random_range(20..120))).await;
        let Some(_pass) = gate.pass().await else { return };
        let Some((device, room)) = places.choose(&mut rng).copied() else { return };
        let (Some(login), Some(place)) = (population.logins.get(device), population.rooms.get(room)) else { continue };
        let head = devices.get(device).map_or(0, |device| device.head(room));
        if head > 0 {
            let _open = record.open_call();
            // Without an answer the mark may have moved or not; what is told of it is judged.
            let _ = login.api.mark_read(place.id, Seq(head)).await;
        }
    }
}

/// Sends over REST and reads at once, as the peer.
pub async fn read_own_writes(seed: u64, population: Arc<Population>, directory: Arc<Directory>, record: Arc<Record>, gate: Gate) {
    let (mut rng, ids) = (StdRng::seed_from_u64(seed ^ 4), SystemIds::default());
    let pairs: Vec<_> = population.rooms.iter().filter(|room| room.kind == RoomKind::Pair).collect();
    loop {
        tokio::time::sleep(Duration::from_millis(rng.random_range(100..600))).await;
        let Some(_pass) = gate.pass().await else { return };
        let Some(room) = pairs.choose(&mut rng) else { return };
        let members: Vec<_> = room.core.iter().filter_map(|person| population.people.get(*person)).collect();
        let [writer, reader, ..] = members.as_slice() else { continue };
        let Ok(key) = ids.next_ulid().to_string().parse::<ClientId>() else { continue };
        let number = key_number(&key);
        let Ok(text) = text_of(number, "read me").parse() else { continue };
        let _open = record.open_call();
        let send = record.called(Sent {
            sender: directory.user(writer.user),
            device: u32::MAX,
            room: directory.room(room.id),
            key: number,
            line: NO_LINE,
            called_us: now_us(),
            answer: Answer::None,
        });
        let Ok(ack) = writer.api.post_message(room.id, &key, &MessageBody::Text { text }).await else { continue };
        let acked_us = now_us();
        record.answered(send, Answer::Acked { seq: ack.seq.0, at_us: acked_us });
        let after = Some(Seq(ack.seq.0.saturating_sub(1)));
        let query = HistoryQuery { conversation_id: room.id, before: None, after, unread: None, limit: Some(1), changes: None };
        let called_us = now_us();
        // A server that cannot answer has not answered wrongly.
        if let Ok(page) = reader.api.history(&query).await {
            let found = page.messages.first().is_some_and(|message| message.message_id == ack.message_id);
            record.read_back(ReadBack { room: directory.room(room.id), seq: ack.seq.0, acked_us, called_us, found });
        }
    }
}
