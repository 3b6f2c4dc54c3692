//! Commands become calls.

use relay_client::ClientError;
use relay_protocol::rest::HistoryQuery;
use relay_types::{ConversationId, ConversationTitle, Handle};

use super::super::aim::Target;
use super::super::command::{HELP, Input};
use super::super::text::detail;
use super::{App, count};

impl App {
    /// Does what was typed, in the conversation it was typed for. What goes wrong is printed; the chat goes on.
    pub(super) async fn act(&mut self, input: Input, target: Option<Target>) {
        let here = target.filter(|_| input.needs_target());
        let result = match (input, here) {
            (_, Some(target)) if self.aim.is_gone(target.id) => {
                self.not_done(format_args!("not sent: you are no longer in {}; the up key brings the text back", target.label));
                Ok(())
            }
            (Input::Say(text), Some(target)) => {
                self.say(text, target.id).await;
                Ok(())
            }
            (input, Some(target)) => self.act_here(input, target.id).await,
            (Input::Direct(handle), None) => self.direct(&handle).await,
            (Input::Group(title, handles), None) => self.group(&title, &handles).await,
            (Input::List, None) => self.list().await,
            (Input::Switch(number), None) => {
                self.switch(number);
                Ok(())
            }
            (Input::Invitations, None) => self.invitations().await,
            (Input::Accept(number), None) => self.answer(number, true).await,
            (Input::Decline(number), None) => self.answer(number, false).await,
            (Input::Receipts(on), None) => self.set_receipts(on).await,
            (Input::Search(text), None) => self.search(text).await,
            (Input::Status(availability), None) => self.set_availability(availability).await,
            (Input::SeenBy(audience), None) => self.set_audience(audience).await,
            (Input::Help, None) => {
                self.screen.say(HELP);
                Ok(())
            }
            (_, None) => Ok(()),
        };
        if let Err(error) = result {
            self.not_done(explain(&error));
        }
    }

    async fn act_here(&mut self, input: Input, conversation: ConversationId) -> Result<(), ClientError> {
        match input {
            Input::Members => {
                for line in self.directory.members(conversation).await? {
                    self.screen.say(line);
                }
            }
            Input::Reply(number, text) => self.reply(conversation, number, text).await?,
            Input::Thread(number, text) => self.say_under(conversation, number, text).await?,
            Input::ShowThread(number) => self.thread(conversation, number).await?,
            Input::Edit(number, text) => self.edit(conversation, number, text).await?,
            Input::Delete(number) => self.delete(conversation, number).await?,
            Input::DeleteForMe(number) => self.delete_for_me(conversation, number).await?,
            Input::React(number, emoji, on) => self.react(conversation, number, &emoji, on).await?,
            Input::Pin(number, on) => self.pin(conversation, number, on).await?,
            Input::Pins => self.pins(conversation).await?,
            Input::Versions(number) => self.versions(conversation, number).await?,
            Input::Readers(number) => self.readers(conversation, number).await?,
            Input::Details(number) => self.details(conversation, number).await?,
            Input::History(limit) => self.history(conversation, limit).await?,
            Input::Rename(title) => self.api.rename(conversation, &title).await?,
            Input::Add(handle) => {
                let user = self.api.find_user(&handle).await?;
                let outcome = self.api.add_member(conversation, user.user_id).await?;
                self.tell_invited(&handle, user.user_id, &outcome);
            }
            Input::Remove(handle) => {
                let user = self.api.find_user(&handle).await?;
                self.api.remove_member(conversation, user.user_id).await?;
            }
            Input::Leave => self.api.remove_member(conversation, self.me.user_id).await?,
            _ => {}
        }
        Ok(())
    }

    pub(super) async fn direct(&mut self, handle: &Handle) -> Result<(), ClientError> {
        let user = self.api.find_user(handle).await?;
        let conversation = self.api.create_direct(user.user_id).await?;
        let id = self.directory.learn(&conversation);
        self.switch_to(id);
        self.screen.say(format_args!("talking to {}", self.directory.label(id)));
        Ok(())
    }

    pub(super) async fn group(&mut self, title: &ConversationTitle, handles: &[Handle]) -> Result<(), ClientError> {
        let mut members = Vec::new();
        for handle in handles {
            members.push(self.api.find_user(handle).await?.user_id);
        }
        let conversation = self.api.create_group(title, &members).await?;
        let id = self.directory.learn(&conversation);
        self.switch_to(id);
        self.screen.say(format_args!("talking in {}", self.directory.label(id)));
        let asked = handles.len().saturating_sub(usize::try_from(conversation.member_count).unwrap_or_default().saturating_sub(1));
        if asked > 0 {
            self.screen.say(format_args!("{} joins by accepting an invitation", count(asked, "person").replace("persons", "people")));
        }
        Ok(())
    }

    async fn list(&mut self) -> Result<(), ClientError> {
        self.directory.reload().await?;
        if self.directory.list().is_empty() {
            self.screen.say("no conversations yet: /dm <handle> begins one");
        }
        let all = self.directory.list().iter().map(|known| known.id).collect();
        self.show_list(all);
        Ok(())
    }

    /// Numbers conversations; `/switch` means these numbers until others are shown.
    pub(super) fn show_list(&mut self, conversations: Vec<ConversationId>) {
        let active = self.aim.active().map(|target| target.id);
        for (id, number) in conversations.iter().zip(1usize..) {
            let here = if active == Some(*id) { "*" } else { " " };
            let unread = self.directory.list().iter().find(|known| known.id == *id).map_or(0, |known| known.unread);
            let unread = if unread > 0 { format!(" ({unread} unread)") } else { String::new() };
            self.screen.say(format_args!("{here}{number}. {}{unread}", self.directory.label(*id)));
        }
        self.listed = conversations;
    }

    fn switch(&mut self, number: usize) {
        let chosen = number.checked_sub(1).and_then(|index| self.listed.get(index)).copied();
        match chosen {
            Some(conversation) if self.directory.list().iter().any(|known| known.id == conversation) => {
                self.switch_to(conversation);
                self.screen.say(format_args!("talking to {}", self.directory.label(conversation)));
            }
            Some(_) => self.not_done("you are no longer in that one: /list shows the present ones"),
            None => self.not_done("no such number: /list shows them"),
        }
    }

    async fn history(&mut self, conversation: ConversationId, limit: u16) -> Result<(), ClientError> {
        let query =
            HistoryQuery { conversation_id: conversation, before: None, after: None, unread: None, limit: Some(limit), changes: None };
        let page = self.api.history(&query).await?;
        if page.has_more {
            self.screen.say("… more before this");
        }
        self.number(conversation, &page.messages);
        for (message, number) in page.messages.iter().zip((1..=page.messages.len()).rev()) {
            self.print_numbered(message, Some(number)).await;
        }
        Ok(())
    }
}

/// A refusal in words, with what to do next where that is not obvious.
pub(super) fn explain(error: &ClientError) -> String {
    match error {
        ClientError::Refused(problem) => match problem.code.known() {
            Some(relay_protocol::ErrorCode::UnknownUser) => {
                "there is no such user (yet): they begin with `relayctl chat <handle>`".to_owned()
            }
            _ => detail(&problem.detail),
        },
        ClientError::Transport { .. } => "the server does not answer: try again".to_owned(),
        other => detail(&other.to_string()),
    }
}
