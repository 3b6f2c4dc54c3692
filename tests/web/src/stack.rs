//! A whole RelayHub that serves the built web client.

use std::io::Write as _;

use anyhow::Context as _;
use relay_dev_servers::WebTools;
use relay_fault_proxy::FaultProxy;
use relay_harness::{Harness, HarnessBuilder};
use tokio::process::Command;

use crate::site::Site;

/// The processes, the page that they serve, and the link between browsers and the gateway.
pub struct WebStack {
    pub harness: Harness,
    /// Passes everything on until it is told otherwise.
    pub link: FaultProxy,
    /// The page's files.
    pub site: Site,
    tools: WebTools,
}

impl WebStack {
    /// Builds the client and starts everything.
    pub async fn start(configure: impl FnOnce(HarnessBuilder) -> HarnessBuilder) -> anyhow::Result<Self> {
        let tools = WebTools::ready().await?;
        let building = tools.clone();
        let client = tokio::task::spawn_blocking(move || building.build_client()).await.context("the build was aborted")??;
        let site = Site::copy(&client)?;
        let client = site.root().to_str().context("the path of the client is not UTF-8")?;
        // Before the gateway, whose address the page is told: it leads there once the gateway is up.
        let link = FaultProxy::start("gateway", ([127, 0, 0, 1], 9).into()).await?;
        let page = format!("web_root = {client:?}\ngateway_urls = [\"ws://{}/v1/ws\"]", link.address());
        let harness = configure(Harness::builder().config("api", &page)).start().await?;
        link.set_upstream(harness.gateway(0).public());
        // The page's origin is known only now. Its gateway has another port, so it has to be told whose pages are ours.
        let mut settings = std::fs::OpenOptions::new().append(true).open(harness.config_path())?;
        writeln!(settings, "\n[web]\npublic_origins = [{:?}]", harness.api_url())?;
        harness.gateway(0).restart().await?;
        Ok(Self { harness, link, site, tools })
    }

    /// What installed Node.js and builds the client.
    pub const fn tools(&self) -> &WebTools {
        &self.tools
    }

    /// A script below `web/`, told where the page is.
    pub fn script(&self, path: &str) -> Command {
        let mut command = Command::new(self.tools.node());
        command.arg(path).current_dir(self.tools.directory()).env("RELAYHUB_URL", self.harness.api_url()).kill_on_drop(true);
        command
    }
}
