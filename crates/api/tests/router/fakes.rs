//! Ports whose store is away, with two users who make trouble on the way there.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use relay_api::Deps;
use relay_domain::ports::*;
use relay_posting::{EditLimits, Poster, PosterParts, QuotaConfig};
use relay_protocol::Message;
use relay_protocol::activity::Deed;
use relay_protocol::conversation::{ConversationSettings, Role};
use relay_protocol::log::StoredEvent;
use relay_protocol::presence::{Availability, PresenceNotice};
use relay_protocol::receipts::ReadNotice;
use relay_protocol::rest::{
    ChangeConversationSettingsRequest, ChangeSettingsRequest, Conversation, ConversationReceipts, Draft, DraftVersion, Invitation,
    MessagePage, MessageReceipts, PinList, PutDraftRequest, ReactionList, RevisionList, Settings, UserProfile,
};
use relay_protocol::scheduled::ScheduledMessage;
use relay_protocol::sync::SyncToken;
use relay_protocol::threads::ThreadPage;
use relay_runtime::{Origins, WebConfig};
use relay_types::{
    ClientId, ConversationId, ConversationTitle, DisplayName, Emoji, Handle, MessageId, Seq, SessionId, ShardId, SystemClock, SystemIds,
    TimestampMs, UserId,
};

pub const GOOD_TOKEN: &str = "good";
/// From where too much came.
pub const LIMITED_ADDRESS: &str = "203.0.113.9";
pub const STORE_WORDS: &str = "canary-of-the-store";
const CALLER: &str = "01ARZ3NDEKTSV4RRFFQ69G5FAV";
const LIVE: &str = "01ARZ3NDEKTSV4RRFFQ69G5FAA";
const REVOKED: &str = "01ARZ3NDEKTSV4RRFFQ69G5FAB";

/// Guesses that were taken back.
pub static NOT_MADE: AtomicU32 = AtomicU32::new(0);

struct Away;

fn away() -> StoreError {
    StoreError::new(STORE_WORDS.to_owned())
}

#[async_trait]
impl Accounts for Away {
    async fn register(&self, _: &NewAccount) -> Result<Vec<LogAddress>, RegisterError> {
        Err(away().into())
    }
    async fn credentials(&self, handle: &Handle, _: &str, _: TimestampMs) -> Result<Option<Credentials>, StoreError> {
        if matches!(handle.as_str(), "limited" | "busy") { Ok(None) } else { Err(away()) }
    }
    async fn password_of(&self, _: UserId) -> Result<Option<(PasswordHash, UserProfile)>, StoreError> {
        Err(away())
    }
    async fn change_password(&self, _: &PasswordChange) -> Result<Option<Vec<LogAddress>>, StoreError> {
        Err(away())
    }
    async fn set_disabled(&self, _: UserId, _: bool, _: TimestampMs) -> Result<Option<Vec<LogAddress>>, StoreError> {
        Err(away())
    }
    async fn change_profile(
        &self,
        _: UserId,
        _: &DisplayName,
        _: TimestampMs,
    ) -> Result<Option<(UserProfile, Vec<LogAddress>)>, StoreError> {
        Err(away())
    }
    async fn profile(&self, _: UserId) -> Result<Option<UserProfile>, StoreError> {
        Err(away())
    }
    async fn profiles(&self, _: &[UserId]) -> Result<Vec<UserProfile>, StoreError> {
        Err(away())
    }
    async fn find_by_handle(&self, handle: &Handle) -> Result<Option<UserProfile>, StoreError> {
        match handle.as_str() {
            "panic" => panic!("canary of a panic"),
            "hangs" => std::future::pending().await,
            _ => Err(away()),
        }
    }
}

#[async_trait]
impl DeviceSessions for Away {
    async fn open(&self, _: &NewSession) -> Result<Opened, OpenError> {
        Err(away().into())
    }
    async fn revoke_all(&self, _: UserId, _: TimestampMs) -> Result<Vec<LogAddress>, StoreError> {
        Err(away())
    }
    async fn rotate(&self, _: &Rotation) -> Result<Rotated, RotateError> {
        Err(away().into())
    }
    async fn is_live(&self, _: UserId, session: SessionId, _: TimestampMs) -> Result<bool, StoreError> {
        Ok(session == LIVE.parse().unwrap())
    }
    async fn list(&self, _: UserId, _: TimestampMs) -> Result<Vec<SessionRecord>, StoreError> {
        Err(away())
    }
    async fn revoke(&self, _: UserId, _: SessionId, _: TimestampMs) -> Result<Vec<LogAddress>, RevokeError> {
        Err(away().into())
    }
}

#[async_trait]
impl Conversations for Away {
    async fn create(
        &self,
        _: ConversationId,
        _: UserId,
        _: &NewConversation,
        _: PeopleLimits,
        _: TimestampMs,
    ) -> Result<Decided<Created>, CreateError> {
        Err(away().into())
    }
    async fn direct_of(&self, _: UserId, _: UserId) -> Result<Option<ConversationId>, StoreError> {
        Err(away())
    }
    async fn strangers(&self, _: UserId, _: &[UserId]) -> Result<Vec<UserId>, StoreError> {
        Err(away())
    }
    async fn members(&self, _: UserId, _: ConversationId, _: Option<UserId>, _: u16) -> Result<MemberPage, ConversationError> {
        Err(away().into())
    }
    async fn get(&self, _: UserId, _: ConversationId) -> Result<Conversation, ConversationError> {
        Err(away().into())
    }
    async fn rename(&self, _: UserId, _: ConversationId, _: &ConversationTitle, _: TimestampMs) -> Result<Decided<()>, ConversationError> {
        Err(away().into())
    }
    async fn add_members(
        &self,
        _: UserId,
        _: ConversationId,
        _: &[UserId],
        _: PeopleLimits,
        _: TimestampMs,
    ) -> Result<Decided<Added>, ConversationError> {
        Err(away().into())
    }
    async fn invitations(&self, _: UserId) -> Result<Vec<Invitation>, StoreError> {
        Err(away())
    }
    async fn accept(&self, _: UserId, _: ConversationId, _: PeopleLimits, _: TimestampMs) -> Result<Decided<()>, ConversationError> {
        Err(away().into())
    }
    async fn decline(&self, _: UserId, _: ConversationId, _: TimestampMs) -> Result<Decided<()>, ConversationError> {
        Err(away().into())
    }
    async fn set_hidden(&self, _: UserId, _: ConversationId, _: bool, _: TimestampMs) -> Result<Decided<()>, ConversationError> {
        Err(away().into())
    }
    async fn remove_member(&self, _: UserId, _: ConversationId, _: UserId, _: TimestampMs) -> Result<Decided<()>, ConversationError> {
        Err(away().into())
    }
    async fn set_role(&self, _: UserId, _: ConversationId, _: UserId, _: Role, _: TimestampMs) -> Result<Decided<()>, ConversationError> {
        Err(away().into())
    }
    async fn mark_read(
        &self,
        _: UserId,
        _: ConversationId,
        _: Seq,
        _: TimestampMs,
        _: Option<SessionId>,
    ) -> Result<ReadMark, ConversationError> {
        Err(away().into())
    }
    async fn mark_unread(&self, _: UserId, _: ConversationId, _: Seq, _: TimestampMs) -> Result<LogAddress, ConversationError> {
        Err(away().into())
    }
    async fn hide_message(&self, _: UserId, _: ConversationId, _: MessageId, _: TimestampMs) -> Result<Option<LogAddress>, HideError> {
        Err(away().into())
    }
    async fn change_conversation_settings(
        &self,
        _: UserId,
        _: ConversationId,
        _: ChangeConversationSettingsRequest,
        _: TimestampMs,
    ) -> Result<(ConversationSettings, LogAddress), ConversationSettingsError> {
        Err(away().into())
    }
    async fn list(&self, _: UserId, _: ListPart, _: Option<ListCursor>, _: u16) -> Result<ListPage, StoreError> {
        Err(away())
    }
    async fn membership_state(&self, _: UserId, _: ConversationId) -> Result<Option<MembershipState>, StoreError> {
        Err(away())
    }
}

#[async_trait]
impl ScheduledMessages for Away {
    async fn schedule(&self, _: UserId, _: &ScheduledMessage, _: TimestampMs) -> Result<LogAddress, ScheduleError> {
        Err(away().into())
    }
    async fn cancel(&self, _: UserId, _: ConversationId, _: &ClientId, _: TimestampMs) -> Result<LogAddress, ScheduleError> {
        Err(away().into())
    }
    async fn scheduled(&self, _: UserId) -> Result<Vec<ScheduledMessage>, StoreError> {
        Err(away())
    }
    async fn take_due(
        &self,
        _: TimestampMs,
        _: TimestampMs,
        _: u16,
        _: &[ShardId],
    ) -> Result<(Vec<DueMessage>, Vec<LogAddress>), StoreError> {
        Err(away())
    }
    async fn settle(&self, _: &DueMessage, _: ScheduledOutcome, _: TimestampMs) -> Result<Option<LogAddress>, StoreError> {
        Err(away())
    }
}

#[async_trait]
impl Postings for Away {
    async fn hold(&self, _: UserId, _: ConversationId, _: ShardId) -> Result<Option<Box<dyn PostingHold>>, StoreError> {
        Err(away())
    }
}

#[async_trait]
impl History for Away {
    async fn messages(&self, _: UserId, _: ConversationId, _: HistoryAnchor, _: u16, _: bool) -> Result<MessagePage, HistoryError> {
        Err(away().into())
    }
    async fn message(&self, _: UserId, _: ConversationId, _: MessageId) -> Result<Message, HistoryError> {
        Err(away().into())
    }
    async fn revisions(&self, _: UserId, _: ConversationId, _: MessageId, _: Option<Seq>) -> Result<RevisionList, HistoryError> {
        Err(away().into())
    }
    async fn reactions(
        &self,
        _: UserId,
        _: ConversationId,
        _: MessageId,
        _: Option<&Emoji>,
        _: Option<UserId>,
        _: u16,
    ) -> Result<ReactionList, HistoryError> {
        Err(away().into())
    }
    async fn pins(&self, _: UserId, _: ConversationId) -> Result<PinList, HistoryError> {
        Err(away().into())
    }
    async fn member_intervals(&self, _: ConversationId, _: &[UserId]) -> Result<Vec<MemberInterval>, StoreError> {
        Err(away())
    }
}

#[async_trait]
impl Receipts for Away {
    async fn receipts(&self, _: UserId, _: ConversationId) -> Result<ConversationReceipts, HistoryError> {
        Err(away().into())
    }
    async fn message_receipts(&self, _: UserId, _: ConversationId, _: MessageId) -> Result<MessageReceipts, HistoryError> {
        Err(away().into())
    }
    async fn readers(&self, _: UserId, _: ConversationId, _: MessageId, _: Option<UserId>, _: u16) -> Result<ReaderPage, HistoryError> {
        Err(away().into())
    }
}

#[async_trait]
impl Search for Away {
    async fn search(&self, _: &SearchQuestion) -> Result<Found, SearchError> {
        Err(away().into())
    }
}

impl ActivityNews for Away {
    fn tell(&self, _: UserId, _: Deed) {}
}

impl ReceiptNews for Away {
    fn tell(&self, _: ReadNotice) {}
}

#[async_trait]
impl Drafts for Away {
    async fn put_draft(
        &self,
        _: UserId,
        _: ConversationId,
        _: &PutDraftRequest,
        _: TimestampMs,
    ) -> Result<(u64, Option<LogAddress>), DraftError> {
        Err(away().into())
    }
    async fn draft(&self, _: UserId, _: ConversationId) -> Result<Draft, DraftError> {
        Err(away().into())
    }
    async fn drafts(&self, _: UserId) -> Result<Vec<DraftVersion>, StoreError> {
        Err(away())
    }
}

#[async_trait]
impl Threads for Away {
    async fn thread(&self, _: UserId, _: ConversationId, _: MessageId, _: HistoryAnchor, _: u16) -> Result<ThreadPage, ThreadError> {
        Err(away().into())
    }
    async fn follow_thread(&self, _: UserId, _: ConversationId, _: MessageId, _: bool, _: TimestampMs) -> Result<LogAddress, ThreadError> {
        Err(away().into())
    }
    async fn mark_thread_read(
        &self,
        _: UserId,
        _: ConversationId,
        _: MessageId,
        _: Seq,
        _: TimestampMs,
    ) -> Result<Option<LogAddress>, ThreadError> {
        Err(away().into())
    }
    async fn followed_threads(&self, _: UserId, _: Option<ThreadCursor>, _: u16) -> Result<ThreadListPage, StoreError> {
        Err(away())
    }
}

#[async_trait]
impl SyncReading for Away {
    async fn sync_full(&self, _: UserId, _: u16) -> Result<SyncPage, StoreError> {
        Err(away())
    }
    async fn sync_changes(&self, _: UserId, _: &SyncToken) -> Result<Option<SyncPage>, StoreError> {
        Err(away())
    }
}

#[async_trait]
impl PresenceBoard for Away {
    async fn put(&self, _: &str, _: &[PresenceNotice]) -> Result<(), StoreError> {
        Err(away())
    }
    async fn get(&self, _: &[UserId]) -> Result<Vec<(String, PresenceNotice, TimestampMs)>, StoreError> {
        Err(away())
    }
}

#[async_trait]
impl PresenceRules for Away {
    async fn availability(&self, _: &[UserId]) -> Result<Vec<(UserId, Availability)>, StoreError> {
        Err(away())
    }
    async fn allowed(&self, _: UserId, _: &[UserId]) -> Result<Vec<(UserId, Option<TimestampMs>)>, StoreError> {
        Err(away())
    }
    async fn seen(&self, _: &[(UserId, TimestampMs)]) -> Result<(), StoreError> {
        Err(away())
    }
}

#[async_trait]
impl UserSettings for Away {
    async fn settings(&self, _: UserId) -> Result<Option<Settings>, StoreError> {
        Err(away())
    }
    async fn change_settings(
        &self,
        _: UserId,
        _: ChangeSettingsRequest,
        _: TimestampMs,
    ) -> Result<Option<(Settings, Vec<LogAddress>)>, StoreError> {
        Err(away())
    }
}

#[async_trait]
impl LogReader for Away {
    async fn read_since(
        &self,
        _: ShardId,
        _: UserId,
        _: &[ConversationId],
        _: Seq,
        _: Seq,
        _: u32,
    ) -> Result<Vec<StoredEvent>, LogReadError> {
        Ok(Vec::new())
    }
}

#[async_trait]
impl Outbox for Away {
    async fn flush_free(&self, addresses: &[LogAddress], log: &dyn MessageLog) -> Flushed {
        self.flush_all(addresses, log).await
    }
    async fn flush_all(&self, addresses: &[LogAddress], _: &dyn MessageLog) -> Flushed {
        Flushed { failures: addresses.iter().map(|address| (*address, away().into())).collect(), ..Flushed::default() }
    }
    async fn due(&self, _: ShardId, _: Duration, _: u32) -> Result<Vec<LogAddress>, StoreError> {
        Err(away())
    }
    async fn backlog(&self, _: ShardId) -> Result<OutboxBacklog, StoreError> {
        Err(away())
    }
}

#[async_trait]
impl MessageLog for Away {
    async fn append(&self, address: LogAddress, _: &str, _: Bytes, _: Option<&str>) -> Result<Appended, AppendError> {
        Err(AppendError::OutcomeUnknown { shard: address.shard(), waited: Duration::ZERO })
    }
    async fn read(&self, _: ShardId, _: Seq) -> Result<Option<StoredEvent>, LogReadError> {
        Ok(None)
    }
    fn duplicate_window(&self) -> Duration {
        Duration::from_mins(2)
    }
}

#[async_trait]
impl TailSource for Away {
    async fn head(&self, _: ShardId) -> Result<LogHead, TailError> {
        Err(TailError::unavailable(""))
    }
    async fn ended(&self, _: ShardId, _: Duration) -> Result<relay_domain::ports::Ended, TailError> {
        Err(TailError::unavailable(""))
    }
    async fn open(&self, _: ShardId, _: &str, _: TailStart) -> Result<Box<dyn LogTail>, TailError> {
        Err(TailError::unavailable(""))
    }
}

#[async_trait]
impl ResumeStore for Away {
    async fn join_snapshots(&self, _: &[JoinQuestion]) -> Result<Vec<JoinSnapshot>, StoreError> {
        Err(away())
    }
    async fn find_events(&self, _: ShardId, _: &[EventRange], _: u32) -> Result<Option<Vec<FoundEvent>>, StoreError> {
        Err(away())
    }
    async fn events(&self, _: ShardId, _: &[EventRange], _: u32, _: u32) -> Result<EventPage, StoreError> {
        Err(away())
    }
    async fn erased(&self, _: ShardId, _: Seq, _: u32) -> Result<Vec<StoredEvent>, StoreError> {
        Err(away())
    }
    async fn find_sends(&self, _: &[SendKey]) -> Result<Vec<Option<OriginalSend>>, StoreError> {
        Err(away())
    }
    async fn target(&self, _: UserId, _: ConversationId, _: MessageId) -> Result<Option<Target>, StoreError> {
        Err(away())
    }
    async fn reacted(&self, _: UserId, _: ConversationId, _: Seq) -> Result<Reacted, StoreError> {
        Err(away())
    }
    async fn pinned(&self, _: UserId, _: ConversationId, _: Seq) -> Result<Option<Pinned>, StoreError> {
        Err(away())
    }
    async fn standing(&self, _: UserId, _: UserId, _: ConversationId) -> Result<Option<Standing>, StoreError> {
        Err(away())
    }
    async fn watermarks(&self) -> Result<BTreeMap<ShardId, Seq>, StoreError> {
        Err(away())
    }
    async fn reach(&self) -> Result<(), StoreError> {
        Err(away())
    }
}

impl LogClock for Away {
    fn log_began_ms(&self, _shard: ShardId) -> Option<TimestampMs> {
        None
    }

    fn log_now_ms(&self) -> Option<TimestampMs> {
        None
    }
}

#[async_trait]
impl PasswordHasher for Away {
    async fn hash(&self, _: String, _: Vec<String>) -> Result<PasswordHash, HashError> {
        Err(HashError::Busy)
    }
    async fn verify(&self, password: String, _: Option<PasswordHash>) -> Result<bool, HashError> {
        if password == "busy-busy" { Err(HashError::Busy) } else { Ok(false) }
    }
}

impl TokenMint for Away {
    fn access(&self, _: UserId, _: SessionId, _: TimestampMs) -> Result<AccessToken, MintError> {
        Err(MintError)
    }
    fn refresh(&self) -> Result<RefreshToken, MintError> {
        Err(MintError)
    }
    fn nonce(&self) -> Result<RefreshNonce, MintError> {
        Err(MintError)
    }
    fn next_refresh(&self, _: &str, _: &RefreshNonce) -> Option<RefreshToken> {
        None
    }
    fn refresh_hash(&self, _: &str) -> Option<RefreshHash> {
        None
    }
    fn session_ends(&self, now_ms: TimestampMs) -> SessionEnds {
        SessionEnds { refresh_ms: now_ms, session_ms: now_ms }
    }
    fn jwks(&self) -> String {
        r#"{"keys":[]}"#.to_owned()
    }
}

impl TokenVerifier for Away {
    fn verify(&self, token: &str) -> Result<AccessClaims, TokenError> {
        let session = match token {
            GOOD_TOKEN => LIVE,
            "revoked" => REVOKED,
            "expired" => return Err(TokenError::Expired),
            _ => return Err(TokenError::Invalid),
        };
        Ok(AccessClaims { user: CALLER.parse().unwrap(), session: session.parse().unwrap(), expires_at_ms: i64::MAX })
    }
}

#[async_trait]
impl RateLimiter for Away {
    async fn measure(&self, rule: RateRule, key: &str) -> (RateDecision, RateLeft) {
        let retry_after = Duration::from_millis(1500);
        if key == "limited" || key == LIMITED_ADDRESS {
            return (RateDecision::Limited { retry_after }, RateLeft { left: 0, within: retry_after });
        }
        (RateDecision::Allowed, RateLeft { left: rule.limit - 1, within: rule.per })
    }
    async fn attempt(&self, rule: DelayRule, key: &str) -> RateDecision {
        if key.starts_with("limited|") { RateDecision::Limited { retry_after: rule.first } } else { RateDecision::Allowed }
    }
    async fn succeeded(&self, _: DelayRule, _: &str) {}
    async fn not_made(&self, _: DelayRule, key: &str) {
        assert!(key.starts_with("busy|"), "{key}");
        NOT_MADE.fetch_add(1, Ordering::Relaxed);
    }
}

pub fn deps() -> Deps {
    let away = Arc::new(Away);
    let parts = PosterParts {
        log: away.clone(),
        tails: away.clone(),
        recent: Arc::new(NothingRecent),
        store: away.clone(),
        log_clock: away.clone(),
        clock: Arc::new(SystemClock),
        ids: Arc::new(SystemIds::default()),
        quota: QuotaConfig::default(),
        room: Arc::default(),
        edits: EditLimits { window: Duration::from_secs(86_400), most: 100 },
        delete_window: None,
    };
    Deps {
        accounts: away.clone(),
        sessions: away.clone(),
        conversations: away.clone(),
        history: away.clone(),
        search: away.clone(),
        receipts: away.clone(),
        receipt_news: away.clone(),
        activity: away.clone(),
        settings: away.clone(),
        drafts: away.clone(),
        sync: away.clone(),
        presence: away.clone(),
        presence_rules: away.clone(),
        threads: away.clone(),
        scheduled: away.clone(),
        tails: away.clone(),
        projection: away.clone(),
        log_reader: away.clone(),
        outbox: away.clone(),
        postings: away.clone(),
        log: away.clone(),
        poster: Arc::new(Poster::new(parts)),
        passwords: away.clone(),
        tokens: away.clone(),
        verifier: away.clone(),
        origins: Arc::new(Origins::new(&WebConfig { public_origins: vec!["https://app.example.org".to_owned()] })),
        limits: away,
        clock: Arc::new(SystemClock),
        ids: Arc::new(SystemIds::default()),
        shards: 1,
    }
}
