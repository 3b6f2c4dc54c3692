//! From the first frame to live: hello, welcome, catching up.

use std::sync::Arc;

use axum::extract::ws::{Message, WebSocket};
use bytes::Bytes;
use relay_domain::ports::TokenError;
use relay_protocol::frame::{ErrorFrame, Welcome};
use relay_protocol::{CloseCode, Command, ErrorCode, Hello, RETRY_AFTER, ServerFrame, command};

use relay_runtime::census::Counted;
use relay_types::{SessionId, UserId};

use super::closing::{ended, read_error};
use super::flood::{Flood, Pace};
use crate::hub::{Socket, UserLimiter};
use crate::outbound::{Closing, Outbound};
use crate::resume::ResumeError;
use crate::state::Shared;
use crate::writer::Writer;

/// A socket that is live.
pub(super) struct Handshake {
    pub(super) socket: Arc<Socket>,
    pub(super) limiter: Arc<UserLimiter>,
    /// Its connection slots among the person's and the device's sockets.
    pub(super) slots: (Counted<UserId>, Counted<SessionId>),
}

/// Authenticates the socket and brings it to live. `Err` says how to close it; `Err(None)`: it is gone.
pub(super) async fn complete(shared: &Shared, ws: &mut WebSocket, flood: &Flood) -> Result<Handshake, Option<Closing>> {
    let hello = match tokio::time::timeout(shared.config.hello_timeout(), first_frame(ws, flood)).await {
        Ok(hello) => hello?,
        Err(_late) => return Err(ended(CloseCode::HelloTimeout)),
    };
    let claims = match shared.tokens.verify(&hello.token) {
        Ok(claims) => claims,
        Err(TokenError::Expired) => {
            return Err(refuse(ws, ErrorCode::TokenExpired, "the access token has expired", CloseCode::TokenExpired).await);
        }
        Err(TokenError::Invalid) => {
            return Err(refuse(ws, ErrorCode::Unauthenticated, "the access token is not valid", CloseCode::Unauthenticated).await);
        }
    };
    let Some(person) = shared.people.enter(claims.user, shared.config.max_sockets_per_user) else {
        return Err(refuse(ws, ErrorCode::TooManyConnections, "this person has as many sockets as they may", CloseCode::Busy).await);
    };
    let Some(device) = shared.devices.enter(claims.session, shared.config.max_sockets_per_session) else {
        return Err(refuse(ws, ErrorCode::TooManyConnections, "this device has as many sockets as it may", CloseCode::Busy).await);
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
    say(ws, &welcome).await.map_err(|()| None)?;
    let started = std::time::Instant::now();
    let resumed = Box::pin(shared.resumer.run(&socket, hello.position, &mut Writer { ws })).await;
    match resumed {
        Ok(limiter) => {
            metrics::histogram!("relay_resume_duration_seconds").record(started.elapsed().as_secs_f64());
            Ok(Handshake { socket, limiter, slots: (person, device) })
        }
        Err(error) => {
            shared.hub.detach(&socket);
            match error {
                ResumeError::Gone => Err(flood.ended(None)),
                ResumeError::Refused { code, close, message } => Err(refuse(ws, code, message, close).await),
            }
        }
    }
}

async fn first_frame(ws: &mut WebSocket, flood: &Flood) -> Result<Hello, Option<Closing>> {
    loop {
        let received = ws.recv().await;
        if let Some(Ok(message)) = &received
            && flood.frame(message) == Pace::Flooding
        {
            return Err(ended(CloseCode::Flooding));
        }
        let text = match received {
            Some(Ok(Message::Text(text))) => text,
            Some(Ok(Message::Ping(_) | Message::Pong(_))) => continue,
            Some(Ok(Message::Binary(_))) => {
                return Err(refuse(ws, ErrorCode::MalformedFrame, "frames are text", CloseCode::ProtocolViolation).await);
            }
            Some(Ok(Message::Close(_))) | None => return Err(None),
            Some(Err(error)) => return Err(flood.ended(read_error(&error))),
        };
        return match command::decode(&text) {
            Ok(Command::Hello(hello)) => Ok(hello),
            Ok(Command::SendMessage(_) | Command::Ping(_)) => {
                Err(refuse(ws, ErrorCode::HelloRequired, "the first frame has to be hello", CloseCode::Unauthenticated).await)
            }
            Err(error) => Err(refuse(ws, error.code, &error.reason, CloseCode::ProtocolViolation).await),
        };
    }
}

/// Says why, and returns how to close.
async fn refuse(ws: &mut WebSocket, code: ErrorCode, message: &str, close: CloseCode) -> Option<Closing> {
    metrics::counter!("relay_errors_total", "code" => code.as_str()).increment(1);
    let error = ErrorFrame::new(code, message).retry_after(RETRY_AFTER);
    let retry_after_ms = error.retry_after_ms;
    say(ws, &ServerFrame::Error(error)).await.ok()?;
    Some(Closing { code: close, retry_after_ms })
}

/// Writes one frame at once: nothing is queued yet.
async fn say(ws: &mut WebSocket, frame: &ServerFrame) -> Result<(), ()> {
    let mut writer = Writer { ws };
    writer.one(Bytes::from(frame.encode())).await
}
