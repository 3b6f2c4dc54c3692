//! `[api]`

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use relay_domain::ports::{DelayRule, PeopleLimits};
use relay_posting::QuotaConfig;
use relay_types::limits::{Violation, at_most, require, within};
use serde::{Deserialize, Serialize};

/// At most `limit` times in `per_s` seconds; a limit of 0 switches the rule off.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Rate {
    /// How often.
    pub limit: u32,
    /// In how many seconds.
    pub per_s: u32,
}

impl Rate {
    /// `limit` times in `per_s` seconds.
    pub const fn new(limit: u32, per_s: u32) -> Self {
        Self { limit, per_s }
    }
}

/// Failures that are answered with growing delays. A longest delay of 0 switches the rule off.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Delays {
    /// Failures that cost nothing.
    pub free: u32,
    /// The delay after the next one, in milliseconds; each further one doubles it.
    pub first_ms: u64,
    /// The longest delay, in milliseconds.
    pub longest_ms: u64,
    /// Without attempts for this long, failures are forgotten, in seconds.
    pub forget_s: u64,
}

impl Default for Delays {
    fn default() -> Self {
        Self { free: 5, first_ms: 1_000, longest_ms: 900_000, forget_s: 3_600 }
    }
}

impl Delays {
    pub(crate) fn rule(self, name: &'static str) -> Option<DelayRule> {
        (self.longest_ms > 0).then(|| DelayRule {
            name,
            free: self.free,
            first: Duration::from_millis(self.first_ms),
            longest: Duration::from_millis(self.longest_ms),
            forget: Duration::from_secs(self.forget_s),
        })
    }
}

/// `[api.limits]`: how often things may be done.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct LimitsConfig {
    /// Any request, for each address (IPv6: each /64).
    pub requests_per_address: Rate,
    /// Any authenticated request, for each user.
    pub requests_per_user: Rate,
    /// New accounts, for each address.
    pub registrations_per_address: Rate,
    /// Attempts to log in, for each address. Refreshes are counted separately by the same rule.
    pub logins_per_address: Rate,
    /// Wrong passwords, for each handle and address (IPv6: each /64); the delays that follow are explained below.
    pub login_failures: Delays,
    /// Attempts to log in from addresses that the person did not log in from in the last 90 days, for each handle.
    pub logins_per_handle: Rate,
    /// Messages sent over REST, for each user.
    pub sends_per_user: Rate,
    /// Conversations begun, for each user.
    pub creations_per_user: Rate,
    /// People that one user turned to who do not know them: new direct conversations and invitations.
    pub introductions_per_user: Rate,
    /// The same, for each person turned to.
    pub introductions_to_user: Rate,
    /// Moves of read marks, for each user: the log keeps a word of most of them for 30 days.
    pub read_marks_per_user: Rate,
    /// Messages hidden from oneself, for each user.
    pub hidden_messages_per_user: Rate,
    /// Messages scheduled, scheduled anew or cancelled, for each user: the log keeps a word of each for 30 days.
    pub schedules_per_user: Rate,
    /// Changes of their profile, for each user.
    pub profile_changes_per_user: Rate,
    /// Changes of their settings, for each user.
    pub settings_changes_per_user: Rate,
    /// Changes of what they set for conversations, for each user: the log keeps a word of each for 30 days.
    pub conversation_settings_per_user: Rate,
    /// Drafts kept, for each user.
    pub drafts_per_user: Rate,
    /// Searches, for each user.
    pub searches_per_user: Rate,
}

impl Default for LimitsConfig {
    fn default() -> Self {
        Self {
            requests_per_address: Rate::new(6_000, 10),
            requests_per_user: Rate::new(1_000, 10),
            registrations_per_address: Rate::new(300, 60),
            logins_per_address: Rate::new(300, 60),
            login_failures: Delays::default(),
            logins_per_handle: Rate::new(100, 3_600),
            sends_per_user: Rate::new(300, 10),
            creations_per_user: Rate::new(60, 60),
            introductions_per_user: Rate::new(1_000, 3_600),
            introductions_to_user: Rate::new(60, 3_600),
            read_marks_per_user: Rate::new(600, 600),
            hidden_messages_per_user: Rate::new(600, 600),
            schedules_per_user: Rate::new(300, 600),
            profile_changes_per_user: Rate::new(30, 3_600),
            settings_changes_per_user: Rate::new(120, 3_600),
            conversation_settings_per_user: Rate::new(300, 600),
            drafts_per_user: Rate::new(600, 600),
            searches_per_user: Rate::new(60, 30),
        }
    }
}

/// `[api]`
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Where clients connect; port 0 means any free one.
    pub listen: SocketAddr,
    /// Where operators look: `/healthz`, `/readyz`, `/metrics`.
    pub admin_listen: SocketAddr,
    /// The directory of the built web client, served from `/`; empty: none is served.
    pub web_root: PathBuf,
    /// Gateways that web clients are told of, such as `wss://gateway.example.org/v1/ws`; none: `/v1/ws` on the origin that they
    /// were loaded from, where a proxy of yours sends it on.
    pub gateway_urls: Vec<String>,
    /// Members that a group may have; tested with 10,000. More than about 4,000 cannot be given when a group is created, only
    /// added.
    pub max_group_members: usize,
    /// Conversations that a person may be in. Many who add somebody at one moment may go over it by their number.
    pub max_conversations: u32,
    /// Invitations that wait for a person's answer, and as many direct conversations that others began, without declined
    /// ones.
    pub max_invitations: u32,
    /// Live sessions that a user may have; opening one more ends the least recently used.
    pub max_sessions: u32,
    /// Connections held at once; more wait to be accepted.
    pub max_connections: usize,
    /// Of these, from one address (IPv6: one /64); more are refused (`too_many_connections`). Not counted with
    /// `trusted_proxies`.
    pub max_connections_per_address: usize,
    /// A connection of which the peer takes not one byte for this long is ended, in milliseconds; see
    /// `gateway.write_stall_ms`.
    pub write_stall_ms: u64,
    /// Lists and histories that one user may read at once, until the answer was taken. Further ones wait for up to 10 s. Each
    /// asks the database one such question at a time; all of them together have half of `postgres.max_connections`.
    pub reads_per_user: usize,
    /// How many proxies of yours stand in front and append to `X-Forwarded-For`. With 0 the peer is the client.
    pub trusted_proxies: usize,
    /// How long a request may take, in milliseconds; keep it above `nats.append_timeout_ms`.
    pub request_timeout_ms: u64,
    /// A request's headers have to arrive within this, in milliseconds; idle connections are kept as long.
    pub header_timeout_ms: u64,
    /// A request's body has to arrive within this, in milliseconds.
    pub body_timeout_ms: u64,
    /// For how long a session once seen live is taken to be live, in milliseconds.
    pub session_cache_ms: u64,
    /// Passwords hashed at once: each takes a core for about 20 ms, and 19 MiB.
    pub password_concurrency: usize,
    /// How long a log-in waits for a permit to be hashed, in milliseconds.
    pub password_queue_ms: u64,
    /// How long a search may take, in milliseconds; then it answers with what it found, and how far back it came.
    pub search_budget_ms: u64,
    /// How often things may be done.
    pub limits: LimitsConfig,
    /// How old a message may be to be edited, in seconds. The same as `gateway.edit_window_s`.
    pub edit_window_s: u32,
    /// How often a message may be edited: erasing it takes each edit out of the log. The same as `gateway.edits_per_message`.
    pub edits_per_message: u32,
    /// How old a message may be for its sender to delete it for everyone, in seconds; 0: as old as any. The same as
    /// `gateway.delete_window_s`.
    pub delete_window_s: u32,
    /// Bytes that one user may send through this process.
    pub quota: QuotaConfig,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 7090)),
            admin_listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 7091)),
            web_root: PathBuf::new(),
            gateway_urls: Vec::new(),
            max_group_members: 1_000,
            max_conversations: 10_000,
            max_invitations: 100,
            max_sessions: 100,
            max_connections: 4_096,
            max_connections_per_address: 512,
            write_stall_ms: 30_000,
            reads_per_user: 2,
            trusted_proxies: 0,
            request_timeout_ms: 25_000,
            header_timeout_ms: 10_000,
            body_timeout_ms: 10_000,
            session_cache_ms: 1_000,
            password_concurrency: 2,
            password_queue_ms: 5_000,
            search_budget_ms: 1_000,
            limits: LimitsConfig::default(),
            edit_window_s: 86_400,
            edits_per_message: 100,
            delete_window_s: 2_592_000,
            quota: QuotaConfig::default(),
        }
    }
}

impl Config {
    /// What peers may make us hold.
    pub fn http_limits(&self) -> relay_runtime::http::HttpLimits {
        let max_connections = relay_runtime::descriptors::fitting("api.max_connections", self.max_connections);
        relay_runtime::http::HttpLimits {
            max_connections,
            // Behind proxies every peer is one of them.
            max_per_address: if self.trusted_proxies > 0 { max_connections } else { self.max_connections_per_address },
            header_timeout: Duration::from_millis(self.header_timeout_ms),
            write_stall: Duration::from_millis(self.write_stall_ms),
        }
    }

    /// The first value outside its limits: its dotted key, and what it has to be.
    pub fn check(&self) -> Result<(), Violation> {
        require("api.gateway_urls", self.gateway_urls.len() <= 16 && self.gateway_urls.iter().all(|url| is_gateway_url(url)), || {
            "at most 16 URLs such as wss://gateway.example.org/v1/ws".to_owned()
        })?;
        within("api.max_group_members", &self.max_group_members, &(2..=100_000))?;
        within("api.max_conversations", &self.max_conversations, &(1..=1_000_000))?;
        within("api.max_invitations", &self.max_invitations, &(1..=1_000))?;
        within("api.max_sessions", &self.max_sessions, &(1..=100))?;
        within("api.max_connections", &self.max_connections, &(1..=1_000_000))?;
        within("api.max_connections_per_address", &self.max_connections_per_address, &(1..=1_000_000))?;
        within("api.write_stall_ms", &self.write_stall_ms, &(100..=600_000))?;
        within("api.reads_per_user", &self.reads_per_user, &(1..=1_000))?;
        within("api.request_timeout_ms", &self.request_timeout_ms, &(100..=600_000))?;
        within("api.header_timeout_ms", &self.header_timeout_ms, &(100..=600_000))?;
        within("api.body_timeout_ms", &self.body_timeout_ms, &(100..=600_000))?;
        at_most("api.session_cache_ms", &self.session_cache_ms, &5_000)?;
        within("api.password_concurrency", &self.password_concurrency, &(1..=64))?;
        within("api.search_budget_ms", &self.search_budget_ms, &(50..=10_000))?;
        self.quota.check().map_err(|(key, reason)| ("api.quota", format!("{key} {reason}")))?;
        let limits = &self.limits;
        for rate in [
            limits.requests_per_address,
            limits.requests_per_user,
            limits.registrations_per_address,
            limits.logins_per_address,
            limits.logins_per_handle,
            limits.sends_per_user,
            limits.creations_per_user,
            limits.introductions_per_user,
            limits.introductions_to_user,
            limits.read_marks_per_user,
            limits.hidden_messages_per_user,
            limits.schedules_per_user,
            limits.profile_changes_per_user,
            limits.settings_changes_per_user,
            limits.conversation_settings_per_user,
            limits.drafts_per_user,
            limits.searches_per_user,
        ] {
            require("api.limits", (1..=86_400).contains(&rate.per_s), || "rates with per_s of 1 to 86400".to_owned())?;
        }
        let delays = limits.login_failures;
        let sound = delays.first_ms <= 3_600_000 && delays.longest_ms <= 3_600_000 && (1..=86_400).contains(&delays.forget_s);
        require("api.limits.login_failures", sound, || "delays of at most 3600000 ms and forget_s of 1 to 86400".to_owned())
    }

    pub(crate) fn people_limits(&self) -> PeopleLimits {
        PeopleLimits {
            max_members: self.max_group_members,
            max_conversations: i64::from(self.max_conversations),
            max_invitations: i64::from(self.max_invitations),
        }
    }

    pub(crate) fn request_timeout(&self) -> Duration {
        Duration::from_millis(self.request_timeout_ms)
    }

    pub(crate) fn search_budget(&self) -> Duration {
        Duration::from_millis(self.search_budget_ms)
    }

    pub(crate) fn body_timeout(&self) -> Duration {
        Duration::from_millis(self.body_timeout_ms)
    }
}

/// It stands in a header that says where pages may connect.
fn is_gateway_url(url: &str) -> bool {
    let rest = url.strip_prefix("wss://").or_else(|| url.strip_prefix("ws://"));
    let sound = |byte: u8| byte.is_ascii_alphanumeric() || b".-_:/[]".contains(&byte);
    rest.is_some_and(|rest| rest.len() <= 500 && rest.bytes().all(sound) && rest.find('/').is_some_and(|at| at > 0))
}
