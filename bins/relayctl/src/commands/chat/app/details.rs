//! Who has a message, who has read it, and when.

use relay_client::ClientError;
use relay_protocol::DeviceKind;
use relay_protocol::rest::{MessageReceipt, ReceiptStep};
use relay_types::ConversationId;

use super::{App, count};

impl App {
    pub(super) async fn details(&mut self, conversation: ConversationId, number: usize) -> Result<(), ClientError> {
        let Some(message) = self.find(conversation, Some(number), false).await? else { return Ok(()) };
        let details = self.api.message_receipts(conversation, message).await?;
        let members = |counted: u32| count(usize::try_from(counted).unwrap_or(usize::MAX), "member");
        if !details.named {
            let (read, delivered) = (members(details.read_count), members(details.delivered_count));
            self.screen.say(format_args!("delivered to {delivered}, read by {read}; /readers #{number} names them"));
            return Ok(());
        }
        if details.people.is_empty() {
            self.screen.say("nobody else was here then");
        }
        for MessageReceipt { user, delivered, read } in details.people {
            let line = match (read, delivered) {
                (Some(read), _) => format!("read ✓✓ {}", self.step(&read)),
                (None, Some(delivered)) => format!("delivered ✓✓ {}", self.step(&delivered)),
                (None, None) => "not known to have it".to_owned(),
            };
            self.screen.say(format_args!("@{}: {}", user.handle, line.trim_end()));
        }
        Ok(())
    }

    fn step(&self, step: &ReceiptStep) -> String {
        let on = match step.device_kind {
            Some(DeviceKind::Browser) => " in a browser",
            Some(DeviceKind::Desktop) => " on a computer",
            Some(DeviceKind::Phone) => " on a phone",
            Some(DeviceKind::Tablet) => " on a tablet",
            Some(DeviceKind::Terminal) => " in a terminal",
            Some(DeviceKind::Unknown(_)) | None => "",
        };
        match step.at_ms {
            Some(at_ms) => format!("{} {}{on}", if step.before { "before" } else { "at" }, self.screen.clock(at_ms)),
            None => String::new(),
        }
    }
}
