//! From the first frame to live: hello, welcome, catching up.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use relay_domain::ports::{AccessClaims, TokenError};
use relay_protocol::frame::{ErrorFrame, Welcome};
use relay_protocol::{CloseCode, Command, ErrorCode, Hello, RETRY_AFTER, ServerFrame, command};

use relay_runtime::census::Counted;
use relay_types::{SessionId, UserId};
use tokio::time::Instant;

use super::flood::{Flood, Pace};
use crate::hub::{Socket, UserLimiter};
use crate::outbound::{Closing, Outbound};
use crate::resume::ResumeError;
use crate::state::Shared;
use crate::transport::{Ended, Incoming, Transport, Writing, ended, write};

/// For a stream that is put out to end: it takes what was queued for it first.
const PUT_OUT_LIMIT: Duration = Duration::from_secs(6);

/// A socket's connection slots among the person's and the device's.
pub(super) type Slots = (Counted<UserId>, Counted<SessionId>);

/// A socket that is live.
pub(super) struct Handshake {
    pub(super) socket: Arc<Socket>,
    pub(super) limiter: Arc<UserLimiter>,
    pub(super) slots: Slots,
}

/// Authenticates the socket and brings it to live. `Err` says how to close it.
pub(super) async fn complete<T: Transport>(shared: &Shared, transport: &mut T, flood: &Flood) -> Result<Handshake, Ended> {
    let hello = match tokio::time::timeout(shared.config.hello_timeout(), first_frame(transport, flood)).await {
        Ok(hello) => hello?,
        Err(_late) => return Err(ended(CloseCode::HelloTimeout)),
    };
    let claims = match shared.tokens.verify(&hello.token) {
        Ok(claims) => claims,
        Err(TokenError::Expired) => {
            return Err(refuse(transport, ErrorCode::TokenExpired, "the access token has expired", CloseCode::TokenExpired).await);
        }
        Err(TokenError::Invalid) => {
            return Err(refuse(transport, ErrorCode::Unauthenticated, "the access token is not valid", CloseCode::Unauthenticated).await);
        }
    };
    let slots = match take_slots(shared, &claims).await {
        Ok(slots) => slots,
        Err(why) => return Err(refuse(transport, ErrorCode::TooManyConnections, why, CloseCode::Busy).await),
    };
    let outbound = Outbound::new(shared.config.outbound_queue_bytes);
    let socket = Arc::new(Socket { user: claims.user, session: claims.session, outbound });
    let welcome = ServerFrame::Welcome(Welcome {
        user_id: claims.user,
        session_id: claims.session,
        server_time_ms: shared.server_time_ms(),
        idle_timeout_ms: shared.config.idle_timeout_ms,
        max_in_flight: shared.config.max_in_flight,
    });
    say(transport, &welcome).await?;
    let started = std::time::Instant::now();
    let began = hello.position.clone();
    let resumed = shared.resumer.run(&socket, hello.position, transport).await;
    match resumed {
        Ok(limiter) => {
            shared.hub.begins(claims.user, began.as_ref());
            metrics::histogram!("relay_resume_duration_seconds").record(started.elapsed().as_secs_f64());
            Ok(Handshake { socket, limiter, slots })
        }
        Err(error) => {
            shared.hub.detach(&socket);
            match error {
                ResumeError::Gone(ended) => Err(ended),
                ResumeError::Refused { code, close, message } => Err(refuse(transport, code, message, close).await),
            }
        }
    }
}

/// A place among the sockets of the person and of the device. For a device whose streams take them all, its oldest one ends.
async fn take_slots(shared: &Shared, claims: &AccessClaims) -> Result<Slots, &'static str> {
    let enter = || {
        let person = shared.people.enter(claims.user, shared.config.max_sockets_per_user);
        let person = person.ok_or("this person has as many sockets as they may")?;
        let device = shared.devices.enter(claims.session, shared.config.max_sockets_per_session);
        Ok((person, device.ok_or("this device has as many sockets as it may")?))
    };
    let mut ends_by = None;
    loop {
        let left = shared.streams.left();
        let why = match enter() {
            Ok(slots) => return Ok(slots),
            Err(why) => why,
        };
        let by = match ends_by {
            Some(by) => by,
            None if shared.streams.put_out_oldest(claims.session) => *ends_by.insert(Instant::now() + PUT_OUT_LIMIT),
            None => return Err(why),
        };
        if tokio::time::timeout_at(by, left).await.is_err() {
            return Err(why);
        }
    }
}

async fn first_frame<T: Transport>(transport: &mut T, flood: &Flood) -> Result<Hello, Ended> {
    loop {
        let incoming = transport.receive().await?;
        if flood.frame() == Pace::Flooding {
            return Err(ended(CloseCode::Flooding));
        }
        let text = match incoming {
            Incoming::Command(text) => text,
            Incoming::SignOfLife | Incoming::Unplaced | Incoming::Receipt(_) => continue,
            Incoming::Unfit(why) => return Err(refuse(transport, ErrorCode::MalformedFrame, why, CloseCode::ProtocolViolation).await),
            Incoming::Goodbye => return Err(None),
        };
        return match command::decode(text.as_ref()) {
            Ok(Command::Hello(hello)) => Ok(hello),
            Ok(
                Command::SendMessage(_)
                | Command::EditMessage(_)
                | Command::DeleteMessage(_)
                | Command::Received(_)
                | Command::Presence(_)
                | Command::WatchPresence(_)
                | Command::React(_)
                | Command::PinMessage(_)
                | Command::Ping(_)
                | Command::TypingStart(_)
                | Command::TypingStop(_),
            ) => Err(refuse(transport, ErrorCode::HelloRequired, "the first frame has to be hello", CloseCode::Unauthenticated).await),
            Err(error) => Err(refuse(transport, error.code, &error.reason, CloseCode::ProtocolViolation).await),
        };
    }
}

/// Says why, and returns how to close.
async fn refuse<T: Transport>(transport: &mut T, code: ErrorCode, message: &str, close: CloseCode) -> Ended {
    metrics::counter!("relay_errors_total", "code" => code.as_str()).increment(1);
    let error = ErrorFrame::new(code, message).retry_after(RETRY_AFTER);
    let retry_after_ms = error.retry_after_ms;
    match say(transport, &ServerFrame::Error(error)).await {
        Ok(()) => Some(Closing { code: close, retry_after_ms }),
        Err(ended) => ended,
    }
}

/// Writes one frame at once: nothing is queued yet.
async fn say<T: Transport>(transport: &mut T, frame: &ServerFrame) -> Result<(), Ended> {
    let mut writing = Writing { frames: [Bytes::from(frame.encode())].into(), receipt: None };
    write(transport, &mut writing).await
}
