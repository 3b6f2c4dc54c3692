//! People and their devices.

use std::sync::Arc;

use anyhow::Context as _;
use relay_client::{ApiClient, ClientStore, EventStream, MemoryStore, RealtimeClient, RealtimeConfig, RefreshingTokens, TokenProvider};
use relay_protocol::DeviceKind;
use relay_protocol::rest::{LoginRequest, Password, Secret, TokenResponse, UserProfile};
use relay_types::{SessionId, UserId};

use crate::harness::Harness;

/// A registered person with one device. Further devices: [`Self::log_in`].
#[derive(Debug, Clone)]
pub struct User {
    /// As others see them.
    pub profile: UserProfile,
    /// For other devices' log-ins.
    pub password: Password,
    /// REST calls as this person, from the first device.
    pub api: ApiClient,
    /// The first device.
    pub device: Device,
}

/// A registered person who has never logged in.
#[derive(Debug, Clone)]
pub struct Account {
    /// As others see them.
    pub profile: UserProfile,
    password: Password,
    api: ApiClient,
}

impl Account {
    /// Registers `handle` through the REST API.
    pub async fn register(api: ApiClient, handle: &str) -> anyhow::Result<Self> {
        let name = handle.parse().with_context(|| format!("{handle:?} is not a handle"))?;
        let password = Password(format!("password of {handle}"));
        let profile = api.register(&name, &handle.parse()?, &password).await.with_context(|| format!("could not register {handle}"))?;
        Ok(Self { profile, password, api })
    }

    /// The first log-in, on a device called `first`.
    pub async fn log_in(self) -> anyhow::Result<User> {
        let device = Device::log_in(&self.api, &self.profile, &self.password, "first").await?;
        Ok(User { profile: self.profile, password: self.password, api: device.api.clone(), device })
    }
}

/// A logged-in device.
#[derive(Clone)]
pub struct Device {
    /// What log-in answered; the access token is not renewed here.
    pub tokens: TokenResponse,
    /// REST calls from this device, which renew their token.
    pub api: ApiClient,
    provider: Arc<dyn TokenProvider>,
}

impl std::fmt::Debug for Device {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Device").field("session_id", &self.tokens.session_id).finish_non_exhaustive()
    }
}

impl User {
    /// Registers `handle` through the REST API and logs in on a device called `first`.
    pub async fn register(api: ApiClient, handle: &str) -> anyhow::Result<Self> {
        Account::register(api, handle).await?.log_in().await
    }

    /// Another device of the same person.
    pub async fn log_in(&self, device_name: &str) -> anyhow::Result<Device> {
        Device::log_in(&ApiClient::new(self.api.base())?, &self.profile, &self.password, device_name).await
    }

    /// Another device of the same person, which says of what kind it is.
    pub async fn log_in_on(&self, device_name: &str, kind: DeviceKind) -> anyhow::Result<Device> {
        let api = ApiClient::new(self.api.base())?;
        let (handle, password) = (self.profile.handle.clone(), self.password.clone());
        let request = LoginRequest { handle, password, device_name: device_name.parse()?, device_kind: Some(kind) };
        let tokens = api.log_in(&request).await.with_context(|| format!("could not log in as {}", self.profile.handle))?;
        Ok(Device::of(&api, tokens))
    }

    /// Who.
    pub fn id(&self) -> UserId {
        self.profile.user_id
    }

    /// Connects the first device to a gateway; see [`Device::connect`].
    pub async fn connect(&self, harness: &Harness, gateway: usize) -> anyhow::Result<(RealtimeClient, EventStream)> {
        self.device.connect(harness, gateway).await
    }
}

impl Device {
    async fn log_in(api: &ApiClient, profile: &UserProfile, password: &Password, name: &str) -> anyhow::Result<Self> {
        let tokens = api.login(&profile.handle, password, &name.parse()?).await;
        let tokens = tokens.with_context(|| format!("could not log in as {}", profile.handle))?;
        Ok(Self::of(api, tokens))
    }

    fn of(api: &ApiClient, tokens: TokenResponse) -> Self {
        let provider: Arc<dyn TokenProvider> = Arc::new(RefreshingTokens::new(api.clone(), tokens.clone(), None));
        Self { tokens, api: api.with_tokens(Arc::clone(&provider)), provider }
    }

    /// The access token of the log-in.
    pub fn access_token(&self) -> &Secret {
        &self.tokens.access_token
    }

    /// Which session.
    pub fn session_id(&self) -> SessionId {
        self.tokens.session_id
    }

    /// Tokens that renew themselves.
    pub fn token_provider(&self) -> Arc<dyn TokenProvider> {
        Arc::clone(&self.provider)
    }

    /// Connects to a gateway with nothing remembered and waits until events are live.
    pub async fn connect(&self, harness: &Harness, gateway: usize) -> anyhow::Result<(RealtimeClient, EventStream)> {
        let config = RealtimeConfig::new(harness.gateway_url(gateway));
        let (client, events) = self.connect_with(config, Arc::new(MemoryStore::default())).await?;
        client.live().await.map_err(|closed| anyhow::anyhow!("the client closed instead of going live: {closed:?}"))?;
        Ok((client, events))
    }

    /// Starts a client with settings and a store of the test's own, without waiting.
    pub async fn connect_with(&self, config: RealtimeConfig, store: Arc<dyn ClientStore>) -> anyhow::Result<(RealtimeClient, EventStream)> {
        Ok(RealtimeClient::start(config, self.token_provider(), store).await?)
    }
}
