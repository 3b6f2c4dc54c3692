//! Who and what is called how.

use std::collections::HashMap;

use relay_client::{ApiClient, ClientError};
use relay_protocol::message::{ConversationKind, Role};
use relay_protocol::rest::{Conversation, ConversationListItem, ConversationListQuery, ConversationState, MembersQuery, UserProfile};
use relay_types::{ConversationId, ConversationTitle, UserId};

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
pub struct Book {
    api: ApiClient,
    me: UserProfile,
    conversations: Vec<Known>,
    people: HashMap<UserId, UserProfile>,
}

impl Book {
    /// Loads the caller's conversations.
    pub async fn load(api: ApiClient, me: UserProfile) -> Result<Self, ClientError> {
        let people = HashMap::from([(me.user_id, me.clone())]);
        let mut book = Self { api, me, conversations: Vec::new(), people };
        book.reload().await?;
        Ok(book)
    }

    /// Reads the list again.
    pub async fn reload(&mut self) -> Result<(), ClientError> {
        let mut fresh = Vec::new();
        // Whoever one has not answered comes last.
        for state in [ConversationState::Accepted, ConversationState::Request] {
            let mut query = ConversationListQuery { state: Some(state), cursor: None, limit: Some(100) };
            for _ in 0..MAX_PAGES {
                let page = self.api.list_conversations(&query).await?;
                fresh.extend(page.conversations.into_iter().map(|item| self.known_from(item)));
                query.cursor = page.next_cursor;
                if query.cursor.is_none() {
                    break;
                }
            }
        }
        self.conversations = fresh;
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
            ConversationKind::Group => None,
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

    /// The conversations, as `/list` numbers them.
    pub fn list(&self) -> &[Known] {
        &self.conversations
    }

    /// The group of this title, if there is one.
    pub fn group_titled(&self, title: &ConversationTitle) -> Option<ConversationId> {
        self.conversations.iter().find(|known| known.title.as_ref() == Some(title)).map(|known| known.id)
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

    /// What a conversation is called: the other person, or `#title`.
    pub fn label(&self, conversation: ConversationId) -> String {
        let Some(known) = self.conversations.iter().find(|known| known.id == conversation) else { return short(&conversation.to_string()) };
        match (known.kind, &known.title, known.peer) {
            (ConversationKind::Group, Some(title), _) => format!("#{title}"),
            (ConversationKind::Direct, _, Some(peer)) => self.person(peer),
            _ => short(&conversation.to_string()),
        }
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

    /// What a known person is called.
    pub fn person(&self, user: UserId) -> String {
        if user == self.me.user_id {
            return "you".to_owned();
        }
        self.people.get(&user).map_or_else(|| short(&user.to_string()), |profile| profile.handle.to_string())
    }

    /// Who is in a conversation, a line each.
    pub async fn members(&mut self, conversation: ConversationId) -> Result<Vec<String>, ClientError> {
        let page = self.api.members(conversation, &MembersQuery { cursor: None, limit: Some(500) }).await?;
        for member in &page.members {
            self.people.insert(member.user.user_id, member.user.clone());
        }
        let line = |member: &relay_protocol::rest::Member| {
            let role = match member.role {
                Role::Member => String::new(),
                role => format!(" ({})", role.as_str()),
            };
            format!("{}{role} {}", member.user.handle, super::screen::clean(member.user.display_name.as_str()))
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
