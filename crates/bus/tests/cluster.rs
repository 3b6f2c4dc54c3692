//! The log on three nats-servers: what elections, deaths and races do to those who append and follow.

#[cfg(test)]
mod cluster {
    use std::time::{Duration, Instant};

    use relay_bus::consumers::NatsUserConsumers;
    use relay_bus::log::NatsMessageLog;
    use relay_bus::log_reader::NatsLogReader;
    use relay_bus::tail::NatsTails;
    use relay_bus::topology::Topology;
    use relay_bus::{Bus, NatsConfig, TopologyConfig};
    use relay_dev_servers::{NatsCluster, NatsClusterOptions, Scratch, Servers, SyncInterval};
    use relay_domain::ports::{
        ConsumerFloor, CursorError, Ensured, LogAddress, LogReader as _, MessageLog as _, TailSource as _, TailStart, UserConsumers as _,
    };
    use relay_types::{Seq, ShardId, UserId};

    const SHARD: ShardId = ShardId(0);
    const EPOCH: &str = "01ARZ3NDEKTSV4RRFFQ69G5FAV";
    const LATE: Duration = Duration::from_secs(60);

    struct World {
        cluster: NatsCluster,
        config: NatsConfig,
        topology: TopologyConfig,
        _scratch: Scratch,
    }

    impl World {
        async fn start() -> Self {
            let servers = Servers::ready().await.unwrap();
            let scratch = Scratch::new("bus").unwrap();
            let options =
                NatsClusterOptions { data: scratch.path().join("nats"), sync: SyncInterval::TwoMinutes, ..NatsClusterOptions::default() };
            let cluster = NatsCluster::start(&servers, options).await.unwrap();
            let config: NatsConfig = toml::from_str(&format!(
                "servers = {:?}\nuser = {:?}\npassword = {:?}",
                cluster.urls(),
                cluster.user(),
                cluster.password()
            ))
            .unwrap();
            let topology = TopologyConfig { replicas: 3, max_bytes_per_shard: Some(256 << 20), ..TopologyConfig::default() };
            let this = Self { cluster, config, topology, _scratch: scratch };
            // A cluster that was formed a moment ago may be too slow for the first answer; applying goes on where it was.
            let (topology, bus, deadline) = (Topology::declared(&this.topology).unwrap(), this.bus().await, Instant::now() + LATE);
            while let Err(error) = topology.apply(&bus, EPOCH).await {
                assert!(Instant::now() < deadline, "the topology was not applied within {LATE:?}: {error}");
            }
            this
        }

        async fn bus(&self) -> Bus {
            Bus::connect(&self.config, "test").await.unwrap()
        }

        async fn jetstream(&self) -> async_nats::jetstream::Context {
            let options = async_nats::ConnectOptions::with_user_and_password("relay".to_owned(), self.cluster.password().to_owned());
            async_nats::jetstream::new(options.connect(self.cluster.urls()).await.unwrap())
        }

        async fn log(&self) -> NatsMessageLog {
            NatsMessageLog::new(self.bus().await, &self.topology)
        }
    }

    fn address() -> LogAddress {
        LogAddress::User { shard: SHARD, id: EPOCH.parse::<UserId>().unwrap() }
    }

    fn payload() -> bytes::Bytes {
        bytes::Bytes::from_static(br#"{"type":"PROBE"}"#)
    }

    /// While a message is being agreed on, the same id from elsewhere is "in process": neither stored nor refused.
    #[tokio::test]
    async fn one_id_from_two_places_at_once_is_one_event_for_both() {
        let world = World::start().await;
        let (one, other) = (world.log().await, world.log().await);
        for round in 0..200 {
            let id = format!("id-{round}");
            let (first, second) = tokio::join!(one.append(address(), &id, payload(), None), other.append(address(), &id, payload(), None));
            let (first, second) = (first.unwrap(), second.unwrap());
            assert_eq!(first.seq, second.seq, "round {round}");
            assert!(first.duplicate != second.duplicate, "round {round}: one of them was first");
        }
    }

    /// The tail goes on over the death of the leader, and what was appended meanwhile is there once.
    #[tokio::test]
    async fn appending_and_following_go_on_over_the_leaders_death() {
        let world = World::start().await;
        let log = world.log().await;
        let tails = NatsTails::new(world.bus().await);
        let mut tail = tails.open(SHARD, EPOCH, TailStart::After(Seq(0))).await.unwrap();
        let mut acked = Vec::new();
        for round in 0..3 {
            for n in 0..20 {
                acked.push(log.append(address(), &format!("a-{round}-{n}"), payload(), None).await.unwrap().seq);
            }
            let leader = world.cluster.stream_leader("CHAT-0").await.unwrap().expect("a leader");
            world.cluster.node(leader).kill();
            let killed = Instant::now();
            acked.push(log.append(address(), &format!("b-{round}"), payload(), None).await.unwrap().seq);
            assert!(killed.elapsed() < Duration::from_secs(14), "an election takes seconds, not {:?}", killed.elapsed());
            world.cluster.node(leader).restart().await.unwrap();
        }
        let last = *acked.last().unwrap();
        let mut seen = Vec::new();
        while seen.last().is_none_or(|seq| *seq < last) {
            let events = tokio::time::timeout(LATE, tail.next()).await.expect("the tail goes on");
            if let Ok(events) = events {
                seen.extend(events.into_iter().map(|event| event.seq));
            }
        }
        assert!(seen.windows(2).all(|pair| pair[0] < pair[1]), "in order, each once");
        assert!(acked.iter().all(|seq| seen.contains(seq)), "everything acknowledged is there");
    }

    /// A gateway that starts reads no more of the past than it can keep, however much was said lately.
    #[tokio::test]
    async fn a_tail_of_recent_events_begins_where_the_last_of_them_do() {
        let world = World::start().await;
        let (log, tails) = (world.log().await, NatsTails::new(world.bus().await));
        let mut seqs = Vec::new();
        for n in 0..30 {
            seqs.push(log.append(address(), &format!("recent-{n}"), payload(), None).await.unwrap().seq);
        }
        let end = *seqs.last().unwrap();
        let (hour, nothing) = (Duration::from_hours(1), Duration::ZERO);
        for (age, most, expected) in [(hour, 10, seqs[20]), (hour, 1_000, seqs[0]), (hour, u64::MAX, seqs[0]), (nothing, 10, end)] {
            let mut tail = tails.open(SHARD, EPOCH, TailStart::Recent { age, most, end }).await.unwrap();
            let events = tokio::time::timeout(LATE, tail.next()).await.expect("an event").unwrap();
            assert_eq!(events.first().map(|event| event.seq), Some(expected), "{age:?}, at most {most}");
        }
    }

    /// A server that follows learns a moment later than the leader what was agreed on. Whoever reads from it has to wait for that.
    #[tokio::test]
    async fn what_was_acknowledged_is_read_from_the_log_at_once() {
        let world = World::start().await;
        let log = world.log().await;
        let reader = NatsLogReader::new(world.bus().await);
        let user: UserId = EPOCH.parse().unwrap();
        let mut after = Seq(0);
        for round in 0..100 {
            let acked = log.append(address(), &format!("read-{round}"), payload(), None).await.unwrap().seq;
            let read = reader.read_since(SHARD, user, &[], after, acked, 100).await.unwrap();
            assert_eq!(read.iter().map(|event| event.seq).collect::<Vec<_>>(), vec![acked], "round {round}");
            after = acked;
        }
        let nothing = reader.read_since(SHARD, UserId::new(ulid::Ulid(1)), &[], Seq(0), after, 100).await.unwrap();
        assert!(nothing.is_empty(), "only what was asked for: {nothing:?}");
    }

    /// A user's durable consumer has one copy. When its server is gone for good, it is made again on another one, and skips
    /// nothing.
    #[tokio::test]
    async fn a_consumer_whose_server_is_gone_is_made_again_elsewhere() {
        let world = World::start().await;
        let (log, bus) = (world.log().await, world.bus().await);
        let consumers = NatsUserConsumers::new(bus, Duration::from_secs(1), &world.topology);
        let users: Vec<UserId> = (0..12_u128).map(|n| UserId::new(ulid::Ulid(n + 1))).collect();
        for user in &users {
            consumers.make(SHARD, *user, &[], &consumers.end(SHARD).await.unwrap()).await.unwrap();
            let to = LogAddress::User { shard: SHARD, id: *user };
            log.append(to, &format!("undelivered-{user}"), payload(), None).await.unwrap();
        }
        let js = world.jetstream().await;
        let homes = homes(&js, &users).await;
        let (node, stranded) = homes.iter().max_by_key(|(_, users)| users.len()).expect("consumers have homes");
        let dead = world.cluster.node(*node);
        dead.kill();
        for user in &users {
            let deadline = Instant::now() + LATE;
            // What a worker does: where it stood was noted when it was made.
            while let Err(error) = ensure(&consumers, *user).await {
                assert!(Instant::now() < deadline, "{user}, of {} on the dead server: {error}", stranded.len());
            }
        }
        for user in stranded {
            let info = js.get_stream_no_info("CHAT-0").await.unwrap().consumer_info(relay_subjects::user_durable(*user)).await.unwrap();
            assert_eq!(info.num_pending, 1, "what was undelivered still is");
        }
        dead.restart().await.unwrap();
        world.cluster.wait_for_meta_leader().await.unwrap();
        for user in &users {
            let info = js.get_stream_no_info("CHAT-0").await.unwrap().consumer_info(relay_subjects::user_durable(*user)).await.unwrap();
            assert_eq!(info.num_pending, 1, "the returning server brings no other one");
        }
    }

    async fn ensure(consumers: &NatsUserConsumers, user: UserId) -> Result<(), CursorError> {
        if let Ensured::Absent { stranded } = consumers.ensure(SHARD, user, &[]).await? {
            assert!(stranded);
            let beginning = ConsumerFloor { epoch: EPOCH.to_owned(), seq: Seq::ZERO };
            consumers.make(SHARD, user, &[], &beginning).await?;
        }
        Ok(())
    }

    /// Which node each user's consumer is on.
    async fn homes(js: &async_nats::jetstream::Context, users: &[UserId]) -> std::collections::BTreeMap<usize, Vec<UserId>> {
        let mut homes = std::collections::BTreeMap::<usize, Vec<UserId>>::new();
        for user in users {
            let info = js.get_stream_no_info("CHAT-0").await.unwrap().consumer_info(relay_subjects::user_durable(*user)).await.unwrap();
            let leader = info.cluster.and_then(|cluster| cluster.leader).unwrap();
            homes.entry(leader.trim_start_matches('n').parse().unwrap()).or_default().push(*user);
        }
        homes
    }
}
