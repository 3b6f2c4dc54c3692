use std::time::{Duration, Instant};

use axum::extract::State;
use relay_domain::ports::{Found, Hit, SearchCursor, SearchQuestion};
use relay_domain::search::{Query, QueryError};
use relay_protocol::ErrorCode;
use relay_protocol::rest::Problem;
use relay_protocol::search::{SearchHit, SearchPage, SearchQuery, TextSpan};

use super::page_limit;
use crate::error::ApiError;
use crate::extract::{Caller, Params, enforce};
use crate::page::{self, Page};
use crate::read_your_writes;
use crate::state::App;

/// Shorter lags are told to nobody: a message takes that long to be found.
const LAG_TOLD: Duration = Duration::from_secs(2);

/// Messages by what they say, the newest first: in conversations that the caller is in, from when they came in. A search that takes
/// too long answers with what it found, and with how far back it came.
#[utoipa::path(
    get, path = "/v1/search", operation_id = "searchMessages", tag = "messages", security(("access_token" = [])),
    params(SearchQuery),
    responses(
        (status = 200, description = "A page.", body = SearchPage),
        (status = "default", description = "A refusal.", body = Problem, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn search_messages(
    State(app): State<App>,
    caller: Caller,
    Params(asked): Params<SearchQuery>,
) -> Result<Page<SearchPage>, ApiError> {
    let limit = page_limit(asked.limit, 20, 50)?;
    let query = Query::parse(&asked.q).map_err(|error: QueryError| ApiError::new(ErrorCode::InvalidField, error.to_string()))?;
    let cursor: Option<SearchCursor> = asked
        .cursor
        .as_deref()
        .map(str::parse)
        .transpose()
        .map_err(|error: relay_domain::ports::SearchCursorError| ApiError::new(ErrorCode::InvalidField, error.to_string()))?;
    enforce(&app, "search", app.config.limits.searches_per_user, &caller.user.to_string()).await?;
    let permit = page::permit(&app, caller.user).await?;
    if cursor.is_none() {
        // An edit or a deletion that was acknowledged holds here as well.
        read_your_writes::caught_up_everywhere(&app.deps, &app.read_your_writes).await;
    }
    let budget = app.config.search_budget();
    let question = SearchQuestion { reader: caller.user, query, conversation: asked.conversation_id, cursor, limit, budget };
    let began = Instant::now();
    let found = app.deps.search.search(&question).await?;
    metrics::histogram!("relay_search_duration_seconds").record(began.elapsed().as_secs_f64());
    if found.searched_back_to_ms.is_some() {
        metrics::counter!("relay_searches_cut_total").increment(1);
    }
    Ok(permit.page(page_of(found)))
}

fn page_of(found: Found) -> SearchPage {
    let Found { hits, next, searched_back_to_ms, partial_before_ms, index_lag } = found;
    let hit = |Hit { message, places }| {
        let spans = TextSpan::of_bytes(message.body.text().map_or("", |text| text.as_str()), &places);
        SearchHit { message, spans }
    };
    SearchPage {
        hits: hits.into_iter().map(hit).collect(),
        next_cursor: next.map(|cursor| cursor.to_string()),
        searched_back_to_ms,
        partial_before_ms,
        index_lag_ms: (index_lag > LAG_TOLD).then(|| u64::try_from(index_lag.as_millis()).unwrap_or(u64::MAX)),
    }
}
