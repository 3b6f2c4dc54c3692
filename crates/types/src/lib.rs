//! The words every other crate uses: typed ids, bounded strings, time and id sources.
//!
//! Owns no I/O and knows neither tokio nor serialisation formats beyond serde's traits.
//! Start reading in [`ids`], then [`text`].

pub mod clock;
mod emoji;
pub mod ids;
pub mod limits;
pub mod log;
pub mod text;
mod visible;

pub use clock::{Clock, IdGen, SystemClock, SystemIds, TimestampMs};
pub use ids::{ConversationId, EventId, IdError, MessageId, SessionId, UserId};
pub use log::{Seq, ShardId};
pub use text::{ClientId, ConversationTitle, DeviceName, DisplayName, DraftText, Emoji, Handle, MessageText, TextError};
