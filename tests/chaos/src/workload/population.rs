//! People, their devices, and what they talk in. Fixed for a run, but for who is in the churning groups.

use std::sync::Arc;

use anyhow::Context as _;
use futures::StreamExt as _;
use relay_client::{ApiClient, RefreshingTokens, TokenProvider, Transport};
use relay_protocol::rest::Password;
use relay_types::{ConversationId, UserId};

use super::Plan;
use crate::cluster::Cluster;

/// Members of a group.
const GROUP: usize = 20;
/// In each group, the members from here on are removed and added again during the run.
const CORE: usize = 15;
/// Registrations at once: each hashes a password.
const AT_ONCE: usize = 4;

/// Somebody with an account.
pub struct Person {
    pub user: UserId,
    /// REST calls as this person.
    pub api: ApiClient,
}

/// One logged-in device.
pub struct Login {
    /// Whose, as index into the people.
    pub person: usize,
    pub tokens: Arc<dyn TokenProvider>,
    /// REST calls from this device.
    pub api: ApiClient,
    pub role: LoginRole,
}

/// What a device is there for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LoginRole {
    /// Sends and receives, crashes now and then, comes in through the balancer.
    Ordinary,
    /// As ordinary, and tells when sending works again.
    Prober { index: usize },
    /// Connects to one gateway only: what happens to others does not concern it.
    Pinned { gateway: usize },
    /// Reads the flooded group.
    FloodReader,
    /// Floods it.
    Flooder,
}

/// What a conversation is there for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RoomKind {
    Pair,
    Group,
    Probe,
    Flood,
}

/// A conversation and its members, as indexes into the people.
pub struct Room {
    pub id: ConversationId,
    pub kind: RoomKind,
    /// Always in it; the first owns it.
    pub core: Vec<usize>,
    /// Sometimes in it.
    pub churning: Vec<usize>,
    /// The devices that send here.
    pub senders: Vec<usize>,
}

/// Everybody and everything.
pub struct Population {
    pub people: Vec<Person>,
    pub logins: Vec<Login>,
    pub rooms: Vec<Room>,
    streams: bool,
}

/// Where in the list of people each part begins.
struct Layout {
    pairs: usize,
    groups: usize,
    probers: usize,
    pinned: usize,
}

const PROBE_PAIRS: usize = 2;
const FLOOD_PEOPLE: usize = 4;

impl Population {
    /// Registers, logs in, and makes the conversations, all through the API.
    pub async fn register(cluster: &Cluster, plan: Plan) -> anyhow::Result<Self> {
        let gateways = cluster.gateways.len();
        let layout = Layout { pairs: plan.pairs * 2, groups: plan.groups * GROUP, probers: PROBE_PAIRS * 2, pinned: gateways * 2 };
        let count = layout.pairs + layout.groups + layout.probers + layout.pinned + FLOOD_PEOPLE;
        let api = cluster.api_client()?;
        let accounts = (0..count).map(|index| register(api.clone(), index));
        let accounts: Vec<anyhow::Result<(Person, Account)>> = futures::stream::iter(accounts).buffered(AT_ONCE).collect().await;
        let (mut people, mut accounts_kept) = (Vec::new(), Vec::new());
        for account in accounts {
            let (person, account) = account?;
            people.push(person);
            accounts_kept.push(account);
        }
        let mut this = Self { people, logins: Vec::new(), rooms: Vec::new(), streams: plan.streams };
        for (person, role) in roles(&layout, gateways) {
            let account = accounts_kept.get(person).context("an account per person")?;
            let login = log_in(&api, account, person, role, this.logins.len()).await?;
            this.logins.push(login);
        }
        this.make_rooms(&layout, gateways).await?;
        Ok(this)
    }

    async fn make_rooms(&mut self, layout: &Layout, gateways: usize) -> anyhow::Result<()> {
        let mut rooms: Vec<(RoomKind, Vec<usize>, Vec<usize>)> = Vec::new();
        rooms.extend((0..layout.pairs / 2).map(|pair| (RoomKind::Pair, vec![2 * pair, 2 * pair + 1], Vec::new())));
        let mut next = layout.pairs;
        for _ in 0..layout.groups / GROUP {
            rooms.push((RoomKind::Group, (next..next + CORE).collect(), (next + CORE..next + GROUP).collect()));
            next += GROUP;
        }
        for _ in 0..PROBE_PAIRS + gateways {
            rooms.push((RoomKind::Probe, vec![next, next + 1], Vec::new()));
            next += 2;
        }
        rooms.push((RoomKind::Flood, (next..next + FLOOD_PEOPLE).collect(), Vec::new()));
        for (index, (kind, core, churning)) in rooms.into_iter().enumerate() {
            let ids = |members: &[usize]| members.iter().filter_map(|member| self.people.get(*member)).map(|p| p.user).collect::<Vec<_>>();
            let owner = core.first().and_then(|owner| self.people.get(*owner)).context("a room has an owner")?;
            let others: Vec<usize> = core.iter().chain(&churning).copied().skip(1).collect();
            let made = match (kind, ids(&others).as_slice()) {
                (RoomKind::Pair | RoomKind::Probe, [peer]) => owner.api.create_direct(*peer).await,
                (_, members) => owner.api.create_group(&format!("group {index}").parse()?, members).await,
            };
            let id = made.context("could not make a conversation")?.conversation_id;
            for other in others.iter().filter_map(|member| self.people.get(*member)) {
                other.api.accept(id).await.context("could not accept a conversation")?;
            }
            let senders = (0..self.logins.len())
                .filter(|login| {
                    self.logins.get(*login).is_some_and(|login| core.contains(&login.person) || churning.contains(&login.person))
                })
                .collect();
            self.rooms.push(Room { id, kind, core, churning, senders });
        }
        Ok(())
    }

    pub fn device_count(&self) -> usize {
        self.logins.len()
    }

    /// What carries a device's frames.
    pub fn transport(&self, device: usize) -> Transport {
        let role = self.logins.get(device).map(|login| login.role);
        let may = matches!(role, Some(LoginRole::Ordinary | LoginRole::Pinned { .. }));
        if self.streams && may && device % 3 == 2 { Transport::EventStream } else { Transport::WebSocket }
    }

    pub fn prober_count(&self) -> usize {
        self.logins.iter().filter(|login| matches!(login.role, LoginRole::Prober { .. })).count()
    }

    /// The flooded room, the device that floods, and those that read.
    pub fn flooded(&self) -> Option<(usize, usize, Vec<usize>)> {
        let room = self.rooms.iter().position(|room| room.kind == RoomKind::Flood)?;
        let of = |role| (0..self.logins.len()).filter(move |index| self.logins.get(*index).is_some_and(|login| login.role == role));
        Some((room, of(LoginRole::Flooder).next()?, of(LoginRole::FloodReader).collect()))
    }
}

/// Every device: whose, and what for. Every third person has two.
fn roles(layout: &Layout, gateways: usize) -> Vec<(usize, LoginRole)> {
    let mut roles = Vec::new();
    let ordinary = layout.pairs + layout.groups;
    for person in 0..ordinary {
        roles.push((person, LoginRole::Ordinary));
        if person % 3 == 0 {
            roles.push((person, LoginRole::Ordinary));
        }
    }
    roles.extend((0..layout.probers).map(|index| (ordinary + index, LoginRole::Prober { index })));
    let pinned = ordinary + layout.probers;
    roles.extend((0..gateways * 2).map(|index| (pinned + index, LoginRole::Pinned { gateway: index / 2 })));
    let flood = pinned + layout.pinned;
    roles.push((flood, LoginRole::Flooder));
    roles.extend((1..FLOOD_PEOPLE).map(|index| (flood + index, LoginRole::FloodReader)));
    roles
}

struct Account {
    handle: String,
    password: Password,
}

async fn register(api: ApiClient, index: usize) -> anyhow::Result<(Person, Account)> {
    let handle = format!("chaos_{index}");
    let password = Password(format!("password of {handle}"));
    let profile =
        api.register(&handle.parse()?, &handle.parse()?, &password).await.with_context(|| format!("could not register {handle}"))?;
    let tokens = api.login(&profile.handle, &password, &"operator".parse()?).await.with_context(|| format!("could not log in {handle}"))?;
    let provider: Arc<dyn TokenProvider> = Arc::new(RefreshingTokens::new(api.clone(), tokens, None));
    Ok((Person { user: profile.user_id, api: api.with_tokens(provider) }, Account { handle, password }))
}

async fn log_in(api: &ApiClient, account: &Account, person: usize, role: LoginRole, device: usize) -> anyhow::Result<Login> {
    let tokens = api.login(&account.handle.parse()?, &account.password, &format!("device {device}").parse()?).await;
    let tokens = tokens.with_context(|| format!("could not log in {}", account.handle))?;
    let tokens: Arc<dyn TokenProvider> = Arc::new(RefreshingTokens::new(api.clone(), tokens, None));
    Ok(Login { person, api: api.with_tokens(Arc::clone(&tokens)), tokens, role })
}
