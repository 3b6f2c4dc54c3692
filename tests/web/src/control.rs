//! What tests may ask of the stack: `{"id":1,"do":"gateway_kill"}`, answered by `{"id":1,"ok":true}` or with an `error`.

use std::num::NonZeroU64;
use std::time::Duration;

use relay_fault_proxy::{Direction, FaultProxy, Faults};
use relay_harness::Harness;

use crate::load::Load;
use crate::site::Site;

/// Obeys requests, one after the other.
pub struct Control<'a> {
    pub harness: &'a Harness,
    /// Between browsers and the gateway.
    pub link: &'a FaultProxy,
    /// What the api serves to browsers.
    pub site: &'a Site,
}

#[derive(serde::Deserialize)]
struct Request {
    id: u64,
    #[serde(flatten)]
    action: Action,
}

#[derive(serde::Deserialize)]
#[serde(tag = "do", rename_all = "snake_case")]
enum Action {
    /// As a crash ends it.
    GatewayKill,
    GatewayRestart,
    ApiStop,
    ApiStart,
    /// Every socket is reset, and no new one comes through.
    LinkCut,
    /// Sockets stay open and nothing passes.
    LinkSilent,
    /// Everything arrives so much later, in both directions, and no faster than so many bytes per second.
    LinkSlow {
        ms: u64,
        bytes_per_s: Option<NonZeroU64>,
    },
    /// No WebSocket comes through; other requests do.
    LinkWithoutSockets,
    /// Every socket is reset once.
    LinkReset,
    LinkHeal,
    /// Many messages at once.
    Load(Load),
    /// The next build of the client takes the place of this one.
    Release {
        build: String,
    },
}

#[derive(serde::Serialize)]
struct Answer {
    id: u64,
    ok: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
}

impl Control<'_> {
    /// Does it; the answer is one line.
    pub async fn obey(&self, request: &str) -> String {
        let answer = match serde_json::from_str::<Request>(request) {
            Ok(Request { id, action }) => match self.act(action).await {
                Ok(()) => Answer { id, ok: true, error: None },
                Err(error) => Answer { id, ok: false, error: Some(format!("{error:#}")) },
            },
            Err(error) => Answer { id: 0, ok: false, error: Some(format!("{request}: {error}")) },
        };
        // Nothing in it can fail to serialise.
        serde_json::to_string(&answer).unwrap_or_default() + "\n"
    }

    async fn act(&self, action: Action) -> anyhow::Result<()> {
        let Self { harness, link, site } = self;
        match action {
            Action::GatewayKill => harness.gateway(0).kill(),
            Action::GatewayRestart => harness.gateway(0).restart().await?,
            Action::ApiStop => drop(harness.api().stop().await),
            Action::ApiStart => harness.api().start().await?,
            Action::LinkCut => {
                link.set(Faults { refuse: true, ..Faults::default() });
                link.reset_all();
            }
            Action::LinkSilent => {
                let silent = Direction { blackhole: true, ..Direction::default() };
                link.set(Faults { to_server: silent, to_client: silent, ..Faults::default() });
            }
            Action::LinkSlow { ms, bytes_per_s } => {
                let slow = Direction { latency: Duration::from_millis(ms), bytes_per_s, ..Direction::default() };
                link.set(Faults { to_server: slow, to_client: slow, ..Faults::default() });
            }
            Action::LinkWithoutSockets => {
                let filtered = Direction { reset: true, ..Direction::default() };
                link.set(Faults { to_server: filtered, only: Some("websocket"), ..Faults::default() });
                link.reset_all();
            }
            Action::LinkReset => link.reset_all(),
            Action::LinkHeal => link.heal(),
            Action::Load(load) => load.put(harness).await?,
            Action::Release { build } => site.release(&build)?,
        }
        Ok(())
    }
}
