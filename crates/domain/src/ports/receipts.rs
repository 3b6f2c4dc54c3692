//! What others have read, as a person may know it.

use async_trait::async_trait;
use relay_protocol::receipts::ReadNotice;
use relay_protocol::rest::{ConversationReceipts, MessageReceipts, UserProfile};
use relay_types::{ConversationId, MessageId, UserId};

use super::HistoryError;

/// Tells gateways, and so devices, what people have read.
pub trait ReceiptNews: Send + Sync {
    /// Soon, or not at all; nobody waits and nobody is told which. Earlier news of the same person in the same conversation that still
    /// waits is told together with it.
    fn tell(&self, notice: ReadNotice);
}

/// People who have read a message.
#[derive(Debug, Clone)]
pub struct ReaderPage {
    /// By id.
    pub readers: Vec<UserProfile>,
    /// After whom the next page begins; `None` on the last.
    pub next: Option<UserId>,
}

/// What others have read.
#[async_trait]
pub trait Receipts: Send + Sync {
    /// What the other members have read, for a member who has receipts on.
    ///
    /// # Cancel safety
    /// Cancel safe.
    async fn receipts(&self, reader: UserId, conversation: ConversationId) -> Result<ConversationReceipts, HistoryError>;

    /// Who has the message, and who read it, and when; for whoever may see it.
    ///
    /// # Cancel safety
    /// Cancel safe.
    async fn message_receipts(
        &self,
        reader: UserId,
        conversation: ConversationId,
        message: MessageId,
    ) -> Result<MessageReceipts, HistoryError>;

    /// Up to `limit` of those after `after` who are in the conversation and have read the message, but for its sender.
    ///
    /// # Cancel safety
    /// Cancel safe.
    async fn readers(
        &self,
        reader: UserId,
        conversation: ConversationId,
        message: MessageId,
        after: Option<UserId>,
        limit: u16,
    ) -> Result<ReaderPage, HistoryError>;
}
