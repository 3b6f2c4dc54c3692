//! A group, those who are in it in different ways, those who are not, and what they must not come to know.

use anyhow::ensure;
use relay_harness::{Harness, User};
use relay_protocol::conversation::Role;
use relay_protocol::rest::PostMessageRequest;
use relay_types::{ConversationId, MessageId, Seq, SessionId};

use super::super::support::{group, text, title, ulid_key};
use super::super::witness::persisted;
use super::table::COLUMNS;

/// What is said in the group: none of it is for those outside.
pub struct Secrets {
    /// In every message, edit and revision.
    pub word: String,
    /// The group's title.
    pub title: String,
    /// Messages of the group.
    pub ids: Vec<MessageId>,
}

impl Secrets {
    /// What somebody outside must not be sent.
    pub fn from(&self, column: &str, group: ConversationId) -> Vec<String> {
        let ids = self.ids.iter().map(ToString::to_string);
        let mut secrets: Vec<String> = ids.chain([self.word.clone()]).collect();
        // An invitation names the group, and its title.
        if column != "invited" {
            secrets.extend([self.title.clone(), group.to_string()]);
        }
        secrets
    }
}

/// Messages for one caller to change: each is changed once.
pub struct Messages {
    pub own_edited: MessageId,
    pub own_deleted: MessageId,
    pub others: MessageId,
}

/// One caller.
pub struct Person {
    /// Nobody, for the anonymous one.
    pub user: Option<User>,
    /// A session of theirs that they may end.
    pub spare: Option<SessionId>,
    /// For REST and for the socket.
    pub messages: [Messages; 2],
}

impl Person {
    /// Who.
    pub fn user(&self) -> &User {
        self.user.as_ref().expect("not the anonymous caller")
    }
}

pub struct Scene {
    /// In the order of the columns.
    pub people: Vec<Person>,
    pub group: ConversationId,
    /// Another group with the same people, to be accepted.
    pub second: ConversationId,
    /// A message of a member who is none of the callers, which was edited.
    pub message: MessageId,
    pub seq: Seq,
    /// Who wrote it.
    pub writer: User,
    /// Members to be removed, one by each caller who may.
    pub leaving: Vec<User>,
    /// Somebody to be invited.
    pub newcomer: User,
    pub secrets: Secrets,
    /// Every byte that each caller was answered.
    pub answers: Vec<String>,
}

impl Scene {
    /// Sets the scene. When it is set, the log and the database know it.
    pub async fn set(h: &Harness) -> anyhow::Result<Self> {
        let mut people = Vec::new();
        for name in &COLUMNS[..6] {
            people.push(h.user(&name.replace('-', "_")).await?);
        }
        let [owner, admin, member, ex, invited, stranger] = people.try_into().expect("six");
        let (writer, newcomer) = (h.user("writer").await?, h.user("newcomer").await?);
        let leaving = vec![h.user("leaves_a").await?, h.user("leaves_b").await?];
        let group_of = async || {
            let id = group(&owner, &[&admin, &member, &ex, &writer, &leaving[0], &leaving[1]]).await?;
            owner.api.set_role(id, admin.id(), Role::Admin).await?;
            let asked = owner.api.add_member(id, invited.id()).await?;
            ensure!(asked.invited == [invited.id()], "those who do not know each other are invited: {asked:?}");
            anyhow::Ok(id)
        };
        let (group, second) = (group_of().await?, group_of().await?);
        let random = || ulid_key(0).as_str().to_lowercase();
        let mut secrets = Secrets { word: format!("canary{}", random()), title: format!("title {}", random()), ids: Vec::new() };
        let said = text(&format!("{} is said", secrets.word));
        let mut post = async |by: &User| {
            let ack = by.api.post_message(group, &ulid_key(0), &said).await?;
            secrets.ids.push(ack.message_id);
            anyhow::Ok((ack.message_id, ack.seq))
        };
        let (message, seq) = post(&writer).await?;
        let mut persons = Vec::new();
        for who in [&owner, &admin, &member, &ex, &invited, &stranger].map(Some).into_iter().chain([None]) {
            let is_in = |who: &&User| ![invited.id(), stranger.id()].contains(&who.id());
            let own = who.filter(is_in).unwrap_or(&writer);
            let mut messages = Vec::new();
            for _ in 0..2 {
                let (own_edited, own_deleted, others) = (post(own).await?.0, post(own).await?.0, post(&writer).await?.0);
                messages.push(Messages { own_edited, own_deleted, others });
            }
            let Ok(messages) = messages.try_into() else { unreachable!("two") };
            let spare = match who {
                Some(user) => Some(user.log_in("spare").await?.session_id()),
                None => None,
            };
            persons.push(Person { user: who.cloned(), spare, messages });
        }
        for id in [group, second] {
            owner.api.remove_member(id, ex.id()).await?;
        }
        owner.api.rename(group, &title(&secrets.title)).await?;
        let anew = text(&format!("{} is said anew", secrets.word));
        writer.api.edit_message(group, message, &ulid_key(0), &anew).await?;
        // Something in a thread, which only those see who see its root.
        let under =
            PostMessageRequest { client_id: ulid_key(0), conversation_id: group, body: said, reply_to: None, thread: Some(message) };
        secrets.ids.push(writer.api.post(&under).await?.message_id);
        persisted(h).await?;
        let answers = vec![String::new(); COLUMNS.len()];
        Ok(Self { people: persons, group, second, message, seq, writer, leaving, newcomer, secrets, answers })
    }
}
