//! Passwords that change, all devices at once, accounts that are disabled.

use std::time::Duration;

use relay_harness::Harness;
use relay_protocol::rest::Password;
use relay_protocol::{CloseCode, ErrorCode};

use super::support::{Socket, TestResult, code_of};

/// What a person is promised.
const WITHIN: Duration = Duration::from_secs(5);

async fn closes_as_revoked(socket: &mut Socket) {
    let close = socket.connection.closed_within(WITHIN).await.expect("the socket closes within 5 s");
    assert_eq!(close.code, CloseCode::SessionRevoked.code());
}

#[tokio::test]
async fn a_changed_password_a_log_out_everywhere_and_a_disabled_account_close_what_they_should() -> TestResult {
    let h = Harness::shared().await?;
    let (ann, bob) = (h.user("ann").await?, h.user("bob").await?);
    let (thief, laptop) = (ann.log_in("a thief's").await?, ann.log_in("laptop").await?);
    let mut stolen = Socket::live(&h, 0, &thief, None).await?;
    let mut kept = Socket::live(&h, 0, &laptop, None).await?;
    let new = Password("a wholly different phrase".to_owned());

    // A password.
    assert_eq!(code_of(thief.api.change_password(&Password("a wrong guess".to_owned()), &new).await), ErrorCode::BadCredentials);
    assert_eq!(
        code_of(laptop.api.change_password(&ann.password, &Password(format!("{}12345", ann.profile.handle))).await),
        ErrorCode::PasswordTooGuessable
    );
    laptop.api.change_password(&ann.password, &new).await?;
    closes_as_revoked(&mut stolen).await;
    assert_eq!(code_of(thief.api.me().await), ErrorCode::SessionRevoked);
    assert!(h.api_client()?.refresh(&thief.tokens.refresh_token).await.is_err());
    kept.passed(relay_types::Seq::ZERO).await?;
    let sessions = laptop.api.sessions().await?.sessions;
    assert!(sessions.len() == 1 && sessions[0].current, "{sessions:?}");
    assert_eq!(code_of(h.api_client()?.login(&ann.profile.handle, &ann.password, &"d".parse()?).await), ErrorCode::BadCredentials);
    // The answer was lost, so it is asked again.
    laptop.api.change_password(&ann.password, &new).await?;
    let api = h.api_client()?;
    let phone = api.login(&ann.profile.handle, &new, &"phone".parse()?).await?;

    // Everywhere.
    api.with_token(phone.access_token).logout_everywhere().await?;
    closes_as_revoked(&mut kept).await;
    assert_eq!(code_of(laptop.api.me().await), ErrorCode::SessionRevoked);

    // An account.
    let mut bobs = Socket::live(&h, 0, &bob.device, None).await?;
    h.relayctl(&["user", "disable", bob.profile.handle.as_str()]).await?;
    closes_as_revoked(&mut bobs).await;
    let log_in =
        async |password: &str| code_of(api.login(&bob.profile.handle, &Password(password.to_owned()), &"d".parse().unwrap()).await);
    assert_eq!(log_in(&bob.password.0).await, ErrorCode::BadCredentials, "the face of a wrong password");
    assert_eq!(log_in("a wrong guess").await, ErrorCode::BadCredentials);
    assert!(api.refresh(&bob.device.tokens.refresh_token).await.is_err());
    h.relayctl(&["user", "disable", bob.profile.handle.as_str()]).await?;
    h.relayctl(&["user", "enable", bob.profile.handle.as_str()]).await?;
    bob.log_in("again").await?.api.me().await?;
    assert!(h.relayctl(&["user", "disable", "nobody_here"]).await.is_err());
    h.finish().await
}
