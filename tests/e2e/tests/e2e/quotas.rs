//! What one person may put into the log, and what is left of it for others.

use relay_harness::{Harness, User, wait_for};
use relay_protocol::{ErrorCode, ServerFrame};
use relay_types::ConversationId;

use super::support::{LATE, Socket, TestResult, direct, group, people, text, title, ulid_key};

/// What the log may hold.
const LOG: u32 = 8 << 20;
/// What each message takes of it, at least.
const MESSAGE: u32 = 6 * 16 * 1024;

/// 16 KiB of text, each byte of which takes six in the log.
fn escapes() -> String {
    "\u{1}".repeat(16 * 1024)
}

/// Sends until a refusal and returns how many were taken, and the refusal.
async fn flood(user: &User, chat: ConversationId) -> anyhow::Result<(u32, ErrorCode)> {
    for taken in 0..200 {
        match user.api.post_message(chat, &ulid_key(0), &text(&escapes())).await {
            Ok(_) => {}
            Err(error) => return Ok((taken, error.code().unwrap_or_else(|| panic!("{error:?}")))),
        }
    }
    anyhow::bail!("200 messages of 98 KiB were taken")
}

#[tokio::test]
async fn a_flood_is_stopped_and_a_full_log_still_takes_members_and_sessions() -> TestResult {
    let quota = "[quota]\nbytes_per_s = 1\nburst_bytes = 524288";
    let h = Harness::builder()
        .config("gateway", quota)
        .config("api", quota)
        .config("topology", &format!("max_bytes_per_shard = {LOG}"))
        .start()
        .await?;
    let (ann, bob, eve) = (h.user("ann").await?, h.user("bob").await?, h.user("eve").await?);
    let chat = direct(&ann, &bob).await?;
    direct(&ann, &eve).await?;
    let crew = group(&ann, &[&bob, &eve]).await?;
    // Over the socket: the sixth is too much, is named, and says how long to wait.
    let mut socket = Socket::live(&h, 0, &ann.device, None).await?;
    for n in 0..5 {
        socket.post(chat, &ulid_key(0), &escapes()).await.map_err(|error| error.context(format!("message {n}")))?;
    }
    let refused = ulid_key(0);
    socket.send(chat, &refused, &escapes()).await?;
    let error = socket.until("a refusal", |frame| if let ServerFrame::Error(error) = frame { Some(error.clone()) } else { None }).await?;
    assert_eq!((error.code.known(), error.client_id.as_ref()), (Some(ErrorCode::QuotaExceeded), Some(&refused)), "{error:?}");
    assert!(error.retry_after_ms > Some(10_000), "{error:?}");
    // A small one would fit; order comes first, so the refused one is waited for by this socket. Another person is not.
    let mut bobs = Socket::live(&h, 0, &bob.device, None).await?;
    bobs.post(chat, &ulid_key(0), "hello").await?;
    // Over REST.
    let (taken, code) = flood(&ann, chat).await?;
    assert_eq!((taken, code), (5, ErrorCode::QuotaExceeded));

    // Many people fill the log: messages end in time, because its size is looked at while it fills.
    let lost = bob.log_in("lost").await?;
    let many = people(&h, "mallory", 16).await?;
    let (mut bytes, mut full) = (10 * MESSAGE, false);
    for mallory in &many {
        let chat = direct(mallory, &ann).await?;
        let (taken, code) = flood(mallory, chat).await?;
        bytes += taken * MESSAGE;
        full = code == ErrorCode::LogFull;
        if full {
            break;
        }
        assert_eq!(code, ErrorCode::QuotaExceeded);
        if bytes > LOG / 10 * 7 {
            let at_least = f64::from(bytes) / f64::from(LOG);
            wait_for("somebody looks at the log", LATE, || async {
                let ratio = scraped_ratio(&h).await.map_err(|error| error.to_string())?;
                if ratio + 0.001 >= at_least { Ok(()) } else { Err(ratio.to_string()) }
            })
            .await;
        }
    }
    assert!(full, "{bytes} bytes are in a log of {LOG}");
    assert_eq!(bobs.refused(chat, &ulid_key(0), "x").await?.code, ErrorCode::LogFull);
    // Members and sessions still come and go, for every gateway to see.
    ann.api.remove_member(crew, eve.id()).await?;
    ann.api.rename(crew, &title("another title")).await?;
    let mut losts = Socket::live(&h, 0, &lost, None).await?;
    bob.api.revoke(lost.session_id()).await?;
    assert!(losts.connection.closed_within(LATE).await.is_some(), "the revoked device is closed");
    assert!(scraped_ratio(&h).await? >= 0.9);
    h.finish().await
}

async fn scraped_ratio(h: &Harness) -> anyhow::Result<f64> {
    let metrics = super::raw_http::get(&format!("http://{}/metrics", h.api().admin())).send().await?.text().await?;
    let line = metrics.lines().find(|line| line.starts_with("relay_log_bytes_used_ratio"));
    let value = line.and_then(|line| line.rsplit(' ').next()).ok_or_else(|| anyhow::anyhow!("no ratio in\n{metrics}"))?;
    Ok(value.parse()?)
}
