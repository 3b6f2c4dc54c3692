//! Seeded traffic through the SDK: pairs and groups, several devices per person, joins and leaves, crashes of devices,
//! retries of the same key, REST beside sockets. Everything done and seen goes into the [`Record`].

mod amend;
mod churn;
mod device;
mod directory;
mod gate;
mod pace;
mod population;
mod probers;
mod readers;
mod rest;
mod store;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use parking_lot::Mutex;
use relay_types::UserId;
use tokio::task::JoinSet;

pub use device::Device;
pub use directory::{Directory, checksum, is_intact, key_number};
pub use gate::Gate;
pub use population::{LoginRole, Population, RoomKind};
pub use probers::Probers;

use crate::cluster::Cluster;
use crate::record::Record;
use crate::settle;
use gate::Phase;

/// With what people react.
pub const EMOJI: [&str; 4] = ["👍", "❤️", "😂", "🎉"];

/// For what is on its way when senders pause.
const PAUSE_LIMIT: Duration = Duration::from_secs(30);

/// How much traffic.
#[derive(Debug, Clone, Copy)]
pub struct Plan {
    pub seed: u64,
    /// Messages offered per second, over everybody.
    pub rate_per_s: f64,
    /// People in pairs.
    pub pairs: usize,
    /// Groups of 20.
    pub groups: usize,
    /// Every third device listens to a stream of events and posts its commands.
    pub streams: bool,
}

/// The running traffic.
pub struct Workload {
    pub population: Arc<Population>,
    pub directory: Arc<Directory>,
    pub devices: Arc<[Device]>,
    pub probers: Probers,
    pub record: Arc<Record>,
    /// Which epoch of the log is being written to.
    pub epoch: Arc<AtomicUsize>,
    gate: Gate,
    tasks: Mutex<JoinSet<()>>,
}

/// Opens again when dropped.
pub struct Quiet(Gate);

impl Drop for Quiet {
    fn drop(&mut self) {
        self.0.set(Phase::Open);
    }
}

impl Workload {
    /// Registers everybody, connects all devices, and begins to send.
    pub async fn start(cluster: &Cluster, balancer: &str, plan: Plan) -> anyhow::Result<Self> {
        let population = Arc::new(Population::register(cluster, plan).await?);
        let directory = Arc::new(Directory::of(&population));
        let began = settle::log_end(cluster).await?;
        let record = Arc::new(Record::new(population.device_count(), began.0));
        let epoch = Arc::new(AtomicUsize::new(0));
        let probers = Probers::new(population.prober_count());
        let mut tasks = JoinSet::new();
        let devices: Arc<[Device]> =
            Device::connect_all(cluster, balancer, &population, &directory, &record, &epoch, &probers, &mut tasks).await?.into();
        record.all_live_at(settle::log_end(cluster).await?.0);
        let gate = Gate::new();
        tasks.spawn(pace::offer(plan, Arc::clone(&population), Arc::clone(&devices), gate.clone()));
        tasks.spawn(probers::send(Arc::clone(&population), Arc::clone(&devices), gate.clone()));
        tasks.spawn(churn::members(plan.seed, Arc::clone(&population), Arc::clone(&directory), Arc::clone(&record), gate.clone()));
        tasks.spawn(churn::devices(plan.seed, Arc::clone(&devices), gate.clone()));
        tasks.spawn(amend::offer(plan.seed, Arc::clone(&population), Arc::clone(&devices), gate.clone()));
        tasks.spawn(rest::post(plan.seed, Arc::clone(&population), Arc::clone(&directory), Arc::clone(&record), gate.clone()));
        tasks.spawn(readers::move_marks(plan.seed, Arc::clone(&population), Arc::clone(&devices), Arc::clone(&record), gate.clone()));
        tasks.spawn(readers::read_own_writes(
            plan.seed,
            Arc::clone(&population),
            Arc::clone(&directory),
            Arc::clone(&record),
            gate.clone(),
        ));
        Ok(Self { population, directory, devices, probers, record, epoch, gate, tasks: Mutex::new(tasks) })
    }

    /// Stops senders until the value is dropped, and waits until nothing is on its way any more.
    pub async fn pause_senders(&self) -> Quiet {
        self.gate.set(Phase::Paused);
        let open = self.idle(PAUSE_LIMIT).await;
        if open > 0 {
            let devices = self.devices.iter().enumerate().map(|(index, device)| (index, device.role, device.open_sends()));
            let devices: Vec<_> = devices.filter(|(_, _, open)| *open > 0).collect();
            tracing::warn!(open, calls = self.record.open_calls(), ?devices, "still without an answer after {PAUSE_LIMIT:?}");
        }
        Quiet(self.gate.clone())
    }

    /// Ends sending for good; devices go on receiving.
    pub async fn stop_sending(&self, limit: Duration) -> usize {
        self.gate.set(Phase::Over);
        self.idle(limit).await
    }

    /// Waits until nobody is about to send and no device and no REST call awaits an answer; returns how many still do.
    async fn idle(&self, limit: Duration) -> usize {
        let deadline = tokio::time::Instant::now() + limit;
        loop {
            // In this order: whoever leaves the gate has counted what they sent.
            let about_to_send = self.gate.inside();
            let open: usize = about_to_send + self.devices.iter().map(Device::open_sends).sum::<usize>() + self.record.open_calls();
            if open == 0 || tokio::time::Instant::now() > deadline {
                return open;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// Ends all devices; their records are complete afterwards.
    pub async fn finish(&self) {
        for device in self.devices.iter() {
            device.finish().await;
        }
        let mut tasks = std::mem::take(&mut *self.tasks.lock());
        tasks.abort_all();
        while tasks.join_next().await.is_some() {}
    }

    /// Everybody with an account.
    pub fn user_ids(&self) -> Vec<UserId> {
        self.population.people.iter().map(|person| person.user).collect()
    }

    /// The log as it is now, before it is lost.
    pub async fn keep_log_of_this_epoch(&self, cluster: &Cluster) -> anyhow::Result<()> {
        let log = crate::finals::read_log(cluster, &self.directory).await?;
        self.record.keep_log(log);
        Ok(())
    }

    /// From now on the log is another one.
    pub fn begin_epoch(&self) {
        self.epoch.fetch_add(1, Ordering::Relaxed);
    }

    /// Floods the group whose reading devices have stopped, until all of it is acknowledged; then they read on.
    pub async fn flood(&self, messages: usize) -> anyhow::Result<()> {
        let Some((room, sender, readers)) = self.population.flooded() else { anyhow::bail!("there is no group to flood") };
        let stalled: Vec<&Device> = readers.iter().filter_map(|index| self.devices.get(*index)).collect();
        for device in &stalled {
            device.stall(true);
        }
        let padding = "x".repeat(15_000);
        let result = async {
            let sender = self.devices.get(sender).ok_or_else(|| anyhow::anyhow!("no such device"))?;
            for _ in 0..messages {
                while sender.open_sends() > 64 {
                    tokio::time::sleep(Duration::from_millis(5)).await;
                }
                sender.order(room, &padding).await;
            }
            while sender.open_sends() > 0 {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
            anyhow::Ok(())
        };
        let result = result.await;
        for device in stalled {
            device.stall(false);
        }
        result
    }
}
