//! The faults by name, and the order in which a mixed run draws them.

use rand::rngs::StdRng;
use rand::seq::{IndexedRandom as _, SliceRandom as _};

use super::{Hands, client_side, disks, network, processes, servers, state};

/// Everything that can be made to go wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, clap::ValueEnum)]
pub enum Fault {
    /// kill -9 of a gateway.
    GatewayKill,
    /// kill -9 of gateways, one right after the other.
    GatewayKillRepeatedly,
    /// SIGSTOP of a gateway, later SIGCONT: a zombie that thinks no time has passed.
    GatewayPause,
    /// SIGTERM of a gateway under load.
    GatewayDrain,
    /// Every process of ours stopped and started in turn.
    RollingRestart,
    /// kill -9 of a worker.
    WorkerKill,
    /// SIGSTOP of a worker for longer than its place is kept.
    WorkerPause,
    /// kill -9 of the api.
    ApiKill,
    /// SIGSTOP of the api.
    ApiPause,
    /// kill -9 of the nats-server that leads the stream.
    NatsLeaderKill,
    /// kill -9 of a nats-server that follows.
    NatsFollowerKill,
    /// kill -9 of all nats-servers at once.
    NatsAllKill,
    /// SIGSTOP of the nats-server that leads the stream.
    NatsPause,
    /// SIGTERM of the nats-server that leads the stream.
    NatsStop,
    /// kill -9 of Postgres.
    PostgresKill,
    /// An immediate stop of Postgres.
    PostgresImmediateStop,
    /// SIGSTOP of Postgres: connections stay open and nothing answers.
    PostgresPause,
    /// kill -9 of the primary and promotion of its replica.
    PostgresFailover,
    /// kill -9 of Valkey.
    ValkeyKill,
    /// FLUSHALL.
    ValkeyFlush,
    /// SIGSTOP of Valkey.
    ValkeyPause,
    /// A gateway cannot reach any nats-server.
    PartitionGatewayNats,
    /// A gateway publishes and does not hear what the log has.
    PartitionGatewayTail,
    /// One of the two workers cannot reach any nats-server.
    PartitionWorkerNats,
    /// A process cannot reach Postgres.
    PartitionPostgres,
    /// The api cannot reach Valkey.
    PartitionValkey,
    /// A nats-server cannot reach the others.
    PartitionNatsNode,
    /// What a nats-server says does not reach the others; what they say reaches it.
    OneWayNatsNode,
    /// What a gateway sends does not reach NATS; what NATS sends arrives.
    OneWayGatewayNats,
    /// Latency of 100±50 ms on all links of a gateway.
    Latency,
    /// A gateway's links to NATS look open and lead nowhere.
    HalfOpenNats,
    /// Links to Postgres look open and lead nowhere.
    HalfOpenPostgres,
    /// A gateway's clients look connected and are gone.
    HalfOpenClients,
    /// Every link of a process is reset.
    Resets,
    /// Links that carry a byte at a time.
    ByteAtATime,
    /// Clients on 64 kbit/s.
    SlowLinks,
    /// Bytes are flipped on the way to and from Valkey.
    Corruption,
    /// The disk of a nats-server is full.
    DiskFullNats,
    /// The disk of Postgres is full.
    DiskFullPostgres,
    /// The clock of a process is an hour off.
    ClockSkew,
    /// A gateway that crashes between JetStream's acknowledgement and the client's.
    CrashAfterAppend,
    /// Clients that stop reading while much is sent to them.
    SlowReaders,
    /// Everybody's connection is reset at the same moment.
    ReconnectStorm,
    /// The nats-server that holds users' durable consumers stays away.
    StrandedConsumers,
    /// The shard's stream is deleted, and reseeded from Postgres with a new epoch.
    LostLog,
}

/// Whether a fault took place.
pub enum Done {
    Inflicted,
    Skipped(String),
}

impl Fault {
    /// As on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::GatewayKill => "gateway-kill",
            Self::GatewayKillRepeatedly => "gateway-kill-repeatedly",
            Self::GatewayPause => "gateway-pause",
            Self::GatewayDrain => "gateway-drain",
            Self::RollingRestart => "rolling-restart",
            Self::WorkerKill => "worker-kill",
            Self::WorkerPause => "worker-pause",
            Self::ApiKill => "api-kill",
            Self::ApiPause => "api-pause",
            Self::NatsLeaderKill => "nats-leader-kill",
            Self::NatsFollowerKill => "nats-follower-kill",
            Self::NatsAllKill => "nats-all-kill",
            Self::NatsPause => "nats-pause",
            Self::NatsStop => "nats-stop",
            Self::PostgresKill => "postgres-kill",
            Self::PostgresImmediateStop => "postgres-immediate-stop",
            Self::PostgresPause => "postgres-pause",
            Self::PostgresFailover => "postgres-failover",
            Self::ValkeyKill => "valkey-kill",
            Self::ValkeyFlush => "valkey-flush",
            Self::ValkeyPause => "valkey-pause",
            Self::PartitionGatewayNats => "partition-gateway-nats",
            Self::PartitionGatewayTail => "partition-gateway-tail",
            Self::PartitionWorkerNats => "partition-worker-nats",
            Self::PartitionPostgres => "partition-postgres",
            Self::PartitionValkey => "partition-valkey",
            Self::PartitionNatsNode => "partition-nats-node",
            Self::OneWayNatsNode => "one-way-nats-node",
            Self::OneWayGatewayNats => "one-way-gateway-nats",
            Self::Latency => "latency",
            Self::HalfOpenNats => "half-open-nats",
            Self::HalfOpenPostgres => "half-open-postgres",
            Self::HalfOpenClients => "half-open-clients",
            Self::Resets => "resets",
            Self::ByteAtATime => "byte-at-a-time",
            Self::SlowLinks => "slow-links",
            Self::Corruption => "corruption",
            Self::DiskFullNats => "disk-full-nats",
            Self::DiskFullPostgres => "disk-full-postgres",
            Self::ClockSkew => "clock-skew",
            Self::CrashAfterAppend => "crash-after-append",
            Self::SlowReaders => "slow-readers",
            Self::ReconnectStorm => "reconnect-storm",
            Self::StrandedConsumers => "stranded-consumers",
            Self::LostLog => "lost-log",
        }
    }

    /// How often it comes in a mixed run, relative to others: kills are cheap and common, what takes long is rare.
    const fn weight(self) -> usize {
        match self {
            Self::GatewayKill | Self::GatewayKillRepeatedly => 6,
            Self::WorkerKill | Self::ApiKill | Self::NatsLeaderKill | Self::NatsFollowerKill => 4,
            Self::PostgresKill => 3,
            Self::NatsAllKill | Self::ValkeyKill | Self::CrashAfterAppend | Self::PostgresImmediateStop => 2,
            _ => 1,
        }
    }

    /// Makes it happen, holds it, and ends it.
    pub async fn inflict(self, hands: &mut Hands<'_>) -> anyhow::Result<Done> {
        match self {
            Self::GatewayKill => processes::kill_gateway(hands).await?,
            Self::GatewayKillRepeatedly => processes::kill_gateways_repeatedly(hands).await?,
            Self::GatewayPause => processes::pause_gateway(hands).await?,
            Self::GatewayDrain => processes::drain_gateway(hands).await?,
            Self::RollingRestart => processes::rolling_restart(hands).await?,
            Self::WorkerKill => processes::kill_worker(hands).await?,
            Self::WorkerPause => processes::pause_worker(hands).await?,
            Self::ApiKill => processes::kill_api(hands).await?,
            Self::ApiPause => processes::pause_api(hands).await?,
            Self::CrashAfterAppend => processes::crash_after_append(hands).await?,
            Self::ClockSkew => processes::skew_clock(hands).await?,
            Self::NatsLeaderKill => servers::kill_nats_leader(hands).await?,
            Self::NatsFollowerKill => servers::kill_nats_follower(hands).await?,
            Self::NatsAllKill => servers::kill_nats_all(hands).await?,
            Self::NatsPause => servers::pause_nats_leader(hands).await?,
            Self::NatsStop => servers::stop_nats_leader(hands).await?,
            Self::PostgresKill => servers::kill_postgres(hands).await?,
            Self::PostgresImmediateStop => servers::stop_postgres_immediately(hands).await?,
            Self::PostgresPause => servers::pause_postgres(hands).await?,
            Self::PostgresFailover => servers::fail_postgres_over(hands).await?,
            Self::ValkeyKill => servers::kill_valkey(hands).await?,
            Self::ValkeyFlush => servers::flush_valkey(hands).await?,
            Self::ValkeyPause => servers::pause_valkey(hands).await?,
            Self::PartitionGatewayNats => network::partition_gateway_nats(hands).await?,
            Self::PartitionGatewayTail => network::partition_gateway_tail(hands).await?,
            Self::PartitionWorkerNats => network::partition_worker_nats(hands).await?,
            Self::PartitionPostgres => network::partition_postgres(hands).await?,
            Self::PartitionValkey => network::partition_valkey(hands).await?,
            Self::PartitionNatsNode => network::partition_nats_node(hands).await?,
            Self::OneWayNatsNode => network::one_way_nats_node(hands).await?,
            Self::OneWayGatewayNats => network::one_way_gateway_nats(hands).await?,
            Self::Latency => network::latency(hands).await?,
            Self::HalfOpenNats => network::half_open_nats(hands).await?,
            Self::HalfOpenPostgres => network::half_open_postgres(hands).await?,
            Self::HalfOpenClients => network::half_open_clients(hands).await?,
            Self::Resets => network::resets(hands).await?,
            Self::ByteAtATime => network::byte_at_a_time(hands).await?,
            Self::SlowLinks => network::slow_links(hands).await?,
            Self::Corruption => network::corruption(hands).await?,
            Self::SlowReaders => client_side::slow_readers(hands).await?,
            Self::ReconnectStorm => client_side::reconnect_storm(hands).await?,
            Self::DiskFullNats => return disks::fill_nats(hands).await,
            Self::DiskFullPostgres => return disks::fill_postgres(hands).await,
            Self::StrandedConsumers => state::strand_consumers(hands).await?,
            Self::LostLog => state::lose_log(hands).await?,
        }
        Ok(Done::Inflicted)
    }
}

/// Faults still to come: mixed, and dealt again when all were drawn, so that a long run has every one.
pub struct Deck {
    kinds: Vec<Fault>,
    left: Vec<Fault>,
}

impl Deck {
    /// Of these faults.
    pub fn new(kinds: &[Fault]) -> Self {
        Self { kinds: kinds.to_vec(), left: Vec::new() }
    }

    /// The next one.
    pub fn draw(&mut self, rng: &mut StdRng) -> Fault {
        if self.left.is_empty() {
            self.deal(rng);
        }
        self.left.pop().or_else(|| self.kinds.choose(rng).copied()).unwrap_or(Fault::GatewayKill)
    }

    /// Every kind as often as it weighs, with something common at least every other time: so a short run, too, has its kills,
    /// whatever the seed.
    fn deal(&mut self, rng: &mut StdRng) {
        let all = self.kinds.iter().flat_map(|fault| std::iter::repeat_n(*fault, fault.weight()));
        let (mut common, rare): (Vec<_>, Vec<_>) = all.partition(|fault| fault.weight() > 1);
        common.shuffle(rng);
        let mut between: Vec<_> = rare.into_iter().map(Some).collect();
        between.resize(between.len().max(common.len()), None);
        between.shuffle(rng);
        for fault in common {
            self.left.extend(between.pop().flatten());
            self.left.push(fault);
        }
        // Drawn from the end, so what has no common one before it comes last.
        self.left.splice(0..0, between.into_iter().flatten());
    }

    /// Never draws it again; whether nothing is left.
    pub fn strike(&mut self, fault: Fault) -> bool {
        self.kinds.retain(|kind| *kind != fault);
        self.left.retain(|kind| *kind != fault);
        self.kinds.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::ValueEnum as _;
    use rand::SeedableRng as _;

    #[test]
    fn names_are_those_of_the_command_line() {
        for fault in Fault::value_variants() {
            let value = fault.to_possible_value().unwrap();
            assert_eq!(value.get_name(), fault.name());
        }
    }

    #[test]
    fn every_other_fault_of_a_short_run_is_a_common_one() {
        for seed in 0..1_000 {
            let (mut deck, mut rng) = (Deck::new(Fault::value_variants()), StdRng::seed_from_u64(seed));
            let drawn: Vec<_> = (0..6).map(|_| deck.draw(&mut rng)).collect();
            let common = drawn.iter().filter(|fault| fault.weight() > 1).count();
            assert!(common >= 3, "seed {seed}: {:?}", drawn.iter().map(|fault| fault.name()).collect::<Vec<_>>());
        }
    }

    #[test]
    fn one_deal_has_every_fault_and_a_seed_repeats_it() {
        let draw = |seed| {
            let (mut deck, mut rng) = (Deck::new(Fault::value_variants()), StdRng::seed_from_u64(seed));
            let total: usize = Fault::value_variants().iter().map(|fault| fault.weight()).sum();
            (0..total).map(|_| deck.draw(&mut rng)).collect::<Vec<_>>()
        };
        let first = draw(7);
        assert!(Fault::value_variants().iter().all(|fault| first.contains(fault)));
        assert_eq!(first, draw(7));
        assert_ne!(first, draw(8));
    }
}
