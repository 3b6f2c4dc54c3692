//! A stolen password of one process does what that process does, and nothing else. Each test attempts what it must not.

use std::os::unix::fs::PermissionsExt as _;

use async_nats::jetstream::{self, consumer::push};
use bytes::Bytes;
use relay_harness::Harness;
use relay_types::ShardId;
use sqlx::{AssertSqlSafe, Connection as _, PgConnection};

use super::support::TestResult;

const PROCESSES: [&str; 3] = ["gateway", "api", "worker"];

/// What the JetStream API answers to a request of `client`; nothing when it may not ask.
async fn asked(client: &async_nats::Client, subject: String, body: &str) -> Option<serde_json::Value> {
    let reply = client.request(subject, Bytes::from(body.to_owned())).await.ok()?;
    serde_json::from_slice(&reply.payload).ok()
}

/// A request that may not be made has no answer, however long one waits.
async fn nothing_answers(client: &async_nats::Client, process: &str, subjects: Vec<String>) {
    let answers = subjects.into_iter().map(async |subject| (asked(client, subject.clone(), r#"{"seq":1}"#).await, subject));
    for (answer, subject) in futures::future::join_all(answers).await {
        assert!(answer.is_none(), "{process} may ask for {subject}: {answer:?}");
    }
}

/// The ids of the published signing keys, as everybody who verifies reads them.
async fn key_ids(h: &Harness) -> anyhow::Result<Vec<String>> {
    let question = r#"{"subjects_filter":"$KV.signing-keys.*"}"#;
    let reply = h.nats_client().await?.request(relay_subjects::SIGNING_KEYS_INFO, question.into()).await?;
    let info: serde_json::Value = serde_json::from_slice(&reply.payload)?;
    Ok(info["state"]["subjects"].as_object().map(|subjects| subjects.keys().cloned().collect()).unwrap_or_default())
}

#[tokio::test]
async fn nats_credentials_of_a_process_reach_nothing_else() -> TestResult {
    // What the gateway's credentials may put into the log, no worker can read.
    let h = Harness::builder().expect_errors().start().await?;
    let (ann, bob) = (h.user("ann").await?, h.user("bob").await?);
    let chat = ann.api.create_direct(bob.id()).await?;
    let stream = relay_subjects::stream(ShardId(0));
    let keys = key_ids(&h).await?;
    assert_eq!(keys.len(), 1, "the api has published its key");

    for process in PROCESSES {
        let client = h.nats_client_of(process).await?;
        // The log is changed by operators only.
        let changes = ["PURGE", "DELETE", "UPDATE", "CREATE", "MSG.DELETE"].map(|api| format!("$JS.API.STREAM.{api}.{stream}"));
        nothing_answers(&client, process, changes.into()).await;
        // Nobody listens to another's replies, or to the log as it passes.
        let mut heard = Vec::new();
        for subject in ["_INBOX.>", "_INBOX_relay.>", ">", "chat.>"] {
            heard.push(client.subscribe(subject).await?);
        }
        client.flush().await?;
        // Whoever may listen hears this reply before their own.
        let witness = h.nats_client().await?;
        witness.request("keys.info", Bytes::new()).await?;
        client.request("keys.info", Bytes::new()).await?;
        for heard in &mut heard {
            assert!(futures::FutureExt::now_or_never(futures::StreamExt::next(heard)).flatten().is_none(), "{process} listens to others");
        }
        // There is no such user in the account of the signing keys, but for the api's.
        let options = async_nats::ConnectOptions::with_user_and_password(format!("{process}-keys"), "guess".to_owned());
        assert!(options.connect(h.nats().url()).await.is_err());
        // Neither a plain publish nor a consumer that delivers to the bucket's subject reaches the bucket.
        client.publish("$KV.signing-keys.evil", "{}".into()).await?;
        client.flush().await?;
        let log = jetstream::new(client.clone()).get_stream(&stream).await?;
        let deliver = push::Config { deliver_subject: "$KV.signing-keys.evil".to_owned(), ..push::Config::default() };
        let _ = log.create_consumer(deliver).await;
        let _ = asked(&client, "keys.info".to_owned(), "{}").await;
        assert_eq!(key_ids(&h).await?, keys, "{process} wrote to the bucket of signing keys");
    }

    // A gateway sends messages; what was decided is not its business, nor are the workers' consumers.
    let gateway = h.nats_client_of("gateway").await?;
    nothing_answers(&gateway, "gateway", vec![format!("chat.0.u.{}", bob.id()), "dead.x".to_owned()]).await;
    assert!(asked(&gateway, format!("chat.0.c.{}", chat.conversation_id), "{}").await.is_some(), "and may send");
    for process in ["gateway", "api"] {
        let client = h.nats_client_of(process).await?;
        let requests = ["persist", "reconcile"]
            .into_iter()
            .flat_map(|consumer| ["DELETE", "RESET", "MSG.NEXT"].map(|api| format!("$JS.API.CONSUMER.{api}.{stream}.{consumer}")));
        nothing_answers(&client, process, requests.collect()).await;
    }
    // Without the path, the monitor shows nothing.
    let page = format!("http://{}/jsz?consumers=true", h.nats().monitor());
    assert_eq!(reqwest::get(page).await?.status(), 404);
    h.finish().await
}

async fn refused(connection: &mut PgConnection, statement: &str) -> bool {
    let result = sqlx::raw_sql(AssertSqlSafe(statement.to_owned())).execute(connection).await;
    result.err().and_then(|error| error.as_database_error().and_then(|error| error.code().map(|code| code == "42501"))).unwrap_or(false)
}

#[tokio::test]
async fn postgres_credentials_of_a_process_reach_nothing_else() -> TestResult {
    let h = Harness::builder().start().await?;
    let forbidden: [(&str, &[&str]); 3] = [
        (
            "gateway",
            &[
                "SELECT * FROM users",
                "SELECT * FROM refresh_tokens",
                "SELECT * FROM outbox",
                "UPDATE sessions SET revoked_at = NULL",
                "INSERT INTO memberships VALUES (gen_random_uuid(), gen_random_uuid(), 1, NULL, 0)",
                "DELETE FROM conversation_events",
            ],
        ),
        (
            "api",
            &[
                "INSERT INTO memberships VALUES (gen_random_uuid(), gen_random_uuid(), 1, NULL, 0)",
                "UPDATE watermarks SET seq = 0",
                "DELETE FROM conversation_events",
                "DELETE FROM send_keys",
            ],
        ),
        (
            "worker",
            &[
                "SELECT password_hash FROM users",
                "UPDATE users SET password_hash = ''",
                "UPDATE sessions SET revoked_at = NULL",
                "INSERT INTO members VALUES (gen_random_uuid(), gen_random_uuid(), 'owner', now(), 0)",
                "INSERT INTO outbox (subject_kind, shard, target_id, dedup_id, payload) VALUES ('c', 0, gen_random_uuid(), 'x', '{}')",
            ],
        ),
    ];
    for (process, statements) in forbidden {
        let mut connection = h.database_of(process).await?;
        for statement in statements {
            assert!(refused(&mut connection, statement).await, "{process} may {statement}");
        }
        for statement in [
            "CREATE TABLE mine (x int)",
            "DROP TABLE users",
            "TRUNCATE conversation_events",
            "ALTER TABLE users ADD x int",
            "CREATE ROLE mine",
            "COPY (SELECT 1) TO PROGRAM 'true'",
            "SELECT pg_read_file('/etc/passwd')",
        ] {
            assert!(refused(&mut connection, statement).await, "{process} may {statement}");
        }
        let superuser: bool =
            sqlx::query_scalar("SELECT rolsuper OR rolcreaterole OR rolcreatedb FROM pg_roles WHERE rolname = current_user")
                .fetch_one(&mut connection)
                .await?;
        assert!(!superuser, "{process} is more than a user");
        connection.close().await?;
    }
    // Logs name people and conversations.
    for entry in std::fs::read_dir(h.directory())?.flatten().filter(|entry| entry.path().extension().is_some_and(|end| end == "log")) {
        assert_eq!(entry.metadata()?.permissions().mode() & 0o077, 0, "{} is open to others", entry.path().display());
    }
    h.finish().await
}
