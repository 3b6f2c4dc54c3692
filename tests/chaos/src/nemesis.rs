//! What goes wrong, when, and how long: seeded, one fault after another, with quiet between them.
//!
//! A fault injects, holds, heals, and says which processes it killed. The schedule waits after each until sending works
//! again everywhere; a cluster that does not recover is a finding of its own.

mod client_side;
mod disks;
mod fault;
mod network;
mod processes;
mod servers;
mod state;
mod upgrade;

use std::collections::BTreeMap;
use std::time::Duration;

use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};

pub use fault::Fault;
pub use upgrade::roll;

use crate::cluster::Cluster;
use crate::timeline::now_us;
use crate::workload::Workload;

/// The longest that sending may take to work again after a fault was healed.
const RECOVERY_LIMIT: Duration = Duration::from_secs(60);

/// One fault as it happened. Times in microseconds on the run's clock.
#[derive(Debug, Clone, serde::Serialize)]
pub struct Window {
    pub fault: &'static str,
    /// What was hit, such as `gateway-1`.
    pub target: String,
    pub injected_us: u64,
    pub healed_us: u64,
    /// When every prober had a message acknowledged that it sent after the fault was healed.
    pub recovered_us: Option<u64>,
    /// Gateways whose clients the fault does not concern.
    pub unaffected: Vec<usize>,
}

/// What faults work with.
pub struct Hands<'a> {
    pub cluster: &'a mut Cluster,
    pub workload: &'a Workload,
    pub rng: StdRng,
    pub kills: BTreeMap<&'static str, u64>,
    /// Faults that this machine does not allow, with the reason.
    pub skipped: BTreeMap<&'static str, String>,
    window: Window,
}

impl Hands<'_> {
    /// Whom the fault hits; shown with the window.
    fn target(&mut self, name: impl Into<String>) {
        self.window.target = name.into();
    }

    /// The fault begins to work now.
    fn injected(&mut self) {
        self.window.injected_us = now_us();
    }

    /// Only these gateways' clients are concerned.
    fn concerns_gateways(&mut self, concerned: &[usize]) {
        self.window.unaffected = (0..self.cluster.gateways.len()).filter(|index| !concerned.contains(index)).collect();
    }

    fn killed(&mut self, kind: &'static str) {
        *self.kills.entry(kind).or_default() += 1;
    }

    /// Somewhere between the two, in milliseconds.
    fn between(&mut self, least_ms: u64, most_ms: u64) -> Duration {
        Duration::from_millis(self.rng.random_range(least_ms..=most_ms))
    }

    async fn hold(&mut self, least_ms: u64, most_ms: u64) {
        let time = self.between(least_ms, most_ms);
        tokio::time::sleep(time).await;
    }

    fn pick(&mut self, count: usize) -> usize {
        self.rng.random_range(0..count.max(1))
    }
}

/// What a run of faults came to.
pub struct Outcome {
    pub windows: Vec<Window>,
    pub kills: BTreeMap<&'static str, u64>,
    pub skipped: BTreeMap<&'static str, String>,
    /// A fault that could not be carried out to its end, or did not heal: the run ends with it, and is judged all the same.
    pub unhealed: Option<String>,
}

impl Outcome {
    /// Nothing went wrong on purpose.
    pub const fn quiet() -> Self {
        Self { windows: Vec::new(), kills: BTreeMap::new(), skipped: BTreeMap::new(), unhealed: None }
    }
}

/// Injects faults of these kinds, in a mix that the seed decides, for `time`.
pub async fn torment(cluster: &mut Cluster, workload: &Workload, faults: &[Fault], seed: u64, time: Duration) -> anyhow::Result<Outcome> {
    let end = tokio::time::Instant::now() + time;
    let mut windows = Vec::new();
    let mut hands = Hands {
        cluster,
        workload,
        rng: StdRng::seed_from_u64(seed ^ 0x6e65_6d65_7369_7300),
        kills: BTreeMap::new(),
        skipped: BTreeMap::new(),
        window: empty("none"),
    };
    let mut deck = fault::Deck::new(faults);
    // The undisturbed beginning that p99 is compared with.
    tokio::time::sleep(time.mul_f64(0.05).clamp(Duration::from_secs(2), Duration::from_secs(20))).await;
    while tokio::time::Instant::now() < end {
        let fault = deck.draw(&mut hands.rng);
        hands.window = empty(fault.name());
        hands.injected();
        tracing::info!(fault = fault.name(), "inject");
        let done = fault.inflict(&mut hands).await;
        hands.cluster.links.heal();
        let done = match done {
            Ok(done) => done,
            Err(error) => {
                tracing::error!(fault = fault.name(), error = %format!("{error:#}"), "does not heal; this run ends here");
                let unhealed = Some(format!("{}: {error:#}", fault.name()));
                return Ok(Outcome { windows, kills: hands.kills, skipped: hands.skipped, unhealed });
            }
        };
        if let fault::Done::Skipped(reason) = done {
            tracing::warn!(fault = fault.name(), reason, "not possible here");
            hands.skipped.insert(fault.name(), reason);
            anyhow::ensure!(!deck.strike(fault), "none of the faults asked for is possible here");
            continue;
        }
        let mut window = hands.window.clone();
        window.healed_us = now_us();
        window.recovered_us = workload.probers.recovered(window.healed_us, RECOVERY_LIMIT).await;
        tracing::info!(
            fault = window.fault,
            target = window.target,
            held_ms = (window.healed_us - window.injected_us) / 1000,
            recovered_ms = window.recovered_us.map(|at| at.saturating_sub(window.healed_us) / 1000),
            "healed"
        );
        windows.push(window);
        // Some of the time is quiet.
        hands.hold(300, 1_500).await;
    }
    Ok(Outcome { windows, kills: hands.kills, skipped: hands.skipped, unhealed: None })
}

fn empty(fault: &'static str) -> Window {
    Window { fault, target: String::new(), injected_us: now_us(), healed_us: 0, recovered_us: None, unaffected: Vec::new() }
}
