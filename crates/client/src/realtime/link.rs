//! What carries a session's frames.

use std::sync::Arc;
use std::time::Duration;

use relay_protocol::frame::Welcome;
use relay_protocol::rest::Secret;
use relay_protocol::{CloseCode, Position};

use super::{RealtimeConfig, Transport};
use crate::event_stream::EventStreamLink;
use crate::token_provider::TokenProvider;
use crate::ws::{CloseInfo, Connection, HelloError, Incoming};

/// A socket or a stream.
pub(super) enum Link {
    Socket(Box<Connection>),
    Stream(Box<EventStreamLink>),
}

impl Link {
    /// Opens what the program wants, says hello and waits for the welcome.
    ///
    /// # Cancel safety
    /// Cancel safe: dropping the future drops the connection.
    pub(super) async fn hello(
        config: &RealtimeConfig,
        tokens: &Arc<dyn TokenProvider>,
        token: &Secret,
        position: Option<&Position>,
    ) -> Result<(Self, Welcome), HelloError> {
        match config.transport {
            Transport::WebSocket => {
                let (socket, welcome) = Connection::hello(&config.gateway, &token.0, position, &config.socket).await?;
                Ok((Self::Socket(Box::new(socket)), welcome))
            }
            Transport::EventStream => {
                let (stream, welcome) = EventStreamLink::hello(&config.gateway, tokens, token, position, &config.socket).await?;
                Ok((Self::Stream(Box::new(stream)), welcome))
            }
        }
    }

    /// Queues a command.
    pub(super) fn queue_text(&mut self, text: String) {
        match self {
            Self::Socket(socket) => socket.queue_text(text),
            Self::Stream(stream) => stream.queue_text(text),
        }
    }

    /// Commands that wait to go out.
    pub(super) fn queued(&self) -> usize {
        match self {
            Self::Socket(socket) => socket.queued(),
            Self::Stream(stream) => stream.queued(),
        }
    }

    /// Writes what is queued and, if `read`, waits for the next frame.
    ///
    /// # Cancel safety
    /// Cancel safe.
    pub(super) async fn drive(&mut self, read: bool) -> Incoming {
        match self {
            Self::Socket(socket) => socket.drive(read).await,
            Self::Stream(stream) => stream.drive(read).await,
        }
    }

    /// Says goodbye, and waits for the end at most so long.
    pub(super) async fn close(&mut self, limit: Duration) -> Option<CloseInfo> {
        match self {
            Self::Socket(socket) => {
                socket.queue_close(CloseCode::Normal.code());
                socket.closed_within(limit).await
            }
            Self::Stream(stream) => {
                stream.leave();
                None
            }
        }
    }
}
