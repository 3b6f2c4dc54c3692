//! What happens to the person: on their other devices, and around them.

use relay_protocol::LogEvent;

use super::super::text::quote;
use super::App;

impl App {
    pub(super) async fn show_own(&mut self, event: LogEvent) {
        match event {
            LogEvent::ReadMarkMoved(moved) => {
                let conversation = moved.conversation_id;
                if moved.read_seq >= self.shown.upto(conversation) {
                    self.directory.is_read(conversation);
                }
                // What another device has said need not be said again.
                if self.read.get(&conversation).is_some_and(|seq| *seq <= moved.read_seq) {
                    self.read.remove(&conversation);
                }
            }
            // The conversation's own event says so, too: it comes first.
            LogEvent::ConversationJoined(joined) => self.directory.ensure(joined.conversation_id).await,
            LogEvent::ConversationInvited(invited) => {
                let by = self.directory.name(invited.actor_id, invited.conversation_id).await;
                self.screen.say(format_args!("{} {by} invites you into a group: see /invitations", self.screen.clock(invited.at_ms)));
            }
            LogEvent::SessionStarted(started) => {
                let device = quote(started.device_name.as_str());
                self.screen.say(format_args!("{} you logged in on {device}", self.screen.clock(started.at_ms)));
            }
            LogEvent::SessionRevoked(revoked) => {
                self.screen.say(format_args!("{} one of your devices was logged out", self.screen.clock(revoked.at_ms)));
            }
            LogEvent::ProfileChanged(changed) => {
                let name = quote(changed.display_name.as_str());
                self.directory.rename_me(changed.display_name);
                self.screen.say(format_args!("{} your name is now {name}", self.screen.clock(changed.at_ms)));
            }
            LogEvent::SettingsChanged(changed) => {
                let receipts = changed.read_receipts.map(|on| {
                    let words = if on {
                        "others see what you have read, and you see what they have"
                    } else {
                        "others do not see what you have read, nor do you see what they have"
                    };
                    words.to_owned()
                });
                let status = changed.availability.map(|how| format!("your status is {}", how.as_str().replace('_', " ")));
                let audience = changed.presence_to.map(|whom| format!("you tell {} that you are there", whom.as_str()));
                for words in [receipts, status, audience].into_iter().flatten() {
                    self.screen.say(format_args!("{} {words}", self.screen.clock(changed.at_ms)));
                }
            }
            // What else there is of one's own says nothing to a person, or the conversation says it.
            _ => {}
        }
    }
}
