//! The way in for those whom sockets do not reach: from a POST to a stream of events, or to a refusal.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Extension, State};
use axum::http::{HeaderMap, HeaderName, Uri};
use axum::response::Response;
use relay_protocol::command::{self, encode};
use relay_protocol::{Command, ErrorCode, Position};
use relay_runtime::http::{Meter, Peer, Place};

use crate::entrance::{self, Refusal, judge, refuse, take_place};
use crate::session;
use crate::state::Shared;
use crate::transport::EventStream;

/// A hello: a token of at most 4 KiB, and a position.
const MOST_BYTES: usize = 16 * 1024;
/// What clients of Server-Sent Events say when they come back: the last `id` that they were told.
pub(crate) const LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");

pub(crate) async fn open(
    State(shared): State<Arc<Shared>>,
    uri: Uri,
    Extension(peer): Extension<Peer>,
    Extension(meter): Extension<Meter>,
    Extension(place): Extension<Place>,
    headers: HeaderMap,
    body: Body,
) -> Response {
    match begin(shared, &uri, peer, (meter, place), &headers, body).await {
        Ok(answer) => answer,
        Err(refusal) => refusal.answer(),
    }
}

async fn begin(
    shared: Arc<Shared>,
    uri: &Uri,
    peer: Peer,
    (meter, place): (Meter, Place),
    headers: &HeaderMap,
    body: Body,
) -> Result<Response, Refusal> {
    judge(&shared, uri, headers)?;
    let places = take_place(&shared, peer, headers)?;
    let hello = entrance::text(&shared, headers, body, MOST_BYTES).await?;
    let hello = further(hello, headers)?;
    let (mut stream, answer) = EventStream::new(hello, meter, place, shared.config.idle_timeout());
    let serving = Box::pin(async move {
        session::serve(&shared, &mut stream).await;
        drop(places);
    });
    #[expect(clippy::disallowed_methods, reason = "as an upgraded socket: it is waited for by its place, and ends with its connection")]
    tokio::spawn(serving);
    answer.await.map_err(|_| refuse(ErrorCode::Unavailable, "the stream ended before it began"))
}

/// The hello with the position of the header, if there is one: a client that repeats its request has come further since.
fn further(hello: String, headers: &HeaderMap) -> Result<String, Refusal> {
    let Some(id) = headers.get(LAST_EVENT_ID).filter(|id| !id.is_empty()) else { return Ok(hello) };
    let position: Option<Position> = id.to_str().ok().and_then(|id| id.parse().ok());
    let position = position.ok_or_else(|| refuse(ErrorCode::BadPosition, "last-event-id is not an id of this stream"))?;
    match command::decode(&hello) {
        Ok(Command::Hello(said)) => Ok(encode::hello(&said.token, Some(&position))),
        // The session says what is wrong with it.
        Ok(_) | Err(_) => Ok(hello),
    }
}
