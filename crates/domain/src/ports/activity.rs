//! Telling the rest of an installation what people do.

use relay_protocol::activity::Deed;
use relay_types::UserId;

/// Tells programs of the operator's of people's comings, goings and readings.
pub trait ActivityNews: Send + Sync {
    /// Soon, or not at all; nobody waits and nobody is told which. What is told of the same person and place less than a minute later
    /// waits for the rest of it, and then counts as one.
    fn tell(&self, user: UserId, what: Deed);
}
