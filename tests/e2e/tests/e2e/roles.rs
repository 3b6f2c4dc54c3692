//! A stolen password of one process does what that process does, and nothing else. Each test attempts what it must not.

use std::os::unix::fs::PermissionsExt as _;

use async_nats::jetstream::{self, consumer::push};
use bytes::Bytes;
use relay_harness::Harness;
use relay_types::ShardId;
use sqlx::{AssertSqlSafe, Connection as _, PgConnection};

use super::support::TestResult;

const PROCESSES: [&str; 3] = ["gateway", "api", "worker"];

/// Answered at once by everything that is asked for here, if only to say what is wrong with it.
const REQUEST: &str = r#"{"seq":1,"batch":1,"no_wait":true}"#;

/// Whether anything, a refusal included, comes back to a request of `client`.
async fn answers(client: &async_nats::Client, subject: String) -> bool {
    client.request(subject, REQUEST.into()).await.is_ok()
}

/// A request that may not be made has no answer, however long one waits.
async fn nothing_answers(client: &async_nats::Client, process: &str, subjects: Vec<String>) {
    let answered = subjects.into_iter().map(async |subject| (answers(client, subject.clone()).await, subject));
    for (answered, subject) in futures::future::join_all(answered).await {
        assert!(!answered, "{process} may ask for {subject}");
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
        // The log is changed by operators only. One message of it is overwritten by the worker that erases, and by no other process.
        let mut changes = vec!["PURGE", "DELETE", "UPDATE", "CREATE"];
        if process != "worker" {
            changes.push("MSG.DELETE");
        }
        nothing_answers(&client, process, changes.iter().map(|api| format!("$JS.API.STREAM.{api}.{stream}")).collect()).await;
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
        let (name, deliver_subject) = (Some(format!("evil-{process}")), "$KV.signing-keys.evil".to_owned());
        log.create_consumer(push::Config { name, deliver_subject, ..push::Config::default() }).await?;
        assert_eq!(key_ids(&h).await?, keys, "{process} wrote to the bucket of signing keys");
    }

    // A gateway sends messages; what was decided is not its business, nor are the workers' consumers.
    let gateway = h.nats_client_of("gateway").await?;
    nothing_answers(&gateway, "gateway", vec![format!("chat.0.u.{}", bob.id()), "dead.x".to_owned()]).await;
    assert!(answers(&gateway, format!("chat.0.c.{}", chat.conversation_id)).await, "a gateway may send");
    for process in ["gateway", "api"] {
        let client = h.nats_client_of(process).await?;
        let requests = ["persist", "reconcile"].into_iter().flat_map(|consumer| {
            let plain = ["DELETE", "RESET", "MSG.NEXT", "CREATE", "DURABLE.CREATE"];
            let plain = plain.map(|api| format!("$JS.API.CONSUMER.{api}.{stream}.{consumer}"));
            plain.into_iter().chain([format!("$JS.API.CONSUMER.CREATE.{stream}.{consumer}.chat.0.>")])
        });
        nothing_answers(&client, process, requests.collect()).await;
        // The oldest form, which makes nameless consumers, names one in its body alone, where no permission sees it.
        for name in ["name", "durable_name"] {
            let config =
                serde_json::json!({ "stream_name": stream, "config": { name: "persist", "ack_policy": "none", "mem_storage": true } });
            let reply = client.request(format!("$JS.API.CONSUMER.CREATE.{stream}"), config.to_string().into()).await?;
            let answer: serde_json::Value = serde_json::from_slice(&reply.payload)?;
            assert!(answer["error"].is_object() || answer["name"] != "persist", "{process} replaced the persist consumer: {answer}");
        }
    }
    // Gateways alone tell each other what is in no log, and hear it.
    let live = relay_subjects::live(relay_subjects::LiveClass::Typing, 7);
    let mut heard = gateway.subscribe(live.clone()).await?;
    gateway.flush().await?;
    let mut eavesdroppers = Vec::new();
    for process in ["api", "worker"] {
        let client = h.nats_client_of(process).await?;
        client.publish(live.clone(), "forged".into()).await?;
        let listening = client.subscribe("live.>").await?;
        client.flush().await?;
        eavesdroppers.push((process, client, listening));
    }
    gateway.publish(live, "own".into()).await?;
    let first = futures::StreamExt::next(&mut heard).await.map(|message| message.payload);
    assert_eq!(first.as_deref(), Some(b"own".as_slice()), "another process told the gateways something");
    for (process, client, mut listening) in eavesdroppers {
        // The answer comes behind whatever was heard.
        client.request("keys.info", Bytes::new()).await?;
        assert!(futures::FutureExt::now_or_never(futures::StreamExt::next(&mut listening)).flatten().is_none(), "{process} listens");
    }
    h.relayctl(&["topology", "check"]).await?;
    // Silence above means "may not", not "has nothing to say".
    let worker = h.nats_client_of("worker").await?;
    for api in ["MSG.NEXT", "CREATE"] {
        assert!(answers(&worker, format!("$JS.API.CONSUMER.{api}.{stream}.persist")).await, "a worker may ask for {api}");
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
                "UPDATE messages SET deleted = true",
            ],
        ),
        (
            "api",
            &[
                "INSERT INTO memberships VALUES (gen_random_uuid(), gen_random_uuid(), 1, NULL, 0)",
                "UPDATE watermarks SET seq = 0",
                "DELETE FROM conversation_events",
                "UPDATE messages SET deleted = true",
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
                // It may write to the outbox, where it tells of read marks: it publishes to every subject of the log anyway.
                "UPDATE invitations SET invited_by = user_id",
                "INSERT INTO read_mark_news SELECT * FROM read_mark_news",
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
