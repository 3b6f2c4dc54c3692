//! What every reader and writer of a user's durable consumer has to know about it.

/// Filters of one consumer. The server compares all pairs at every change, so there is an end to it: whoever is in more
/// conversations keeps the rest of them over Postgres only.
pub(crate) const MAX_FILTERS: usize = 500;

pub(crate) fn is_not_found(error: &async_nats::jetstream::context::ConsumerInfoError) -> bool {
    use async_nats::jetstream::context::ConsumerInfoErrorKind;
    matches!(error.kind(), ConsumerInfoErrorKind::NotFound)
}

/// Whether a consumer that was to be deleted is not there.
pub(crate) fn is_gone(error: &async_nats::jetstream::stream::ConsumerError) -> bool {
    use async_nats::jetstream::ErrorCode;
    use async_nats::jetstream::stream::ConsumerErrorKind;
    matches!(error.kind(), ConsumerErrorKind::JetStream(error) if error.error_code() == ErrorCode::CONSUMER_NOT_FOUND)
}
