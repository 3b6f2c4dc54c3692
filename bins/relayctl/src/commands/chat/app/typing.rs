//! Who is typing.

use relay_types::{ConversationId, UserId};

use super::App;

impl App {
    /// Looks, once a second, at the line that is being typed, and tells the others. A line that only stands there tells nothing new.
    pub(super) fn tell_typing(&mut self) {
        let typed = self.aim.being_typed();
        if typed == self.typed {
            return;
        }
        let stopped = self.typed.take().map(|(conversation, _)| conversation);
        match (&typed, stopped) {
            (Some((conversation, _)), _) => self.client.typing_start(*conversation),
            // Sent, it is over anyway.
            (None, Some(conversation)) => self.client.typing_stop(conversation),
            (None, None) => {}
        }
        self.typed = typed;
    }

    /// Says that somebody types where the person talks now, to a person who looks on.
    pub(super) async fn show_typing(&mut self, conversation: ConversationId, user: UserId, typing: bool) {
        if !typing || !self.at_terminal || self.aim.active().is_none_or(|target| target.id != conversation) {
            return;
        }
        let name = self.directory.name(user, conversation).await;
        self.screen.say(format_args!("{name} is typing…"));
    }
}
