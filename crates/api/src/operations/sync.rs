use std::collections::{BTreeSet, HashMap};
use std::time::Duration;

use axum::extract::State;
use relay_domain::ports::{ListCursor, SyncPage};
use relay_protocol::conversation::ConversationKind;
use relay_protocol::presence::{PersonPresence, PresenceNotice, PresenceState};
use relay_protocol::rest::{ConversationListItem, Problem};
use relay_protocol::sync::{MOST_SYNCED, SyncAnswer, SyncQuery, SyncToken, SyncTokenError};
use relay_protocol::{ErrorCode, Position};
use relay_types::UserId;

use super::page_limit;
use crate::error::ApiError;
use crate::extract::{Caller, Params};
use crate::page::{self, Page};
use crate::read_your_writes;
use crate::state::App;

/// Nobody waits for presence.
const PRESENCE_LIMIT: Duration = Duration::from_millis(200);

/// What a client shows first, in one answer: the list's first page with previews, unread counts, read marks and settings, drafts, and of
/// direct conversations how far the other person has read and whether they are there. With `since`, the `token` of an earlier answer, only what
/// changed since; `full` says which of the two it is: what cannot be told as a change, or is too much, is told whole. What others call
/// themselves is read with the list, and is no change of a conversation.
#[utoipa::path(
    get, path = "/v1/sync", operation_id = "sync", tag = "conversations", security(("access_token" = [])),
    params(SyncQuery),
    responses(
        (status = 200, description = "What is shown first, or what changed.", body = SyncAnswer),
        (status = "default", description = "A refusal.", body = Problem, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn sync(State(app): State<App>, caller: Caller, Params(query): Params<SyncQuery>) -> Result<Page<SyncAnswer>, ApiError> {
    let limit = page_limit(query.limit, MOST_SYNCED, MOST_SYNCED)?;
    let since = query.since.as_deref().map(str::parse::<SyncToken>).transpose();
    let since =
        since.map_err(|SyncTokenError| ApiError::new(ErrorCode::InvalidField, "since is not a token that this service gave out"))?;
    let permit = page::permit(&app, caller.user).await?;
    // What is missing lies behind the new token, so that the next answer has it.
    read_your_writes::caught_up_everywhere(&app.deps, &app.read_your_writes).await;
    let changes = match &since {
        Some(since) => app.deps.sync.sync_changes(caller.user, since).await?,
        None => None,
    };
    let page = match changes {
        Some(page) => page,
        None => app.deps.sync.sync_full(caller.user, limit).await?,
    };
    let told = if page.full { "full" } else { "changes" };
    metrics::counter!("relay_syncs_total", "answer" => told).increment(1);
    let settings = app.deps.settings.settings(caller.user).await?.ok_or_else(|| ApiError::plain(ErrorCode::UnknownUser))?;
    let presence = presence_of(&app, caller.user, &page).await;
    let cursor = |next: Option<ListCursor>| next.as_ref().map(ListCursor::to_string);
    let ((archived, archived_next), (requests, requests_next)) = (page.archived, page.requests);
    Ok(permit.page(SyncAnswer {
        full: page.full,
        position: position_of(&page.token),
        token: page.token.to_string(),
        now_ms: app.now_ms(),
        conversations: page.conversations,
        next_cursor: cursor(page.next),
        pinned: page.pinned,
        archived,
        archived_cursor: cursor(archived_next),
        requests,
        requests_cursor: cursor(requests_next),
        gone: page.gone,
        invitation_count: page.invitations,
        drafts: page.drafts,
        settings,
        receipts: page.receipts,
        presence,
    }))
}

/// Shards whose streams began apart have no place in common.
fn position_of(token: &SyncToken) -> Option<String> {
    let epoch = token.shards.values().next()?.epoch.clone();
    let is_one = token.shards.values().all(|place| place.epoch == epoch);
    let shards = token.shards.iter().map(|(shard, place)| (*shard, place.seq)).collect();
    is_one.then(|| Position { epoch, shards }.to_string())
}

/// How the other people of the direct conversations are there, as far as the caller may know. Without Valkey nothing is known.
async fn presence_of(app: &App, caller: UserId, page: &SyncPage) -> Vec<PersonPresence> {
    let listed = || page.conversations.iter().chain(&page.pinned);
    let direct = listed().filter(|item| item.kind == ConversationKind::Direct);
    let people: Vec<UserId> = direct.filter_map(|item| Some(item.peer.as_ref()?.user_id)).collect::<BTreeSet<_>>().into_iter().collect();
    if people.is_empty() {
        return Vec::new();
    }
    let asking = async {
        let allowed = app.deps.presence_rules.allowed(caller, &people).await?;
        let may: Vec<UserId> = allowed.iter().map(|(user, _)| *user).collect();
        Ok::<_, relay_domain::ports::StoreError>((app.deps.presence.get(&may).await?, allowed))
    };
    let Ok(Ok((said, allowed))) = tokio::time::timeout(PRESENCE_LIMIT, asking).await else { return Vec::new() };
    let mut best: HashMap<UserId, PresenceNotice> = HashMap::new();
    for (_gateway, notice, _until) in said {
        let known = best.entry(notice.user_id).or_insert(notice);
        if rank(&notice.state) > rank(&known.state) {
            *known = notice;
        }
    }
    let allowed: HashMap<_, _> = allowed.into_iter().collect();
    let shared = |item: &ConversationListItem, notice: &PresenceNotice| Some(item.conversation_id) == notice.conversation_id;
    let one = |user_id: UserId| {
        // Whom one may know nothing of looks like somebody who never was there.
        let nothing = PersonPresence { user_id, state: PresenceState::Offline, conversation_id: None, last_seen_ms: None };
        match (allowed.get(&user_id), best.get(&user_id)) {
            (Some(_), Some(notice)) if rank(&notice.state) > 0 => {
                let is_shared = listed().any(|item| shared(item, notice));
                PersonPresence { state: notice.state, conversation_id: notice.conversation_id.filter(|_| is_shared), ..nothing }
            }
            (Some(last_seen_ms), _) => PersonPresence { last_seen_ms: *last_seen_ms, ..nothing },
            (None, _) => nothing,
        }
    };
    people.into_iter().map(one).collect()
}

/// Of what several gateways say the most counts.
fn rank(state: &PresenceState) -> u8 {
    match state {
        PresenceState::DoNotDisturb => 3,
        PresenceState::Online => 2,
        PresenceState::Idle => 1,
        PresenceState::Offline | PresenceState::Unknown(_) => 0,
    }
}
