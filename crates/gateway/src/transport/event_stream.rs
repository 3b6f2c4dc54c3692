//! Server-Sent Events (WHATWG HTML, section 9.2): the answer to one POST, whose body was the hello. Each frame is a message of the
//! stream, and has an `id` if it brings a position. What the client says later comes in requests of its own
//! ([`crate::commands`]), to any gateway, so nothing of it is seen here: a client is there as long as its connection is.

use std::future::poll_fn;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use axum::body::Body;
use axum::http::header::{CACHE_CONTROL, CONNECTION, CONTENT_TYPE, HeaderName};
use axum::response::{IntoResponse as _, Response};
use bytes::{BufMut as _, Bytes, BytesMut};
use relay_protocol::frame::ErrorFrame;
use relay_protocol::{CloseCode, ErrorCode, ServerFrame};
use relay_runtime::http::{Meter, Place};
use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, Sleep};
use tokio_util::sync::PollSender;

use super::{Ended, Incoming, Transport, Writing, ended};
use crate::entrance;
use crate::outbound::Closing;

/// Frames are handed to the connection in parts of about so many bytes, one at a time: together with what the connection gathers
/// itself, this is what a stream holds beyond its queue.
const PART_BYTES: usize = 16 * 1024;
/// How long after an event its position follows, if nothing else brings one.
const PLACE_AFTER: Duration = Duration::from_secs(2);
/// A comment is written at least this often, so that proxies and clients see that the stream lives.
const HEARTBEAT: Duration = Duration::from_secs(15);
/// Time for a closing stream to take what is left and the reason; a slow reader gets longer.
const CLOSE_LIMIT: Duration = Duration::from_secs(5);
const SLOW_CLOSE_LIMIT: Duration = Duration::from_secs(15);
/// Asks nginx, and those who do as it does, to pass everything on at once.
const BUFFERING: HeaderName = HeaderName::from_static("x-accel-buffering");

/// One stream, from its hello to its end.
pub(crate) struct EventStream {
    hello: Option<String>,
    answer: Answer,
    parts: PollSender<Bytes>,
    meter: Meter,
    /// For whatever is due next: a comment, or a position.
    timer: Pin<Box<Sleep>>,
    heartbeat: Duration,
    written: Instant,
    /// Since when events have gone out without a position behind them.
    unplaced: Option<Instant>,
}

/// The answer to the request.
enum Answer {
    /// Nothing was written: it may still be a refusal.
    Due { to: oneshot::Sender<Response>, parts: mpsc::Receiver<Bytes>, place: Place, refused: Option<ErrorFrame> },
    /// The stream.
    Begun,
}

impl EventStream {
    /// Of a request whose body is `hello`. The second is its answer, which comes with the first frame.
    ///
    /// A client that is not heard ends as idle, so a comment that was written counts as a sign of life.
    pub(crate) fn new(hello: String, meter: Meter, place: Place, idle_timeout: Duration) -> (Self, oneshot::Receiver<Response>) {
        let (to, answer) = oneshot::channel();
        let (sender, parts) = mpsc::channel(1);
        let heartbeat = HEARTBEAT.min(idle_timeout / 4);
        let written = Instant::now();
        let stream = Self {
            hello: Some(hello),
            answer: Answer::Due { to, parts, place, refused: None },
            parts: PollSender::new(sender),
            meter,
            timer: Box::pin(tokio::time::sleep_until(written + heartbeat)),
            heartbeat,
            written,
            unplaced: None,
        };
        (stream, answer)
    }

    /// What a connection that takes no more was about.
    fn gone(&self) -> Ended {
        if self.meter.stalled() { ended(CloseCode::SlowReader) } else { None }
    }

    /// Begins the stream. The connection is counted as a socket from now on, and ends with it.
    fn begin(&mut self) -> Result<(), Ended> {
        let Answer::Due { to, mut parts, place, .. } = std::mem::replace(&mut self.answer, Answer::Begun) else { return Ok(()) };
        place.give_up();
        let body = futures::stream::poll_fn(move |cx| parts.poll_recv(cx).map(|part| part.map(Ok::<_, std::convert::Infallible>)));
        let head =
            [(CONTENT_TYPE, "text/event-stream"), (CACHE_CONTROL, "no-store, no-transform"), (BUFFERING, "no"), (CONNECTION, "close")];
        to.send((head, Body::from_stream(body)).into_response()).map_err(|_| None)
    }

    /// Keeps a refusal that comes before all else, for the answer. Says whether it did.
    fn keep_refusal(&mut self, frame: &Bytes) -> bool {
        let Answer::Due { refused, .. } = &mut self.answer else { return false };
        let text = std::str::from_utf8(frame).unwrap_or_default();
        let Ok(ServerFrame::Error(error)) = ServerFrame::decode(text) else { return false };
        *refused = Some(error);
        true
    }

    /// Puts the frame into the part, and notes whether a position is due behind it.
    fn put(&mut self, part: &mut BytesMut, frame: &[u8]) {
        match position_of(frame) {
            Some(position) => {
                self.unplaced = None;
                part.put_slice(b"id: ");
                part.put_slice(position.as_bytes());
                part.put_u8(b'\n');
            }
            None if frame.starts_with(b"{\"chain\"") => {
                self.unplaced.get_or_insert_with(Instant::now);
            }
            None => {}
        }
        part.put_slice(b"data: ");
        put_line(part, frame);
        part.put_slice(b"\n\n");
    }

    fn due(&self) -> Instant {
        let comment = self.written + self.heartbeat;
        self.unplaced.map_or(comment, |since| comment.min(since + PLACE_AFTER))
    }

    fn poll_hand_over(&mut self, cx: &mut Context<'_>, writing: &mut Writing) -> Poll<Result<(), Ended>> {
        // There are no answers to wait for: nothing is sent over a stream.
        writing.receipt = None;
        if matches!(self.answer, Answer::Due { .. }) {
            if let Some(first) = writing.frames.front()
                && self.keep_refusal(first)
            {
                writing.frames.pop_front();
                return Poll::Ready(Ok(()));
            }
            self.begin()?;
        }
        while !writing.frames.is_empty() {
            ready!(self.parts.poll_reserve(cx)).map_err(|_| self.gone())?;
            let mut part = BytesMut::new();
            while part.len() < PART_BYTES
                && let Some(frame) = writing.frames.pop_front()
            {
                self.put(&mut part, &frame);
            }
            self.parts.send_item(part.freeze()).map_err(|_| self.gone())?;
        }
        self.written = Instant::now();
        let due = self.due();
        if due < self.timer.deadline() {
            self.timer.as_mut().reset(due);
        }
        Poll::Ready(Ok(()))
    }
}

impl Transport for EventStream {
    const NAME: &'static str = "event_stream";
    const BRINGS_COMMANDS: bool = false;
    type Text = String;

    async fn receive(&mut self) -> Result<Incoming<String>, Ended> {
        if let Some(hello) = self.hello.take() {
            return Ok(Incoming::Command(hello));
        }
        let Self { parts, timer, .. } = self;
        let gone = async {
            match parts.get_ref() {
                Some(sender) => sender.closed().await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            () = gone => return Err(self.gone()),
            () = timer.as_mut() => {}
        }
        let now = Instant::now();
        let is_unplaced = self.unplaced.is_some_and(|since| since + PLACE_AFTER <= now);
        if is_unplaced {
            self.unplaced = None;
        } else if self.written + self.heartbeat <= now {
            // While something waits to be taken, that is sign enough.
            if let Some(sender) = self.parts.get_ref() {
                let _ = sender.try_send(Bytes::from_static(b":\n\n"));
            }
            self.written = now;
        }
        let due = self.due();
        self.timer.as_mut().reset(due);
        Ok(if is_unplaced { Incoming::Unplaced } else { Incoming::SignOfLife })
    }

    fn poll_write(&mut self, cx: &mut Context<'_>, writing: &mut Writing) -> Poll<Result<(), Ended>> {
        self.poll_hand_over(cx, writing)
    }

    async fn close(&mut self, ended: Ended) {
        if let Answer::Due { to, refused, .. } = std::mem::replace(&mut self.answer, Answer::Begun) {
            // Nobody is there to hear it if the request is.
            if let Some(closing) = ended {
                let _ = to.send(refusal(closing, refused));
            }
            return;
        }
        if let Some(closing) = ended {
            let limit = if closing.code == CloseCode::SlowReader { SLOW_CLOSE_LIMIT } else { CLOSE_LIMIT };
            let said = async {
                if poll_fn(|cx| self.parts.poll_reserve(cx)).await.is_ok() {
                    let _ = self.parts.send_item(farewell(closing));
                }
            };
            if tokio::time::timeout(limit, said).await.is_err() {
                tracing::debug!(code = closing.code.as_str(), "the peer did not take the end of its stream");
            }
        }
        // With its last sender the body ends, and with it the connection.
        self.parts.close();
    }
}

/// The last message of a stream: why it ends, with the number of the close code, and when to come back.
fn farewell(closing: Closing) -> Bytes {
    let retry = closing.retry_after_ms.map(|ms| format!(r#","retry_after_ms":{ms}"#)).unwrap_or_default();
    let (name, number) = (closing.code.as_str(), closing.code.code());
    Bytes::from(format!("event: close\ndata: {{\"code\":\"{name}\",\"close_code\":{number}{retry}}}\n\n"))
}

/// The answer where no stream begins: what the error frame would have said, with the number of the close code.
fn refusal(closing: Closing, refused: Option<ErrorFrame>) -> Response {
    let retry_after = closing.retry_after_ms.map(Duration::from_millis);
    let (code, detail) = match refused {
        Some(error) => (error.code.known().unwrap_or(ErrorCode::Internal), error.message),
        None => (ErrorCode::Unavailable, closing.code.meaning().to_owned()),
    };
    entrance::problem(code, &detail, retry_after, Some(closing.code))
}

/// The position that a frame brings.
fn position_of(frame: &[u8]) -> Option<&str> {
    const BRINGING: [&str; 3] = [r#"{"type":"progress","#, r#"{"type":"caught_up","#, r#"{"type":"reset","#];
    if !BRINGING.iter().any(|head| frame.starts_with(head.as_bytes())) {
        return None;
    }
    let (_, rest) = std::str::from_utf8(frame).ok()?.split_once(r#""position":""#)?;
    Some(rest.split_once('"')?.0)
}

/// Writes a JSON text as one line. An end of a line may stand between its parts, where it means as much as a space, and never
/// within a string.
fn put_line(part: &mut BytesMut, frame: &[u8]) {
    let is_end = |byte: &u8| matches!(byte, b'\n' | b'\r');
    let begun = part.len();
    part.put_slice(frame);
    if frame.iter().any(is_end) {
        part.iter_mut().skip(begun).filter(|byte| is_end(byte)).for_each(|byte| *byte = b' ');
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stream() -> EventStream {
        let (stream, _answer) = EventStream::new(String::new(), Meter::default(), Place::none(), Duration::from_secs(60));
        stream
    }

    fn written(frame: &str) -> String {
        let mut part = BytesMut::new();
        stream().put(&mut part, frame.as_bytes());
        String::from_utf8(part.to_vec()).unwrap()
    }

    #[tokio::test]
    async fn only_what_brings_a_position_has_an_id() {
        let reset = r#"{"type":"reset","reason":"too_old","position":"MS4"}"#;
        assert_eq!(written(reset), format!("id: MS4\ndata: {reset}\n\n"));
        for frame in [
            r#"{"chain":"c:1","seq":1,"type":"X","position":"MS4"}"#,
            r#"{"type":"user_typing","position":"MS4"}"#,
            r#"{"type":"error","message":"{\"type\":\"progress\",\"position\":\"MS4\"}"}"#,
        ] {
            assert_eq!(written(frame), format!("data: {frame}\n\n"));
        }
    }

    #[tokio::test]
    async fn a_frame_is_one_line_whatever_stands_between_its_parts() {
        assert_eq!(written("{\"chain\":\"x\",\r\n\"text\":\"a\\nb\"\n}"), "data: {\"chain\":\"x\",  \"text\":\"a\\nb\" }\n\n");
    }

    #[tokio::test(start_paused = true)]
    async fn a_position_is_due_behind_events_and_a_comment_when_nothing_else_was_said() {
        let mut stream = stream();
        stream.hello = None;
        let began = Instant::now();
        assert!(matches!(stream.receive().await, Ok(Incoming::SignOfLife)));
        assert_eq!(began.elapsed().as_secs(), 15);
        let mut part = BytesMut::new();
        stream.put(&mut part, br#"{"chain":"c:1","seq":1}"#);
        let due = stream.due();
        stream.timer.as_mut().reset(due);
        let said = Instant::now();
        assert!(matches!(stream.receive().await, Ok(Incoming::Unplaced)));
        assert_eq!(said.elapsed().as_secs(), 2);
        stream.put(&mut part, br#"{"chain":"c:1","seq":2}"#);
        stream.put(&mut part, br#"{"type":"progress","position":"MS4"}"#);
        assert_eq!(stream.unplaced, None);
    }
}
