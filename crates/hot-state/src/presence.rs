//! How people are there, as gateways say it: a hash for each person, a field for each gateway, gone after a minute of silence.

use std::time::Duration;

use async_trait::async_trait;
use fred::clients::Client;
use fred::interfaces::{ClientLike as _, HashesInterface as _, KeysInterface as _};
use relay_domain::ports::{PresenceBoard, StoreError};
use relay_protocol::presence::{PRESENCE_LASTS_MS, PresenceNotice, PresenceState};
use relay_types::{Clock as _, SystemClock, TimestampMs, UserId};

use crate::config::ValkeyConfig;
use crate::limiter::{ConnectError, client};

/// People in one pipeline.
const TOGETHER: usize = 500;
/// Gateways that one person's devices are at, at most: more is not looked at.
const MOST_GATEWAYS: usize = 64;
/// For one pipeline: nobody waits for presence.
const LIMIT: Duration = Duration::from_secs(1);

/// Presence over Valkey.
pub struct ValkeyPresence {
    client: Client,
}

impl ValkeyPresence {
    /// Begins to connect and returns at once. Reconnects for ever. Needs a tokio runtime.
    pub fn connect(config: &ValkeyConfig) -> Result<Self, ConnectError> {
        let client = client(config, LIMIT)?;
        drop(client.connect());
        Ok(Self { client })
    }

    /// Whether a connection stands.
    pub fn is_connected(&self) -> bool {
        self.client.is_connected()
    }

    /// What gateways said that are gone: each that starts has another name, and the hash of somebody who is always there would keep
    /// them all.
    async fn forget(&self, over: Vec<(UserId, Vec<String>)>) {
        if over.is_empty() {
            return;
        }
        let forgetting = async {
            let pipeline = self.client.pipeline();
            for (user, gateways) in over {
                let () = pipeline.hdel(key(user), gateways).await?;
            }
            pipeline.all::<Vec<fred::types::Value>>().await
        };
        // The next reader tries again.
        if let Err(error) = self.in_time(forgetting).await {
            tracing::debug!(reason = error.reason, "what gateways said that are gone is not forgotten now");
        }
    }

    async fn in_time<T>(&self, asked: impl Future<Output = Result<T, fred::error::Error>>) -> Result<T, StoreError> {
        if !self.client.is_connected() {
            return Err(StoreError::new("Valkey is not connected"));
        }
        match tokio::time::timeout(LIMIT, asked).await {
            Ok(Ok(answer)) => Ok(answer),
            Ok(Err(error)) => Err(StoreError::new(error.to_string())),
            Err(_late) => Err(StoreError::new("no answer of Valkey in time")),
        }
    }
}

fn key(user: UserId) -> String {
    format!("presence:{user}")
}

#[async_trait]
impl PresenceBoard for ValkeyPresence {
    async fn put(&self, gateway: &str, people: &[PresenceNotice]) -> Result<(), StoreError> {
        let until_ms = SystemClock.now_ms().saturating_add_unsigned(PRESENCE_LASTS_MS);
        let lasts_ms = i64::try_from(PRESENCE_LASTS_MS).unwrap_or(i64::MAX);
        for people in people.chunks(TOGETHER) {
            let writing = async {
                let pipeline = self.client.pipeline();
                for notice in people {
                    let key = key(notice.user_id);
                    if notice.state == PresenceState::Offline {
                        let () = pipeline.hdel(key.as_str(), gateway).await?;
                    } else {
                        let () = pipeline.hset(key.as_str(), (gateway, field(notice, until_ms))).await?;
                        let () = pipeline.pexpire(key.as_str(), lasts_ms, None).await?;
                    }
                }
                let _: Vec<fred::types::Value> = pipeline.all().await?;
                Ok(())
            };
            self.in_time(writing).await?;
        }
        Ok(())
    }

    async fn get(&self, people: &[UserId]) -> Result<Vec<(String, PresenceNotice, TimestampMs)>, StoreError> {
        let now_ms = SystemClock.now_ms();
        let mut found = Vec::new();
        for people in people.chunks(TOGETHER) {
            let reading = async {
                let pipeline = self.client.pipeline();
                for user in people {
                    let () = pipeline.hgetall(key(*user)).await?;
                }
                pipeline.all::<Vec<std::collections::HashMap<String, String>>>().await
            };
            let mut over: Vec<(UserId, Vec<String>)> = Vec::new();
            for (user, fields) in people.iter().zip(self.in_time(reading).await?) {
                let (mut said, mut gone) = (Vec::new(), Vec::new());
                for (gateway, field) in fields {
                    match read(*user, &field).filter(|(_, until_ms)| *until_ms > now_ms) {
                        Some((notice, until_ms)) => said.push((gateway, notice, until_ms)),
                        None => gone.push(gateway),
                    }
                }
                said.truncate(MOST_GATEWAYS);
                found.append(&mut said);
                if !gone.is_empty() {
                    over.push((*user, gone));
                }
            }
            self.forget(over).await;
        }
        Ok(found)
    }
}

/// State, end and conversation.
fn field(notice: &PresenceNotice, until_ms: TimestampMs) -> String {
    let conversation = notice.conversation_id.map(|id| id.to_string()).unwrap_or_default();
    format!("{} {until_ms} {conversation}", notice.state.as_str())
}

fn read(user_id: UserId, field: &str) -> Option<(PresenceNotice, TimestampMs)> {
    let mut parts = field.split(' ');
    let (state, until_ms) = (parts.next()?.parse().ok()?, parts.next()?.parse().ok()?);
    let conversation_id = parts.next().and_then(|id| id.parse().ok());
    Some((PresenceNotice { user_id, state, conversation_id }, until_ms))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_read_back_and_what_is_none_is_left_out() {
        let id = "01ARZ3NDEKTSV4RRFFQ69G5FAV";
        let user_id: UserId = id.parse().unwrap();
        for conversation_id in [None, Some(id.parse().unwrap())] {
            let notice = PresenceNotice { user_id, state: PresenceState::Idle, conversation_id };
            assert_eq!(read(user_id, &field(&notice, 77)), Some((notice, 77)));
        }
        for bad in ["", "idle", "idle x", "NOT 7"] {
            assert_eq!(read(user_id, bad), None, "{bad:?}");
        }
    }
}
