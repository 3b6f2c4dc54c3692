//! Group commit on a real nats-server: what stands next to what, what a duplicate, a kill and a stream without batches do.

#[cfg(test)]
mod batches {
    use std::collections::BTreeMap;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::time::{Duration, Instant};

    use futures::future::join_all;
    use relay_bus::log::NatsMessageLog;
    use relay_bus::topology::Topology;
    use relay_bus::{BatchConfig, Bus, NatsConfig, TopologyConfig};
    use relay_dev_servers::{NatsOptions, NatsServer, Scratch, Servers, SyncInterval};
    use relay_domain::ports::{Apart, LogAddress, MessageLog as _, NewEvent, Together};
    use relay_types::{ConversationId, Seq, ShardId};

    const SHARD: ShardId = ShardId(0);
    const EPOCH: &str = "01ARZ3NDEKTSV4RRFFQ69G5FAV";
    const LATE: Duration = Duration::from_secs(60);
    /// Kills in one test.
    const ROUNDS: usize = 4;

    struct World {
        nats: NatsServer,
        config: NatsConfig,
        topology: TopologyConfig,
        _scratch: Scratch,
    }

    impl World {
        async fn start(sync: SyncInterval) -> Self {
            let servers = Servers::ready().await.unwrap();
            let scratch = Scratch::new("batches").unwrap();
            let options = NatsOptions { data: scratch.path().join("nats"), sync, ..NatsOptions::default() };
            let nats = NatsServer::start(&servers, options).await.unwrap();
            let text = format!("servers = [{:?}]\nuser = {:?}\npassword = {:?}", nats.url(), nats.user(), nats.password());
            let config: NatsConfig = toml::from_str(&text).unwrap();
            let topology = TopologyConfig { max_bytes_per_shard: Some(256 << 20), ..TopologyConfig::default() };
            let this = Self { nats, config, topology, _scratch: scratch };
            Topology::declared(&this.topology).unwrap().apply(&this.bus().await, EPOCH).await.unwrap();
            this
        }

        async fn bus(&self) -> Bus {
            Bus::connect(&self.config, "test").await.unwrap()
        }

        /// A log whose publishes wait for a batch as soon as two are on their way.
        async fn log(&self) -> NatsMessageLog {
            self.log_with(BatchConfig { singles: 1, ..BatchConfig::default() }).await
        }

        async fn log_with(&self, batches: BatchConfig) -> NatsMessageLog {
            let config = NatsConfig { batches, ..self.config.clone() };
            NatsMessageLog::new(Bus::connect(&config, "test").await.unwrap(), &self.topology)
        }

        async fn jetstream(&self) -> async_nats::jetstream::Context {
            let options = async_nats::ConnectOptions::with_user_and_password("relay".to_owned(), self.nats.password().to_owned());
            async_nats::jetstream::new(options.connect(self.nats.url()).await.unwrap())
        }

        /// Every id in the log, with where it stands; each may stand there once.
        async fn stored(&self) -> BTreeMap<String, u64> {
            let stream = self.jetstream().await.get_stream("CHAT-0").await.unwrap();
            let mut all = BTreeMap::new();
            for seq in 1..=stream.cached_info().state.last_sequence {
                let message = stream.get_raw_message(seq).await.unwrap();
                let id = message.headers.get("Nats-Msg-Id").unwrap().to_string();
                assert_eq!(all.insert(id.clone(), seq), None, "{id} twice");
            }
            all
        }
    }

    fn conversation(n: u128) -> LogAddress {
        LogAddress::Conversation { shard: SHARD, id: ConversationId::new(ulid::Ulid(n + 1)) }
    }

    fn event(address: LogAddress, id: &str) -> NewEvent {
        let payload = format!(r#"{{"type":"PROBE","id":"{id}"}}"#).into();
        NewEvent { address, dedup_id: id.to_owned(), payload, trace: None }
    }

    fn run(address: LogAddress, name: &str, length: usize) -> Arc<[NewEvent]> {
        (0..length).map(|n| event(address, &format!("{name}-{n}"))).collect()
    }

    /// As `posting` does it: together if possible, and otherwise one by one.
    async fn one_by_one(log: &NatsMessageLog, events: &[NewEvent]) -> Vec<(Seq, bool)> {
        let mut places = Vec::new();
        for event in events {
            let NewEvent { address, dedup_id, payload, trace } = event.clone();
            let appended = log.append(address, &dedup_id, payload, trace.as_deref()).await.unwrap();
            places.push((appended.seq, appended.duplicate));
        }
        places
    }

    #[tokio::test]
    async fn what_is_stored_together_stands_next_to_each_other_in_order() {
        let world = World::start(SyncInterval::Always).await;
        let log = world.log().await;
        assert!(log.gathers(SHARD, 2) && !log.gathers(SHARD, 1), "one publish goes out by itself");
        let runs = (0..40).map(|n| run(conversation(n), &format!("r{n}"), 7));
        let answers = join_all(runs.map(|run| async { (log.append_together(Arc::clone(&run)).await, run) })).await;
        let stored = world.stored().await;
        assert_eq!(stored.len(), 280);
        for (answer, run) in answers {
            let Together::Stored(first) = answer else { panic!("{answer:?}") };
            for (n, event) in run.iter().enumerate() {
                assert_eq!(stored[&event.dedup_id], first.0 + n as u64, "{}", event.dedup_id);
            }
        }
    }

    /// One id that the log has makes it refuse all; the same id twice at one process does not come so far.
    #[tokio::test]
    async fn a_duplicate_has_the_batch_refused_whole_and_singles_find_it() {
        let world = World::start(SyncInterval::TwoMinutes).await;
        let log = world.log().await;
        let old = event(conversation(0), "old");
        let first = log.append(old.address, &old.dedup_id, old.payload.clone(), None).await.unwrap();
        let mut with_old = run(conversation(0), "new", 5).to_vec();
        with_old.insert(3, old.clone());
        assert_eq!(log.append_together(with_old.clone().into()).await, Together::Apart(Apart::Duplicate));
        assert_eq!(world.stored().await.len(), 1, "nothing of it is stored");
        let places = one_by_one(&log, &with_old).await;
        assert_eq!(places[3], (first.seq, true));
        assert_eq!(places.iter().filter(|(_, duplicate)| *duplicate).count(), 1);

        // What was stored as a batch is recognised as well.
        let again = run(conversation(1), "again", 3);
        let Together::Stored(place) = log.append_together(Arc::clone(&again)).await else { panic!("not stored") };
        assert_eq!(log.append_together(Arc::clone(&again)).await, Together::Apart(Apart::Duplicate));
        let expected: Vec<_> = (0..3).map(|n| (Seq(place.0 + n), true)).collect();
        assert_eq!(one_by_one(&log, &again).await, expected);

        // Two sockets of one person at one process.
        let (one, other) = (run(conversation(2), "same", 2), run(conversation(2), "same", 2));
        let (one, other) = tokio::join!(log.append_together(one), log.append_together(other));
        assert!(matches!(one, Together::Stored(_)), "{one:?}");
        assert_eq!(other, Together::Apart(Apart::NotTried));
        let twice: Arc<[NewEvent]> = [event(conversation(3), "twice"), event(conversation(3), "twice")].into();
        assert_eq!(log.append_together(twice).await, Together::Apart(Apart::NotTried));
    }

    /// Two processes publish the same ids at once, one in batches and one by one: each id is stored once, and both are told where.
    #[tokio::test]
    async fn one_id_from_two_processes_is_one_event_for_both() {
        let world = World::start(SyncInterval::TwoMinutes).await;
        let (one, other) = (world.log().await, world.log().await);
        for round in 0..40 {
            let run = run(conversation(round), &format!("b{round}"), 20);
            let batched = async {
                match one.append_together(Arc::clone(&run)).await {
                    Together::Stored(first) => (0..20).map(|n| Seq(first.0 + n)).collect(),
                    Together::Apart(_) => one_by_one(&one, &run).await.into_iter().map(|(seq, _)| seq).collect::<Vec<_>>(),
                }
            };
            let (batched, singly) = tokio::join!(batched, one_by_one(&other, &run));
            assert_eq!(batched, singly.into_iter().map(|(seq, _)| seq).collect::<Vec<_>>(), "round {round}");
        }
        assert_eq!(world.stored().await.len(), 800);
    }

    /// The server dies while batches are on their way: each is there whole or not at all, and retries find exactly that.
    #[tokio::test]
    async fn a_killed_server_has_all_of_a_batch_or_nothing_and_retries_are_exact() {
        let world = World::start(SyncInterval::Always).await;
        let (mut stored_whole, mut unknown) = (0, 0);
        let mut answers: Vec<(Arc<[NewEvent]>, Vec<Seq>)> = Vec::new();
        for round in 0..ROUNDS {
            let log = world.log().await;
            let runs: Vec<_> = (0..60).map(|n| run(conversation(n), &format!("k{round}-{n}"), 10)).collect();
            let acknowledged = AtomicUsize::new(0);
            let publishing = join_all(runs.iter().map(|run| async {
                let outcome = log.append_together(Arc::clone(run)).await;
                acknowledged.fetch_add(usize::from(matches!(outcome, Together::Stored(_))), Ordering::Relaxed);
                outcome
            }));
            let killing = async {
                // In the middle, at another place in each round.
                let began = Instant::now();
                while acknowledged.load(Ordering::Relaxed) < 1 + round * 10 && began.elapsed() < LATE {
                    tokio::task::yield_now().await;
                }
                world.nats.kill();
                world.nats.restart().await.unwrap();
            };
            let (outcomes, ()) = tokio::join!(publishing, killing);
            let before = world.stored().await;
            for (run, outcome) in runs.into_iter().zip(outcomes) {
                let there = run.iter().filter(|event| before.contains_key(&event.dedup_id)).count();
                assert!(there == 0 || there == run.len(), "round {round}: {there} of a batch are there");
                match outcome {
                    Together::Stored(first) => {
                        assert_eq!(before.get(&run[0].dedup_id), Some(&first.0), "what was acknowledged is there");
                        stored_whole += 1;
                    }
                    Together::Apart(Apart::Unknown) => unknown += 1,
                    Together::Apart(_) => assert_eq!(there, 0, "round {round}: {outcome:?}"),
                }
                let places: Vec<Seq> = one_by_one(&log, &run).await.into_iter().map(|(seq, _)| seq).collect();
                if let Together::Stored(first) = outcome {
                    assert_eq!(places, (0..run.len() as u64).map(|n| Seq(first.0 + n)).collect::<Vec<_>>());
                }
                answers.push((run, places));
            }
        }
        let stored = world.stored().await;
        assert_eq!(stored.len(), ROUNDS * 600);
        for (run, places) in answers {
            assert!(run.iter().zip(places).all(|(event, place)| stored[&event.dedup_id] == place.0));
        }
        assert!(stored_whole > 0 && unknown > 0, "the kills came between: {stored_whole} stored, {unknown} unknown");
    }

    #[tokio::test]
    async fn a_stream_that_takes_no_batches_is_published_to_one_by_one() {
        let world = World::start(SyncInterval::TwoMinutes).await;
        let js = world.jetstream().await;
        let config = js.get_stream("CHAT-0").await.unwrap().cached_info().config.clone();
        js.update_stream(async_nats::jetstream::stream::Config { allow_atomic_publish: false, ..config }).await.unwrap();
        let (log, bus, topology) = (world.log().await, world.bus().await, Topology::declared(&world.topology).unwrap());
        topology.verify(&bus).await.expect("processes do without");
        let run = run(conversation(0), "plain", 5);
        assert_eq!(log.append_together(Arc::clone(&run)).await, Together::Apart(Apart::Refused));
        assert_eq!(world.jetstream().await.get_stream("CHAT-0").await.unwrap().cached_info().state.messages, 0);
        assert!(!log.gathers(SHARD, 5), "it is not tried again at once");
        assert_eq!(one_by_one(&log, &run).await, (1..=5).map(|n| (Seq(n), false)).collect::<Vec<_>>());

        let plan = topology.plan(&bus).await.unwrap();
        assert!(plan.iter().any(|difference| difference.to_string().contains("allow_atomic")), "{plan:?}");
        topology.apply(&bus, EPOCH).await.unwrap();
        assert_eq!(topology.plan(&bus).await.unwrap(), []);
        let log = world.log().await;
        assert_eq!(log.append_together(run).await, Together::Apart(Apart::Duplicate), "what was there before stays");
    }

    /// Fields that a newer version declares, or that only the servers know, survive an older version's `apply`.
    #[tokio::test]
    async fn applying_takes_nothing_away_that_is_not_declared() {
        let world = World::start(SyncInterval::TwoMinutes).await;
        let (js, bus, topology) = (world.jetstream().await, world.bus().await, Topology::declared(&world.topology).unwrap());
        let config = js.get_stream("CHAT-0").await.unwrap().cached_info().config.clone();
        let newer = async_nats::jetstream::stream::Config {
            allow_rollup: true,
            max_bytes: 300 << 20,
            max_message_size: 300_000,
            max_age: Duration::from_hours(1),
            ..config
        };
        js.update_stream(newer).await.unwrap();
        let told: Vec<_> = topology.apply(&bus, EPOCH).await.unwrap().iter().map(ToString::to_string).collect();
        assert!(matches!(told.as_slice(), [one] if one.contains("max_age")), "{told:?}");
        let config = js.get_stream("CHAT-0").await.unwrap().cached_info().config.clone();
        assert_eq!((config.max_age, config.max_bytes, config.max_message_size), (Duration::from_hours(720), 300 << 20, 300_000));
        assert!(config.allow_rollup && config.allow_atomic_publish);
        assert_eq!(config.metadata.get("relay_epoch").map(String::as_str), Some(EPOCH));
        assert_eq!(topology.plan(&bus).await.unwrap(), []);
    }

    /// What does not fit into a batch is not tried as one, and a message that the stream refuses takes nobody else with it.
    #[tokio::test]
    async fn what_is_too_large_goes_by_itself() {
        let world = World::start(SyncInterval::TwoMinutes).await;
        let log = world.log().await;
        assert_eq!(log.append_together(run(conversation(0), "many", 201)).await, Together::Apart(Apart::NotTried));
        let heavy = |id: &str, bytes: usize| NewEvent { payload: vec![b'x'; bytes].into(), ..event(conversation(0), id) };
        let fat: Arc<[NewEvent]> = (0..3).map(|n| heavy(&format!("fat-{n}"), 200_000)).collect();
        assert_eq!(log.append_together(fat).await, Together::Apart(Apart::NotTried));
        // Two runs that fit, each by itself.
        let halves = (0..2).map(|half| (0..2).map(|n| heavy(&format!("half-{half}-{n}"), 150_000)).collect::<Arc<[NewEvent]>>());
        for answer in join_all(halves.map(|half| log.append_together(half))).await {
            assert!(matches!(answer, Together::Stored(_)), "{answer:?}");
        }
        // Larger than the stream takes, smaller than the connection does.
        let js = world.jetstream().await;
        let config = js.get_stream("CHAT-0").await.unwrap().cached_info().config.clone();
        js.update_stream(async_nats::jetstream::stream::Config { max_message_size: 1_000, ..config }).await.unwrap();
        let before = world.stored().await.len();
        let spoilt: Arc<[NewEvent]> = [event(conversation(1), "good"), heavy("bad", 2_000)].into();
        assert_eq!(log.append_together(Arc::clone(&spoilt)).await, Together::Apart(Apart::Refused));
        assert_eq!(world.stored().await.len(), before);
        let bad = spoilt[1].clone();
        assert!(log.append(bad.address, &bad.dedup_id, bad.payload, None).await.is_err());
        one_by_one(&log, &spoilt[..1]).await;
    }

    /// Callers that publish one after the other, each their next when the last is acknowledged: everything in order, whatever of
    /// it goes together.
    #[tokio::test]
    async fn each_lane_keeps_its_order_under_load() {
        let world = World::start(SyncInterval::Always).await;
        let log = world.log_with(BatchConfig { singles: 8, ..BatchConfig::default() }).await;
        let lanes = (0..60_usize).map(|lane| {
            let log = &log;
            async move {
                let (mut places, mut n, mut whole) = (Vec::new(), 0, 0);
                while n < 60 {
                    let length = 1 + (n + lane) % 7;
                    let events: Arc<[NewEvent]> =
                        (n..n + length).map(|n| event(conversation(lane as u128), &format!("lane-{lane}-{n:03}"))).collect();
                    n += length;
                    if log.gathers(SHARD, length)
                        && let Together::Stored(first) = log.append_together(Arc::clone(&events)).await
                    {
                        places.extend((0..length as u64).map(|n| Seq(first.0 + n)));
                        whole += 1;
                        continue;
                    }
                    places.extend(one_by_one(log, &events).await.into_iter().map(|(seq, _)| seq));
                }
                (lane, places, whole)
            }
        });
        let lanes = tokio::time::timeout(LATE, join_all(lanes)).await.expect("nobody waits for ever");
        let stored = world.stored().await;
        assert!(lanes.iter().map(|(_, _, whole)| whole).sum::<usize>() > 300, "most of it went together");
        for (lane, places, _) in lanes {
            assert!(places.is_sorted(), "lane {lane}");
            let prefix = format!("lane-{lane}-");
            let there: Vec<_> = stored.iter().filter(|(id, _)| id.starts_with(&prefix)).map(|(_, seq)| Seq(*seq)).collect();
            assert_eq!(there, places, "in the order sent, and where it was said to be");
        }
    }

    /// Nothing waits for company: one who publishes alone is not slower than without batches.
    #[tokio::test]
    async fn one_message_waits_for_nobody() {
        let world = World::start(SyncInterval::TwoMinutes).await;
        let log = world.log_with(BatchConfig { singles: 1_000, ..BatchConfig::default() }).await;
        let (slow, began) = (run(conversation(0), "slow", 3), Instant::now());
        assert!(!log.gathers(SHARD, 3));
        assert_eq!(log.append_together(slow).await, Together::Apart(Apart::NotTried), "too few to be worth a batch");
        assert!(began.elapsed() < Duration::from_millis(20), "{:?}", began.elapsed());
    }
}
