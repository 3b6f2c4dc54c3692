//! Groups that one is asked into.

use relay_client::ClientError;
use relay_protocol::rest::AddedMembers;
use relay_types::{Handle, UserId};

use super::super::text::quote;
use super::{App, count};

impl App {
    /// Shows what waits for an answer, with the numbers that `/accept` and `/decline` take.
    pub(super) async fn invitations(&mut self) -> Result<(), ClientError> {
        self.invited = self.api.invitations().await?;
        if self.invited.is_empty() {
            self.screen.say("no invitations");
        }
        for (invitation, number) in self.invited.iter().zip(1usize..) {
            let title = invitation.title.as_ref().map_or_else(|| "no title".to_owned(), |title| format!("#{}", quote(title.as_str())));
            let members = count(usize::try_from(invitation.member_count).unwrap_or_default(), "member");
            self.screen.say(format_args!("{number}. {title}, by @{} ({members})", invitation.invited_by.handle));
        }
        Ok(())
    }

    /// Answers the invitation of this number, as they were shown last.
    pub(super) async fn answer(&mut self, number: usize, accept: bool) -> Result<(), ClientError> {
        let Some(invitation) = number.checked_sub(1).and_then(|index| self.invited.get(index)) else {
            self.not_done("no such number: /invitations lists them");
            return Ok(());
        };
        let id = invitation.conversation_id;
        if accept { self.api.accept(id).await } else { self.api.decline(id).await }
    }

    /// Says so when somebody was asked rather than added.
    pub(super) fn tell_invited(&self, who: &Handle, user: UserId, outcome: &AddedMembers) {
        if outcome.invited.contains(&user) {
            self.screen.say(format_args!("@{who} is invited, and joins by accepting"));
        }
    }
}
