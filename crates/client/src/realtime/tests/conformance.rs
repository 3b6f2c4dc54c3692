//! Plays the scripts of `tests/conformance`, which every SDK plays; what a step means is in the README there.

#![expect(clippy::disallowed_methods, reason = "a test has no supervisor; its tasks end with its runtime")]

mod script;
mod told;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use parking_lot::Mutex;
use relay_protocol::frame::MessageAck;
use relay_protocol::rest::Secret;
use relay_types::ClientId;
use serde_json::Value;

use super::gateway::{Gateway, Peer, conversation, soon, text};
use super::*;
use crate::error::ClientError;
use crate::store::FileStore;
use script::{Script, Words};
use told::Told;

/// `token-1`, `token-2`, …: another one whenever the last was refused.
#[derive(Default)]
struct CountingTokens(Mutex<u32>);

#[async_trait]
impl TokenProvider for CountingTokens {
    async fn access_token(&self, refused: Option<&Secret>) -> Result<Secret, ClientError> {
        let mut number = self.0.lock();
        if *number == 0 || refused.is_some_and(|token| token.0 == format!("token-{number}")) {
            *number += 1;
        }
        Ok(Secret(format!("token-{number}")))
    }
}

/// What a send came to, as soon as it is known.
type Outcome = tokio::task::JoinHandle<Result<MessageAck, SendError>>;

struct Player {
    script: Script,
    gateway: Gateway,
    tokens: Arc<CountingTokens>,
    dir: tempfile::TempDir,
    store: Option<Arc<FileStore>>,
    client: Option<RealtimeClient>,
    peer: Option<Peer>,
    told: Told,
    keys: HashMap<String, ClientId>,
    outcomes: HashMap<String, Outcome>,
    since: Instant,
}

impl Player {
    async fn new(script: Script) -> Self {
        Self {
            script,
            gateway: Gateway::start().await,
            tokens: Arc::default(),
            dir: tempfile::tempdir().unwrap(),
            store: None,
            client: None,
            peer: None,
            told: Told::default(),
            keys: HashMap::new(),
            outcomes: HashMap::new(),
            since: Instant::now(),
        }
    }

    fn words(&self) -> Words<'_> {
        Words { keys: &self.keys }
    }

    fn peer(&mut self) -> &mut Peer {
        self.peer.as_mut().expect("no socket is open")
    }

    fn client(&self) -> &RealtimeClient {
        self.client.as_ref().expect("there is no client")
    }

    async fn start(&mut self) {
        // A client that was killed lets go of the directory when its task is dropped, which is soon.
        let store = soon("the profile", async {
            loop {
                match FileStore::open(self.dir.path()) {
                    Ok(store) => return Arc::new(store),
                    Err(StoreError::InUse { .. }) => tokio::task::yield_now().await,
                    Err(error) => panic!("{error}"),
                }
            }
        });
        let store = store.await;
        if let Some(position) = self.script.stored_position.take() {
            store.save_position(&script::position(&position)).await.unwrap();
        }
        let mut config = RealtimeConfig::new(self.gateway.url());
        let ms = |name: &str, usual: Duration| self.script.config.get(name).map_or(usual, |ms| Duration::from_millis(*ms));
        config.reconnect_base = ms("reconnect_base_ms", Duration::from_millis(1));
        config.report_interval = ms("report_interval_ms", Duration::from_millis(1));
        config.ping_interval = ms("ping_interval_ms", config.ping_interval);
        config.pong_timeout = ms("pong_timeout_ms", config.pong_timeout);
        if let Some(limit) = self.script.config.get("outbox_limit") {
            config.outbox_limit = usize::try_from(*limit).unwrap();
        }
        let (client, events) = RealtimeClient::start(config, self.tokens.clone(), store.clone()).await.unwrap();
        self.told.follow(events);
        self.client = Some(client);
        self.store = Some(store);
    }

    async fn play(mut self) {
        self.start().await;
        for (n, step) in std::mem::take(&mut self.script.steps).into_iter().enumerate() {
            eprintln!("{}, step {}: {step}", self.script.name, n + 1);
            let (name, say) = script::parts(&step);
            if name == "close_client" {
                let client = self.client().clone();
                let closing = tokio::spawn(async move { client.close().await });
                for step in say.as_array().unwrap() {
                    let (name, say) = script::parts(step);
                    self.step(name, say).await;
                }
                soon("goodbye", closing).await.unwrap();
            } else {
                self.step(name, say).await;
            }
        }
    }

    async fn step(&mut self, name: &str, say: &Value) {
        let number = |field: &str| say[field].as_u64().unwrap();
        let named = |field: &str| say[field].as_str().unwrap().to_owned();
        match name {
            "accept" => {
                let mut peer = self.gateway.accept().await;
                let hello = peer.hello().await;
                assert_eq!(hello.position, say["position"].as_str().map(script::position));
                if let Some(token) = say["token"].as_str() {
                    assert_eq!(hello.token, token);
                }
                self.peer = Some(peer);
            }
            "welcome" => self.peer().send_welcome().await,
            "caught_up" => self.peer().caught_up(say.as_u64().unwrap()).await,
            "frame" => {
                self.since = Instant::now();
                let frame = self.words().fill(say).to_string();
                self.peer().send_raw(&frame).await;
            }
            "text" => self.peer().send_raw(say.as_str().unwrap()).await,
            "ack" => {
                let key = self.keys[&named("of")].clone();
                self.peer().ack_key(&key, conversation(1), number("seq")).await;
            }
            "pong" => {
                let reported = say["reported"].as_str().map(script::position);
                while self.peer().pong_next(number("seq")).await != reported && reported.is_some() {}
            }
            "ignore_pings" => {}
            "close" => {
                let code = u16::try_from(say.as_u64().unwrap()).unwrap();
                self.peer.take().unwrap().close_with(code, "as the script says").await;
            }
            "drop" => self.peer = None,
            "expect_close" => assert_eq!(u64::from(self.peer().expect_close().await), say.as_u64().unwrap()),
            "expect_send" => {
                let sent = self.peer().expect_send().await;
                let of = say.as_str().or_else(|| say["of"].as_str()).unwrap();
                assert_eq!(Some(&sent.client_id), self.keys.get(of));
                if say["reply_to"].is_string() {
                    assert_eq!(sent.reply_to, Some(self.words().message(&say["reply_to"])));
                }
                if say["thread"].is_string() {
                    assert_eq!(sent.thread, Some(self.words().message(&say["thread"])));
                }
            }
            "expect_edit" => {
                let sent = self.peer().expect_edit().await;
                let message = self.words().message(&say["message"]);
                assert_eq!((Some(&sent.client_id), sent.message_id), (self.keys.get(&named("of")), message));
            }
            "expect_delete" => {
                let sent = self.peer().expect_delete().await;
                let message = self.words().message(&say["message"]);
                assert_eq!((Some(&sent.client_id), sent.message_id), (self.keys.get(&named("of")), message));
            }
            "expect_react" => {
                let sent = self.peer().expect_react().await;
                let message = self.words().message(&say["message"]);
                assert_eq!((Some(&sent.client_id), sent.message_id), (self.keys.get(&named("of")), message));
                assert_eq!((Some(sent.emoji.as_str()), Some(sent.on)), (say["emoji"].as_str(), say["on"].as_bool()));
            }
            "expect_pin" => {
                let sent = self.peer().expect_pin().await;
                let message = self.words().message(&say["message"]);
                assert_eq!((Some(&sent.client_id), sent.message_id), (self.keys.get(&named("of")), message));
                assert_eq!(Some(sent.on), say["on"].as_bool());
            }
            "expect_quiet" => self.peer().expect_quiet().await,
            "expect_no_ping" => self.peer().expect_no_ping().await,
            "expect_waited" => assert!(self.since.elapsed() >= Duration::from_millis(say.as_u64().unwrap())),
            "send" => self.send(say, u128::from(number("conversation"))).await,
            "restart" => {
                self.client.take().unwrap().abort();
                self.store = None;
                self.peer = None;
                self.start().await;
            }
            expected => self.expect(expected, say).await,
        }
    }

    async fn send(&mut self, say: &Value, to: u128) {
        let (client, body) = (self.client(), text(say["text"].as_str().unwrap_or("nothing")));
        let named = |field: &str| say[field].is_string().then(|| self.words().message(&say[field]));
        let sent = match (named("reply_to"), named("edits"), named("deletes")) {
            _ if say["pins"].is_string() => {
                client.pin(conversation(to), self.words().message(&say["pins"]), say["on"].as_bool().unwrap()).await
            }
            _ if say["reacts"].is_string() => {
                let emoji = say["emoji"].as_str().unwrap().parse().unwrap();
                client.react(conversation(to), self.words().message(&say["reacts"]), emoji, say["on"].as_bool().unwrap()).await
            }
            _ if say["thread"].is_string() => client.reply_in_thread(conversation(to), self.words().message(&say["thread"]), body).await,
            (Some(to_message), _, _) => client.reply(conversation(to), to_message, body).await,
            (None, Some(message), _) => client.edit(conversation(to), message, body).await,
            (None, None, Some(message)) => client.delete(conversation(to), message).await,
            (None, None, None) => client.send(conversation(to), body).await,
        };
        match (sent, say["fails"].as_str()) {
            (Ok(handle), None) => {
                let name = say["as"].as_str().unwrap().to_owned();
                self.keys.insert(name.clone(), handle.client_id().clone());
                self.outcomes.insert(name, tokio::spawn(handle));
            }
            (Err(SendError::OutboxFull { .. }), Some("outbox_full")) => {}
            (other, fails) => panic!("{other:?}, not {fails:?}"),
        }
    }

    /// What the program is told.
    async fn expect(&mut self, name: &str, say: &Value) {
        let of = say["of"].as_str().or_else(|| say.as_str()).unwrap_or_default().to_owned();
        match name {
            "expect_acked" => {
                let outcome = soon("the ack", self.outcomes.remove(&of).unwrap()).await.unwrap();
                assert_eq!(outcome.unwrap().seq.0, say["seq"].as_u64().unwrap());
            }
            "expect_refused" => {
                let outcome = soon("the refusal", self.outcomes.remove(&of).unwrap()).await.unwrap().unwrap_err();
                match (outcome, say["code"].as_str()) {
                    (SendError::Refused(error), Some(code)) => assert_eq!(error.code.as_str(), code),
                    (_, None) => {}
                    (other, code) => panic!("{other:?}, not {code:?}"),
                }
            }
            "expect_sent" => self.told.sent(&self.keys[&of]).await,
            "expect_event" => {
                let (name, seq, is_known) = self.told.event().await;
                assert_eq!((name.as_str(), seq), (say["type"].as_str().unwrap(), say["seq"].as_u64().unwrap()));
                assert!(!is_known || !say["misshapen"].as_bool().unwrap_or_default());
            }
            "expect_no_event" => self.told.no_event(),
            "expect_gap" => self.told.gap().await,
            "expect_reset" => self.told.reset(&of).await,
            "expect_state" => {
                let mut states = self.client().watch_state();
                let wanted = |state: &State| match of.as_str() {
                    "live" => matches!(state, State::Live),
                    "stopped" => matches!(state, State::Closed(_)),
                    other => panic!("{other} is no state"),
                };
                soon(&of, states.wait_for(wanted)).await.unwrap();
            }
            "expect_stored_position" => {
                let wanted = Some(script::position(&of));
                let store = self.store.clone().unwrap();
                soon("the stored position", async move {
                    while store.load().await.unwrap().position != wanted {
                        tokio::task::yield_now().await;
                    }
                })
                .await;
            }
            "expect_key_behind_server" => {
                let minted = self.keys[&of].minted_at_ms().unwrap();
                let server = super::gateway::SERVER_TIME_MS.unsigned_abs();
                assert!(minted < server && minted > server - 60_000, "minted at {minted}");
            }
            other => panic!("{other} is no step"),
        }
    }
}

#[tokio::test]
async fn every_script_of_the_conformance_list() {
    let scripts = script::all();
    assert!(scripts.len() > 25, "only {} scripts were found", scripts.len());
    let mut failed = Vec::new();
    for script in scripts {
        let name = script.name.clone();
        // A script that fails says so by a panic, and does not keep the others from being played.
        if tokio::spawn(async { Player::new(script).await.play().await }).await.is_err() {
            failed.push(name);
        }
    }
    assert!(failed.is_empty(), "{failed:?}");
}
