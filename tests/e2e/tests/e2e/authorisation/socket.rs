//! Commands over sockets as each caller says them, and everything that each socket brings.

use std::collections::BTreeSet;

use anyhow::{Context as _, bail};
use relay_client::{Connection, Incoming, SocketOptions};
use relay_harness::Harness;
use relay_protocol::command::encode;
use relay_protocol::{Position, ServerFrame};
use relay_types::{ClientId, ConversationId, Seq};
use serde_json::{Value, json};
use tokio::time::{Duration, Instant, sleep};

use super::super::support::{LATE, SOON, ulid_key};
use super::rest::EMOJIS;
use super::scene::{Person, Scene};
use super::table::Row;

/// The commands that the document names.
pub fn commands(document: &Value) -> BTreeSet<String> {
    let messages = document["operations"]["receiveCommand"]["messages"].as_array().into_iter().flatten();
    messages.filter_map(|message| message["$ref"].as_str()?.rsplit('/').next().map(str::to_owned)).collect()
}

/// A socket of which every byte is kept.
pub struct Ear {
    connection: Connection,
    pub heard: String,
    pub frames: Vec<ServerFrame>,
    reached: Option<Position>,
}

impl Ear {
    async fn open_silent(h: &Harness) -> anyhow::Result<Self> {
        let connection = Connection::open(&h.gateway_url(0), &SocketOptions::default()).await?;
        Ok(Self { connection, heard: String::new(), frames: Vec::new(), reached: None })
    }

    /// A live socket of the first device; none for the anonymous caller.
    pub async fn open(h: &Harness, person: &Person) -> anyhow::Result<Option<Self>> {
        let Some(user) = &person.user else { return Ok(None) };
        let mut ear = Self::open_silent(h).await?;
        ear.send(&encode::hello(&user.device.access_token().0, None)).await?;
        ear.until("caught_up", |frame| matches!(frame, ServerFrame::CaughtUp { .. }).then_some(())).await?;
        Ok(Some(ear))
    }

    pub async fn send(&mut self, frame: &str) -> anyhow::Result<()> {
        self.connection.send_text(frame).await.map_err(|close| anyhow::anyhow!("closed: {close:?}"))
    }

    async fn next(&mut self) -> anyhow::Result<ServerFrame> {
        loop {
            match self.connection.receive_within(SOON).await.with_context(|| format!("nothing came; the last: {:?}", self.frames.last()))? {
                Incoming::Closed(close) => bail!("closed: {close:?}; the last: {:?}", self.frames.last()),
                incoming @ Incoming::Text(_) => {
                    let Incoming::Text(text) = &incoming else { continue };
                    self.heard.push_str(text.as_str());
                    self.heard.push('\n');
                    let Some(frame) = incoming.decode() else { continue };
                    if let ServerFrame::Progress { position }
                    | ServerFrame::CaughtUp { position }
                    | ServerFrame::Pong { position: Some(position), .. } = &frame
                    {
                        self.reached = Some(position.parse()?);
                    }
                    self.frames.push(frame.clone());
                    return Ok(frame);
                }
            }
        }
    }

    pub async fn until<T>(&mut self, what: &str, mut wish: impl FnMut(&ServerFrame) -> Option<T>) -> anyhow::Result<T> {
        loop {
            let frame = self.next().await.with_context(|| format!("waiting for {what}"))?;
            if let Some(found) = wish(&frame) {
                return Ok(found);
            }
        }
    }

    /// Sends a command without a key, and what it answers before the answer to the ping behind it.
    pub async fn ask(&mut self, frame: &str) -> anyhow::Result<Option<String>> {
        self.send(frame).await?;
        self.ping().await
    }

    /// What is answered before the answer to a ping: nothing, or a refusal.
    pub async fn ping(&mut self) -> anyhow::Result<Option<String>> {
        self.send(&encode::ping(None)).await?;
        let mut refused = None;
        self.until("pong", |frame| {
            if let ServerFrame::Error(error) = frame {
                refused = Some(error.code.as_str().to_owned());
            }
            matches!(frame, ServerFrame::Pong { .. }).then_some(())
        })
        .await?;
        Ok(refused)
    }

    /// Sends what has a key, again while it is refused for now.
    async fn publish(&mut self, frame: &str, key: &ClientId) -> anyhow::Result<String> {
        let deadline = Instant::now() + LATE;
        loop {
            self.send(frame).await?;
            let answer = self.until("the answer to a key", |frame| match frame {
                ServerFrame::MessageAck(ack) if ack.client_id == *key => Some(Ok(())),
                ServerFrame::Error(error) if error.client_id.as_ref() == Some(key) => Some(Err(error.clone())),
                _ => None,
            });
            match answer.await? {
                Ok(()) => return Ok("yes".to_owned()),
                Err(error) if error.retryable && Instant::now() < deadline => {
                    sleep(Duration::from_millis(error.retry_after_ms.unwrap_or(50).min(500))).await;
                }
                Err(error) => return Ok(error.code.as_str().to_owned()),
            }
        }
    }

    /// Waits until all up to there has passed on this socket.
    pub async fn passed(&mut self, seq: Seq) -> anyhow::Result<()> {
        let deadline = Instant::now() + SOON;
        loop {
            self.ping().await?;
            let reached = self.reached.as_ref().and_then(|position| position.shards.values().next().copied()).unwrap_or_default();
            if reached >= seq {
                return Ok(());
            }
            anyhow::ensure!(Instant::now() < deadline, "the gateway's tail did not pass {seq}; it is at {reached}");
            sleep(Duration::from_millis(5)).await;
        }
    }

    /// Frames about the group; the answer to an invitation is one's own.
    pub fn of_conversation(&self, group: ConversationId) -> Vec<&str> {
        let id = group.to_string();
        self.heard.lines().filter(|line| line.contains(&id) && !line.contains("INVITATION_ENDED")).collect()
    }
}

/// Says it, and what came of it.
pub async fn say(h: &Harness, scene: &Scene, ears: &mut [Option<Ear>], row: &Row, column: usize) -> anyhow::Result<String> {
    let person = &scene.people[column];
    let (frame, key) = command(scene, row, column)?;
    match (&mut ears[column], &person.user, row.name.as_str()) {
        (Some(_), Some(user), "hello") => {
            let mut another = Ear::open_silent(h).await?;
            another.send(&encode::hello(&user.device.access_token().0, None)).await?;
            first_answer(&mut another).await
        }
        (Some(ear), _, "ping") => Ok(ear.ping().await?.unwrap_or_else(|| "yes".to_owned())),
        (Some(ear), _, _) => match key {
            Some(key) => ear.publish(&frame, &key).await,
            None => Ok(ear.ask(&frame).await?.unwrap_or_else(|| "yes".to_owned())),
        },
        (None, ..) => before_hello(h, &frame).await,
    }
}

/// What a socket without a hello answers.
pub async fn before_hello(h: &Harness, frame: &str) -> anyhow::Result<String> {
    let mut ear = Ear::open_silent(h).await?;
    ear.send(frame).await?;
    first_answer(&mut ear).await
}

async fn first_answer(ear: &mut Ear) -> anyhow::Result<String> {
    ear.until("welcome or a refusal", |frame| match frame {
        ServerFrame::Welcome(_) => Some("yes".to_owned()),
        ServerFrame::Error(error) => Some(error.code.as_str().to_owned()),
        _ => None,
    })
    .await
}

/// The frame, and its key if it has one.
fn command(scene: &Scene, row: &Row, column: usize) -> anyhow::Result<(String, Option<ClientId>)> {
    let (key, messages) = (ulid_key(0), &scene.people[column].messages[1]);
    let said = if column < 3 { format!("{} over a socket", scene.secrets.word) } else { "nothing".to_owned() };
    let keyed = |message, body: Option<&str>| {
        let mut frame = json!({ "type": row.name, "client_id": key, "conversation_id": scene.group });
        if let Some(message) = message {
            frame["message_id"] = json!(message);
        }
        if let Some(text) = body {
            frame["body"] = json!({ "type": "text", "text": text });
        }
        (frame.to_string(), Some(key.clone()))
    };
    Ok(match (row.name.as_str(), row.variant.as_str()) {
        ("hello", "") => (encode::hello("no token", None), None),
        ("ping", "") => (encode::ping(None), None),
        ("send_message", "") => keyed(None, Some(&said)),
        ("edit_message", "of one's own") => keyed(Some(messages.own_edited), Some(&said)),
        ("edit_message", "of another's") => keyed(Some(messages.others), Some(&said)),
        ("react", "") => {
            let react = json!({
                "type": "react", "client_id": key, "conversation_id": scene.group, "message_id": messages.others,
                "emoji": EMOJIS[column], "on": true,
            });
            (react.to_string(), Some(key.clone()))
        }
        ("pin_message", "") => {
            let pin = json!({
                "type": "pin_message", "client_id": key, "conversation_id": scene.group, "message_id": messages.others, "on": true,
            });
            (pin.to_string(), Some(key.clone()))
        }
        ("delete_message", "of one's own") => keyed(Some(messages.own_deleted), None),
        ("delete_message", "of another's") => keyed(Some(messages.others), None),
        (name, variant) => bail!("this test does not know how to say {name} {variant:?}: say it here"),
    })
}
