//! Commands without a socket: one frame in each POST, with what a socket would have answered to it. For those who listen to a
//! stream of events; any gateway takes them, whether it has the stream or not.
//!
//! A client has one command for each conversation under way, and so keeps their order by itself. All else is as on a socket: keys,
//! limits, the void rule, and what a gateway that stood still may not publish.

use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, Uri, header};
use axum::response::{IntoResponse as _, Response};
use governor::{DefaultKeyedRateLimiter, Quota};
use parking_lot::Mutex;
use relay_domain::ports::{AccessClaims, TokenError};
use relay_posting::Publication;
use relay_protocol::frame::ErrorFrame;
use relay_protocol::presence::{PresenceWord, SayPresence};
use relay_protocol::{ErrorCode, MAX_CLIENT_FRAME_BYTES, SEND_RETRY_AFTER, ServerFrame, command};
use relay_types::{SessionId, UserId};

use crate::authority::{Behind, authorise};
use crate::entrance::{self, Refusal, judge, problem, refuse};
use crate::hub::UserLimiter;
use crate::lanes::{Lanes, PauseGuard};
use crate::metrics::Dropped;
use crate::resume::ResumeError;
use crate::session::Wish;
use crate::state::Shared;

const NOT_MEMBER: &str = "there is no such conversation, or you are not in it";
const UNKNOWN: &str = "whether you are in this conversation cannot be told here now";

/// After a process pause, what came during it is read within this. A socket that was open before it is closed instead.
const READ_LATE: Duration = Duration::from_secs(5);

/// How often each device may send a command.
pub(crate) struct Paces {
    by_session: DefaultKeyedRateLimiter<SessionId>,
    /// All gateways hear what is said of presence.
    speaking: DefaultKeyedRateLimiter<SessionId>,
    /// A durable cursor costs the log a question or two each time that it is moved.
    moving: DefaultKeyedRateLimiter<UserId>,
    asked: Mutex<u32>,
}

/// What a device says of presence each second, and at once.
const SPEAKS_PER_S: NonZeroU32 = NonZeroU32::new(2).unwrap();
const SPEAKS_AT_ONCE: NonZeroU32 = NonZeroU32::new(10).unwrap();
/// How often a person's cursors are moved by what they post, each minute.
const MOVES_PER_MIN: NonZeroU32 = NonZeroU32::new(4).unwrap();

/// So many questions, and those who have long been silent are forgotten.
const SWEEP_EVERY: u32 = 4_096;

impl Paces {
    /// As many commands as a socket may send frames.
    pub(crate) fn new(per_s: u32) -> Self {
        let per_s = NonZeroU32::new(per_s).unwrap_or(NonZeroU32::MIN);
        let speaking = Quota::per_second(SPEAKS_PER_S).allow_burst(SPEAKS_AT_ONCE);
        let moving = Quota::per_minute(MOVES_PER_MIN);
        Self {
            by_session: DefaultKeyedRateLimiter::keyed(Quota::per_second(per_s)),
            speaking: DefaultKeyedRateLimiter::keyed(speaking),
            moving: DefaultKeyedRateLimiter::keyed(moving),
            asked: Mutex::new(0),
        }
    }

    fn is_within(&self, session: SessionId) -> bool {
        let is_due = {
            let mut asked = self.asked.lock();
            *asked = (*asked + 1) % SWEEP_EVERY;
            *asked == 0
        };
        if is_due {
            for paces in [&self.by_session, &self.speaking] {
                paces.retain_recent();
                paces.shrink_to_fit();
            }
            self.moving.retain_recent();
            self.moving.shrink_to_fit();
        }
        self.by_session.check_key(&session).is_ok()
    }

    fn may_move(&self, user: UserId) -> bool {
        self.moving.check_key(&user).is_ok()
    }

    fn may_speak(&self, session: SessionId) -> bool {
        self.speaking.check_key(&session).is_ok()
    }
}

pub(crate) async fn take(State(shared): State<Arc<Shared>>, uri: Uri, headers: HeaderMap, body: Body) -> Response {
    match answer(&shared, &uri, &headers, body).await {
        Ok(Some(frame)) => ([(header::CONTENT_TYPE, "application/json")], frame.encode()).into_response(),
        Ok(None) => StatusCode::NO_CONTENT.into_response(),
        Err(refusal) => refusal.answer(),
    }
}

async fn answer(shared: &Shared, uri: &Uri, headers: &HeaderMap, body: Body) -> Result<Option<ServerFrame>, Refusal> {
    let guard = PauseGuard::new(&shared.pauses);
    judge(shared, uri, headers)?;
    let claims = who(shared, headers)?;
    if !shared.paces.is_within(claims.session) {
        return Err(refuse(ErrorCode::RateLimited, "too many commands of this device"));
    }
    let most = usize::try_from(shared.config.max_in_flight).unwrap_or(usize::MAX);
    let Some(_under_way) = shared.commands.enter(claims.session, most) else {
        return Err(refuse(ErrorCode::TooManyInFlight, "as many commands of this device as may be are under way"));
    };
    // Going away waits for them as for sockets. Their connections are counted by the listener.
    let Ok(_slot) = shared.command_slots.try_acquire() else { return Err(refuse(ErrorCode::Busy, "too many commands are under way")) };
    let text = entrance::text(shared, headers, body, MAX_CLIENT_FRAME_BYTES).await?;
    metrics::counter!("relay_posted_commands_total").increment(1);
    let command = command::decode(&text).map_err(|error| refuse(error.code, &error.reason))?;
    match Wish::of(command) {
        Wish::Hello => Err(refuse(ErrorCode::UnknownCommand, "hello opens a stream, at /v1/events")),
        Wish::Ping(ping) => {
            // What is not taken now is said again with the next one.
            if let Some(position) = ping.position.filter(|_| shared.paces.may_move(claims.user)) {
                shared.checkpoints.hand_in(claims.user, shared.hub.acked_by_post(claims.user, &position));
            }
            Ok(Some(ServerFrame::Pong { server_time_ms: shared.server_time_ms(), position: None }))
        }
        Wish::Typing(conversation, state) => {
            match known(shared, &claims).await {
                Ok(_) => shared.ephemeral.typing(&shared.hub, shared.server_time_ms(), claims.user, conversation, state),
                // It may be lost.
                Err(_) => Dropped::Unknown.count(1),
            }
            Ok(None)
        }
        Wish::Received(upto) => {
            match known(shared, &claims).await {
                Ok(_) => shared.deliveries.give(shared.hub.received(claims.user, &upto), claims.session, shared.server_time_ms()),
                // It is said again with the next one.
                Err(_) => Dropped::Unknown.count(1),
            }
            Ok(None)
        }
        Wish::Presence(say) => speak(shared, &claims, Some(say), None).map(|()| None),
        Wish::Watch(people) => speak(shared, &claims, None, Some(people)).map(|()| None),
        // It may have waited through the pause, and its client may have gone on elsewhere.
        Wish::Publish(_) if shared.pauses.ended_within(READ_LATE) => {
            Err(refuse_for(ErrorCode::Unavailable, "this gateway stood still a moment ago", SEND_RETRY_AFTER))
        }
        Wish::Publish(publication) => publish(shared, guard, &claims, publication).await.map(Some),
    }
}

/// Whose command it is, by the token in the header.
fn who(shared: &Shared, headers: &HeaderMap) -> Result<AccessClaims, Refusal> {
    let bearer = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok()).and_then(|value| value.strip_prefix("Bearer "));
    let Some(token) = bearer else { return Err(refuse(ErrorCode::Unauthenticated, "Authorization: Bearer is expected")) };
    let claims = shared.tokens.verify(token).map_err(|error| match error {
        TokenError::Expired => refuse(ErrorCode::TokenExpired, "the access token has expired"),
        TokenError::Invalid => refuse(ErrorCode::Unauthenticated, "the access token is not valid"),
    })?;
    if shared.hub.is_revoked(claims.session) {
        return Err(refuse(ErrorCode::SessionRevoked, "this session was ended"));
    }
    Ok(claims)
}

/// To the device's streams, wherever they are.
fn speak(shared: &Shared, claims: &AccessClaims, say: Option<SayPresence>, watch: Option<Vec<UserId>>) -> Result<(), Refusal> {
    if !shared.paces.may_speak(claims.session) {
        return Err(refuse(ErrorCode::RateLimited, "too much is said of presence"));
    }
    shared.presence.word(PresenceWord { user_id: claims.user, session_id: claims.session, say, watch });
    Ok(())
}

/// Makes the person known to this gateway, if they have no socket here. Each of their commands keeps them known.
async fn known(shared: &Shared, claims: &AccessClaims) -> Result<Arc<UserLimiter>, Refusal> {
    if let Some(limiter) = shared.hub.keep_known(claims.user) {
        return Ok(limiter);
    }
    shared.resumer.know(claims.user, claims.session).await.map_err(|error| match error {
        ResumeError::Refused { code, message, .. } => refuse(code, message),
        ResumeError::Gone(_) => refuse(ErrorCode::Unavailable, UNKNOWN),
    })
}

async fn publish(shared: &Shared, guard: PauseGuard, claims: &AccessClaims, publication: Publication) -> Result<ServerFrame, Refusal> {
    let limiter = known(shared, claims).await?;
    if let Err(not_until) = limiter.check() {
        let wait = not_until.wait_time_from(governor::clock::Clock::now(&governor::clock::DefaultClock::default()));
        return Err(refuse_for(ErrorCode::RateLimited, "too many messages", wait));
    }
    let membership = match authorise(shared, claims.user, publication.conversation).await {
        Ok(Some(membership)) => membership,
        // A retry of what was stored while they were in gets the answer it would have had.
        Ok(None) => {
            if let Some(accepted) = shared.poster.original(publication.key(claims.user)) {
                return Ok(ServerFrame::MessageAck(accepted.into()));
            }
            // Nobody holds those here who have no socket: they may have been forgotten meanwhile.
            let is_known = shared.hub.limiter(claims.user).is_some_and(|present| Arc::ptr_eq(&present, &limiter));
            return Err(if is_known {
                refuse(ErrorCode::NotMember, NOT_MEMBER)
            } else {
                refuse_for(ErrorCode::Unavailable, UNKNOWN, SEND_RETRY_AFTER)
            });
        }
        Err(Behind) => return Err(refuse_for(ErrorCode::Unavailable, UNKNOWN, SEND_RETRY_AFTER)),
    };
    let mut lanes = Lanes::new(Arc::clone(&shared.poster), Arc::clone(&shared.hub), claims.user, guard);
    lanes.send(membership, publication);
    loop {
        let Ok(mut frames) = lanes.answered().await else {
            return Err(refuse(ErrorCode::OutcomeUnknown, "this gateway stood still meanwhile"));
        };
        match frames.pop() {
            Some(ServerFrame::Error(error)) => return Err(as_answer(&error)),
            Some(frame) => return Ok(frame),
            None => {}
        }
    }
}

fn refuse_for(code: ErrorCode, detail: &str, wait: Duration) -> Refusal {
    metrics::counter!("relay_errors_total", "code" => code.as_str()).increment(1);
    Refusal::new(problem(code, detail, Some(wait), None))
}

/// A refusal that was counted where it was made.
fn as_answer(error: &ErrorFrame) -> Refusal {
    let code = error.code.known().unwrap_or(ErrorCode::Internal);
    Refusal::new(problem(code, &error.message, error.retry_after_ms.map(Duration::from_millis), None))
}
