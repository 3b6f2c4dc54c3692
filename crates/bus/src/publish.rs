//! What single publishes and batches have in common.

use async_nats::jetstream::ErrorCode;
use async_nats::jetstream::context::PublishError;
use relay_domain::ports::LogAddress;
use relay_subjects::LogSubject;

/// The subject that an address is.
pub(crate) fn subject_of(address: LogAddress) -> String {
    match address {
        LogAddress::Conversation { shard, id } => LogSubject::Conversation(shard, id),
        LogAddress::User { shard, id } => LogSubject::User(shard, id),
    }
    .to_string()
}

/// JetStream's own code of a refusal, and its status.
pub(crate) fn code_of(error: &PublishError) -> Option<(ErrorCode, usize)> {
    let refused = std::error::Error::source(error)?.downcast_ref::<async_nats::jetstream::Error>()?;
    Some((refused.error_code(), refused.code()))
}
