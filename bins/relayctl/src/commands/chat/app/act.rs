//! Commands become calls.

use relay_client::ClientError;
use relay_protocol::rest::HistoryQuery;
use relay_types::{ConversationId, ConversationTitle, Handle};

use super::super::command::{HELP, Input};
use super::super::screen::clean;
use super::{App, count};

impl App {
    /// Does what was typed. What goes wrong is printed; the chat goes on.
    pub(super) async fn act(&mut self, input: Input) {
        let result = match input {
            Input::Empty | Input::Quit => Ok(()),
            Input::Say(text) => {
                self.say(text).await;
                Ok(())
            }
            Input::Direct(handle) => self.direct(&handle).await,
            Input::Group(title, handles) => self.group(&title, &handles).await,
            Input::List => self.list().await,
            Input::Switch(number) => {
                self.switch(number);
                Ok(())
            }
            Input::Invitations => self.invitations().await,
            Input::Accept(number) => self.answer(number, true).await,
            Input::Decline(number) => self.answer(number, false).await,
            Input::Help => {
                self.screen.line(HELP);
                Ok(())
            }
            Input::Members | Input::History(_) | Input::Rename(_) | Input::Add(_) | Input::Remove(_) | Input::Leave => {
                if let Some(conversation) = self.active {
                    self.act_here(input, conversation).await
                } else {
                    self.screen.line("choose a conversation first: /list, /switch <n>, /dm <handle>");
                    Ok(())
                }
            }
        };
        if let Err(error) = result {
            self.screen.line(explain(&error));
        }
    }

    async fn act_here(&mut self, input: Input, conversation: ConversationId) -> Result<(), ClientError> {
        match input {
            Input::Members => {
                for line in self.book.members(conversation).await? {
                    self.screen.line(line);
                }
            }
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

    async fn direct(&mut self, handle: &Handle) -> Result<(), ClientError> {
        let user = self.api.find_user(handle).await?;
        let conversation = self.api.create_direct(user.user_id).await?;
        let id = self.book.learn(&conversation);
        self.switch_to(id);
        self.screen.line(format_args!("talking to {handle}"));
        Ok(())
    }

    async fn group(&mut self, title: &ConversationTitle, handles: &[Handle]) -> Result<(), ClientError> {
        let mut members = Vec::new();
        for handle in handles {
            members.push(self.api.find_user(handle).await?.user_id);
        }
        let conversation = self.api.create_group(title, &members).await?;
        let id = self.book.learn(&conversation);
        self.switch_to(id);
        self.screen.line(format_args!("talking in #{title}"));
        let asked = handles.len().saturating_sub(usize::try_from(conversation.member_count).unwrap_or_default().saturating_sub(1));
        if asked > 0 {
            self.screen.line(format_args!("{} joins by accepting an invitation", count(asked, "person").replace("persons", "people")));
        }
        Ok(())
    }

    async fn list(&mut self) -> Result<(), ClientError> {
        self.book.reload().await?;
        if self.book.list().is_empty() {
            self.screen.line("no conversations yet: /dm <handle> begins one");
        }
        for (known, number) in self.book.list().iter().zip(1usize..) {
            let here = if self.active == Some(known.id) { "*" } else { " " };
            let unread = if known.unread > 0 { format!(" ({} unread)", known.unread) } else { String::new() };
            self.screen.line(format_args!("{here}{number}. {}{unread}", self.book.label(known.id)));
        }
        Ok(())
    }

    fn switch(&mut self, number: usize) {
        let chosen = number.checked_sub(1).and_then(|index| self.book.list().get(index)).map(|known| known.id);
        match chosen {
            Some(conversation) => {
                self.switch_to(conversation);
                self.screen.line(format_args!("talking to {}", self.book.label(conversation)));
            }
            None => self.screen.line("no such number: /list shows them"),
        }
    }

    async fn history(&mut self, conversation: ConversationId, limit: u16) -> Result<(), ClientError> {
        let query =
            HistoryQuery { conversation_id: conversation, before: None, after: None, unread: None, limit: Some(limit), changes: None };
        let page = self.api.history(&query).await?;
        if page.has_more {
            self.screen.line("… more before this");
        }
        for message in &page.messages {
            let line = self.message_line(message).await;
            self.screen.line(line);
        }
        Ok(())
    }
}

/// A refusal in words, with what to do next where that is not obvious.
fn explain(error: &ClientError) -> String {
    match error {
        ClientError::Refused(problem) => match problem.code {
            relay_protocol::ErrorCode::UnknownUser => "there is no such user (yet): they begin with `relayctl chat <handle>`".to_owned(),
            _ => clean(&problem.detail),
        },
        ClientError::Transport { .. } => "the server does not answer: try again".to_owned(),
        other => other.to_string(),
    }
}
