//! One device: an SDK client, what it is told to send, and everything it sees.

mod amending;

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use anyhow::Context as _;
use futures::future::BoxFuture;
use futures::stream::FuturesUnordered;
use futures::{FutureExt as _, StreamExt as _};
use relay_client::{ApiClient, Event, EventStream, RealtimeClient, RealtimeConfig, SendError, TokenProvider};
use relay_protocol::frame::MessageAck;
use relay_protocol::{Chain, EventOwner, LogEvent, Message, MessageBody, ReadBy, Receipts};
use relay_types::{ClientId, ConversationId, IdGen as _, SystemIds, UserId};
use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::JoinSet;

use super::directory::{Directory, is_intact, key_number, text_of};
use super::population::LoginRole;
use super::store::Disk;
use super::{Population, Probers, RoomKind};
use crate::cluster::Cluster;
use crate::finals;
use crate::record::{Answer, NO_LINE, Receipt, Record, Seen, Sent, What, own_room};
use crate::timeline::now_us;
use amending::Amending;

/// Orders that wait for one device.
const ORDERS: usize = 512;
/// For all devices to be live at the start.
const START_LIMIT: Duration = Duration::from_secs(60);

enum Order {
    Send { room: usize, key: ClientId, padding: String, again: bool },
    Amend,
    React,
    Crash { away: Duration },
    Finish(oneshot::Sender<()>),
}

/// The handle of a running device.
pub struct Device {
    pub role: LoginRole,
    pub person: usize,
    orders: mpsc::Sender<Order>,
    open: Arc<AtomicUsize>,
    stall: watch::Sender<bool>,
    /// Per room, the newest event seen.
    heads: Arc<[AtomicU64]>,
    /// The newest of the person's own.
    own_head: Arc<AtomicU64>,
    /// The first event told behind the last reset: what lies before it may be out of reach.
    floor: Arc<AtomicU64>,
    ids: Arc<SystemIds>,
}

impl Device {
    /// Starts every device of the population and waits until all are live.
    #[expect(clippy::too_many_arguments, reason = "a run's parts, named once")]
    pub async fn connect_all(
        cluster: &Cluster,
        balancer: &str,
        population: &Arc<Population>,
        directory: &Arc<Directory>,
        record: &Arc<Record>,
        epoch: &Arc<AtomicUsize>,
        probers: &Probers,
        tasks: &mut JoinSet<()>,
    ) -> anyhow::Result<Vec<Self>> {
        let ids = Arc::new(SystemIds::default());
        let (mut devices, mut lives) = (Vec::new(), Vec::new());
        for (index, login) in population.logins.iter().enumerate() {
            let url = match login.role {
                LoginRole::Pinned { gateway } => {
                    let name = cluster.gateways.get(gateway).context("no such gateway")?.process.name();
                    format!("ws://{}", cluster.links.clients.get(name).context("a link per gateway")?.address())
                }
                _ => balancer.to_owned(),
            };
            let person = population.people.get(login.person).context("a login's person")?;
            let (orders, queue) = mpsc::channel(ORDERS);
            let (stall, stalled) = watch::channel(false);
            let (live, is_live) = oneshot::channel();
            let open = Arc::new(AtomicUsize::new(0));
            let heads: Arc<[AtomicU64]> = population.rooms.iter().map(|_| AtomicU64::new(0)).collect();
            let (floor, own_head) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicU64::new(0)));
            let life = Life {
                index,
                me: person.user,
                config: RealtimeConfig { transport: population.transport(index), ..config(url, login.role) },
                tokens: Arc::clone(&login.tokens),
                api: login.api.clone(),
                disk: Arc::new(Disk::default()),
                population: Arc::clone(population),
                directory: Arc::clone(directory),
                record: Arc::clone(record),
                epoch: Arc::clone(epoch),
                probers: probers.clone(),
                role: login.role,
                open: Arc::clone(&open),
                heads: Arc::clone(&heads),
                own_head: Arc::clone(&own_head),
                floor: Arc::clone(&floor),
                out: HashSet::new(),
                receipts: HashMap::new(),
                run: 0,
                carried: HashMap::new(),
                pending: FuturesUnordered::new(),
                amending: Amending::default(),
                stalled,
                live: Some(live),
            };
            tasks.spawn(life.live(queue));
            lives.push(is_live);
            devices.push(Self {
                role: login.role,
                person: login.person,
                orders,
                open,
                stall,
                heads,
                own_head,
                floor,
                ids: Arc::clone(&ids),
            });
        }
        let all = futures::future::join_all(lives);
        let all = tokio::time::timeout(START_LIMIT, all).await.context("not every device went live")?;
        anyhow::ensure!(all.iter().all(Result::is_ok), "a device ended while it connected");
        Ok(devices)
    }

    /// Sends a message with a new key, which is returned unless the device is over its limit.
    pub async fn order(&self, room: usize, padding: &str) -> Option<ClientId> {
        let key: ClientId = self.ids.next_ulid().to_string().parse().ok()?;
        self.give(Order::Send { room, key: key.clone(), padding: padding.to_owned(), again: false }).await.then_some(key)
    }

    /// Sends what another device of the same person sends, with its key.
    pub async fn order_again(&self, room: usize, key: ClientId) {
        self.give(Order::Send { room, key, padding: "hello".to_owned(), again: true }).await;
    }

    /// Edits or deletes a message that the device sent a moment ago, if there is one.
    pub async fn order_amendment(&self) {
        self.give(Order::Amend).await;
    }

    /// Reacts to a message that the device saw a moment ago, if there is one.
    pub async fn order_reaction(&self) {
        self.give(Order::React).await;
    }

    async fn give(&self, order: Order) -> bool {
        self.open.fetch_add(1, Ordering::Relaxed);
        let given = self.orders.send(order).await.is_ok();
        if !given {
            self.open.fetch_sub(1, Ordering::Relaxed);
        }
        given
    }

    /// The device dies without a word and comes back after `away`.
    pub async fn crash(&self, away: Duration) {
        // A device that has ended has nothing left to lose.
        let _ = self.orders.send(Order::Crash { away }).await;
    }

    /// Whether the program takes no events, so that the socket is not read.
    pub fn stall(&self, stalled: bool) {
        self.stall.send_replace(stalled);
    }

    /// Sends without an answer.
    pub fn open_sends(&self) -> usize {
        self.open.load(Ordering::Relaxed)
    }

    /// The newest event seen in a room, the person's own included.
    pub fn head(&self, room: usize) -> u64 {
        if u32::try_from(self.person).is_ok_and(|person| own_room(person) as usize == room) {
            return self.own_head.load(Ordering::Relaxed);
        }
        self.heads.get(room).map_or(0, |head| head.load(Ordering::Relaxed))
    }

    /// Whether the device was reset behind this place; if its user has left since, it cannot get there any more.
    pub fn was_reset_behind(&self, seq: u64) -> bool {
        seq < self.floor.load(Ordering::Relaxed)
    }

    /// Closes the device; its record is complete afterwards.
    pub async fn finish(&self) {
        let (done, finished) = oneshot::channel();
        if self.orders.send(Order::Finish(done)).await.is_ok() {
            let _ = tokio::time::timeout(Duration::from_secs(10), finished).await;
        }
    }
}

fn config(gateway: String, role: LoginRole) -> RealtimeConfig {
    RealtimeConfig {
        event_buffer: if role == LoginRole::FloodReader { 16 } else { 1_000 },
        ping_interval: Duration::from_secs(2),
        pong_timeout: Duration::from_secs(3),
        report_interval: Duration::from_millis(500),
        reconnect_base: Duration::from_millis(50),
        reconnect_cap: Duration::from_secs(1),
        ..RealtimeConfig::new(gateway)
    }
}

enum End {
    Crash(Duration),
    Finish(oneshot::Sender<()>),
    Over,
}

/// What answered a send, with the send's number.
type Answered = (usize, ClientId, u64, Result<MessageAck, SendError>);

struct Life {
    index: usize,
    me: UserId,
    config: RealtimeConfig,
    tokens: Arc<dyn TokenProvider>,
    api: ApiClient,
    disk: Arc<Disk>,
    population: Arc<Population>,
    directory: Arc<Directory>,
    record: Arc<Record>,
    epoch: Arc<AtomicUsize>,
    probers: Probers,
    role: LoginRole,
    open: Arc<AtomicUsize>,
    heads: Arc<[AtomicU64]>,
    own_head: Arc<AtomicU64>,
    floor: Arc<AtomicU64>,
    /// Rooms that the device was told to be out of.
    out: HashSet<ConversationId>,
    /// What others have read, as a client would show it.
    receipts: HashMap<ConversationId, Receipts>,
    /// Which life of the device this is.
    run: u32,
    /// Sends of earlier lives without an answer, by key.
    carried: HashMap<u64, usize>,
    pending: FuturesUnordered<BoxFuture<'static, Answered>>,
    amending: Amending,
    stalled: watch::Receiver<bool>,
    live: Option<oneshot::Sender<()>>,
}

impl Life {
    async fn live(mut self, mut orders: mpsc::Receiver<Order>) {
        loop {
            let store = Arc::clone(&self.disk);
            let Ok((client, mut events)) = RealtimeClient::start(self.config.clone(), Arc::clone(&self.tokens), store).await else {
                return;
            };
            match self.run(&client, &mut events, &mut orders).await {
                End::Crash(away) => {
                    client.abort();
                    drop(events);
                    self.carry_over().await;
                    self.run += 1;
                    self.saw_marker(What::Restarted);
                    tokio::time::sleep(away).await;
                }
                End::Finish(done) => {
                    client.close().await;
                    while let Some(event) = events.try_next() {
                        self.on_event(&event);
                    }
                    let _ = done.send(());
                    return;
                }
                End::Over => return,
            }
        }
    }

    async fn run(&mut self, client: &RealtimeClient, events: &mut EventStream, orders: &mut mpsc::Receiver<Order>) -> End {
        loop {
            let stalled = *self.stalled.borrow_and_update();
            tokio::select! {
                order = orders.recv() => match order {
                    Some(Order::Send { room, key, padding, again }) => self.send(client, room, key, &padding, again).await,
                    Some(Order::Amend) => self.amend(client).await,
                    Some(Order::React) => self.react(client).await,
                    // Whoever has no position yet would come back as a new device, for which only what follows is new.
                    Some(Order::Crash { away }) if self.disk.has_position() => return End::Crash(away),
                    Some(Order::Crash { .. }) => {}
                    Some(Order::Finish(done)) => return End::Finish(done),
                    None => return End::Over,
                },
                event = events.next(), if !stalled => {
                    let Some(event) = event else {
                        tracing::error!(device = self.index, state = ?client.state(), "the client ended by itself");
                        return End::Over;
                    };
                    if matches!(event, Event::CaughtUp { .. }) && let Some(live) = self.live.take() {
                        let _ = live.send(());
                    }
                    if matches!(event, Event::Reset(_)) {
                        self.saw_marker(What::Reset);
                        self.floor.store(u64::MAX, Ordering::Relaxed);
                        self.reload().await;
                    }
                    self.on_event(&event);
                }
                Some(answered) = self.pending.next(), if !self.pending.is_empty() => self.on_answer(client, answered),
                Some((key, result)) = self.amending.next() => self.on_amended(&key, &result),
                _ = self.stalled.changed() => {}
            }
        }
    }

    async fn send(&mut self, client: &RealtimeClient, room: usize, key: ClientId, padding: &str, again: bool) {
        let Some(to) = self.population.rooms.get(room) else { return };
        let number = key_number(&key);
        let Ok(text) = text_of(number, padding).parse() else { return };
        let sent = Sent {
            sender: self.directory.user(self.me),
            device: u32::try_from(self.index).unwrap_or(u32::MAX),
            room: self.directory.room(to.id),
            key: number,
            // The same key from two devices lies where the faster one put it.
            line: if again { NO_LINE } else { 0 },
            called_us: now_us(),
            answer: Answer::None,
        };
        let send = self.record.called(sent);
        // Ephemeral traffic beside what is judged. It may be lost, and costs what is logged nothing.
        client.typing_start(to.id);
        let connections = client.stats().connections.get();
        match client.send_with_key(to.id, key.clone(), MessageBody::Text { text }).await {
            Ok(handle) => self.pending.push(handle.map(move |result| (send, key, connections, result)).boxed()),
            // The same key waits already: this is no second message, and nothing was sent.
            Err(error) => self.on_answer(client, (send, key, connections, Err(error))),
        }
    }

    fn on_answer(&mut self, client: &RealtimeClient, (send, key, connections, result): Answered) {
        let at_us = now_us();
        match result {
            Ok(ack) => {
                self.settle(send, Answer::Acked { seq: ack.seq.0, at_us });
                // Nobody is put out of those: what is said there counts.
                if self.population.rooms.iter().any(|room| room.id == ack.conversation_id && room.kind == RoomKind::Pair) {
                    self.amending.sent(&ack);
                }
                if let LoginRole::Prober { index } = self.role {
                    self.probers.acknowledged(index, self.record.called_us(send), ack.seq.0);
                }
            }
            // A refusal says that this attempt left nothing; an earlier one on another socket may have.
            Err(SendError::Refused(_)) if client.stats().connections.get() == connections && client.stats().retries.get() == 0 => {
                self.settle(send, Answer::Refused { at_us });
            }
            Err(SendError::Closed) => {
                self.carried.insert(key_number(&key), send);
            }
            Err(_) => self.settle(send, Answer::None),
        }
    }

    fn settle(&self, send: usize, answer: Answer) {
        self.record.answered(send, answer);
        self.open.fetch_sub(1, Ordering::Relaxed);
    }

    /// After the client's end every handle answers at once.
    async fn carry_over(&mut self) {
        while let Some((key, result)) = self.amending.next().await {
            self.on_amended(&key, &result);
        }
        while let Some((send, key, _, result)) = self.pending.next().await {
            match result {
                Ok(ack) => self.settle(send, Answer::Acked { seq: ack.seq.0, at_us: now_us() }),
                // Nothing is left to wait for.
                Err(SendError::Refused(_)) => self.settle(send, Answer::None),
                Err(_) => {
                    self.carried.insert(key_number(&key), send);
                }
            }
        }
    }

    fn saw_marker(&self, what: What) {
        self.record
            .saw(self.index, Seen { room: u32::MAX, seq: 0, prev: None, what, at_us: now_us(), epoch: self.epoch(), reloaded: false });
    }

    fn epoch(&self) -> u16 {
        u16::try_from(self.epoch.load(Ordering::Relaxed)).unwrap_or(u16::MAX)
    }

    fn on_event(&mut self, event: &Event) {
        let (room, seq, prev, what) = match event {
            Event::Message(message) => return self.on_message(message, false),
            Event::Sent(ack) => {
                self.carried_amendment_is_over(&ack.client_id);
                if let Some(send) = self.carried.remove(&key_number(&ack.client_id)) {
                    self.settle(send, Answer::Acked { seq: ack.seq.0, at_us: now_us() });
                }
                return;
            }
            Event::SendRefused { client_id, .. } => {
                self.carried_amendment_is_over(client_id);
                if let Some(send) = self.carried.remove(&key_number(client_id)) {
                    self.settle(send, Answer::None);
                }
                return;
            }
            Event::Happened(frame) => {
                let (seq, prev) = (frame.seq.0, frame.prev.map(|prev| prev.0));
                if let Chain::User(_) = frame.chain {
                    return self.on_own(&frame.event, seq, prev);
                }
                let Some(room) = frame.event.conversation() else { return };
                self.saw_amendment(&frame.event, seq);
                (room, frame.seq, frame.prev, self.changed(&frame.event))
            }
            Event::Gap { chain, last, seq } => {
                tracing::warn!(device = self.index, %chain, %last, %seq, "the SDK noticed a gap");
                self.record.gaps.fetch_add(1, Ordering::Relaxed);
                return;
            }
            Event::Typing { conversation_id, user_id, typing } => {
                if *typing {
                    self.record.typing.fetch_add(1, Ordering::Relaxed);
                }
                if *typing && (self.out.contains(conversation_id) || *user_id == self.me) {
                    tracing::error!(device = self.index, room = %conversation_id, user = %user_id, "told of typing that is none of its business");
                    self.record.typing_astray.fetch_add(1, Ordering::Relaxed);
                }
                return;
            }
            Event::Receipts(receipts) => {
                self.on_receipts(receipts);
                return;
            }
            Event::Reset(_) => {
                self.out.clear();
                self.record.resets.fetch_add(1, Ordering::Relaxed);
                return;
            }
            Event::CaughtUp { .. } | Event::Notice(_) | Event::Unknown(_) | Event::Presence(_) => return,
        };
        match what {
            What::Removed { user } if user == self.directory.user(self.me) => drop(self.out.insert(room)),
            What::Added { user } if user == self.directory.user(self.me) => drop(self.out.remove(&room)),
            _ => {}
        }
        self.saw(self.directory.room(room), seq.0, prev.map(|prev| prev.0), what, false);
    }

    /// What others have read, as a client would show it: the greatest mark of each.
    fn on_receipts(&mut self, receipts: &Receipts) {
        let room = receipts.conversation_id;
        if self.out.contains(&room) {
            tracing::error!(device = self.index, %room, "told of receipts that are none of its business");
            self.record.typing_astray.fetch_add(1, Ordering::Relaxed);
            return;
        }
        let known = self.receipts.entry(room).or_insert_with(|| Receipts::none(room));
        known.merge(receipts);
        let observer = u32::try_from(self.index).unwrap_or(u32::MAX) | self.run << 16;
        let told = |by: &&ReadBy| receipts.read.iter().any(|told| told.user_id == by.user_id);
        for by in known.read.iter().filter(told) {
            let (reader, room) = (self.directory.user(by.user_id), self.directory.room(room));
            self.record.saw_mark(Receipt { observer, reader, room, delivered: 0, read: by.read_seq.0, at_us: now_us() });
        }
    }

    /// Something of the person's own.
    fn on_own(&self, event: &LogEvent, seq: u64, prev: Option<u64>) {
        let me = self.directory.user(self.me);
        if let LogEvent::ReadMarkMoved(moved) = event {
            let observer = u32::try_from(self.index).unwrap_or(u32::MAX) | self.run << 16;
            let room = self.directory.room(moved.conversation_id);
            self.record.saw_mark(Receipt { observer, reader: me, room, delivered: 0, read: moved.read_seq.0, at_us: now_us() });
        }
        // What is another's is seen as such.
        let whose = if let Some(EventOwner::User(user)) = event.owner() { self.directory.user(user) } else { me };
        self.own_head.fetch_max(seq, Ordering::Relaxed);
        self.saw(own_room(whose), seq, prev, What::Changed, false);
    }

    /// Of many at once, whether this device's person is among them is what is judged.
    fn changed(&self, event: &LogEvent) -> What {
        let whose = |people: &[UserId]| match people {
            [one] => Some(*one),
            many => many.contains(&self.me).then_some(self.me),
        };
        if matches!(event, LogEvent::ConversationCreated(_)) {
            return What::Created;
        }
        let added = whose(&event.joining()).map(|user| What::Added { user: self.directory.user(user) });
        let removed = || whose(&event.leaving()).map(|user| What::Removed { user: self.directory.user(user) });
        added.or_else(removed).unwrap_or(What::Changed)
    }

    fn on_message(&mut self, message: &Message, reloaded: bool) {
        let key = key_number(&message.client_id);
        let intact = is_intact(&message.body, key);
        if let Some(said) = finals::said(message, &self.directory) {
            self.record.learned(self.index, said);
        }
        if self.population.rooms.iter().any(|room| room.id == message.conversation_id && room.kind == RoomKind::Pair) {
            self.amending.saw(message);
        }
        let what = What::Message { sender: self.directory.user(message.sender_id), key, intact };
        if message.sender_id == self.me
            && let Some(send) = self.carried.remove(&key)
        {
            self.settle(send, Answer::Acked { seq: message.seq.0, at_us: now_us() });
        }
        if let LoginRole::Prober { index } = self.role
            && message.sender_id != self.me
        {
            self.probers.heard(index, message.seq.0);
        }
        self.saw(self.directory.room(message.conversation_id), message.seq.0, message.prev.map(|prev| prev.0), what, reloaded);
    }

    fn saw(&self, room: u32, seq: u64, prev: Option<u64>, what: What, reloaded: bool) {
        if let Some(head) = self.heads.get(room as usize) {
            head.fetch_max(seq, Ordering::Relaxed);
        }
        if !reloaded && self.floor.load(Ordering::Relaxed) == u64::MAX {
            self.floor.store(seq, Ordering::Relaxed);
        }
        self.record.saw(self.index, Seen { room, seq, prev, what, at_us: now_us(), epoch: self.epoch(), reloaded });
    }

    /// After a reset: everything newer than what is known, over REST.
    async fn reload(&mut self) {
        let rooms: Vec<usize> = (0..self.population.rooms.len())
            .filter(|room| {
                self.population.rooms.get(*room).is_some_and(|room| room.senders.contains(&self.index) || room.kind == RoomKind::Flood)
            })
            .collect();
        for room in rooms {
            while let Err(error) = self.reload_room(room).await {
                tracing::debug!(device = self.index, %error, "reloading again");
                tokio::time::sleep(Duration::from_millis(500)).await;
            }
        }
    }

    async fn reload_room(&mut self, room: usize) -> anyhow::Result<()> {
        let Some(id) = self.population.rooms.get(room).map(|room| room.id) else { return Ok(()) };
        loop {
            let after = self.heads.get(room).map_or(0, |head| head.load(Ordering::Relaxed));
            let query = relay_protocol::rest::HistoryQuery {
                conversation_id: id,
                before: None,
                after: Some(relay_types::Seq(after)),
                unread: None,
                limit: Some(200),
                changes: None,
            };
            let page = match self.api.history(&query).await {
                Ok(page) => page,
                // Not (or no longer) in this one.
                Err(error) if !error.retryable() => return Ok(()),
                Err(error) => return Err(error.into()),
            };
            for message in &page.messages {
                self.on_message(message, true);
            }
            if !page.has_more {
                return Ok(());
            }
        }
    }
}
