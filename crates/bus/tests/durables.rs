//! Users' durable consumers on a real nats-server: made again from where they stood, they count exactly what was missed.

#[cfg(test)]
mod durables {
    use std::sync::atomic::{AtomicU64, Ordering};
    use std::time::Duration;

    use async_nats::jetstream::consumer::{AckPolicy, pull};
    use relay_bus::consumers::NatsUserConsumers;
    use relay_bus::cursors::NatsCursors;
    use relay_bus::log::NatsMessageLog;
    use relay_bus::tail::NatsTails;
    use relay_bus::topology::Topology;
    use relay_bus::{Bus, NatsConfig, TopologyConfig};
    use relay_dev_servers::{NatsOptions, NatsServer, Scratch, Servers};
    use relay_domain::ports::{
        Checkpoint, ConsumerFloor, DeliveryCursors as _, Ensured, LogAddress, Made, MessageLog as _, TailSource as _, TailStart,
        UserConsumers as _,
    };
    use relay_types::{ConversationId, Seq, ShardId, UserId};

    const SHARD: ShardId = ShardId(0);
    const EPOCH: &str = "01ARZ3NDEKTSV4RRFFQ69G5FAV";

    struct World {
        nats: NatsServer,
        bus: Bus,
        topology: TopologyConfig,
        _scratch: Scratch,
    }

    impl World {
        async fn start(topology: TopologyConfig) -> Self {
            let servers = Servers::ready().await.unwrap();
            let scratch = Scratch::new("durables").unwrap();
            let nats =
                NatsServer::start(&servers, NatsOptions { data: scratch.path().join("nats"), ..NatsOptions::default() }).await.unwrap();
            let text = format!("servers = [{:?}]\nuser = {:?}\npassword = {:?}", nats.url(), nats.user(), nats.password());
            let config: NatsConfig = toml::from_str(&text).unwrap();
            let topology = TopologyConfig { max_bytes_per_shard: Some(256 << 20), ..topology };
            let bus = Bus::connect(&config, "test").await.unwrap();
            Topology::declared(&topology).unwrap().apply(&bus, EPOCH).await.unwrap();
            Self { nats, bus, topology, _scratch: scratch }
        }

        fn consumers(&self) -> NatsUserConsumers {
            NatsUserConsumers::new(self.bus.clone(), Duration::from_secs(60), &self.topology)
        }

        fn stream_name() -> String {
            relay_subjects::stream(SHARD)
        }

        async fn js(&self) -> async_nats::jetstream::Context {
            let options = async_nats::ConnectOptions::with_user_and_password("relay".to_owned(), self.nats.password().to_owned());
            async_nats::jetstream::new(options.connect(self.nats.url()).await.unwrap())
        }

        async fn publish(&self, conversation: ConversationId, events: u32) {
            let log = NatsMessageLog::new(self.bus.clone(), &self.topology);
            for _ in 0..events {
                static IDS: AtomicU64 = AtomicU64::new(0);
                let id = format!("id-{}", IDS.fetch_add(1, Ordering::Relaxed));
                let address = LogAddress::Conversation { shard: SHARD, id: conversation };
                log.append(address, &id, bytes::Bytes::from_static(br#"{"type":"PROBE"}"#), None).await.unwrap();
            }
        }

        async fn info(&self, user: UserId) -> async_nats::jetstream::consumer::Info {
            let stream = self.js().await.get_stream_no_info(Self::stream_name()).await.unwrap();
            stream.consumer_info(relay_subjects::user_durable(user)).await.unwrap()
        }
    }

    fn user(n: u128) -> UserId {
        UserId::new(ulid::Ulid(n))
    }

    fn floor(seq: u64) -> ConsumerFloor {
        ConsumerFloor { epoch: EPOCH.to_owned(), seq: Seq(seq) }
    }

    #[tokio::test]
    async fn a_consumer_that_is_made_again_counts_what_lies_behind_where_it_stood() {
        let world = World::start(TopologyConfig::default()).await;
        let (consumers, cursors) = (world.consumers(), NatsCursors::new(world.bus.clone()));
        let (mine, others) = (ConversationId::new(ulid::Ulid(1)), ConversationId::new(ulid::Ulid(2)));
        let ann = user(1);
        assert_eq!(consumers.ensure(SHARD, ann, &[mine]).await.unwrap(), Ensured::Absent { stranded: false });
        assert_eq!(cursors.checkpoint(SHARD, ann, Seq(1)).await.unwrap(), Checkpoint::NoConsumer);
        assert_eq!(consumers.floor(SHARD, ann).await.unwrap(), None);
        world.publish(mine, 3).await;
        let end = consumers.end(SHARD).await.unwrap();
        assert_eq!(end, floor(3));
        assert_eq!(consumers.make(SHARD, ann, &[mine], &end).await.unwrap(), Made::Made);
        assert_eq!(consumers.floor(SHARD, ann).await.unwrap(), Some(Seq(3)));
        world.publish(mine, 2).await;
        world.publish(others, 4).await;
        assert_eq!(world.info(ann).await.num_pending, 2);
        assert_eq!(cursors.checkpoint(SHARD, ann, Seq(4)).await.unwrap(), Checkpoint::Reached);
        assert_eq!(consumers.ensure(SHARD, ann, &[mine]).await.unwrap(), Ensured::Present { changed: false, floor: Seq(4) });
        let stood = consumers.floor(SHARD, ann).await.unwrap();
        assert_eq!(stood, Some(Seq(4)));

        for _ in 0..2 {
            consumers.remove(SHARD, ann).await.unwrap();
        }
        world.publish(mine, 5).await;
        world.publish(others, 1).await;
        // Again and again, from wherever.
        for (from, pending) in [(floor(4), 6), (floor(0), 10), (floor(14), 0), (floor(1_000), 0)] {
            assert_eq!(consumers.make(SHARD, ann, &[mine], &from).await.unwrap(), Made::Made);
            assert_eq!(world.info(ann).await.num_pending, pending, "{from:?}");
            world.publish(mine, 1).await;
            assert_eq!(world.info(ann).await.num_pending, pending + 1, "{from:?}: and what comes");
            let last = consumers.end(SHARD).await.unwrap().seq.0;
            world.js().await.get_stream_no_info(World::stream_name()).await.unwrap().delete_message(last).await.unwrap();
            consumers.remove(SHARD, ann).await.unwrap();
        }
        // In another log, everything came later. What has run out counts no more.
        let other_log = ConsumerFloor { epoch: "another".to_owned(), seq: Seq(9) };
        consumers.make(SHARD, ann, &[mine], &other_log).await.unwrap();
        assert_eq!(world.info(ann).await.num_pending, 10);
        consumers.remove(SHARD, ann).await.unwrap();
        world.js().await.get_stream(World::stream_name()).await.unwrap().purge().sequence(5).await.unwrap();
        consumers.make(SHARD, ann, &[mine], &floor(1)).await.unwrap();
        assert_eq!(world.info(ann).await.num_pending, 6);
        assert_eq!(cursors.checkpoint(SHARD, ann, Seq(11)).await.unwrap(), Checkpoint::Reached);
        assert_eq!(world.info(ann).await.ack_floor.stream_sequence, 11, "one that began somewhere is moved like any other");
    }

    /// An earlier version let the server take consumers away that nobody pulled from.
    #[tokio::test]
    async fn a_consumer_that_the_server_would_take_away_is_changed_when_it_is_looked_at() {
        let world = World::start(TopologyConfig::default()).await;
        let (consumers, ann) = (world.consumers(), user(1));
        let mine = ConversationId::new(ulid::Ulid(1));
        let month = Duration::from_hours(30 * 24);
        world.publish(mine, 2).await;
        let subjects = [format!("chat.0.c.{mine}"), format!("chat.0.u.{ann}")];
        let config = pull::Config {
            durable_name: Some(relay_subjects::user_durable(ann)),
            description: Some("what this user has not received on any device".to_owned()),
            ack_policy: AckPolicy::All,
            filter_subjects: subjects.into(),
            inactive_threshold: month,
            num_replicas: 1,
            ..pull::Config::default()
        };
        world.js().await.create_consumer_on_stream(config, World::stream_name()).await.unwrap();
        assert_eq!(world.info(ann).await.config.inactive_threshold, month);
        let changed = |changed| Ensured::Present { changed, floor: Seq(0) };
        assert_eq!(consumers.ensure(SHARD, ann, &[mine]).await.unwrap(), changed(true));
        assert!(world.info(ann).await.config.inactive_threshold.is_zero());
        assert_eq!(world.info(ann).await.num_pending, 2);
        assert_eq!(consumers.ensure(SHARD, ann, &[mine]).await.unwrap(), changed(false));
    }

    #[tokio::test]
    async fn the_last_places_are_not_for_users() {
        let topology = TopologyConfig { max_consumers_per_shard: Some(106), reserved_consumers: 100, ..TopologyConfig::default() };
        let world = World::start(topology).await;
        let consumers = world.consumers();
        // Two are the workers'.
        for n in 1..=4 {
            assert_eq!(consumers.make(SHARD, user(n), &[], &floor(0)).await.unwrap(), Made::Made);
        }
        assert!(consumers.places(SHARD).await.unwrap().are_taken());
        assert_eq!(consumers.make(SHARD, user(5), &[], &floor(0)).await.unwrap(), Made::NoPlace);
        // Those who have one keep it as it should be.
        let chat = ConversationId::new(ulid::Ulid(1));
        assert_eq!(consumers.ensure(SHARD, user(1), &[chat]).await.unwrap(), Ensured::Present { changed: true, floor: Seq(0) });
        let tails = NatsTails::new(world.bus.clone());
        let mut open = Vec::new();
        for _ in 0..20 {
            open.push(tails.open(SHARD, EPOCH, TailStart::After(Seq(0))).await.unwrap());
        }
        drop(open);
        consumers.remove(SHARD, user(2)).await.unwrap();
        let state = world.bus.log_state(SHARD).await.unwrap();
        assert_eq!(state.max_consumers, Some(106));
    }
}
