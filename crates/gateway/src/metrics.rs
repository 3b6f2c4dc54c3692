//! Every series of the gateway, at zero from the start: an alert on a rate has something to compare with.

use metrics::{Unit, counter, describe_counter, describe_gauge, describe_histogram, gauge};
use relay_protocol::{CloseCode, ErrorCode};

/// Why something ephemeral was not told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Dropped {
    /// The person said it more often than they may.
    RateLimited,
    /// The person is not in the conversation, as far as this gateway knows.
    NotMember,
    /// This gateway's tail is away, so it does not know who is in the conversation.
    Behind,
    /// The conversation is a large one, or one that waits for an answer.
    Silent,
    /// Whether it is one of these could not be told.
    Unknown,
    /// More was to be told at once than a batch holds, or than waits until there is room.
    Full,
    /// NATS did not take the batch.
    Link,
    /// A batch, or a frame, beyond its limits.
    TooLarge,
    /// A batch that is none.
    Malformed,
    /// It was over, or somebody came or left since.
    Stale,
    /// The socket's lane was full: the oldest made room.
    LaneFull,
    /// The socket has too much else to read.
    Pressure,
}

impl Dropped {
    const ALL: [Self; 12] = [
        Self::RateLimited,
        Self::NotMember,
        Self::Behind,
        Self::Silent,
        Self::Unknown,
        Self::Full,
        Self::Link,
        Self::TooLarge,
        Self::Malformed,
        Self::Stale,
        Self::LaneFull,
        Self::Pressure,
    ];

    const fn as_str(self) -> &'static str {
        match self {
            Self::RateLimited => "rate_limited",
            Self::NotMember => "not_member",
            Self::Behind => "behind",
            Self::Silent => "silent",
            Self::Unknown => "unknown",
            Self::Full => "full",
            Self::Link => "link",
            Self::TooLarge => "too_large",
            Self::Malformed => "malformed",
            Self::Stale => "stale",
            Self::LaneFull => "lane_full",
            Self::Pressure => "pressure",
        }
    }

    /// Counts so many.
    pub(crate) fn count(self, n: usize) {
        counter!("relay_ephemeral_dropped_total", "reason" => self.as_str()).increment(n as u64);
    }
}

/// Registers and describes them.
pub fn register() {
    describe_histogram!("relay_ack_duration_seconds", Unit::Seconds, "From a send's arrival to its ack in the socket's queue");
    describe_histogram!(
        "relay_delivery_duration_seconds",
        Unit::Seconds,
        "From an event's storage to the sockets' queues, by the wall clocks of NATS and gateway"
    );
    describe_histogram!("relay_resume_duration_seconds", Unit::Seconds, "From hello to live");
    describe_counter!("relay_deliveries_total", "Events put into sockets' queues");
    counter!("relay_deliveries_total").increment(0);
    describe_counter!("relay_errors_total", "Refusals by registered code");
    for code in ErrorCode::ALL {
        counter!("relay_errors_total", "code" => code.as_str()).increment(0);
    }
    describe_counter!("relay_socket_closes_total", "Closed sockets by close code; `gone`: the peer vanished or said goodbye");
    for code in CloseCode::ALL {
        counter!("relay_socket_closes_total", "code" => code.as_str()).increment(0);
    }
    counter!("relay_socket_closes_total", "code" => "gone").increment(0);
    describe_counter!("relay_resumes_total", "Hellos by path: without a position, resumed, or told to reset at once");
    for path in ["fresh", "resume", "reset"] {
        counter!("relay_resumes_total", "path" => path).increment(0);
    }
    describe_counter!("relay_void_messages_total", "Messages stored behind their sender's removal, which count for no reader");
    counter!("relay_void_messages_total").increment(0);
    describe_counter!(
        "relay_ephemeral_notices_total",
        "Notices of typing and of what devices have, that people of this gateway gave, and that were told"
    );
    describe_counter!("relay_ephemeral_batches_total", "Batches of notices that this gateway published to the others");
    describe_gauge!("relay_presence_watched", "People whom devices of this gateway watch");
    gauge!("relay_presence_watched").set(0.0);
    describe_counter!("relay_ephemeral_deliveries_total", "Ephemeral frames put into sockets' queues");
    describe_counter!(
        "relay_ephemeral_conflated_total",
        "Notices and frames that a newer one of the same person replaced while they waited"
    );
    describe_counter!(
        "relay_ephemeral_dropped_total",
        "Notices, batches and frames that were not told, by reason. `too_large` and `malformed`: other gateways' batches"
    );
    for reason in Dropped::ALL {
        counter!("relay_ephemeral_dropped_total", "reason" => reason.as_str()).increment(0);
    }
    describe_counter!(
        "relay_delivery_marks_total",
        "Times that was written down up to where a person's devices have everything of a shard"
    );
    describe_counter!("relay_posted_commands_total", "Commands that came without a socket");
    describe_counter!("relay_resumes_without_postgres_total", "Resumes that fell back on the log");
    describe_counter!("relay_tail_erased_total", "Events that were erased from the log before the tail passed, and told all the same");
    describe_counter!("relay_tail_erased_unknown_total", "Times that Postgres could not be asked what stood in an empty place of the log");
    describe_counter!("relay_replay_cache_frames_total", "Missed events that the database did not have to be asked for");
    describe_counter!("relay_checkpoints_skipped_total", "Moves of durable consumers left out because too many waited");
    describe_counter!("relay_checkpoints_failed_total", "Moves of durable consumers that failed");
    describe_counter!("relay_session_checks_failed_total", "Times that Postgres could not be asked which connected sessions go on");
    describe_counter!(
        "relay_log_head_requests_total",
        "Questions where the log ends, before a send is refused as not_member; at most 40 a second and shard"
    );
    for name in [
        "relay_ephemeral_notices_total",
        "relay_ephemeral_batches_total",
        "relay_ephemeral_deliveries_total",
        "relay_ephemeral_conflated_total",
        "relay_delivery_marks_total",
        "relay_posted_commands_total",
        "relay_resumes_without_postgres_total",
        "relay_tail_erased_total",
        "relay_tail_erased_unknown_total",
        "relay_replay_cache_frames_total",
        "relay_checkpoints_skipped_total",
        "relay_checkpoints_failed_total",
        "relay_session_checks_failed_total",
        "relay_log_head_requests_total",
    ] {
        counter!(name).increment(0);
    }
    describe_gauge!("relay_sockets", "Open sockets, authenticated or not");
    describe_gauge!("relay_sockets_by_transport", "The same by what carries them: `web_socket`, or `event_stream` for Server-Sent Events");
    for transport in ["web_socket", "event_stream"] {
        gauge!("relay_sockets_by_transport", "transport" => transport).set(0.0);
    }
    describe_gauge!("relay_live_sockets", "Sockets that have caught up");
    describe_gauge!("relay_outbound_queue_bytes", Unit::Bytes, "Bytes that wait to be written to all sockets");
    describe_gauge!("relay_ring_bytes", Unit::Bytes, "Bytes of recent events in memory, all shards");
    describe_gauge!("relay_replay_cache_bytes", Unit::Bytes, "Bytes of frames kept from the projection for others who come back");
    describe_gauge!("relay_tail_lag_events", "Events of the log that have not passed yet, by shard");
    describe_gauge!("relay_hub_users", "Users that this gateway knows");
    describe_gauge!("relay_hub_conversations", "Conversations that this gateway knows");
    describe_gauge!("relay_projection_away", "1 while no connection to Postgres can be made: sockets catch up without it");
    for name in [
        "relay_sockets",
        "relay_live_sockets",
        "relay_outbound_queue_bytes",
        "relay_ring_bytes",
        "relay_replay_cache_bytes",
        "relay_hub_users",
        "relay_hub_conversations",
        "relay_projection_away",
    ] {
        gauge!(name).set(0.0);
    }
}
