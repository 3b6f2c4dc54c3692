//! The declared topology, and what happens when the servers have another one.

use async_nats::jetstream::{self, stream};
use relay_harness::Harness;
use relay_types::ClientId;

use super::exits::{run, told};
use super::support::{Socket, TestResult, direct, text, text_of, ulid_key};
use super::witness::{log, log_end, persisted, watermark};

#[tokio::test]
async fn a_process_refuses_to_start_on_another_topology_and_names_the_difference() -> TestResult {
    let h = Harness::start().await?;
    let jetstream = jetstream::new(h.nats_client().await?);
    let refuses = async |what: &[&str]| {
        for program in ["relay-gateway", "relay-api", "relay-worker"] {
            let (status, said) = told(&run(&h, program, h.config_path()).await?);
            assert!(status.is_some_and(|status| status != 0), "{program}: {status:?} {said}");
            for part in what {
                assert!(said.contains(part), "{program} does not say {part:?}: {said}");
            }
        }
        anyhow::Ok(())
    };
    assert!(h.relayctl(&["topology", "check"]).await?.contains("as declared"));
    assert!(h.relayctl(&["topology", "plan"]).await?.contains("nothing to do"));

    let found = jetstream.get_stream("CHAT-0").await?.cached_info().config.clone();
    jetstream.update_stream(stream::Config { max_age: std::time::Duration::from_secs(3_600), ..found }).await?;
    refuses(&["CHAT-0", "max_age"]).await?;
    let plan = h.relayctl(&["topology", "plan"]).await?;
    assert!(plan.contains("CHAT-0") && plan.contains("max_age"), "{plan}");
    let check = h.relayctl(&["topology", "check"]).await.expect_err("check fails").to_string();
    assert!(check.contains("exit status: 1") && check.contains("topology apply"), "{check}");
    h.relayctl(&["topology", "apply"]).await?;
    h.relayctl(&["topology", "check"]).await?;

    // Nothing is declared of it: the log would keep the newest event of each conversation.
    let found = jetstream.get_stream("CHAT-0").await?.cached_info().config.clone();
    jetstream.update_stream(stream::Config { max_messages_per_subject: 1, ..found }).await?;
    refuses(&["CHAT-0", "max_messages_per_subject"]).await?;
    h.relayctl(&["topology", "apply"]).await?;
    h.relayctl(&["topology", "check"]).await?;

    jetstream.get_stream("CHAT-0").await?.delete_consumer("reconcile").await?;
    refuses(&["CHAT-0/reconcile", "is missing"]).await?;
    h.relayctl(&["topology", "apply"]).await?;
    assert!(h.relayctl(&["topology", "apply"]).await?.contains("nothing to do"), "a second time there is nothing to do");
    h.gateway(0).stop().await;
    h.gateway(0).restart().await?;
    h.finish().await
}

#[tokio::test]
async fn applying_the_topology_again_keeps_the_epoch_and_everything_in_the_log() -> TestResult {
    let h = Harness::start().await?;
    let (ann, bob) = (h.user("ann").await?, h.user("bob").await?);
    let chat = direct(&ann, &bob).await?;
    let position = Socket::live(&h, 0, &bob.device, None).await?.at();
    ann.api.post_message(chat, &ulid_key(0), &text("kept")).await?;
    let before = log(&h, 0).await?;
    h.relayctl(&["topology", "apply"]).await?;
    assert_eq!(log(&h, 0).await?, before);
    h.gateway(0).restart().await?;
    let bobs = Socket::live(&h, 0, &bob.device, Some(&position)).await?;
    assert_eq!(bobs.at().epoch, position.epoch);
    assert_eq!(bobs.seen().len(), 1);
    h.finish().await
}

#[tokio::test]
async fn what_no_worker_can_read_is_dead_lettered_with_its_reason_and_the_rest_goes_on() -> TestResult {
    let h = Harness::builder().expect_error("event dead-lettered as unprocessable").start().await?;
    let (ann, bob) = (h.user("ann").await?, h.user("bob").await?);
    let chat = direct(&ann, &bob).await?;
    let mut anns = Socket::live(&h, 0, &ann.device, None).await?;
    let mut bobs = Socket::live(&h, 0, &bob.device, None).await?;
    let jetstream = jetstream::new(h.nats_client().await?);
    let subject = format!("chat.0.c.{chat}");
    let poison: [&[u8]; 3] = [b"not JSON at all", br#"{"type":"MESSAGE_SENT","message_id":7}"#, b"\xff\xfe\x00"];
    let mut poisoned = Vec::new();
    for (n, payload) in poison.iter().enumerate() {
        anns.post(chat, &ulid_key(0), &format!("before {n}")).await?;
        poisoned.push(jetstream.publish(subject.clone(), payload.to_vec().into()).await?.await?.sequence);
    }
    let id: ClientId = ulid_key(0);
    let last = anns.post(chat, &id, "after").await?;
    assert_eq!(bobs.message("after").await?.seq, last.seq, "chat goes on");
    persisted(&h).await?;
    assert_eq!(watermark(&h).await?, log_end(&h).await?);

    let said = h.relayctl(&["verify"]).await?;
    assert!(said.contains("3 events could not be processed") && said.contains("agree"), "{said}");
    let dead = jetstream.get_stream("DEAD").await?;
    assert_eq!(dead.cached_info().state.messages, 3);
    for (n, seq) in poisoned.iter().enumerate() {
        let message = dead.get_raw_message(u64::try_from(n)? + 1).await?;
        assert_eq!(message.payload.as_ref(), poison[n]);
        assert_eq!(message.subject.as_str(), "dead.persist.0");
        let header = |name: &str| message.headers.get(name).map(ToString::to_string).unwrap_or_default();
        assert_eq!(header("Relay-Seq"), seq.to_string());
        assert!(!header("Relay-Reason").is_empty() && header("Relay-Subject").ends_with(&chat.to_string()), "{:?}", message.headers);
    }
    let texts: Vec<String> = super::support::history(&bob.api, chat).await?.iter().map(|m| text_of(m).to_owned()).collect();
    assert_eq!(texts, ["before 0", "before 1", "before 2", "after"]);
    h.finish().await
}
