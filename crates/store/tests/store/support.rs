//! A database per test, events to project, and a log in memory.

use std::collections::BTreeMap;
use std::sync::LazyLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use relay_dev_servers::{PostgresOptions, PostgresServer, Scratch, Servers};
use relay_domain::ports::{
    Accounts as _, AppendError, Appended, JoinQuestion, JoinSnapshot, LogAddress, LogReadError, MemberDirectory as _, MessageLog,
    NewAccount, PasswordHash, PeopleLimits, Projected, Projection as _, ResumeStore as _, StoreError,
};
use relay_protocol::conversation::{ConversationKind, Role};
use relay_protocol::log::{
    ConversationCreated, ConversationMembershipChanged, EventOwner, EventText, InitialMember, LogEvent, MemberAdded, MemberRemoved,
    MembersAdded, MembersRemoved, MessageEdited, MessageErased, MessagePinned, MessageReacted, MessageSent, StoredEvent,
};
use relay_protocol::{RawJson, ThreadRef};

use relay_protocol::message::{MessageBody, MessageRef};
use relay_store::{PostgresConfig, Store};
use relay_types::{ConversationId, EventId, IdGen as _, MessageId, Seq, SessionId, ShardId, SystemIds, UserId};
use sqlx::{AssertSqlSafe, Connection as _, PgConnection, PgPool};
use tokio::sync::{Mutex, OnceCell};

pub const EPOCH: &str = "epoch-1";
pub const SHARD: ShardId = ShardId(0);
/// What stands in the place of a password's hash.
pub const PASSWORD: &str = "$argon2id$not-a-real-one";
/// 2026-11-22, noon.
pub const NOON_MS: i64 = 1_795_348_800_000;

const CONNECTIONS: u32 = 8;

static IDS: LazyLock<SystemIds> = LazyLock::new(SystemIds::default);
static SERVER: OnceCell<(Scratch, PostgresServer)> = OnceCell::const_new();
/// Copies of one template are made one at a time.
static COPYING: Mutex<()> = Mutex::const_new(());
static DATABASES: AtomicU64 = AtomicU64::new(0);

pub fn conversation_id() -> ConversationId {
    ConversationId::new(IDS.next_ulid())
}

pub fn user_id() -> UserId {
    UserId::new(IDS.next_ulid())
}

pub fn event_id() -> EventId {
    EventId::new(IDS.next_ulid())
}

pub fn session_id() -> SessionId {
    SessionId::new(IDS.next_ulid())
}

pub async fn start_server() -> (Scratch, PostgresServer) {
    let servers = Servers::ready().await.unwrap();
    let scratch = Scratch::new("store").unwrap();
    let server = PostgresServer::start(&servers, PostgresOptions::for_tests(scratch.path().join("postgres"))).await.unwrap();
    (scratch, server)
}

/// One migrated database.
pub struct Db {
    pub store: Store,
    /// For looking at tables and for damaging them.
    pub raw: PgPool,
    url: String,
}

impl Db {
    /// The answer to one who asks alone.
    pub async fn join_snapshot(
        &self,
        user: UserId,
        session: SessionId,
        cursors: &BTreeMap<ShardId, Seq>,
    ) -> Result<JoinSnapshot, StoreError> {
        let question = JoinQuestion { user, session, cursors: cursors.clone() };
        let mut answers = self.store.join_snapshots(&[question]).await?;
        assert_eq!(answers.len(), 1);
        Ok(answers.remove(0))
    }

    /// A migrated database of its own: a copy of one that was migrated once.
    pub async fn fresh() -> Self {
        let (_, server) = SERVER
            .get_or_init(|| async {
                let (scratch, server) = start_server().await;
                relay_store::migrate(&server.url()).await.unwrap();
                (scratch, server)
            })
            .await;
        let name = format!("test_{}", DATABASES.fetch_add(1, Ordering::Relaxed));
        let mut admin = PgConnection::connect(&server.url_of("postgres")).await.unwrap();
        let create = format!("CREATE DATABASE {name} TEMPLATE relay");
        let _one = COPYING.lock().await;
        sqlx::raw_sql(AssertSqlSafe(create)).execute(&mut admin).await.unwrap();
        admin.close().await.unwrap();
        let url = server.url_of(&name);
        // An unoptimised client takes 50 ms of CPU to prove that it knows the password: patience on a busy machine.
        let config = PostgresConfig { max_connections: CONNECTIONS, acquire_timeout_ms: 30_000, ..PostgresConfig::new(&url) };
        let store = Store::connect(&config).unwrap();
        Self { store, raw: PgPool::connect_lazy(&url).unwrap(), url }
    }

    /// The database as one of our processes meets it.
    pub fn as_role(&self, role: &str) -> Store {
        let url = format!("{}?options=-c%20role%3D{role}", self.url);
        Store::connect(&PostgresConfig { acquire_timeout_ms: 30_000, ..PostgresConfig::new(url) }).unwrap()
    }

    /// Opens every connection: callers that start together then run together, rather than one after another as their
    /// connections come up.
    pub async fn warm(&self) {
        let all = format!("connections: {CONNECTIONS}");
        for _ in 0..100 {
            futures::future::try_join_all((0..CONNECTIONS).map(|_| self.store.ping())).await.unwrap();
            if format!("{:?}", self.store).contains(&all) {
                return;
            }
        }
        panic!("not all connections came up: {:?}", self.store);
    }

    pub async fn user(&self, handle: &str) -> UserId {
        let user = user_id();
        let account = NewAccount {
            user,
            handle: handle.parse().unwrap(),
            display_name: handle.parse().unwrap(),
            password_hash: PasswordHash(PASSWORD.to_owned()),
            home_shard: SHARD,
            at_ms: NOON_MS,
        };
        self.store.register(&account).await.unwrap();
        user
    }

    /// As after a first log-in.
    pub async fn seen(&self, user: UserId) {
        sqlx::query("UPDATE users SET seen_at = now() WHERE user_id = $1").bind(user.to_uuid()).execute(&self.raw).await.unwrap();
    }

    /// The conversations that the user's durable consumer on the first shard is to name.
    pub async fn consumed(&self, user: UserId) -> Vec<ConversationId> {
        self.seen(user).await;
        let most = self.store.conversations_of(user, &[SHARD], 500).await.unwrap();
        most.and_then(|mut by_shard| by_shard.remove(&SHARD)).unwrap_or_default()
    }

    pub async fn count(&self, sql: &'static str) -> i64 {
        sqlx::query_scalar(sql).fetch_one(&self.raw).await.unwrap()
    }

    /// Projects what `log` has after what the projection has.
    pub async fn project(&self, log: &TestLog) -> Projected {
        let (after, _) = self.store.watermark(log.shard).await.unwrap();
        self.store.project(log.shard, EPOCH, after, log.head(), &log.after(after)).await.unwrap()
    }
}

/// A shard's log, written by hand.
pub struct TestLog {
    pub shard: ShardId,
    pub events: Vec<StoredEvent>,
    head: u64,
}

impl TestLog {
    pub fn new() -> Self {
        Self::of(SHARD)
    }

    pub fn of(shard: ShardId) -> Self {
        Self { shard, events: Vec::new(), head: 0 }
    }

    pub fn head(&self) -> Seq {
        Seq(self.head)
    }

    pub fn after(&self, after: Seq) -> Vec<StoredEvent> {
        self.events.iter().filter(|event| event.seq > after).cloned().collect()
    }

    pub fn push(&mut self, event: LogEvent) -> Seq {
        let owner = event.conversation().map(EventOwner::Conversation).or_else(|| event.user().map(EventOwner::User));
        self.push_at(owner, event, None)
    }

    /// As [`Self::push`], of a text on the subject of `owner`, as the bus reads it.
    pub fn publish(&mut self, owner: EventOwner, json: &str) -> Seq {
        let (event, text) = LogEvent::decode_with_text(json).unwrap();
        self.push_at(Some(owner), event, text)
    }

    fn push_at(&mut self, owner: Option<EventOwner>, event: LogEvent, text: Option<RawJson>) -> Seq {
        self.head += 1;
        let stored_at_ms = NOON_MS + i64::try_from(self.head).unwrap();
        self.events.push(StoredEvent { shard: self.shard, seq: Seq(self.head), owner, prev: None, stored_at_ms, event, text });
        Seq(self.head)
    }

    pub fn created(&mut self, conversation: ConversationId, members: &[UserId]) -> Seq {
        let members = members.iter().map(|user_id| InitialMember { user_id: *user_id, role: Role::Member }).collect::<Vec<_>>();
        self.push(LogEvent::ConversationCreated(ConversationCreated {
            event_id: EventId::new(IDS.next_ulid()),
            conversation_id: conversation,
            kind: ConversationKind::Group,
            title: Some("Lobby".parse().unwrap()),
            actor_id: members[0].user_id,
            members,
            at_ms: NOON_MS,
        }))
    }

    pub fn added(&mut self, conversation: ConversationId, user: UserId) -> Seq {
        self.push(LogEvent::MemberAdded(MemberAdded {
            event_id: EventId::new(IDS.next_ulid()),
            conversation_id: conversation,
            user_id: user,
            role: Role::Member,
            actor_id: user,
            kind: ConversationKind::Group,
            title: None,
            at_ms: NOON_MS,
        }))
    }

    pub fn removed(&mut self, conversation: ConversationId, user: UserId) -> Seq {
        self.push(LogEvent::MemberRemoved(MemberRemoved {
            event_id: EventId::new(IDS.next_ulid()),
            conversation_id: conversation,
            user_id: user,
            actor_id: user,
            at_ms: NOON_MS,
        }))
    }

    /// Several people at once.
    pub fn added_all(&mut self, conversation: ConversationId, users: &[UserId]) -> Seq {
        self.push(LogEvent::MembersAdded(MembersAdded {
            event_id: EventId::new(IDS.next_ulid()),
            conversation_id: conversation,
            user_ids: users.to_vec(),
            role: Role::Member,
            actor_id: users[0],
            kind: ConversationKind::Group,
            title: None,
            at_ms: NOON_MS,
        }))
    }

    /// Several people at once.
    pub fn removed_all(&mut self, conversation: ConversationId, users: &[UserId]) -> Seq {
        self.push(LogEvent::MembersRemoved(MembersRemoved {
            event_id: EventId::new(IDS.next_ulid()),
            conversation_id: conversation,
            user_ids: users.to_vec(),
            actor_id: users[0],
            at_ms: NOON_MS,
        }))
    }

    /// Something on a user's subject.
    pub fn personal(&mut self, user: UserId, conversation: ConversationId) -> Seq {
        self.push(LogEvent::ConversationJoined(ConversationMembershipChanged {
            actor_id: None,
            event_id: EventId::new(IDS.next_ulid()),
            user_id: user,
            conversation_id: conversation,
            at_ms: NOON_MS,
        }))
    }

    pub fn sent(&mut self, conversation: ConversationId, sender: UserId, client_id: &str) -> Seq {
        self.push(LogEvent::MessageSent(MessageSent {
            message_id: MessageId::new(IDS.next_ulid()),
            conversation_id: conversation,
            actor_id: sender,
            client_id: client_id.parse().unwrap(),
            at_ms: NOON_MS,
            body: MessageBody::Text { text: format!("{client_id}: \"quoted\" \\ 🙂\nline").parse().unwrap() },
            reply_to: None,
            thread: None,
        }))
    }

    /// The longest text, of characters that take six times as much in JSON: 96 KiB.
    pub fn sent_escapes(&mut self, conversation: ConversationId, sender: UserId, client_id: &str) -> Seq {
        let body = MessageBody::Text { text: format!("x{}", "\u{1}".repeat(16_383)).parse().unwrap() };
        self.push(LogEvent::MessageSent(MessageSent {
            message_id: MessageId::new(IDS.next_ulid()),
            conversation_id: conversation,
            actor_id: sender,
            client_id: client_id.parse().unwrap(),
            at_ms: NOON_MS,
            body,
            reply_to: None,
            thread: None,
        }))
    }

    /// An answer to the message at `to`.
    pub fn replied(&mut self, to: Seq, sender: UserId, client_id: &str) -> Seq {
        let LogEvent::MessageSent(of) = self.event_at(to).event.clone() else { panic!("a message") };
        let reply_to = Some(MessageRef { message_id: of.message_id, seq: to });
        let event = LogEvent::MessageSent(MessageSent {
            message_id: MessageId::new(IDS.next_ulid()),
            actor_id: sender,
            client_id: client_id.parse().unwrap(),
            reply_to,
            thread: None,
            ..of
        });
        self.push(event)
    }

    /// Something in the thread under the message at `root`.
    pub fn said_under(&mut self, root: Seq, sender: UserId, client_id: &str) -> Seq {
        let LogEvent::MessageSent(of) = self.event_at(root).event.clone() else { panic!("a message") };
        let thread = Some(ThreadRef { message_id: of.message_id, seq: root, sender_id: of.actor_id });
        let event = LogEvent::MessageSent(MessageSent {
            message_id: MessageId::new(IDS.next_ulid()),
            actor_id: sender,
            client_id: client_id.parse().unwrap(),
            reply_to: None,
            thread,
            ..of
        });
        self.push(event)
    }

    /// The message at `seq` says this now, as `editor` would have it.
    pub fn edited(&mut self, seq: Seq, editor: UserId, text: &str) -> Seq {
        let LogEvent::MessageSent(sent) = self.event_at(seq).event.clone() else { panic!("a message") };
        self.push(LogEvent::MessageEdited(MessageEdited {
            event_id: EventId::new(IDS.next_ulid()),
            actor_id: editor,
            at_ms: NOON_MS + 1,
            conversation_id: sent.conversation_id,
            client_id: IDS.next_ulid().to_string().parse().unwrap(),
            message_id: sent.message_id,
            message_seq: seq,
            body: MessageBody::Text { text: text.parse().unwrap() },
        }))
    }

    /// Somebody reacts to the message at `seq`, or no longer does.
    pub fn reacted(&mut self, seq: Seq, by: UserId, emoji: &str, on: bool) -> Seq {
        let LogEvent::MessageSent(sent) = self.event_at(seq).event.clone() else { panic!("a message") };
        self.push(LogEvent::MessageReacted(MessageReacted {
            event_id: EventId::new(IDS.next_ulid()),
            actor_id: by,
            at_ms: NOON_MS + 1,
            conversation_id: sent.conversation_id,
            client_id: IDS.next_ulid().to_string().parse().unwrap(),
            message_id: sent.message_id,
            message_seq: seq,
            emoji: emoji.parse().unwrap(),
            on,
        }))
    }

    /// Somebody pins the message at `seq`, or takes that back.
    pub fn pinned(&mut self, seq: Seq, by: UserId, on: bool) -> Seq {
        let LogEvent::MessageSent(sent) = self.event_at(seq).event.clone() else { panic!("a message") };
        self.push(LogEvent::MessagePinned(MessagePinned {
            event_id: EventId::new(IDS.next_ulid()),
            actor_id: by,
            at_ms: NOON_MS + 1,
            conversation_id: sent.conversation_id,
            client_id: IDS.next_ulid().to_string().parse().unwrap(),
            message_id: sent.message_id,
            message_seq: seq,
            on,
        }))
    }

    /// The message at `seq` is erased by an operator.
    pub fn erased(&mut self, seq: Seq) -> Seq {
        self.erased_by(seq, None)
    }

    /// The message at `seq` is deleted by a member.
    pub fn deleted(&mut self, seq: Seq, by: UserId) -> Seq {
        self.erased_by(seq, Some(by))
    }

    fn erased_by(&mut self, seq: Seq, actor_id: Option<UserId>) -> Seq {
        let message = self.event_at(seq).clone();
        let LogEvent::MessageSent(sent) = message.event else { panic!("a message") };
        self.push(LogEvent::MessageErased(MessageErased {
            event_id: EventId::new(IDS.next_ulid()),
            actor_id,
            actor_client_id: actor_id.map(|_| IDS.next_ulid().to_string().parse().unwrap()),
            conversation_id: sent.conversation_id,
            message_id: sent.message_id,
            message_seq: seq,
            message_prev: Some(Seq(seq.0 - 1)),
            sender_id: sent.actor_id,
            client_id: sent.client_id,
            sent_at_ms: sent.at_ms,
            stored_at_ms: message.stored_at_ms,
            at_ms: NOON_MS,
            thread: sent.thread,
        }))
    }

    pub fn event_at(&self, seq: Seq) -> &StoredEvent {
        self.events.iter().find(|event| event.seq == seq).unwrap()
    }
}

/// The event of a text that was read.
pub fn read(event: EventText) -> StoredEvent {
    let EventText { shard, seq, owner, prev, text } = event;
    let (event, text) = LogEvent::decode_with_text(text.get()).unwrap();
    StoredEvent { shard, seq, owner: Some(owner), prev, stored_at_ms: 0, event, text }
}

/// Limits that no test meets by chance.
pub const LIMITS: PeopleLimits = PeopleLimits { max_members: 100, max_conversations: 1_000, max_invitations: 100 };

/// Limits with so many members.
pub fn members_at_most(max_members: usize) -> PeopleLimits {
    PeopleLimits { max_members, ..LIMITS }
}

impl Db {
    /// Does something while these people know each other, and leaves no trace of that.
    pub async fn acquainted<T>(&self, people: &[UserId], what: impl Future<Output = T>) -> T {
        let hall = conversation_id().to_uuid();
        let users: Vec<sqlx::types::Uuid> = people.iter().map(|user| user.to_uuid()).collect();
        let hall_row = "INSERT INTO conversations (conversation_id, kind, title, shard, created_by, created_at) VALUES ($1, 'group', 'x', 0, $1, now())";
        sqlx::query(hall_row).bind(hall).execute(&self.raw).await.unwrap();
        let rows = "INSERT INTO members (conversation_id, user_id, role, added_at)
                    SELECT $1, u, 'member', now() FROM unnest($2::uuid[]) AS t (u) WHERE EXISTS (SELECT FROM users WHERE user_id = u)
                    ON CONFLICT DO NOTHING";
        sqlx::query(rows).bind(hall).bind(&users).execute(&self.raw).await.unwrap();
        let done = what.await;
        sqlx::query("DELETE FROM conversations WHERE conversation_id = $1").bind(hall).execute(&self.raw).await.unwrap();
        done
    }
}

/// A log in memory that knows dedup ids and can be told not to answer, or to refuse.
#[derive(Default)]
pub struct MemMessageLog {
    state: std::sync::Mutex<MemState>,
}

#[derive(Default)]
struct MemState {
    under_way: usize,
    most_under_way: usize,
    appended: Vec<(LogAddress, String, LogEvent)>,
    accept: Option<usize>,
    refuse: Option<String>,
}

impl MemMessageLog {
    /// Takes `count` more events and does not answer for the rest; `None` takes all.
    pub fn accept(&self, count: Option<usize>) {
        self.state.lock().unwrap().accept = count;
    }

    /// Refuses events that contain this for good; `None` takes all.
    pub fn refuse(&self, text: Option<&str>) {
        self.state.lock().unwrap().refuse = text.map(str::to_owned);
    }

    /// Everything appended, in order, with its dedup id.
    pub fn appended(&self) -> Vec<(LogAddress, String, LogEvent)> {
        self.state.lock().unwrap().appended.clone()
    }

    /// The most events that were under way at once.
    pub fn most_under_way(&self) -> usize {
        self.state.lock().unwrap().most_under_way
    }

    /// As [`Self::names`], without one type.
    pub fn names_besides(&self, name: &str) -> Vec<String> {
        self.names().into_iter().filter(|other| other != name).collect()
    }

    pub fn names(&self) -> Vec<String> {
        self.appended().iter().map(|(_, _, event)| event.name().to_owned()).collect()
    }
}

#[async_trait::async_trait]
impl MessageLog for MemMessageLog {
    async fn append(&self, address: LogAddress, dedup_id: &str, payload: Bytes, _trace: Option<&str>) -> Result<Appended, AppendError> {
        {
            let mut state = self.state.lock().unwrap();
            state.under_way += 1;
            state.most_under_way = state.most_under_way.max(state.under_way);
        }
        tokio::task::yield_now().await;
        let mut state = self.state.lock().unwrap();
        state.under_way -= 1;
        if state.refuse.as_ref().is_some_and(|text| String::from_utf8_lossy(&payload).contains(text)) {
            return Err(AppendError::Refused { shard: address.shard(), reason: "as told".to_owned() });
        }
        if let Some(left) = &mut state.accept {
            if *left == 0 {
                return Err(AppendError::OutcomeUnknown { shard: address.shard(), waited: Duration::ZERO });
            }
            *left -= 1;
        }
        if let Some(index) = state.appended.iter().position(|(_, id, _)| id == dedup_id) {
            return Ok(Appended { seq: Seq(index as u64 + 1), duplicate: true });
        }
        state.appended.push((address, dedup_id.to_owned(), serde_json::from_slice(&payload).unwrap()));
        Ok(Appended { seq: Seq(state.appended.len() as u64), duplicate: false })
    }

    async fn read(&self, _shard: ShardId, _seq: Seq) -> Result<Option<StoredEvent>, LogReadError> {
        Ok(None)
    }

    fn duplicate_window(&self) -> Duration {
        Duration::from_mins(2)
    }
}
