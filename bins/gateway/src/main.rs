//! The gateway process: its parts list.

mod config;
mod keys;

use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use relay_auth::KeyRing;
use relay_bus::cursors::NatsCursors;
use relay_bus::ephemeral::NatsEphemeral;
use relay_bus::log::NatsMessageLog;
use relay_bus::log_reader::NatsLogReader;
use relay_bus::tail::NatsTails;
use relay_gateway::{Deps, Gateway, LogRoom};
use relay_hot_state::ValkeyPresence;
use relay_runtime::Origins;
use relay_types::{SystemClock, SystemIds};

use config::Config;

fn main() -> ExitCode {
    relay_runtime::run("gateway", |boot: relay_runtime::Boot<Config>| async move {
        let config = &boot.config;
        // One task parses all that a connection receives, so publishing and following have one each.
        let publishing = relay_bootstrap::connect_nats(&config.nats, "gateway-publish").await?;
        let following = relay_bootstrap::connect_nats(&config.nats, "gateway-tail").await?;
        // Nor may anybody's typing or reading hold up the log.
        let ephemeral = relay_bootstrap::connect_ephemeral(&config.nats, "gateway-ephemeral").await?;
        relay_bootstrap::verify_topology(&publishing, &config.topology).await?;
        let ring = Arc::new(KeyRing::new(&config.tokens));
        keys::follow(&boot.supervisor, publishing.clone(), Arc::clone(&ring)).await?;
        relay_bootstrap::watch_nats(&boot.supervisor, publishing.clone());
        let store = Arc::new(relay_bootstrap::open_store(&config.postgres)?);
        let room = Arc::<LogRoom>::default();
        let (looked_at, shards) = (Arc::clone(&room), config.topology.shard_ids().collect());
        relay_bootstrap::watch_log(&boot.supervisor, publishing.clone(), shards, move |shard, bytes, max| {
            looked_at.observe(shard, bytes, max);
        });
        let activity = relay_bootstrap::tell_activity(&boot.supervisor, &ephemeral, "gateway");
        let deps = Deps {
            activity: activity.clone(),
            room,
            log: Arc::new(NatsMessageLog::new(publishing.clone(), &config.topology)),
            tails: Arc::new(NatsTails::new(following)),
            sessions: store.clone(),
            ephemeral: Arc::new(NatsEphemeral::typing(ephemeral.clone())),
            receipts: Arc::new(NatsEphemeral::receipts(ephemeral.clone())),
            presence: Arc::new(NatsEphemeral::presence(ephemeral)),
            presence_board: Arc::new(ValkeyPresence::connect(&config.valkey)?),
            presence_rules: store.clone(),
            audience: store.clone(),
            delivery_marks: store.clone(),
            store,
            log_reader: Arc::new(NatsLogReader::new(publishing.clone())),
            cursors: Arc::new(NatsCursors::new(publishing)),
            tokens: ring,
            origins: Origins::new(&config.web),
            clock: Arc::new(SystemClock),
            ids: Arc::new(SystemIds::default()),
            shards: config.topology.shard_ids().collect(),
            access_ttl_s: config.tokens.access_ttl_s,
        };
        let listener = relay_runtime::listen::bind(config.gateway.listen)?;
        // First, because its parts are then known to be starting: listening alone is not being ready.
        let gateway = Gateway::new(config.gateway.clone(), deps, boot.health.clone());
        boot.publish_addresses(Some(listener.local_addr()?))?;
        gateway.serve(listener, &boot.supervisor).await?;
        activity.finish().await;
        boot.supervisor.finished(Duration::from_secs(5)).await;
        Ok(())
    })
}
