//! Clusters of real servers: elections, failovers, full disks.

#[cfg(test)]
mod clusters {
    use relay_dev_servers::{
        NatsCluster, NatsClusterOptions, PostgresPair, PostgresPairOptions, PostgresServer, Scratch, Servers, SmallDisk, SyncInterval,
        ValkeyOptions, ValkeyServer,
    };

    #[tokio::test]
    async fn a_nats_cluster_survives_the_death_of_each_node_and_of_all() {
        let servers = Servers::ready().await.unwrap();
        let scratch = Scratch::new("cluster").unwrap();
        let options =
            NatsClusterOptions { data: scratch.path().join("nats"), sync: SyncInterval::TwoMinutes, ..NatsClusterOptions::default() };
        let cluster = NatsCluster::start(&servers, options).await.unwrap();
        assert_eq!(cluster.urls().len(), 3);
        for node in cluster.nodes() {
            node.kill();
            cluster.wait_for_meta_leader().await.unwrap();
            node.restart().await.unwrap();
        }
        for node in cluster.nodes() {
            node.kill();
        }
        for node in cluster.nodes() {
            node.restart().await.unwrap();
        }
        cluster.wait_for_meta_leader().await.unwrap();
        assert_eq!(cluster.stream_leader("CHAT-0").await.unwrap(), None, "there is no stream");
    }

    /// Runs a statement over a connection of its own.
    async fn sql(pair: &PostgresPair, server: &PostgresServer, statement: &str) -> String {
        let psql = server.programs().join("psql");
        let mut command = tokio::process::Command::new(psql);
        command.args(["--no-psqlrc", "--quiet", "--tuples-only", "--no-align", "--command", statement]).arg(pair.url_at(server.address()));
        let output = command.output().await.unwrap();
        assert!(output.status.success(), "{statement}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8_lossy(&output.stdout).trim().to_owned()
    }

    #[tokio::test]
    async fn a_pair_fails_over_and_back_without_losing_a_commit() {
        let servers = Servers::ready().await.unwrap();
        let scratch = Scratch::new("pair").unwrap();
        let options = PostgresPairOptions { data: scratch.path().join("pair"), fsync: false, ..PostgresPairOptions::default() };
        let pair = PostgresPair::start(&servers, options).await.unwrap();
        sql(&pair, &pair.primary(), "CREATE TABLE kept (n int)").await;
        for round in 0..2 {
            sql(&pair, &pair.primary(), &format!("INSERT INTO kept VALUES ({round})")).await;
            let before = pair.primary_address();
            let after = pair.fail_over().await.unwrap();
            assert_ne!(before, after);
            assert_eq!(pair.primary_address(), after);
            pair.rebuild_replica().await.unwrap();
            assert_eq!(sql(&pair, &pair.primary(), "SELECT count(*) FROM kept").await, (round + 1).to_string());
        }
        let replica = pair.replica().unwrap();
        assert_eq!(sql(&pair, &replica, "SELECT pg_is_in_recovery()").await, "t");
        pair.primary().immediate_stop().await.unwrap();
        pair.primary().restart().await.unwrap();
        assert_eq!(sql(&pair, &pair.primary(), "SELECT count(*) FROM kept").await, "2");
    }

    #[test]
    fn a_small_disk_runs_full_and_recovers() {
        let scratch = Scratch::new("disk").unwrap();
        // Where mounting is not permitted there is nothing to see.
        let Some(disk) = SmallDisk::mount(&scratch.path().join("disk"), 8 << 20).unwrap() else { return };
        disk.fill().unwrap();
        assert!(std::fs::write(disk.path().join("more"), "x").is_err());
        disk.free().unwrap();
        std::fs::write(disk.path().join("more"), "x").unwrap();
        let path = disk.path().to_owned();
        drop(disk);
        assert_eq!(std::fs::read_dir(path).unwrap().count(), 0, "unmounted");
    }

    #[tokio::test]
    async fn valkey_forgets_everything() {
        let servers = Servers::ready().await.unwrap();
        let scratch = Scratch::new("valkey").unwrap();
        let valkey =
            ValkeyServer::start(&servers, ValkeyOptions { data: scratch.path().join("valkey"), ..ValkeyOptions::default() }).await.unwrap();
        valkey.flush_all().await.unwrap();
    }
}
