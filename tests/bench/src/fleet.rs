//! Many connected clients in one process, on the SDK's socket.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use anyhow::Context as _;
use futures::{StreamExt as _, TryStreamExt as _};
use hdrhistogram::Histogram;
use relay_client::{Connection, Incoming, SocketOptions};
use relay_protocol::{MessageBody, Position, SendMessage, ServerFrame};
use relay_types::{ClientId, ConversationId, IdGen as _, SystemIds};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use crate::population::Person;
use crate::report::histogram;
use crate::stamp;

/// Sockets opened at once.
const OPENING: usize = 256;
/// Orders that wait for one client.
const ORDERS: usize = 1024;
const HELLO_LIMIT: Duration = Duration::from_mins(1);

/// What all clients saw together. Latencies in microseconds, from the intended send time.
#[derive(Default)]
pub struct Seen {
    pub acks: AtomicU64,
    pub deliveries: AtomicU64,
    pub errors: AtomicU64,
    pub ack_us: Mutex<Option<Histogram<u64>>>,
    pub delivery_us: Mutex<Option<Histogram<u64>>>,
    /// While set, each ack is answered with the next send.
    pub closed_loop: AtomicBool,
}

impl Seen {
    /// Begins a phase: everything at zero.
    pub fn reset(&self) {
        self.acks.store(0, Ordering::Relaxed);
        self.deliveries.store(0, Ordering::Relaxed);
        self.errors.store(0, Ordering::Relaxed);
        for slot in [&self.ack_us, &self.delivery_us] {
            if let Ok(mut slot) = slot.lock() {
                *slot = Some(histogram());
            }
        }
    }

    /// Takes a phase's histogram.
    pub fn take(slot: &Mutex<Option<Histogram<u64>>>) -> Histogram<u64> {
        slot.lock().ok().and_then(|mut slot| slot.take()).unwrap_or_else(histogram)
    }
}

pub fn record(slot: &Mutex<Option<Histogram<u64>>>, intended_us: u64) {
    let latency = stamp::now_us().saturating_sub(intended_us);
    if let Ok(mut slot) = slot.lock()
        && let Some(histogram) = slot.as_mut()
    {
        let _ = histogram.record(latency);
    }
}

/// A message to send.
pub struct Order {
    pub room: ConversationId,
    pub intended_us: u64,
}

/// One connected client.
pub struct Client {
    pub orders: mpsc::Sender<Order>,
    task: JoinHandle<Option<Position>>,
}

/// Connected clients, in the order of the people they stand for.
pub struct Fleet {
    pub clients: Vec<Client>,
}

impl Fleet {
    /// Connects everybody and waits until all are live. `positions` resumes; absent means "from now on".
    pub async fn connect(gateways: &[String], people: &[Person], positions: &[Option<Position>], seen: Arc<Seen>) -> anyhow::Result<Self> {
        let ids = Arc::new(SystemIds::default());
        let opening = people.iter().enumerate().map(|(index, person)| {
            let (gateway, token, seen, ids) =
                (gateways.get(index % gateways.len()).cloned(), Arc::clone(&person.token), Arc::clone(&seen), Arc::clone(&ids));
            let position = positions.get(index).cloned().flatten();
            async move {
                let gateway = gateway.context("no gateway")?;
                // Each in a task of its own, as clients are on their own: a sender that goes on meanwhile must not wait for them.
                #[expect(clippy::disallowed_methods, reason = "a load generator has no supervisor")]
                let connecting = tokio::spawn(async move { Client::connect(&gateway, &token, position, seen, ids).await });
                anyhow::Ok((index, connecting.await??))
            }
        });
        // One that takes long holds up none behind it.
        let mut clients: Vec<(usize, Client)> = futures::stream::iter(opening).buffer_unordered(OPENING).try_collect().await?;
        clients.sort_unstable_by_key(|(index, _)| *index);
        Ok(Self { clients: clients.into_iter().map(|(_, client)| client).collect() })
    }

    /// Disconnects everybody; returns how far each had come.
    pub async fn disconnect(self) -> Vec<Option<Position>> {
        let mut positions = Vec::new();
        for client in self.clients {
            drop(client.orders);
            positions.push(client.task.await.ok().flatten());
        }
        positions
    }

    /// Sends at a steady rate, spread evenly over `senders` (client and room), for `duration`; late sends keep their intended time.
    /// Says how late each was, in microseconds: as much of its latency is this program's, whose timer counts whole milliseconds.
    pub async fn steadily(&self, senders: &[(usize, ConversationId)], rate_per_s: f64, duration: Duration) -> Histogram<u64> {
        let mut late = histogram();
        let (start, gap) = (Instant::now() + Duration::from_millis(50), Duration::from_secs_f64(1.0 / rate_per_s));
        let mut next = start;
        for (client, room) in senders.iter().cycle() {
            if next > start + duration {
                break;
            }
            tokio::time::sleep_until(next.into()).await;
            let _ = late.record(u64::try_from(next.elapsed().as_micros()).unwrap_or(u64::MAX));
            if let Some(client) = self.clients.get(*client) {
                let _ = client.orders.send(Order { room: *room, intended_us: stamp::since_start(next) }).await;
            }
            next += gap;
        }
        late
    }
}

impl Client {
    async fn connect(gateway: &str, token: &str, position: Option<Position>, seen: Arc<Seen>, ids: Arc<SystemIds>) -> anyhow::Result<Self> {
        let options = SocketOptions { connect_timeout: HELLO_LIMIT, ..SocketOptions::default() };
        let (mut connection, _welcome) = Connection::hello(gateway, token, position.as_ref(), &options).await.context("no welcome")?;
        let caught_up = loop {
            let incoming = connection.receive_within(HELLO_LIMIT).await.context("no caught_up in time")?;
            match &incoming {
                Incoming::Text(text) if is_message(text) => {
                    seen.deliveries.fetch_add(1, Ordering::Relaxed);
                }
                _ => match incoming.decode() {
                    Some(ServerFrame::CaughtUp { position }) => break position.parse().ok(),
                    Some(_) => {}
                    None => anyhow::bail!("closed before caught_up: {incoming:?}"),
                },
            }
        };
        let (orders, queue) = mpsc::channel(ORDERS);
        #[expect(clippy::disallowed_methods, reason = "a load generator has no supervisor")]
        let task = tokio::spawn(live(connection, queue, seen, ids, caught_up));
        Ok(Self { orders, task })
    }
}

/// Whether the frame is a message, found without parsing it: its place and its type stand first.
pub fn is_message(frame: &str) -> bool {
    frame.as_bytes().get(..FIRST_BYTES).is_some_and(|first| first.windows(MESSAGE.len()).any(|part| part == MESSAGE))
}

const FIRST_BYTES: usize = 128;
const MESSAGE: &[u8] = br#""type":"MESSAGE_SENT""#;

/// Lives until its orders end; returns the newest position it was given.
async fn live(
    mut connection: Connection,
    mut orders: mpsc::Receiver<Order>,
    seen: Arc<Seen>,
    ids: Arc<SystemIds>,
    mut position: Option<Position>,
) -> Option<Position> {
    let mut in_flight: HashMap<ClientId, (ConversationId, u64)> = HashMap::new();
    loop {
        tokio::select! {
            order = orders.recv() => {
                let Some(order) = order else { break };
                send(&mut connection, &ids, &mut in_flight, &order);
            }
            incoming = connection.receive() => {
                let Incoming::Text(text) = incoming else { break };
                let text = text.as_str();
                if is_message(text) {
                    seen.deliveries.fetch_add(1, Ordering::Relaxed);
                    if let Some(intended) = stamp::read(text) {
                        record(&seen.delivery_us, intended);
                    }
                } else if let Ok(ServerFrame::MessageAck(ack)) = serde_json::from_str(text) {
                    seen.acks.fetch_add(1, Ordering::Relaxed);
                    if let Some((room, intended)) = in_flight.remove(&ack.client_id) {
                        record(&seen.ack_us, intended);
                        if seen.closed_loop.load(Ordering::Relaxed) {
                            send(&mut connection, &ids, &mut in_flight, &Order { room, intended_us: stamp::now_us() });
                        }
                    }
                } else if text.starts_with(r#"{"type":"error""#) {
                    seen.errors.fetch_add(1, Ordering::Relaxed);
                }
            }
        }
    }
    // A last ping tells how far this client has come.
    connection.queue_text(relay_protocol::command::encode::ping(None));
    while let Ok(frame) = connection.frame_within(Duration::from_secs(5)).await {
        if let ServerFrame::Pong { position: newest, .. } = frame {
            position = newest.and_then(|newest| newest.parse().ok()).or(position);
            break;
        }
    }
    position
}

fn send(connection: &mut Connection, ids: &SystemIds, in_flight: &mut HashMap<ClientId, (ConversationId, u64)>, order: &Order) {
    let (Ok(client_id), Ok(text)) = (ids.next_ulid().to_string().parse::<ClientId>(), stamp::text(order.intended_us).parse()) else {
        return;
    };
    in_flight.insert(client_id.clone(), (order.room, order.intended_us));
    connection.queue_send(&SendMessage {
        client_id,
        conversation_id: order.room,
        body: MessageBody::Text { text },
        reply_to: None,
        thread: None,
    });
}
