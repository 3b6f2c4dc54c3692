//! Positions that nothing can be replayed after: an answer, never silence.

use relay_client::{Connection, SocketOptions};
use relay_harness::Harness;
use relay_protocol::frame::ResetReason;
use relay_protocol::{CloseCode, ErrorCode, Position, ServerFrame, command};
use relay_types::{Seq, ShardId};

use super::support::{SOON, Socket, TestResult, direct, key};

async fn reset_for(change: impl Fn(Position) -> Position) -> anyhow::Result<ResetReason> {
    let h = Harness::shared().await?;
    let (ann, bob) = (h.user("ann").await?, h.user("bob").await?);
    let chat = direct(&ann, &bob).await?;
    let mut anns = Socket::live(&h, 0, &ann.device, None).await?;
    let position = change(Socket::live(&h, 0, &bob.device, None).await?.at());
    anns.post(chat, &key("missed"), "missed").await?;
    let mut bobs = Socket::live(&h, 0, &bob.device, Some(&position)).await?;
    let reasons: Vec<ResetReason> =
        bobs.frames.iter().filter_map(|frame| if let ServerFrame::Reset { reason, .. } = frame { Some(*reason) } else { None }).collect();
    assert_eq!(reasons.len(), 1, "{:?}", bobs.frames);
    assert_eq!(bobs.seen(), vec![], "no partial answer that looks complete");
    anns.post(chat, &key("live"), "live").await?;
    bobs.message("live").await?;
    // The position given with the reset is a good one.
    let given = bobs.at();
    let again = Socket::live(&h, 0, &bob.device, Some(&given)).await?;
    assert!(!again.frames.iter().any(|frame| matches!(frame, ServerFrame::Reset { .. })));
    h.finish().await?;
    Ok(reasons[0])
}

#[tokio::test]
async fn a_position_of_another_epoch_is_answered_with_reset() -> TestResult {
    let reason = reset_for(|position| Position { epoch: "01ARZ3NDEKTSV4RRFFQ69G5FAV".to_owned(), ..position }).await?;
    assert_eq!(reason, ResetReason::EpochChanged);
    Ok(())
}

#[tokio::test]
async fn a_position_ahead_of_the_log_is_answered_with_reset() -> TestResult {
    let reason = reset_for(|mut position| {
        position.shards.insert(ShardId(0), Seq(1_000_000));
        position
    });
    assert_eq!(reason.await?, ResetReason::AheadOfLog);
    Ok(())
}

#[tokio::test]
async fn a_position_that_is_none_is_refused_by_its_code() -> TestResult {
    let h = Harness::shared().await?;
    let ann = h.user("ann").await?;
    let token = ann.device.access_token().0.clone();
    let long = "A".repeat(50_000);
    for garbage in ["", "%%%", "not a position", "MS4qLjAtMQ", long.as_str()] {
        let mut connection = Connection::open(&h.gateway_url(0), &SocketOptions::default()).await?;
        let hello = serde_json::json!({ "type": "hello", "token": token, "position": garbage });
        connection.queue_text(hello.to_string());
        let frame = connection.frame_within(SOON).await.map_err(|close| anyhow::anyhow!("{close:?}"))?;
        assert!(matches!(&frame, ServerFrame::Error(error) if error.code == ErrorCode::BadPosition), "{frame:?}");
        let close = connection.closed_within(SOON).await.expect("the socket closes");
        assert_eq!(close.code, CloseCode::ProtocolViolation.code());
    }
    // In a ping it is refused and the socket stays.
    let mut socket = Socket::live(&h, 0, &ann.device, None).await?;
    let error = socket.error_to(r#"{"type":"ping","position":"%%%"}"#).await?;
    assert_eq!(error.code, ErrorCode::BadPosition);
    socket.connection.send_text(command::encode::ping(None)).await.map_err(|close| anyhow::anyhow!("{close:?}"))?;
    socket.until("pong", |frame| matches!(frame, ServerFrame::Pong { .. }).then_some(())).await?;
    h.finish().await
}
