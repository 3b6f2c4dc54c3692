//! What the examples share: logging in, and addresses from the command line.
#![allow(dead_code, reason = "each example uses what it needs")]

use std::path::Path;
use std::sync::Arc;

use anyhow::{Context as _, bail};
use relay_client::{
    ApiClient, ClientError, ClientStore, EventStream, RealtimeClient, RealtimeConfig, RefreshingTokens, SendError, SendHandle,
    TokenProvider,
};
use relay_protocol::ErrorCode;
use relay_protocol::frame::MessageAck;
use relay_protocol::rest::{Password, TokenResponse, UserProfile};
use relay_types::{ConversationId, Handle};

/// Where RelayHub is: what `./relay up` prints.
pub struct Servers {
    pub api: String,
    pub gateway: String,
}

/// Takes `--api URL` and `--gateway URL` out of the command line; the rest is the example's own.
pub fn arguments() -> anyhow::Result<(Servers, Vec<String>)> {
    let mut servers = Servers { api: "http://127.0.0.1:7090".to_owned(), gateway: "ws://127.0.0.1:7080".to_owned() };
    let (mut rest, mut arguments) = (Vec::new(), std::env::args().skip(1));
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            "--api" => servers.api = arguments.next().context("--api needs a URL")?,
            "--gateway" => servers.gateway = arguments.next().context("--gateway needs a URL")?,
            _ => rest.push(argument),
        }
    }
    Ok((servers, rest))
}

/// A logged-in device. Both clients below renew its access token when it runs out.
pub struct Device {
    pub me: UserProfile,
    pub api: ApiClient,
    tokens: Arc<dyn TokenProvider>,
    gateway: String,
}

/// Logs in with the password in `RELAY_PASSWORD`, and makes the account if there is none.
///
/// A program that is restarted often keeps its tokens instead (`FileStore::save_tokens`, `RefreshingTokens::restored`): each
/// log-in is a session, and a person has at most 100.
pub async fn log_in(servers: &Servers, handle: &str) -> anyhow::Result<Device> {
    let handle: Handle = handle.parse().context("a handle is 3 to 32 of a-z, 0-9 and _")?;
    #[expect(
        clippy::disallowed_methods,
        reason = "an example has no configuration; a password on the command line shows in lists of processes"
    )]
    let password = Password(std::env::var("RELAY_PASSWORD").context("RELAY_PASSWORD has to hold the password")?);
    let open = ApiClient::new(&servers.api)?;
    let tokens = match log_in_once(&open, &handle, &password).await {
        Err(ClientError::Refused(problem)) if problem.code == ErrorCode::BadCredentials => {
            let name = handle.as_str().parse()?;
            match open.register(&handle, &name, &password).await {
                Err(ClientError::Refused(problem)) if problem.code == ErrorCode::HandleTaken => bail!("wrong password for {handle}"),
                registered => registered?,
            };
            log_in_once(&open, &handle, &password).await?
        }
        answered => answered?,
    };
    let tokens: Arc<dyn TokenProvider> = Arc::new(RefreshingTokens::new(open.clone(), tokens, None));
    let api = open.with_tokens(Arc::clone(&tokens));
    Ok(Device { me: api.me().await?, api, tokens, gateway: servers.gateway.clone() })
}

async fn log_in_once(api: &ApiClient, handle: &Handle, password: &Password) -> Result<TokenResponse, ClientError> {
    let device = "example".parse().unwrap_or_else(|_| unreachable!("a word is a device's name"));
    api.login(handle, password, &device).await
}

impl Device {
    /// Connects, and goes on trying. `store` keeps position and outbox: in memory, or in files that outlive the program.
    pub async fn connect(&self, store: Arc<dyn ClientStore>) -> anyhow::Result<(RealtimeClient, EventStream)> {
        Ok(RealtimeClient::start(RealtimeConfig::new(&self.gateway), Arc::clone(&self.tokens), store).await?)
    }

    /// Where this person's files for `example` lie. Positions and outboxes belong to one person on one server.
    pub fn directory(&self, example: &str) -> std::path::PathBuf {
        Path::new(".relay").join("examples").join(format!("{example}-{}", self.me.user_id))
    }

    /// The direct conversation with `handle`; there is one per pair.
    pub async fn direct(&self, handle: &str) -> anyhow::Result<ConversationId> {
        let other = self.api.find_user(&handle.parse()?).await.with_context(|| format!("there is no {handle}"))?;
        Ok(self.api.create_direct(other.user_id).await?.conversation_id)
    }
}

/// Waits for an ack and takes events meanwhile: the ack comes through the same socket, which is read only as long as there is
/// room for its events.
pub async fn acknowledged(sending: SendHandle, events: &mut EventStream) -> Result<MessageAck, SendError> {
    tokio::pin!(sending);
    let mut open = true;
    loop {
        tokio::select! {
            answer = &mut sending => return answer,
            event = events.next(), if open => open = event.is_some(),
        }
    }
}
