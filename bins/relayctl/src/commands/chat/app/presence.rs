//! Who is there: the person at the terminal, and the one they talk to.

use std::time::Duration;

use relay_client::ClientError;
use relay_protocol::presence::{Activity, Availability, PersonPresence, PresenceAudience, PresenceState};
use relay_protocol::rest::ChangeSettingsRequest;
use relay_types::{ConversationId, UserId};
use tokio::time::Instant;

use super::App;

/// Who has typed nothing for so long is idle.
const IDLE_AFTER: Duration = Duration::from_secs(300);

/// What others are told, and who is shown.
#[derive(Default)]
pub(super) struct Presence {
    told: Option<(Activity, Option<ConversationId>)>,
    watched: Option<UserId>,
    shown: Option<PersonPresence>,
    typed_at: Option<Instant>,
}

impl Presence {
    /// The person did something.
    pub(super) fn typed(&mut self) {
        self.typed_at = Some(Instant::now());
    }
}

impl App {
    /// Looks, once a second, at what the person does, and tells the others. Who pipes lines is not there.
    pub(super) async fn tell_presence(&mut self) {
        if !self.at_terminal {
            return;
        }
        if self.typed.is_some() {
            self.presence.typed();
        }
        let conversation = self.aim.active().map(|target| target.id);
        let is_used = self.presence.typed_at.get_or_insert_with(Instant::now).elapsed() < IDLE_AFTER;
        let now = if is_used { (Activity::Active, conversation) } else { (Activity::Idle, None) };
        if self.presence.told != Some(now) {
            self.presence.told = Some(now);
            self.client.present(now.0, now.1).await;
        }
        let peer = conversation.and_then(|id| self.directory.list().iter().find(|known| known.id == id)?.peer);
        if self.presence.watched != peer {
            (self.presence.watched, self.presence.shown) = (peer, None);
            self.client.watch(peer.into_iter().collect()).await;
        }
    }

    pub(super) async fn show_presence(&mut self, people: &[PersonPresence]) {
        let Some(target) = self.aim.active() else { return };
        for person in people.iter().filter(|person| self.presence.watched == Some(person.user_id)) {
            if self.presence.shown.replace(*person).is_some_and(|shown| shown.state == person.state) {
                continue;
            }
            let state = match (person.state, person.last_seen_ms) {
                (PresenceState::Online, _) => "is online".to_owned(),
                (PresenceState::Idle, _) => "is idle".to_owned(),
                (PresenceState::DoNotDisturb, _) => "does not want to be disturbed".to_owned(),
                (PresenceState::Offline | PresenceState::Unknown(_), Some(at_ms)) => {
                    format!("was last seen at {}", self.screen.clock(at_ms))
                }
                (PresenceState::Offline | PresenceState::Unknown(_), None) => continue,
            };
            let name = self.directory.name(person.user_id, target.id).await;
            self.screen.say(format_args!("{name} {state}"));
        }
    }

    pub(super) async fn set_availability(&mut self, availability: Availability) -> Result<(), ClientError> {
        self.api.change_settings(ChangeSettingsRequest { availability: Some(availability), ..Default::default() }).await.map(drop)
    }

    pub(super) async fn set_audience(&mut self, audience: PresenceAudience) -> Result<(), ClientError> {
        self.api.change_settings(ChangeSettingsRequest { presence_to: Some(audience), ..Default::default() }).await.map(drop)
    }
}
