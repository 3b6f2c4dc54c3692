//! Every fault as its victims see it.

#[cfg(test)]
mod proxy {
    use std::num::{NonZeroU64, NonZeroUsize};
    use std::time::{Duration, Instant};

    use relay_fault_proxy::{Direction, FaultProxy, Faults};
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::net::{TcpListener, TcpStream};

    const SOON: Duration = Duration::from_secs(10);

    /// A client and a server, connected through a proxy.
    async fn linked() -> (FaultProxy, TcpStream, TcpStream) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let proxy = FaultProxy::start("test", listener.local_addr().unwrap()).await.unwrap();
        let client = TcpStream::connect(proxy.address()).await.unwrap();
        let (server, _) = tokio::time::timeout(SOON, listener.accept()).await.unwrap().unwrap();
        (proxy, client, server)
    }

    async fn read(stream: &mut TcpStream, count: usize) -> Vec<u8> {
        let mut bytes = vec![0; count];
        tokio::time::timeout(SOON, stream.read_exact(&mut bytes)).await.expect("bytes in time").unwrap();
        bytes
    }

    /// Whether nothing comes for a while; a pause is what is to be observed here.
    async fn silent(stream: &mut TcpStream) -> bool {
        tokio::time::timeout(Duration::from_millis(200), stream.read_u8()).await.is_err()
    }

    fn is_reset(error: &std::io::Error) -> bool {
        error.kind() == std::io::ErrorKind::ConnectionReset
    }

    #[tokio::test]
    async fn bytes_pass_both_ways_and_so_does_each_end() {
        let (proxy, client, server) = linked().await;
        assert_eq!(proxy.connections(), 1);
        let sent: Vec<u8> = (0..10_000_000_u32).map(|n| n.to_le_bytes()[0] ^ n.to_le_bytes()[1]).collect();
        let side = |stream: TcpStream, sent: Vec<u8>| async move {
            let (mut reader, mut writer) = stream.into_split();
            let writing = async move {
                writer.write_all(&sent).await.unwrap();
                writer.shutdown().await.unwrap();
            };
            let reading = async move {
                let mut got = Vec::new();
                reader.read_to_end(&mut got).await.unwrap();
                got
            };
            tokio::join!(writing, reading).1
        };
        let both = async { tokio::join!(side(client, sent.clone()), side(server, sent.clone())) };
        let (one, other) = tokio::time::timeout(SOON, both).await.unwrap();
        assert!(one == sent && other == sent);
        let gone = async {
            while proxy.connections() > 0 {
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(SOON, gone).await.expect("the connection is forgotten");
    }

    #[tokio::test]
    async fn latency_delays_and_keeps_the_order() {
        let (proxy, mut client, mut server) = linked().await;
        let latency = Duration::from_millis(80);
        proxy.set(Faults { to_server: Direction { latency, jitter: latency, ..Direction::default() }, ..Faults::default() });
        let began = Instant::now();
        for byte in 0..50 {
            client.write_u8(byte).await.unwrap();
        }
        assert_eq!(read(&mut server, 50).await, (0..50).collect::<Vec<u8>>());
        assert!(began.elapsed() >= latency && began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
        server.write_u8(1).await.unwrap();
        read(&mut client, 1).await;
    }

    #[tokio::test]
    async fn a_rate_bounds_what_passes() {
        let (proxy, mut client, mut server) = linked().await;
        proxy.set(Faults::both(Direction { bytes_per_s: NonZeroU64::new(100_000), ..Direction::default() }));
        let began = Instant::now();
        client.write_all(&vec![7; 30_000]).await.unwrap();
        read(&mut server, 30_000).await;
        assert!(began.elapsed() >= Duration::from_millis(250), "{:?}", began.elapsed());
    }

    #[tokio::test]
    async fn slices_arrive_as_they_were_sent() {
        let (proxy, mut client, mut server) = linked().await;
        proxy.set(Faults::both(Direction { slice: NonZeroUsize::new(1), ..Direction::default() }));
        client.write_all(b"a byte at a time").await.unwrap();
        assert_eq!(read(&mut server, 16).await, b"a byte at a time");
    }

    #[tokio::test]
    async fn a_partition_holds_one_direction_back_until_it_heals() {
        let (proxy, mut client, mut server) = linked().await;
        proxy.set(Faults { to_server: Direction { blackhole: true, ..Direction::default() }, ..Faults::default() });
        client.write_all(b"held back").await.unwrap();
        server.write_all(b"passes").await.unwrap();
        assert_eq!(read(&mut client, 6).await, b"passes");
        assert!(silent(&mut server).await);
        proxy.heal();
        assert_eq!(read(&mut server, 9).await, b"held back");
    }

    #[tokio::test]
    async fn a_vanished_peer_looks_connected_and_the_link_is_reset_when_it_heals() {
        let (proxy, mut client, mut server) = linked().await;
        proxy.set(Faults::both(Direction { swallow: true, ..Direction::default() }));
        client.write_all(b"lost").await.unwrap();
        assert!(silent(&mut server).await && silent(&mut client).await);
        proxy.heal();
        let ended = tokio::time::timeout(SOON, client.read_u8()).await.unwrap().unwrap_err();
        assert!(is_reset(&ended), "{ended}");
    }

    #[tokio::test]
    async fn connections_are_refused_and_reset() {
        let (proxy, mut client, _server) = linked().await;
        proxy.reset_all();
        let ended = tokio::time::timeout(SOON, client.read_u8()).await.unwrap().unwrap_err();
        assert!(is_reset(&ended), "{ended}");
        proxy.set(Faults { refuse: true, ..Faults::default() });
        let mut refused = TcpStream::connect(proxy.address()).await.unwrap();
        let ended = tokio::time::timeout(SOON, refused.read_u8()).await.unwrap().unwrap_err();
        assert!(is_reset(&ended), "{ended}");
    }

    #[tokio::test]
    async fn bytes_are_flipped() {
        let (proxy, mut client, mut server) = linked().await;
        proxy.set(Faults::both(Direction { corrupt: 1.0, ..Direction::default() }));
        client.write_all(&[0; 100]).await.unwrap();
        let got = read(&mut server, 100).await;
        assert!(got.iter().any(|byte| byte.is_power_of_two()), "{got:?}");
    }

    #[tokio::test]
    async fn new_connections_lead_elsewhere() {
        let (proxy, mut client, _server) = linked().await;
        let elsewhere = TcpListener::bind("127.0.0.1:0").await.unwrap();
        proxy.set_upstream(elsewhere.local_addr().unwrap());
        assert!(tokio::time::timeout(SOON, client.read_u8()).await.unwrap().is_err());
        let mut client = TcpStream::connect(proxy.address()).await.unwrap();
        let (mut server, _) = tokio::time::timeout(SOON, elsewhere.accept()).await.unwrap().unwrap();
        client.write_u8(9).await.unwrap();
        assert_eq!(server.read_u8().await.unwrap(), 9);
    }

    #[tokio::test]
    async fn what_a_filter_does_not_like_is_reset_and_all_else_passes() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let proxy = FaultProxy::start("test", listener.local_addr().unwrap()).await.unwrap();
        proxy.set(Faults { to_server: Direction { reset: true, ..Direction::default() }, only: Some("websocket"), ..Faults::default() });
        for (said, passes) in [("Upgrade: websocket", false), ("POST /v1/events", true)] {
            let mut client = TcpStream::connect(proxy.address()).await.unwrap();
            let (mut server, _) = tokio::time::timeout(SOON, listener.accept()).await.unwrap().unwrap();
            client.write_all(said.as_bytes()).await.unwrap();
            if passes {
                assert_eq!(read(&mut server, said.len()).await, said.as_bytes());
            } else {
                let ended = tokio::time::timeout(SOON, client.read_u8()).await.expect("an end in time");
                assert!(is_reset(&ended.unwrap_err()));
            }
        }
    }
}
