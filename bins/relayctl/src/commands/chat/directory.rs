//! Who and what is called how.

use std::collections::HashMap;

use relay_client::{ApiClient, ClientError};
use relay_protocol::conversation::ConversationKind;
use relay_protocol::rest::{Conversation, ConversationListItem, ConversationListQuery, ConversationState, MembersQuery, UserProfile};
use relay_types::{ConversationId, ConversationTitle, DisplayName, UserId};

use super::aim::Target;
use super::text::quote;

/// Pages of the list read at the start; the newest conversations come first.
const MAX_PAGES: usize = 10;

/// One conversation as it is shown.
#[derive(Debug, Clone)]
pub struct Known {
    pub id: ConversationId,
    pub kind: ConversationKind,
    pub title: Option<ConversationTitle>,
    pub peer: Option<UserId>,
    pub unread: u32,
}

/// Conversations in the order of `/list`, and people by id.
pub struct Directory {
    api: ApiClient,
    me: UserProfile,
    conversations: Vec<Known>,
    /// Whether these are all.
    complete: bool,
    people: HashMap<UserId, UserProfile>,
}

impl Directory {
    /// Loads the caller's conversations.
    pub async fn load(api: ApiClient, me: UserProfile) -> Result<Self, ClientError> {
        let people = HashMap::from([(me.user_id, me.clone())]);
        let mut directory = Self { api, me, conversations: Vec::new(), complete: false, people };
        directory.reload().await?;
        Ok(directory)
    }

    /// Reads the list again.
    pub async fn reload(&mut self) -> Result<(), ClientError> {
        let (mut fresh, mut complete) = (Vec::new(), true);
        // Whoever one has not answered comes last.
        let accepted = ConversationState::Accepted;
        for (state, archived) in [(accepted, None), (accepted, Some(true)), (ConversationState::Request, None)] {
            let (state, limit) = (Some(state), Some(100));
            let mut query = ConversationListQuery { state, archived, limit, ..ConversationListQuery::default() };
            for _ in 0..MAX_PAGES {
                let page = self.api.list_conversations(&query).await?;
                fresh.extend(page.conversations.into_iter().map(|item| self.known_from(item)));
                query.cursor = page.next_cursor;
                if query.cursor.is_none() {
                    break;
                }
            }
            complete &= query.cursor.is_none();
        }
        self.conversations = fresh;
        self.complete = complete;
        Ok(())
    }

    fn known_from(&mut self, item: ConversationListItem) -> Known {
        let peer = item.peer.map(|peer| {
            let id = peer.user_id;
            self.people.insert(id, peer);
            id
        });
        Known { id: item.conversation_id, kind: item.kind, title: item.title, peer, unread: item.unread_count }
    }

    /// Takes note of a conversation the server described; its place in the list stays.
    pub fn learn(&mut self, conversation: &Conversation) -> ConversationId {
        let id = conversation.conversation_id;
        for member in &conversation.members {
            self.people.insert(member.user.user_id, member.user.clone());
        }
        let peer = match conversation.kind {
            ConversationKind::Direct => conversation.members.iter().map(|m| m.user.user_id).find(|user| *user != self.me.user_id),
            ConversationKind::Group | ConversationKind::Unknown(_) => None,
        };
        let known = Known { id, kind: conversation.kind, title: conversation.title.clone(), peer, unread: 0 };
        match self.conversations.iter_mut().find(|known| known.id == id) {
            Some(old) => *old = known,
            None => self.conversations.push(known),
        }
        id
    }

    /// A conversation the caller is no longer in.
    pub fn forget(&mut self, conversation: ConversationId) {
        self.conversations.retain(|known| known.id != conversation);
    }

    /// Another title.
    pub fn retitle(&mut self, conversation: ConversationId, title: ConversationTitle) {
        if let Some(known) = self.conversations.iter_mut().find(|known| known.id == conversation) {
            known.title = Some(title);
        }
    }

    /// Everything in it was read, here or on another device.
    pub fn is_read(&mut self, conversation: ConversationId) {
        if let Some(known) = self.conversations.iter_mut().find(|known| known.id == conversation) {
            known.unread = 0;
        }
    }

    /// The caller has another name.
    pub fn rename_me(&mut self, name: DisplayName) {
        self.me.display_name = name;
        self.people.insert(self.me.user_id, self.me.clone());
    }

    /// The conversations, as `/list` numbers them.
    pub fn list(&self) -> &[Known] {
        &self.conversations
    }

    /// Whether the list holds every conversation, and not only the newest.
    pub const fn is_complete(&self) -> bool {
        self.complete
    }

    /// The groups of this title. An id names one group.
    pub fn groups_titled(&self, title: &ConversationTitle) -> Vec<ConversationId> {
        let id = title.as_str().parse().ok();
        let is = |known: &&Known| known.kind == ConversationKind::Group && (known.title.as_ref() == Some(title) || Some(known.id) == id);
        self.conversations.iter().filter(is).map(|known| known.id).collect()
    }

    /// Makes sure that the conversation is known. A server that does not answer leaves it without a name.
    pub async fn ensure(&mut self, conversation: ConversationId) {
        if self.conversations.iter().any(|known| known.id == conversation) {
            return;
        }
        if let Ok(described) = self.api.get_conversation(conversation).await {
            self.learn(&described);
        }
    }

    /// What a conversation is called: the other person, or `#"title"`. Groups of one title show the end of their ids too.
    pub fn label(&self, conversation: ConversationId) -> String {
        let Some(known) = self.conversations.iter().find(|known| known.id == conversation) else { return short(&conversation.to_string()) };
        match (known.kind, &known.title, known.peer) {
            (ConversationKind::Group, Some(title), _) if self.groups_titled(title).len() > 1 => {
                format!("#{}{}", quote(title.as_str()), short(&conversation.to_string()))
            }
            (ConversationKind::Group, Some(title), _) => format!("#{}", quote(title.as_str())),
            (ConversationKind::Direct, _, Some(peer)) => self.person(peer),
            _ => short(&conversation.to_string()),
        }
    }

    /// The conversation as the place a line goes to.
    pub fn target(&self, conversation: ConversationId) -> Target {
        Target { id: conversation, label: self.label(conversation) }
    }

    /// Whether the conversation is a group; unknown ones count as such, so that they are labelled.
    pub fn is_group(&self, conversation: ConversationId) -> bool {
        !self.conversations.iter().any(|known| known.id == conversation && known.kind == ConversationKind::Direct)
    }

    /// What a person is called. Asks the server once about people who are not known yet, or not here any more.
    pub async fn name(&mut self, user: UserId, _conversation: ConversationId) -> String {
        if !self.people.contains_key(&user)
            && let Ok(profile) = self.api.user(user).await
        {
            self.people.insert(user, profile);
        }
        self.person(user)
    }

    /// What a known person is called: the handle, which only one has. Nobody's begins without the sign.
    pub fn person(&self, user: UserId) -> String {
        if user == self.me.user_id {
            return "you".to_owned();
        }
        self.people.get(&user).map_or_else(|| short(&user.to_string()), |profile| format!("@{}", profile.handle))
    }

    /// The author of a message: the handle, and the name they gave themselves if it is another.
    pub fn author(&self, user: UserId) -> String {
        match self.people.get(&user) {
            Some(profile) if user != self.me.user_id && profile.display_name.as_str() != profile.handle.as_str() => {
                format!("@{} {}", profile.handle, quote(profile.display_name.as_str()))
            }
            _ => self.person(user),
        }
    }

    /// Who is in a conversation, a line each.
    pub async fn members(&mut self, conversation: ConversationId) -> Result<Vec<String>, ClientError> {
        let page = self.api.members(conversation, &MembersQuery { cursor: None, limit: Some(500) }).await?;
        for member in &page.members {
            self.people.insert(member.user.user_id, member.user.clone());
        }
        let line = |member: &relay_protocol::rest::Member| {
            format!("@{} ({}) {}", member.user.handle, member.role.as_str(), quote(member.user.display_name.as_str()))
        };
        let mut lines: Vec<String> = page.members.iter().map(line).collect();
        if page.next_cursor.is_some() {
            lines.push("… and more".to_owned());
        }
        Ok(lines)
    }
}

/// An id that has no name, short enough to read: its random end.
fn short(id: &str) -> String {
    format!("…{}", id.get(20..).unwrap_or(id))
}
